"""Launch commands in shell and SLURM files, as far as they say how many nodes and processes a run has.

Source: torch 2.13 distributed/run.py (`--nnodes`, `--nproc-per-node`); accelerate 1.15 commands/launch.py
(`--num_machines`, `--num_processes`); deepspeed 0.19.8 launcher/runner.py (`--num_nodes`, `--num_gpus`, `--hostfile`);
llamafactory 0.9.5 launcher.py (`NNODES`, `NPROC_PER_NODE`); Slurm's sbatch (`--nodes`, `-N`, `--gpus-per-node`).
"""

from __future__ import annotations

import re

from ftlint.run.fact import NOTHING, UNKNOWN, Fact, written
from ftlint.run.run import ParallelFacts, Run
from ftlint.spans import Span
from ftlint.syntax.document import Source

SUFFIXES = (".sh", ".bash", ".slurm", ".sbatch", ".sub")

_NODES = re.compile(
    r"(?:--(?:nnodes|num[-_]machines|num[-_]nodes|nodes)(?:=|[ \t]+)|(?<![\w$-])-N[ \t]*|\bNNODES=)"
    r"(?P<value>[^\s\\;|&]+)"
)
_GPUS = re.compile(
    r"(?:--(?:nproc[-_]per[-_]node|num[-_]gpus|gpus-per-node)(?:=|[ \t]+)|\bNPROC_PER_NODE=)(?P<value>[^\s\\;|&]+)"
)
# Another file, which is not read yet, or the person's own default file, says how many machines there are.
_ELSEWHERE = re.compile(r"--(?:config[-_]file|hostfile)(?:=|[ \t]+)(?P<value>[^\s\\;|&]+)")
_COMMENT = re.compile(r"(?m)^[ \t]*#(?!SBATCH).*$")


def launches(source: Source, filename: str) -> bool:
    """Whether a command in that text names the file (by its last part), outside comments."""
    return re.search(rf"(?<![\w.-]){re.escape(filename)}(?![\w-])", _without_comments(source.text)) is not None


def lower(source: Source) -> Run:
    """The numbers of nodes and of GPUs per node that the commands of one shell file say."""
    elsewhere = _ELSEWHERE.search(_without_comments(source.text))
    nodes = _number(source, _NODES)
    if not nodes.said and elsewhere is not None:
        nodes = _at(source, elsewhere)
    return Run(parallel=ParallelFacts(num_nodes=nodes, gpus_per_node=_number(source, _GPUS)))


def _number(source: Source, pattern: re.Pattern[str]) -> Fact[int]:
    """The one number that all occurrences agree on. A variable beside a number is taken to hold that number."""
    found = list(pattern.finditer(_without_comments(source.text)))
    numbers = {int(match["value"].strip("\"'")): match for match in found if match["value"].strip("\"'").isdecimal()}
    others = [match for match in found if not match["value"].strip("\"'").isdecimal()]
    if len(numbers) == 1 and all("$" in match["value"] for match in others):
        ((number, match),) = numbers.items()
        return written(number, source.location(Span(*match.span("value"))), "launch command")
    return _at(source, found[0]) if found else NOTHING


def _at(source: Source, match: re.Match[str]) -> Fact[int]:
    return written(UNKNOWN, source.location(Span(*match.span("value"))), "launch command")


def _without_comments(text: str) -> str:
    """The text with comment lines blanked out, so that offsets stay."""
    return _COMMENT.sub(lambda match: " " * len(match[0]), text)
