"""Launch commands in shell and SLURM files, as far as they say how many nodes and processes a run has.

Only the command that names the run's file counts, with what holds for the whole file: `#SBATCH` lines and variables
that the launchers read. Where anything stands between us and the number, the number is unknown.

Source: torch 2.13 distributed/run.py (`--nnodes`, `--nproc-per-node`); accelerate 1.15 commands/launch.py
(`--num_machines`, `--num_processes`); deepspeed 0.19.8 launcher/runner.py (`--num_nodes`, `--num_gpus`, `--hostfile`);
llamafactory 0.9.5 launcher.py (`NNODES`, `NPROC_PER_NODE`); Slurm's sbatch (`--nodes`, `-N`, `--gpus-per-node`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ftlint.record import record
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, written
from ftlint.run.run import ParallelFacts, Run
from ftlint.spans import Span
from ftlint.syntax.document import Source

_VALUE = r"(?P<value>[^\s;|&]+)"
_NODES = re.compile(
    r"(?:--(?:nnodes|num[-_]machines|num[-_]nodes|nodes)(?:=|[ \t]+)|(?<![\w$-])-N[ \t]*|\bNNODES=)" + _VALUE
)
_GPUS = re.compile(r"(?:--(?:nproc[-_]per[-_]node|num[-_]gpus|gpus-per-node)(?:=|[ \t]+)|\bNPROC_PER_NODE=)" + _VALUE)
# Another file, which is not read yet, says how many machines there are.
_ELSEWHERE = re.compile(r"--(?:config[-_]file|hostfile)(?:=|[ \t]+)" + _VALUE)
_COMMENT = re.compile(r"(?m)^[ \t]*#(?!SBATCH).*$")
_FOR_THE_FILE = re.compile(r"[ \t]*(?:#SBATCH\b|(?:export[ \t]+)?\w+=\S*[ \t]*$)")
_WORD = re.compile(r"[^\s;|&\"'=()]+")


@record
class Command:
    """One command of a shell file at its offset, continuation lines joined."""

    start: int
    text: str

    def paths(self, filename: str) -> tuple[str, ...]:
        """Its words that end in that file name."""
        words = (match[0] for match in _WORD.finditer(self.text))
        return tuple(word for word in words if word == filename or word.endswith(f"/{filename}"))


def commands(source: Source) -> Iterator[Command]:
    """The commands of a shell file, comment lines left out. Offsets are those of the file."""
    text = _COMMENT.sub(lambda match: " " * len(match[0]), source.text)
    text = text.replace("\\\r\n", "   ").replace("\\\n", "  ")
    start = 0
    for line in text.splitlines(keepends=True):
        yield Command(start, line)
        start += len(line)


def lower(source: Source, names_the_run: Callable[[Command], bool]) -> Run | None:
    """What the commands that launch a run say of its nodes and of the GPUs of each; None where none launches it."""
    every = tuple(commands(source))
    launching = tuple(command for command in every if names_the_run(command))
    if not launching:
        return None
    # `$LAUNCHER train.py`: what the variable holds may be anywhere in the file.
    indirect = any("$" in command.text for command in launching)
    heard = tuple(c for c in every if c in launching or indirect or _FOR_THE_FILE.match(c.text))
    nodes = _number(source, _NODES, heard)
    elsewhere = next(_found(_ELSEWHERE, launching), None)
    if not nodes.said and elsewhere is not None:
        nodes = _at(source, *elsewhere)
    return Run(parallel=ParallelFacts(num_nodes=nodes, gpus_per_node=_number(source, _GPUS, heard)))


def _found(pattern: re.Pattern[str], heard: tuple[Command, ...]) -> Iterator[tuple[Command, re.Match[str]]]:
    return ((command, match) for command in heard for match in pattern.finditer(command.text))


def _number(source: Source, pattern: re.Pattern[str], heard: tuple[Command, ...]) -> Fact[int]:
    """The one number that all occurrences agree on. A variable beside a number is taken to hold that number."""
    found = list(_found(pattern, heard))
    numbers = {int(_plain(match)): (command, match) for command, match in found if _plain(match).isdecimal()}
    others = [match for _, match in found if not _plain(match).isdecimal()]
    if len(numbers) == 1 and all("$" in match["value"] for match in others):
        ((number, (command, match)),) = numbers.items()
        return written(number, source.location(_span(command, match)), "launch command")
    return _at(source, *found[0]) if found else NOTHING


def _at(source: Source, command: Command, match: re.Match[str]) -> Fact[int]:
    return written(UNKNOWN, source.location(_span(command, match)), "launch command")


def _span(command: Command, match: re.Match[str]) -> Span:
    return Span(command.start + match.start("value"), command.start + match.end("value"))


def _plain(match: re.Match[str]) -> str:
    return match["value"].strip("\"'")
