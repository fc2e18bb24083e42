"""Mutated and enormous files: an answer every time, soon, and no exception."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlint.project.version_sources.kinds import kind_of
from ftlint.project.workspace import Workspace
from tests.project.test_version_sources import (
    CONDA_LOCK,
    DOCKERFILE,
    ENVIRONMENT,
    PIPFILE_LOCK,
    POETRY,
    POETRY_LOCK,
    PYLOCK,
    PYPROJECT,
    SETUP_CFG,
    SETUP_PY,
    SHELL,
    UV_LOCK,
)
from tests.project.version_folder import put, versions

REQUIREMENTS = """\
-r base.txt
--find-links wheels
torch[opt]==2.5.1 ; python_version >= "3.9"  # why
transformers>=4.46,<4.47 \\
    --hash=sha256:00
trl @ git+https://host.example/trl@v0.12.0
"""
HEADER = '# /// script\n# dependencies = ["transformers==4.46.1", "torch"]\n# ///\nimport torch\n'
FILES = {
    "uv.lock": UV_LOCK,
    "poetry.lock": POETRY_LOCK,
    "pylock.toml": PYLOCK,
    "Pipfile.lock": str(PIPFILE_LOCK).replace("'", '"'),
    "conda-lock.yml": CONDA_LOCK,
    "environment.yml": ENVIRONMENT,
    "pyproject.toml": PYPROJECT,
    "Pipfile": POETRY.replace("tool.poetry.dependencies", "packages"),
    "setup.cfg": SETUP_CFG,
    "setup.py": SETUP_PY,
    "Dockerfile": DOCKERFILE,
    "run.sh": SHELL,
    "requirements.txt": REQUIREMENTS,
    "train.py": HEADER,
}
PACKAGES = ("torch", "transformers", "trl")
JUNK = (
    *(
        "",
        "[",
        "]",
        "{",
        "}",
        '"',
        "'",
        "=",
        "==",
        "\n",
        "\\\n",
        "#",
        "*",
        "&a",
        "*a",
        "<<: ",
        "!!python ",
        "\0",
        "\ufeff",
    ),
    *(
        "null",
        "[[package]]\n",
        "9" * 5000,
        "a." * 200,
        "\ud800",
        "${X}",
        "`",
        "|",
        ">",
        "- ",
        "\t",
        "version",
        "1.2.3",
        "é",
    ),
)


@pytest.mark.parametrize("name", FILES)
def test_mutated_files_are_answered(name: str, tmp_path: Path) -> None:
    chance = random.Random(name)
    kind = kind_of(name)
    for _ in range(200):
        data = _mutated(FILES[name], chance)
        path = put(tmp_path, name, data)
        if kind is None:
            found = versions(tmp_path)
            assert all(isinstance(found[package].releases, tuple) for package in PACKAGES)
            continue
        source = kind.source(path, Workspace(tmp_path))  # past the settings, which refuse a broken pyproject.toml
        for package in PACKAGES:
            answer = source.ask(package)
            for group in answer.groups:
                assert all(demand.package == package and demand.location.path == path for demand in group.demands)
            for problem in answer.problems:
                assert problem.cause
                assert problem.location.path == path
                assert 0 <= problem.location.span.start <= problem.location.span.end


def _mutated(text: str, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 5))):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice((0, 0, 1, 3, 20, 200)))
        text = text[:start] + chance.choice(JUNK) + text[end:]
    data = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        at = chance.randrange(len(data) + 1)
        data = data[:at] + bytes([chance.randrange(256)]) + data[at:]
    return data


def _toml_entries(number: int) -> str:
    hashes = "".join(
        f'    {{ url = "https://host.example/{part}.whl", hash = "sha256:{"0" * 64}" }},\n' for part in range(8)
    )
    return "".join(
        f'[[package]]\nname = "package-{index}"\nversion = "1.0"\nwheels = [\n{hashes}]\n\n' for index in range(number)
    )


def _huge_toml_lock() -> str:
    return f"version = 1\n\n{_toml_entries(20_000)}{UV_LOCK.partition('[[package]]')[2].join(('[[package]]', ''))}"


def _huge_conda_lock() -> str:
    entry = f"- name: x{{}}\n  version: 1.0\n  manager: conda\n  hash:\n    sha256: {'0' * 64}\n"
    return CONDA_LOCK + "".join(entry.format(index) for index in range(150_000))


def _huge_pipfile_lock() -> str:
    entry = f'"x{{}}": {{{{"version": "==1.0", "hashes": ["{"0" * 64}"]}}}}, '
    return '{"default": {' + "".join(map(entry.format, range(150_000))) + '"transformers": {"version": "==4.46.1"}}}'


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("uv.lock", _huge_toml_lock),
        ("conda-lock.yml", _huge_conda_lock),
        ("Pipfile.lock", _huge_pipfile_lock),
    ],
)
def test_huge_locks_are_read_in_a_moment(name: str, make: Callable[[], str], tmp_path: Path) -> None:
    text = make()
    assert len(text) > 12 * 10**6
    put(tmp_path, name, text)
    started = time.process_time()
    assert versions(tmp_path)["transformers"].releases == ("4.46.1",)
    seconds = time.process_time() - started
    print(f"{name}: {len(text) / 1e6:.0f} MB in {seconds:.2f} s")
    assert seconds < 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "transformers" + " " * 900_000 + "=x"),
        ("requirements.txt", "-r x.txt\n" * 100_000),
        ("pyproject.toml", "transformers." * 60_000 + "x = 1"),
        ("setup.cfg", "[options]\ninstall_requires =\n" + " transformers==4.46.1\n" * 40_000),
        ("setup.py", "setup(install_requires=" + "[" * 5_000 + "'transformers'"),
        ("Dockerfile", "RUN pip install " + "\\\n# transformers\n" * 10_000 + "transformers==4.46.1"),
        ("Dockerfile", "FROM " + "transformers-1." * 15_000 + ":1"),
        ("run.sh", "pip install " + "transformers==4.46.1 " * 12_000),
        ("run.sh", "A=$A$A$A$A\npip install transformers==$A\n" * 100),
        ("environment.yml", "dependencies: " + "[" * 50_000 + "transformers"),
        ("environment.yml", "a: &a [transformers]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\ndependencies: [*c,*c]\n"),
        ("uv.lock", "[[package]]\n" * 200_000 + 'name = "transformers"\n'),
        ("uv.lock", 'name = "transformers"\n' + "[[package]] " * 200_000),
        ("Pipfile.lock", '{"default": ' * 100_000 + "transformers"),
        ("Pipfile", '[packages]\ntransformers = "' + ">=1 " * 900 + '"'),
        ("train.py", "# /// script\n" + "# transformers = [\n" * 50_000),
    ],
)
def test_files_that_nobody_wrote_end_soon(name: str, text: str, tmp_path: Path) -> None:
    path = put(tmp_path, name, text)
    started = time.process_time()
    kind = kind_of(name)
    if kind is None:
        assert versions(tmp_path)["transformers"].releases
    else:
        kind.source(path, Workspace(tmp_path)).ask("transformers")
    assert time.process_time() - started < 3


def test_other_types_than_expected_everywhere(tmp_path: Path) -> None:
    values = ("1", "1.5", "true", '"transformers"', "[1, {a = 1}]", "{transformers = 1}", "[[]]", "1979-05-27")
    keys = (
        *("project", "project.dependencies", "project.optional-dependencies", "dependency-groups", "tool", "tool.uv"),
        *("tool.poetry", "tool.poetry.dependencies", "tool.poetry.group", "tool.poetry.group.x", "tool.uv.sources"),
        *("tool.poetry.group.x.dependencies", "tool.pdm.dev-dependencies", "tool.hatch.envs", "tool.hatch.envs.x"),
        *("tool.poetry.dependencies.transformers", "tool.uv.sources.transformers", "dependency-groups.x", "package"),
        *("packages", "packages.transformers", "default", "metadata"),
    )
    for name in ("pyproject.toml", "Pipfile", "uv.lock", "pylock.toml"):
        kind = kind_of(name)
        assert kind is not None
        for key in keys:
            for value in values:
                path = put(tmp_path, name, f"# transformers\n{key} = {value}\n")
                assert kind.source(path, Workspace(tmp_path)).ask("transformers") is not None
