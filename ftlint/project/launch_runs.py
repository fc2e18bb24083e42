"""Runs that begin in a launch command: the command's flags are all the settings there are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from ftlint.dialects import llama_cookbook
from ftlint.dialects.dialect import PartialRun
from ftlint.dialects.launch_commands import Launch, read_launch
from ftlint.dialects.launch_words import WITH_SCHEMAS, flags_of
from ftlint.dialects.launchers import Command, lower
from ftlint.errors import InputError
from ftlint.project.launch_texts import shell_of
from ftlint.project.launchers import LaunchText
from ftlint.project.workspace import Workspace, absolute
from ftlint.run.fact import NOTHING, Fact
from ftlint.run.run import ParallelFacts, Run, merge
from ftlint.run.versions import VersionView
from ftlint.syntax.document import Format, ScriptDocument, Source

_HINT = "finetuning"
_PACKAGES = (b"llama_recipes", b"llama_cookbook")


def texts_of(document: ScriptDocument) -> tuple[Source, ...]:
    """The shell texts of a document: a shell file itself, or what a notebook hands to a shell."""
    if document.format is Format.SHELL:
        return document.sources
    return tuple(shell_of(document)) if document.format is Format.NOTEBOOK else ()


def begins_runs(document: ScriptDocument, root: Path, workspace: Workspace) -> bool:
    """Whether a command in that document starts a run by itself."""
    return any(True for source in texts_of(document) for _ in _launches(LaunchText(source), root, workspace, NOTHING))


def launcher_in(document: ScriptDocument) -> str | None:
    """The first launcher with a schema that a command in that document starts anything by."""
    for source in texts_of(document):
        named = [launcher for launcher in WITH_SCHEMAS if launcher in source.text]
        for words in LaunchText(source).commands if named else ():
            for launcher in named:
                if flags_of(words, launcher) is not None:
                    return launcher
    return None


def runs_in_commands(
    document: ScriptDocument, root: Path, workspace: Workspace, gpus_of_node: Fact[int], versions: VersionView
) -> tuple[PartialRun, ...]:
    """The runs that begin in a document's commands, in the order of the text."""
    return tuple(
        _lowered(launch, text, versions)
        for source in texts_of(document)
        for text in (LaunchText(source),)
        for launch in _launches(text, root, workspace, gpus_of_node)
    )


def _launches(text: LaunchText, root: Path, workspace: Workspace, gpus_of_node: Fact[int]) -> Iterator[Launch]:
    if _HINT not in text.source.text:
        return
    folders = (root, text.source.path.parent)
    for words in text.commands:
        program = next((word.text for word in words if llama_cookbook.is_program(word.text)), None)
        if program is None or _is_another(program, folders, workspace):
            continue
        filename = program.rsplit("/", 1)[-1]

        def names_the_run(command: Command, filename: str = filename) -> bool:
            return bool(command.paths(filename))

        counted = lower(text.source, names_the_run)
        around = text.surroundings(counted.parallel if counted is not None else ParallelFacts(), gpus_of_node)
        launch = read_launch(words, llama_cookbook.is_program, around)
        if launch is not None and llama_cookbook.is_launched(launch.program, launch.arguments):
            yield launch


def _is_another(program: str, folders: tuple[Path, ...], workspace: Workspace) -> bool:
    """Whether a script of that name lies here that has nothing to do with llama-cookbook."""
    for path in dict.fromkeys(absolute(folder / program) for folder in folders):
        if program.endswith(".py") and workspace.is_file(path):
            try:
                text = workspace.read(path)
            except InputError:
                return True
            return not any(package in text for package in _PACKAGES)
    return False


def _lowered(launch: Launch, text: LaunchText, versions: VersionView) -> PartialRun:
    keys = llama_cookbook.flags_as_keys(launch.arguments, text.source, text.variables)
    partial = llama_cookbook.lower(keys, versions)
    said = launch.parallel
    counts = ParallelFacts(
        num_processes=said.num_processes,
        launcher=said.launcher,
        num_nodes=said.num_nodes,
        gpus_per_node=said.gpus_per_node,
    )
    root = text.source.location(launch.program.span)
    return dataclasses.replace(
        partial, facts=dataclasses.replace(merge(partial.facts, Run(parallel=counts)), root=root)
    )
