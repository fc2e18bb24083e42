"""Which launcher a command starts: the first words of a launch command, told apart by name.

Source: torch 2.13 distributed/run.py; accelerate 1.15 commands/launch.py; deepspeed 0.19.8 launcher/runner.py;
llamafactory 0.9.5 launcher.py; Slurm's srun.
"""

from __future__ import annotations

import re

from ftlint.syntax.shell import Word

PYTHON = re.compile(r"(?:python|pypy)[\d.]*(?:\.exe)?")
_LAUNCHERS = {
    "torchrun": "torchrun",
    "accelerate": "accelerate",
    "accelerate-launch": "accelerate",
    "deepspeed": "deepspeed",
    "llamafactory-cli": "llamafactory-cli",
}
_MODULES = {
    "torch.distributed.run": "torchrun",
    "torch.distributed.launch": "torchrun",
    "accelerate.commands.launch": "accelerate",
    "accelerate.commands.accelerate_cli": "accelerate",
    "deepspeed.launcher.runner": "deepspeed",
}
WITH_SCHEMAS = ("accelerate", "llamafactory-cli")
"""Launchers whose own words are held against a schema."""

# Programs that start the program behind their own options, once for each task where they are of a cluster.
CLUSTER = frozenset("srun mpirun mpiexec".split())
_WRAPPERS = CLUSTER | frozenset(
    "uv poetry pdm pipenv pixi conda mamba micromamba singularity apptainer docker podman env timeout nice ionice "
    "numactl taskset stdbuf xvfb-run nsys ncu catchsegv".split()
)
_KEYWORDS = frozenset("if then else elif do while until time nohup exec eval sudo command set ! { (".split())
# Programs that are told of a script without launching it.
_OTHERS = frozenset(
    "cp mv ln rm cat less head tail vim vi nano code sed awk grep rg find ls chmod chown touch diff wc echo printf git "
    "ruff black isort mypy flake8 pylint pytest pre-commit curl wget scp rsync tar zip cd mkdir test [ [[ export "
    "source . jupyter jupytext dos2unix file stat wandb pip pip3".split()
)


def is_about_files(word: Word) -> bool:
    """Whether a command of that name only handles files and texts."""
    return name_of(word) in _OTHERS


def as_path(module: str) -> str:
    """The file that a module's dotted name means."""
    return module.replace(".", "/") + ".py" if module and not module.endswith(".py") else module


def without_assignments(words: tuple[Word, ...]) -> tuple[dict[str, Word], tuple[Word, ...]]:
    """The variables set for this command alone, and the command."""
    environment: dict[str, Word] = {}
    for index, word in enumerate(words):
        if word.assigned:
            environment[word.assigned] = word.value
        elif word.text not in _KEYWORDS:
            return environment, words[index:]
    return environment, ()


def name_of(word: Word) -> str:
    """The program's name without its folder."""
    return word.text.rsplit("/", 1)[-1]


def launcher_at(words: tuple[Word, ...], program: Word | None = None) -> int | None:
    """Where the launcher, or the program itself, stands: first, or behind a wrapper such as `uv run` or `srun`."""

    def starts(word: Word) -> bool:
        return word is program or name_of(word) in _LAUNCHERS or PYTHON.fullmatch(name_of(word)) is not None

    if starts(words[0]):
        return 0
    if name_of(words[0]) not in _WRAPPERS:
        return None
    return next((at for at, word in enumerate(words) if starts(word)), None)


def launcher_of(words: tuple[Word, ...]) -> tuple[str | None, tuple[Word, ...]]:
    """The name of the launcher that a command begins with, and the words behind it; None: `accelerate config`."""
    name = name_of(words[0])
    if not PYTHON.fullmatch(name):
        behind = words[1:]
        if name == "accelerate":
            return ("accelerate", behind[1:]) if behind and behind[0].text == "launch" else (None, behind)
        return _LAUNCHERS[name], behind
    for at, word in enumerate(words[1:-1], start=1):
        if word.text in ("-m", "--module"):
            module = words[at + 1].text
            if module == "accelerate.commands.accelerate_cli":
                return "accelerate", words[at + 3 :]
            return (_MODULES[module], words[at + 2 :]) if module in _MODULES else ("python", words[at:])
        if not word.text.startswith("-") and word.is_plain:
            break
    return "python", words[1:]


def flags_of(words: tuple[Word, ...], launcher: str) -> tuple[Word, ...] | None:
    """The words behind that launcher, its own flags first; None for a command that starts nothing by it."""
    _, words = without_assignments(words)
    at = launcher_at(words) if words else None
    if at is None:
        return None
    name, behind = launcher_of(words[at:])
    return behind if name == launcher else None
