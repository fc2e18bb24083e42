"""The house plan holds: who imports whom, how long modules are, what the quick path loads."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter import cli as import_linter

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ftlint"
MAX_LINES = 400

# What must not be loaded by merely importing a module, and why it would hurt: seconds, or a second dependency.
HEAVY = ("torch", "transformers", "numpy", "rich", "pygls", "lsprotocol", "jsonschema", "asyncio", "multiprocessing")
# What one JSON file costs at most: neither YAML nor the grammars for half-typed text nor the parser of requirements.
NOT_FOR_JSON = ("yaml", "pip_requirements_parser")
# And what a check of one small DeepSpeed file leaves alone besides: it reads no page, resolves no model, asks for no
# release and reports no mistake (docs/performance.md).
NOT_FOR_A_SMALL_CHECK = (
    *("difflib", "packaging", "platformdirs", "tempfile", "tomllib"),
    *("ftlint.dialects.imports", "ftlint.fixing", "ftlint.knowledge.architectures", "ftlint.knowledge.models"),
    *("ftlint.knowledge.releases", "ftlint.memory", "ftlint.project.models", "ftlint.project.references"),
    *("ftlint.project.requirements", "ftlint.project.settings_file", "ftlint.project.versions"),
    *("ftlint.rulebook.body", "ftlint.rulebook.examples", "ftlint.rulebook.validation", "ftlint.trace"),
)


def _rooms() -> set[str]:
    """Folders and files right under `ftlint/`, as a person would name them."""
    folders = {f"ftlint/{path.name}/" for path in PACKAGE.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    files = {f"ftlint/{path.name}" for path in PACKAGE.glob("*.py") if not path.name.startswith("__")}
    return folders | files


def _loaded_by(statement: str) -> set[str]:
    """The names in `sys.modules` after a fresh interpreter ran `statement`."""
    program = f"{statement}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_rooms_import_only_what_stands_below(capfd: pytest.CaptureFixture[str]) -> None:
    status = import_linter.lint_imports(
        config_filename=str(ROOT / "pyproject.toml"), no_cache=True, is_debug_mode=False, show_timings=False
    )
    assert status == import_linter.EXIT_STATUS_SUCCESS, capfd.readouterr().out


def test_every_room_is_a_package() -> None:
    folders = [ROOT / room for room in sorted(_rooms()) if room.endswith("/")]
    assert [folder.name for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_architecture_page_lists_every_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    named = {name for row in rows for name in re.findall(r"`(ftlint/[\w./]+)`", row)}
    assert _rooms() - named == set(), "rooms without a row in docs/architecture.md"
    assert {name for name in named if not (ROOT / name).exists()} == set(), "rows without a room"


def test_architecture_page_gives_every_ci_session_its_share() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    shares = dict(re.findall(r"^share (\w+) (\d+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE))
    assert shares, "no time shares in .ci/run"
    for name, minutes in shares.items():
        assert re.search(rf"^\| `{name}` .*\| {minutes} \|$", text, re.MULTILINE), f"{name}: {minutes} minutes"
    assert sum(map(int, shares.values())) < 88  # the machine has ninety minutes


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_short(path: Path) -> None:
    num_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert num_lines <= MAX_LINES, f"{num_lines} lines: a list that grows becomes data or a folder"


@pytest.mark.parametrize("module", ["ftlint.engine", "ftlint.cli.program", "ftlint.cli.check"])
def test_quick_path_loads_nothing_heavy(module: str) -> None:
    assert _loaded_by(f"import {module}") & {*HEAVY, *NOT_FOR_JSON} == set()


def test_version_loads_no_command_line() -> None:
    """`ftlint --version` answers before click is imported."""
    program = "import sys; sys.argv[1:] = ['--version']; from ftlint.__main__ import main; main()"
    assert _loaded_by(program) & {"click", *HEAVY, *NOT_FOR_JSON} == set()


def test_one_json_file_loads_nothing_heavy(tmp_path: Path) -> None:
    """A whole check of one DeepSpeed file, findings or not."""
    file = tmp_path / "ds_config.json"
    file.write_text('{"train_micro_batch_size_per_gpu": 1, "zero_optimization": {"stage": 2}}\n', encoding="utf-8")
    program = f"from ftlint.cli.program import run; run(['check', '--fail-on', 'never', {str(file)!r}])"
    _loaded_by(program)  # the first check of all compiles the rule pages, which takes YAML
    assert _loaded_by(program) & {*HEAVY, *NOT_FOR_JSON, *NOT_FOR_A_SMALL_CHECK} == set()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs is asked")
def test_the_cache_is_found_without_platformdirs() -> None:
    program = "import os; os.environ.pop('FTLINT_CACHE_DIR', 0); from ftlint.cache import cache_folder; cache_folder()"
    assert _loaded_by(program) & {"platformdirs", "tempfile"} == set()
