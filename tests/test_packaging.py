"""What a stranger gets from `pip install`: a wheel that carries its pages and schemas and works far from here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from email.message import Message
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
TOO_HEAVY = {"torch", "transformers", "accelerate", "peft", "deepspeed", "trl", "datasets", "numpy", "huggingface-hub"}


def _run(
    arguments: Sequence[str | Path], cwd: Path, environment: dict[str, str] | None = None, timeout_seconds: int = 120
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(argument) for argument in arguments],
        check=False,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
    )


def _build(kind: str, source: Path, target: Path) -> Path:
    done = _run([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", target], source)
    assert done.returncode == 0, done.stderr
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel alone; its dependencies come from the environment of the tests."""
    target = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile", "--target")
    done = _run([*pip, target, wheel], target)
    assert done.returncode == 0, done.stderr
    return target


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def _tracked(folder: str) -> set[str]:
    """The files below a folder of the checkout that are no leavings of some program."""
    files = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in files}


@pytest.mark.parametrize("folder", ["rules", "schemas"])
def test_wheel_carries_pages_and_schemas(wheel: Path, folder: str) -> None:
    wanted = {f"ftlint/_data/{name}" for name in _tracked(folder)}
    assert wanted
    assert wanted - _names(wheel) == set()


def test_wheel_carries_the_whole_package_and_nothing_else(wheel: Path) -> None:
    names = _names(wheel)
    assert _tracked("ftlint") - names == set()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"ftlint"}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_wheel_starts_as_ftlint(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
        assert "ftlint = ftlint.__main__:main" in archive.read(name).decode()


def test_metadata(wheel: Path) -> None:
    fields = _metadata(wheel)
    assert fields["License-Expression"] == "Apache-2.0"
    assert fields["Requires-Python"] == ">=3.10"
    assert {"exact", "frameworks", "gpu", "dev"} <= set(fields.get_all("Provides-Extra", []))


def test_core_brings_nothing_heavy(wheel: Path) -> None:
    """Neither asked for by us nor by what we ask for, in the environment that runs this test."""
    todo = [Requirement(line) for line in _metadata(wheel).get_all("Requires-Dist", [])]
    seen: set[str] = set()
    while todo:
        requirement = todo.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        name = canonicalize_name(requirement.name)
        if name not in seen:
            seen.add(name)
            todo += [Requirement(line) for line in metadata.requires(name) or []]
    assert seen & TOO_HEAVY == set()
    assert {"click", "pyyaml"} <= seen


def test_constraints_pin_everything_we_ask_for(wheel: Path) -> None:
    lines = (ROOT / "constraints" / "ci.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    versions: dict[str, str] = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}
    assert versions["torch"] == "2.13.0"
    asked = [Requirement(line) for line in _metadata(wheel).get_all("Requires-Dist", [])]
    for requirement in asked:
        if requirement.name != "ftlint":
            version = versions[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"constraints/ci.txt: {requirement}"


def test_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = _build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    rebuilt = _build("wheel", source, tmp_path / "rebuilt")
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(rebuilt) as second:
        assert sorted(first.namelist()) == sorted(second.namelist())
        changed = [name for name in first.namelist() if first.read(name) != second.read(name)]
    assert changed == []


def test_wheel_works_far_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    def ftlint(*arguments: str) -> subprocess.CompletedProcess[str]:
        return _run([sys.executable, "-m", "ftlint", *arguments], tmp_path, {"PYTHONPATH": str(installed)})

    program = "import ftlint; print(ftlint.__file__)"
    where = _run([sys.executable, "-c", program], tmp_path, {"PYTHONPATH": str(installed)})
    assert Path(where.stdout.strip()).is_relative_to(installed), where.stdout

    assert re.fullmatch(r"ftlint \d+\.\d+\.\d+\S*\n", ftlint("--version").stdout)

    rules = ftlint("rule", "--all", "--output-format", "json")
    assert rules.returncode == 0, rules.stderr
    assert {"DTY101", "MEM101"} <= {rule["code"] for rule in json.loads(rules.stdout)}

    page = ftlint("rule", "DTY101")
    assert page.returncode == 0, page.stderr
    assert "replaced-head-dtype" in page.stdout

    (tmp_path / "ds_config.json").write_text(
        '{"train_batch_size": 8, "zero_optimization": {"stage": 2}}\n', encoding="utf-8"
    )
    check = ftlint("check", "--output-format", "json", ".")
    assert (check.returncode, check.stdout) == (0, "[]\n"), check.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("package_index")
def test_first_set_up_command_of_the_readme(tmp_path: Path) -> None:
    """`pip install .` in a new environment, then the examples: broken on purpose, hence exit status 1."""
    checkout = tmp_path / "checkout"
    ignored = shutil.ignore_patterns(".git", ".nox", ".venv", "*_cache", "__pycache__", ".hypothesis", "build", "dist")
    shutil.copytree(ROOT, checkout, ignore=ignored, symlinks=True)
    made = _run([sys.executable, "-m", "venv", tmp_path / "venv"], tmp_path)
    assert made.returncode == 0, made.stderr

    (command,) = re.findall(r"^pip install \. && .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    path = f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "VIRTUAL_ENV": str(tmp_path / "venv")}
    done = _run(["bash", "-c", command], checkout, environment, timeout_seconds=280)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "DTY101" in done.stdout
    assert "MEM101" in done.stdout
