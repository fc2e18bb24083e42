"""What an editor is shown: findings of the open text, in its version, also when there are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient

from tests.server.conftest import applied, code_actions, diagnostics, open_text, pushed

TRAIN = """\
model_name_or_path: Qwen/Qwen2.5-32B
stage: sft
do_train: true
finetuning_type: full
template: qwen  # \U0001f600
deepspeed: ds.json
bf16: true
"""
DS = '{"zero_optimization": {"stage": 3, "offload_optimizer": {"device": "cpu"}, "offload_param": {"device": "cpu"}}, "train_micro_batch_size_per_gpu": "auto"}\n'
SETTINGS = '[hardware]\ngpus-per-node = 1\nnodes = 1\nhost-ram = "{ram}"\n'
SCRIPT = """\
import torch
from transformers import AutoModelForCausalLM

text = "\U0001f600"; model = AutoModelForCausalLM.from_pretrained("x", torch_dtype=torch.bfloat16)
text = "\U0001f600"; model.lm_head = torch.nn.Linear(4096, 2)
model(torch.tensor([[1]]))
"""


@pytest.mark.asyncio
async def test_broken_json_then_mended(client: LanguageClient, tmp_path: Path) -> None:
    uri = open_text(client, tmp_path / "ds_config.json", '{"zero_optimization": {"stage" 3}}\n')
    (diagnostic,) = await diagnostics(client, uri)
    assert diagnostic.code == "CFG001"
    assert diagnostic.range.start.line == 0
    change = types.TextDocumentContentChangePartial(
        range=types.Range(types.Position(0, 30), types.Position(0, 30)), text=":"
    )
    document = types.VersionedTextDocumentIdentifier(version=2, uri=uri)
    client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))
    assert await diagnostics(client, uri) == []


@pytest.mark.asyncio
async def test_finding_of_another_file_and_settings_reload(client: LanguageClient, tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text(TRAIN, "utf-8")
    (tmp_path / "ftlint.toml").write_text(SETTINGS.format(ram="512GB"), "utf-8")
    uri = open_text(client, tmp_path / "ds.json", DS)
    (diagnostic,) = await diagnostics(client, uri)
    assert (diagnostic.code, diagnostic.severity) == ("MEM101", types.DiagnosticSeverity.Error)
    assert diagnostic.related_information is not None
    assert (tmp_path / "train.yaml").as_uri() in {item.location.uri for item in diagnostic.related_information}

    (tmp_path / "ftlint.toml").write_text(SETTINGS.format(ram="4TB"), "utf-8")
    event = types.FileEvent(uri=(tmp_path / "ftlint.toml").as_uri(), type=types.FileChangeType.Changed)
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes=[event]))
    assert await diagnostics(client, uri) == []


@pytest.mark.asyncio
async def test_broken_settings_are_told_once(client: LanguageClient, tmp_path: Path) -> None:
    (tmp_path / "ftlint.toml").write_text("[hardware]\ngpuz = 1\n", "utf-8")
    uri = open_text(client, tmp_path / "ds.json", DS)
    assert await diagnostics(client, uri) == []
    assert await diagnostics(client, uri) == []
    (message,) = client.messages
    assert "gpuz" in message.message


@pytest.mark.asyncio
async def test_quick_fix_is_the_findings_own_edit(client: LanguageClient, tmp_path: Path) -> None:
    uri = open_text(client, tmp_path / "train.py", SCRIPT, "python")
    (diagnostic,) = await diagnostics(client, uri)
    assert diagnostic.code == "DTY101"
    assert diagnostic.range.start.line == 4
    safe = [action for action in await code_actions(client, uri, diagnostic.range) if action.is_preferred]
    assert safe
    assert safe[0].edit is not None
    assert safe[0].edit.changes is not None
    encoding = client.position_encoding  # type: ignore[attr-defined]  # the fixture noted it
    fixed = applied(SCRIPT, safe[0].edit.changes[uri], encoding)
    assert fixed == SCRIPT.replace("Linear(4096, 2)", "Linear(4096, 2, dtype=torch.bfloat16)")


@pytest.mark.asyncio
async def test_closing_clears(client: LanguageClient, tmp_path: Path) -> None:
    uri = open_text(client, tmp_path / "ds_config.json", '{"zero_optimization": \n')
    assert await diagnostics(client, uri)
    client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri=uri)))
    other = open_text(client, tmp_path / "other.json", "{}\n")
    await diagnostics(client, other)
    assert not client.diagnostics.get(uri)


@pytest.mark.asyncio
async def test_notebook_cells(client: LanguageClient, tmp_path: Path) -> None:
    first, second = open_notebook(client, tmp_path / "train.ipynb")
    found = await pushed(client, second)
    assert [diagnostic.code for diagnostic in found] == ["DTY101"]
    assert found[0].range.start.line == 1
    (action,) = [action for action in await code_actions(client, second, found[0].range) if action.is_preferred]
    assert action.edit is not None
    assert action.edit.changes is not None
    assert set(action.edit.changes) == {second}
    assert list(client.diagnostics[first]) == []


@pytest.mark.asyncio
async def test_cells_are_pushed_until_they_are_pulled(client: LanguageClient, tmp_path: Path) -> None:
    """Of the clients that pull, some do it for cells too, and none says so."""
    notebook = tmp_path / "train.ipynb"
    _, second = open_notebook(client, notebook)
    assert await pushed(client, second)
    pull = types.DocumentDiagnosticParams(text_document=types.TextDocumentIdentifier(uri=second))
    report = await client.text_document_diagnostic_async(pull)
    assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
    assert [diagnostic.code for diagnostic in report.items] == ["DTY101"]
    assert client.capabilities is not None
    text_document = client.capabilities.text_document
    pulls = text_document is not None and text_document.diagnostic is not None
    assert bool(await pushed(client, second)) is not pulls
    other = open_text(client, tmp_path / "other.json", "{}\n")
    await diagnostics(client, other)
    assert bool(client.diagnostics[second]) is not pulls


def open_notebook(client: LanguageClient, path: Path) -> list[str]:
    """Open `SCRIPT` as a notebook of two cells; their URIs."""
    texts = [
        types.TextDocumentItem(
            uri=f"{path.as_uri().replace('file', 'vscode-notebook-cell')}#c{number}",
            language_id="python",
            version=1,
            text=text,
        )
        for number, text in enumerate(SCRIPT.split("\n\n"))
    ]
    notebook = types.NotebookDocument(
        uri=path.as_uri(),
        notebook_type="jupyter-notebook",
        version=1,
        cells=[types.NotebookCell(kind=types.NotebookCellKind.Code, document=text.uri) for text in texts],
    )
    client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(notebook, texts))
    return [text.uri for text in texts]
