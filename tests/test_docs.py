"""What the documentation says is there and works: links, commands, settings, and the page that CONTRIBUTING builds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")])
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
SET_UP = (
    "pip install . && ftlint check examples/",
    'pip install -e ".[dev]" -c constraints/ci.txt && pytest',
)


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ftlint", "check", "--output-format", "json", "."]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_set_up_is_two_commands() -> None:
    fenced = [line for line in _text("README.md").splitlines() if line.startswith("pip install ") and "&&" in line]
    assert fenced == list(SET_UP)
    assert SET_UP[1] in _text("CONTRIBUTING.md")
    assert SET_UP[1] in _text(".ci/run"), "CI runs another test command than the README gives"


def test_every_command_is_in_the_readme() -> None:
    done = subprocess.run([sys.executable, "-m", "ftlint", "--help"], capture_output=True, text=True, check=True)
    commands = set(re.findall(r"^  ([a-z]+)  ", done.stdout.partition("Commands:")[2], re.MULTILINE))
    assert commands
    assert commands == set(re.findall(r"^\| `ftlint ([a-z]+)", _text("README.md"), re.MULTILINE))


def test_output_in_the_readme_is_real() -> None:
    """The block may leave lines out (`…`), but what it shows is what the command prints."""
    ((command, shown),) = re.findall(r"```console\n\$ ftlint ([^\n]*)\n(.*?)```", _text("README.md"), re.DOTALL)
    arguments = [sys.executable, "-m", "ftlint", *command.split()]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    real = {line.rstrip() for line in done.stdout.splitlines()}
    assert [line for line in shown.splitlines() if line.rstrip() not in real | {"", "…"}] == []


def test_settings_of_the_readme_are_accepted(tmp_path: Path) -> None:
    (settings,) = re.findall(r"```toml\n(.*?)```", _text("README.md"), re.DOTALL)
    (tmp_path / ".ftlint" / "rules").mkdir(parents=True)
    (tmp_path / "ftlint.toml").write_text(settings, encoding="utf-8")
    (tmp_path / "ds_config.json").write_text(
        '{"train_batch_size": 8, "zero_optimization": {"stage": 2}}\n', encoding="utf-8"
    )
    done = _check(tmp_path)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_json_of_the_readme_fits_the_schema() -> None:
    from jsonschema import validate

    (example,) = re.findall(r"```json\n(\[.*?\])\n```", _text("README.md"), re.DOTALL)
    validate(json.loads(example), json.loads(_text("schemas/output.json")))


def test_every_decision_is_listed() -> None:
    decisions = {path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    assert decisions == set(LINK.findall(_text("docs/decisions/README.md")))


def _first_rule() -> tuple[str, str]:
    """File name and text of the page in CONTRIBUTING.md, under a code and name that no page of ours will take."""
    (page,) = re.findall(r"^````markdown\n(.*?)^````$", _text("CONTRIBUTING.md"), re.DOTALL | re.MULTILINE)
    (name,) = re.findall(r"^name: (.*)$", page, re.MULTILINE)
    page = page.replace("DS201", "HOUSE201").replace(name, f"house-{name}")
    return f"HOUSE201-house-{name}.md", page


@pytest.mark.parametrize(("heading", "expected"), [("Bad", [("HOUSE201", 4)]), ("Good", [])])
def test_first_rule_of_contributing_works(heading: str, expected: list[tuple[str, int]], tmp_path: Path) -> None:
    name, page = _first_rule()
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / name).write_text(page, encoding="utf-8")
    (tmp_path / "ftlint.toml").write_text('rulebook = ["pages"]\nselect = ["HOUSE201"]\n', encoding="utf-8")
    (example,) = re.findall(rf"^## {heading}\n```json ds_config.json\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "ds_config.json").write_text(example.replace("  <- HOUSE201", ""), encoding="utf-8")

    done = _check(tmp_path)
    findings = [(finding["code"], finding["location"]["row"]) for finding in json.loads(done.stdout)]
    assert (findings, done.returncode) == (expected, 0), done.stderr
