"""What the launch files of a project say of the run that begins in one of its files."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ftlint.project.launch_texts import launch_texts
from ftlint.project.workspace import Workspace, absolute
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, written
from ftlint.run.run import SECTIONS, Input, ParallelFacts, Run, merge
from ftlint.spans import Span
from ftlint.syntax.document import Source

if TYPE_CHECKING:
    from ftlint.dialects.launch_commands import Launch, Surroundings
    from ftlint.dialects.launchers import Command
    from ftlint.syntax.shell import Variables, Word

LowerAccelerate: TypeAlias = "Callable[[Launch, Path], Run]"
"""What accelerate's flags, in that launch file, and the configuration file behind them say."""

# People write them on one line of several: these agree with a line that does not speak of them.
_LENIENT = ("parallel.num_nodes", "parallel.gpus_per_node")
_NUM_TASKS = r"(?m)^#SBATCH[ \t]+(?:.*[ \t])?(?:--ntasks(?:=|[ \t]+)|-n[ \t]*)(?P<number>\d+)"


def as_written(launch: Launch, _referrer: Path) -> Run:
    """What a command says by itself, where nobody reads accelerate's files."""
    return Run(parallel=launch.parallel)


class LaunchText:
    """One shell file or notebook, its commands read when somebody asks. Owned by `LaunchFiles`."""

    def __init__(self, source: Source) -> None:
        self.source = source

    @cached_property
    def commands(self) -> tuple[tuple[Word, ...], ...]:
        """Its commands, those in quotes (`bash -c "…"`) included, variables filled in where they can be seen."""
        return tuple(self.variables.expanded(words) for words in self._written)

    @cached_property
    def variables(self) -> Variables:
        """What its variables hold."""
        from ftlint.syntax.shell import Variables  # most folders have no launch file, and nothing to read in it

        return Variables(self._written, self.source.text)

    def surroundings(self, numbers: ParallelFacts, gpus_of_node: Fact[int]) -> Surroundings:
        """What holds around its commands."""
        exported = {
            str(word.assigned): word.value
            for words in self._written
            if words[0].text == "export"
            for word in words[1:]
            if word.assigned
        }
        tasks: Fact[int] = NOTHING
        if match := re.search(_NUM_TASKS, self.source.text):
            tasks = written(int(match["number"]), self.source.location(Span(*match.span("number"))), "#SBATCH")
        from ftlint.dialects.launch_commands import Surroundings

        return Surroundings(self.source, self.variables, numbers, gpus_of_node, tasks, exported)

    @cached_property
    def _written(self) -> tuple[tuple[Word, ...], ...]:
        from ftlint.dialects.launch_words import is_about_files
        from ftlint.syntax.shell import commands_inside, simple_commands

        found: list[tuple[Word, ...]] = []
        for words in simple_commands(self.source.text):
            found.append(words)
            if not words[0].assigned and not is_about_files(words[0]):
                found.extend(inner for word in words for inner in commands_inside(word))
        return tuple(found)


class LaunchFiles:
    """The launch files below one project root, read once and only when a run asks. One per project and check."""

    def __init__(self, root: Path, workspace: Workspace) -> None:
        self._root = root
        self._workspace = workspace

    @cached_property
    def texts(self) -> tuple[LaunchText, ...]:
        """Every text that may hold launch commands."""
        return tuple(LaunchText(source) for source in launch_texts(self._root, self._workspace))

    def run_of(
        self, path: Path, lower_accelerate: LowerAccelerate = as_written, gpus_of_node: Fact[int] = NOTHING
    ) -> Run:
        """What the launch files that name that file say; where they disagree a fact is unknown."""
        return agreed(self.runs_of(path, lower_accelerate, gpus_of_node))

    def runs_of(
        self, path: Path, lower_accelerate: LowerAccelerate = as_written, gpus_of_node: Fact[int] = NOTHING
    ) -> tuple[Run, ...]:
        """What each launch file that names that file says."""
        return tuple(
            run
            for text in self.texts
            if path.stem in text.source.text
            and (run := self._said(path, text, lower_accelerate, gpus_of_node)) is not None
        )

    def _said(
        self, path: Path, text: LaunchText, lower_accelerate: LowerAccelerate, gpus_of_node: Fact[int]
    ) -> Run | None:
        """What one text says of that very file; unknown facts where it may mean another of the same name."""
        from ftlint.dialects.launch_commands import read_launch
        from ftlint.dialects.launchers import lower

        folders = (self._root, text.source.path.parent)  # where people stand when they launch

        def is_named(word: str) -> bool:
            return word == path.name or word.endswith(f"/{path.name}")

        def leads_to(word: str) -> bool:
            return is_named(word) and any(path == absolute(folder / word) for folder in folders)

        def may_lead_to(word: str) -> bool:
            """After `cd`, or behind a variable, a path may start anywhere."""
            return is_named(word) and not any(self._workspace.is_file(absolute(f / word)) for f in folders)

        def said(is_meant: Callable[[str], bool]) -> Run | None:
            def names_the_run(command: Command) -> bool:
                return any(is_meant(word) for word in command.paths(path.name))

            counted = lower(text.source, names_the_run)
            around = text.surroundings(counted.parallel if counted is not None else ParallelFacts(), gpus_of_node)
            launches = [launch for words in text.commands if (launch := read_launch(words, is_meant, around))]
            if counted is None and not launches:
                return None
            launched = agreed([lower_accelerate(launch, text.source.path) for launch in launches])
            run = merge(counted or Run(), launched)
            return dataclasses.replace(run, inputs=(Input(text.source.path, True), *launched.inputs))

        surely = said(leads_to)
        if surely is not None:
            return surely
        perhaps = said(may_lead_to)
        return None if perhaps is None else _unseen(perhaps)


def agreed(runs: Iterable[Run]) -> Run:
    """One run for all that are said of one file: where they disagree a fact is unknown, with the places of all."""
    runs = tuple(runs)
    inputs = tuple(dict.fromkeys(item for run in runs for item in run.inputs))
    facts = {name: _agreed([run.fact(name) or NOTHING for run in runs], name) for name, _ in Run().facts()}
    return dataclasses.replace(_with_facts(facts), inputs=inputs)


def _agreed(facts: list[Fact[Any]], name: str) -> Fact[Any]:
    said = [fact for fact in facts if fact.said]
    if not said:
        return NOTHING
    origins = tuple(dict.fromkeys(origin for fact in said for origin in fact.origins))
    values = {fact.value for fact in said}
    is_one = len(values) == 1 and (len(said) == len(facts) or name in _LENIENT)
    return Fact(values.pop() if is_one else UNKNOWN, origins)


def _unseen(run: Run) -> Run:
    blurred = _with_facts({name: Fact(UNKNOWN, fact.origins) for name, fact in run.facts()})
    return dataclasses.replace(blurred, inputs=run.inputs)


def _with_facts(facts: dict[str, Fact[Any]]) -> Run:
    empty = Run()
    sections = {
        section: dataclasses.replace(
            getattr(empty, section),
            **{name.partition(".")[2]: fact for name, fact in facts.items() if name.startswith(f"{section}.")},
        )
        for section in SECTIONS
    }
    return dataclasses.replace(empty, **sections)
