"""The schema rules on a framework made up for them: what each says in which releases, and where it is silent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftlint.engine import check
from ftlint.findings import Finding, Severity
from ftlint.knowledge import releases, schemas
from ftlint.knowledge.releases import Release
from ftlint.knowledge.schemas import schema
from ftlint.project.workspace import Workspace
from tests.checks.schema_cases import RELEASES, SCHEMAS

CASES = json.loads(Path(__file__).with_name("schema_rules.json").read_text("utf-8"))
NEWEST = {"transformers": "2.0.0", "trl": "2.0.0", "deepspeed": "2.0.0"}


@pytest.fixture(autouse=True)
def _made_up_schemas(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("schemas")
    for name in ("transformers", "trl", "deepspeed", "peft", "accelerate", "llamafactory", "axolotl", "torchtune"):
        content = SCHEMAS.get(name, {"$defs": {}})
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setattr(schemas, "schemas_folder", lambda: folder)
    known = {package: tuple(Release(each, "2026-11-01", False) for each in RELEASES) for package in NEWEST}
    monkeypatch.setattr(releases, "_releases", lambda: known)
    caches = _caches()
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def _caches() -> list[Any]:  # Any: functions with a cache, each of its own type
    from ftlint.checks.schema import homes, in_use, shapes, survey

    within = [in_use._window, in_use.looked_up, survey._owners, survey._viewed, shapes._accepted]
    return [schema, homes._found, homes._paths, *within]


def findings(folder: Path, name: str, text: str, versions: dict[str, str] | None = None) -> list[Finding]:
    """The findings of the schema rules on one file, under the newest releases where none are named."""
    lines = "\n".join(f'{package} = "{release}"' for package, release in (versions or NEWEST).items())
    (folder / "ftlint.toml").write_text(f'select = ["CFG1"]\n[versions]\n{lines}\n', encoding="utf-8")
    (folder / name).write_text(text, encoding="utf-8")
    result = check(Workspace(folder), [folder])
    assert not result.unread
    return list(result.findings)


def said(folder: Path, name: str, text: str, versions: dict[str, str] | None = None) -> list[str]:
    """The findings as `CODE severity message`."""
    return [f"{each.code} {each.severity.value} {each.message}" for each in findings(folder, name, text, versions)]


def zero(inner: str) -> str:
    return '{"train_micro_batch_size_per_gpu": 1, "zero_optimization": {' + inner + "}}"


def call(arguments: str, name: str = "SFTConfig", package: str = "trl") -> str:
    return f"from {package} import {name}\n\nargs = {name}(output_dir='out', {arguments})\n"


@pytest.mark.parametrize("case", CASES["sections"], ids=str)
def test_a_section_that_is_validated(tmp_path: Path, case: dict[str, Any]) -> None:
    assert said(tmp_path, "ds.json", zero(case["inner"]), {"deepspeed": case["versions"]}) == case["expected"]


@pytest.mark.parametrize("case", CASES["ignoring"], ids=str)
def test_a_level_that_ignores(tmp_path: Path, case: dict[str, Any]) -> None:
    text = '{"train_micro_batch_size_per_gpu": "auto", "zero_optimization": {}, ' + case["text"] + "}"
    assert said(tmp_path, "ds.json", text) == case["expected"]


@pytest.mark.parametrize("case", CASES["calls"], ids=str)
def test_arguments_of_a_call(tmp_path: Path, case: dict[str, Any]) -> None:
    versions = {**NEWEST, "trl": case["versions"]}
    assert said(tmp_path, "train.py", call(case["arguments"]), versions) == case["expected"]


@pytest.mark.parametrize("script", CASES["guarded"])
def test_a_call_that_may_mean_another_thing(tmp_path: Path, script: str) -> None:
    assert said(tmp_path, "train.py", script) == []


@pytest.mark.parametrize(
    "line", ["print(trl.__version__)", "require_version('datasets>=1.8.0')", "check_min_version('5.0')"]
)
def test_a_call_without_such_a_guard_is_seen(tmp_path: Path, line: str) -> None:
    script = f"import trl\n{line}\nargs = trl.SFTConfig('out', oops=1)\n"
    assert said(tmp_path, "train.py", script) == ["CFG101 error trl.SFTConfig has no oops: the call raises TypeError"]


def test_the_fix_keeps_value_and_comments(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "train.py", call("max_seq_length=n,  # tokens\n"))
    (fix,) = finding.fixes
    (edit,) = fix.edits
    assert (fix.applicability.value, edit.content) == ("safe", "max_length")


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        ("deepspeed", ["CFG107 error"]),
        ("transformers", ["CFG107 warning", "CFG109 error", "CFG109 error"]),
        ("auto", ["CFG107 warning", "CFG109 warning", "CFG109 warning"]),
    ],
)
def test_who_reads_a_deepspeed_file_decides(tmp_path: Path, reader: str, expected: list[str]) -> None:
    text = '{\n  // of monday\n  "zero_optimization": {"stage": 2, "stage": 3},\n  "gradient_clipping": 1.0,\n}\n'
    (tmp_path / "ds.json").write_text(text, encoding="utf-8")
    settings = f'select = ["CFG1"]\n[deepspeed]\nintegration = "{reader}"\n'
    (tmp_path / "ftlint.toml").write_text(settings, encoding="utf-8")
    result = check(Workspace(tmp_path), [tmp_path])
    assert sorted(f"{each.code} {each.severity.value}" for each in result.findings) == expected


def test_what_refers_to_a_deepspeed_file_decides(tmp_path: Path) -> None:
    (tmp_path / "ds.json").write_text('{"zero_optimization": {"stage": 2,}}\n', encoding="utf-8")
    (tmp_path / "ftlint.toml").write_text('select = ["CFG109"]\n', encoding="utf-8")
    (tmp_path / "run.sh").write_text("deepspeed train.py --deepspeed --deepspeed_config ds.json\n", encoding="utf-8")
    assert check(Workspace(tmp_path), [tmp_path]).findings == ()
    (tmp_path / "run.sh").write_text("torchrun train.py --deepspeed ds.json\n", encoding="utf-8")
    (finding,) = check(Workspace(tmp_path), [tmp_path]).findings
    assert finding.severity.value == "error"


def test_an_argument_without_default_is_missed(tmp_path: Path) -> None:
    script = "from transformers import TrainingArguments\nargs = TrainingArguments(bf16=True)\n"
    (message,) = said(tmp_path, "train.py", script)
    assert message == (
        "CFG112 error TrainingArguments has no default for output_dir, which is missing: the call raises TypeError"
    )
    assert said(tmp_path, "train.py", script.replace("bf16", "**o, bf16")) == []
    assert said(tmp_path, "train.py", script.replace("bf16=True", "'out'")) == []


def test_a_package_without_a_version_says_no_more_than_none(tmp_path: Path) -> None:
    """What the newest release has is right, though a script's own header asks for just any release."""
    header = '# /// script\n# dependencies = ["trl"]\n# ///\n'
    call = "from trl import SFTTrainer\n\nSFTTrainer(model=None, quantization_config=None)\n"
    (tmp_path / "train.py").write_text(header + call, encoding="utf-8")
    found = check(Workspace(tmp_path), [tmp_path]).findings
    assert [finding for finding in found if finding.severity is not Severity.INFO] == []
