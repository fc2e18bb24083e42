"""Asking: processes that are missing, broken, silent or slow; and (referee) the frameworks that are installed."""

from __future__ import annotations

import importlib.util
import json
import stat
import sys
from pathlib import Path

import pytest

from ftlint.asking import FrameworkAsker, frameworks
from ftlint.cli.program import run
from ftlint.dialects.keys import read_keys
from ftlint.findings import Match
from ftlint.syntax import parse_text
from ftlint.syntax.document import DataDocument, Format

BROKEN = '{"train_batch_size": 8, "zero_optimization": {"stage": 7}}'
SOUND = '{"train_batch_size": 8, "zero_optimization": {"stage": 2}}'


def ask(python: str, text: str = BROKEN, names: tuple[str, ...] = ("deepspeed",)) -> tuple[list[Match], list[str]]:
    document = parse_text(Path("ds.json"), text, Format.JSON)
    assert isinstance(document, DataDocument)
    notes: list[str] = []
    with FrameworkAsker(python, notes.append) as asker:
        keys = read_keys("deepspeed", document, lambda scalar: scalar.text)
        return list(asker.matches(document, names, keys)), notes


def made_up_python(folder: Path, lines: str) -> str:
    """A program that takes no notice of what it is told to run."""
    file = folder / "python"
    file.write_text(f"#!{sys.executable}\nimport sys, time, json\n{lines}\n", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


READY = "print(json.dumps({'versions': {'deepspeed': '1.0'}}), flush=True)"
ACCEPTS = "{'exception': '', 'message': '', 'complaints': [], 'failure': ''}"


@pytest.mark.parametrize(
    ("lines", "note"),
    [
        ("", "its process ended with status 0"),
        ("sys.exit('no such thing')", "no such thing"),
        ("print('hello', flush=True)", "its answer cannot be read"),
        ("print('[]', flush=True)", "its answer cannot be read"),
        ("print(json.dumps({'failure': 'deepspeed is not installed'}), flush=True)", "deepspeed is not installed"),
        (f"{READY}; sys.stdin.readline()", "its process ended with status 0"),
        (f"{READY}; sys.stdin.readline(); print('{{}}', flush=True); sys.stdin.readline()", "cannot be read"),
        (f"{READY}; sys.stdin.readline(); time.sleep(60)", "longer than"),
    ],
)
def test_who_cannot_be_asked_is_named(lines: str, note: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frameworks, "ANSWER_SECONDS", 1)
    matches, notes = ask(made_up_python(tmp_path, lines))
    assert matches == []
    assert len(notes) == 1
    assert note in notes[0]


def test_a_python_that_is_none(tmp_path: Path) -> None:
    assert ask(str(tmp_path / "none")) == (
        [],
        [f"deepspeed could not be asked: {tmp_path / 'none'}: No such file or directory"],
    )


def test_a_framework_that_is_not_installed() -> None:
    """The Python of the plain tests has none of them."""
    if importlib.util.find_spec("llamafactory") is not None:
        pytest.skip("LLaMA-Factory is installed beside us")
    _, notes = ask(sys.executable, names=("llamafactory",))
    assert "llamafactory is not installed" in notes[0]


def test_what_one_of_several_readers_accepts_is_not_reported(tmp_path: Path) -> None:
    rejects = "{'exception': 'ValueError', 'message': 'no', 'complaints': [], 'failure': ''}"
    lines = f"""
{READY}
for line in sys.stdin:
    print(json.dumps({ACCEPTS} if sys.argv[-1].endswith('accelerate') else {rejects}), flush=True)
"""
    python = made_up_python(tmp_path, lines)
    assert len(ask(python)[0]) == 1
    assert ask(python, names=("deepspeed", "deepspeed by accelerate"))[0] == []


def test_a_program_sees_nothing_of_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the stranger's that is named as one of the frameworks' is not the one that is imported."""
    (tmp_path / "deepspeed.py").write_text("raise SystemExit('the stranger runs')", encoding="utf-8")
    (tmp_path / "importlib.py").write_text("raise SystemExit('the stranger runs')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    _, notes = ask(sys.executable, SOUND)
    assert not any("stranger" in note for note in notes)


@pytest.mark.referee
class TestReally:
    def test_deepspeed_says_no_at_the_key(self) -> None:
        pytest.importorskip("deepspeed")
        matches, notes = ask(sys.executable)
        assert notes == []
        assert [BROKEN[match.at.span.start : match.at.span.end] for match in matches] == ['"stage": 7']
        assert ask(sys.executable, SOUND) == ([], [])

    def test_from_the_command_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A cross-field mistake that accelerate's launcher refuses."""
        pytest.importorskip("accelerate")
        (tmp_path / "config.yaml").write_text("compute_environment: LOCAL_MACHINE\nmachine_rank: 0\n", encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        (tmp_path / "ftlint.toml").write_text('[files]\n"config.yaml" = "accelerate"\n', encoding="utf-8")
        status = run(["check", "--ask-frameworks", "--select", "CFG130", "--output-format", "json", "config.yaml"])
        captured = capfd.readouterr()
        (finding,) = json.loads(captured.out)
        assert status == 1
        assert (finding["code"], finding["severity"]) == ("CFG130", "error")
        assert "distributed_type" in finding["message"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "ftlint.toml"]
