"""The real pre-commit, in a repository of its own, stops a commit that would fail later and lets its repair pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BROKEN = """\
import torch
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("meta-llama/Meta-Llama-3-8B", torch_dtype=torch.bfloat16)
model.lm_head = torch.nn.Linear(4096, 2)
loss = model(input_ids=torch.ones(1, 8, dtype=torch.long)).logits.sum()
"""
REPAIRED = BROKEN.replace("Linear(4096, 2)", "Linear(4096, 2, dtype=torch.bfloat16)")
SOMEBODY = {
    "GIT_AUTHOR_NAME": "Somebody",
    "GIT_AUTHOR_EMAIL": "somebody@example.com",
    "GIT_COMMITTER_NAME": "Somebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def _run(
    arguments: Sequence[str | Path], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    return subprocess.run(
        [str(argument) for argument in arguments],
        check=False,
        cwd=folder,
        env={**inherited, **SOMEBODY, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
    )


def _git(folder: Path, *arguments: str) -> None:
    done = _run(["git", *arguments], folder, {})
    assert done.returncode == 0, done.stdout


def _pre_commit(folder: Path, home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return _run([sys.executable, "-m", "pre_commit", *arguments], folder, {"PRE_COMMIT_HOME": str(home)})


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout as it stands, committed, as pre-commit would clone it from elsewhere."""
    folder = tmp_path_factory.mktemp("published") / "ftlint"
    ignored = shutil.ignore_patterns(".git", ".nox", ".venv", "*_cache", "__pycache__", ".hypothesis", "build", "dist")
    shutil.copytree(ROOT, folder, ignore=ignored, symlinks=True)
    _git(folder, "init", "-q", "-b", "main")
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", "as it stands")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps the environments it builds; shared, so that ftlint is installed once."""
    return tmp_path_factory.mktemp("pre-commit-home")


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """Somebody's repository with one staged script."""
    folder = tmp_path / "training"
    folder.mkdir()
    _git(folder, "init", "-q", "-b", "main")
    (folder / "requirements.txt").write_text("transformers==4.46.1\n", encoding="utf-8")
    (folder / "train.py").write_text(BROKEN, encoding="utf-8")
    _git(folder, "add", "-A")
    return folder


@pytest.mark.parametrize(
    ("validate", "name"),
    [("validate-manifest", ".pre-commit-hooks.yaml"), ("validate-config", ".pre-commit-config.yaml")],
)
def test_our_files_are_what_pre_commit_expects(validate: str, name: str, tmp_path: Path) -> None:
    done = _pre_commit(ROOT, tmp_path, validate, name)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("package_index")
def test_try_repo(published: Path, home: Path, training: Path) -> None:
    failing = _pre_commit(training, home, "try-repo", published, "ftlint", "--verbose")
    assert failing.returncode == 1, failing.stdout
    assert "train.py:5" in failing.stdout
    assert "DTY101" in failing.stdout

    (training / "train.py").write_text(REPAIRED, encoding="utf-8")
    _git(training, "add", "train.py")
    passing = _pre_commit(training, home, "try-repo", published, "ftlint", "--verbose")
    assert passing.returncode == 0, passing.stdout
    assert "Passed" in passing.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("package_index")
def test_commit_is_stopped_and_then_made(published: Path, home: Path, training: Path) -> None:
    """The same through `git commit`, with the settings a user would write."""
    revision = _run(["git", "rev-parse", "HEAD"], published, {}).stdout.strip()
    settings = f"repos:\n- repo: {published}\n  rev: {revision}\n  hooks:\n  - id: ftlint\n"
    (training / ".pre-commit-config.yaml").write_text(settings, encoding="utf-8")
    _git(training, "add", "-A")
    assert _pre_commit(training, home, "install").returncode == 0

    stopped = _run(["git", "commit", "-m", "train a head"], training, {"PRE_COMMIT_HOME": str(home)})
    assert stopped.returncode == 1, stopped.stdout
    assert "DTY101" in stopped.stdout
    assert _run(["git", "rev-parse", "--verify", "-q", "HEAD"], training, {}).returncode != 0

    (training / "train.py").write_text(REPAIRED, encoding="utf-8")
    _git(training, "add", "-A")
    made = _run(["git", "commit", "-m", "train a head"], training, {"PRE_COMMIT_HOME": str(home)})
    assert made.returncode == 0, made.stdout
    assert _run(["git", "rev-parse", "--verify", "-q", "HEAD"], training, {}).returncode == 0
