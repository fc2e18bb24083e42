"""Where other files of a project may use what a script writes down: its launch, its helpers, and who imports it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ftlint.checks.settings_calls import Assigned, Built, ScriptSettings
from ftlint.knowledge.arguments import Argument
from ftlint.project.view import ProjectView
from ftlint.run.fact import Unknown
from ftlint.run.run import ParallelKind, Run
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.syntax.nodes import nodes_of

_WORD = re.compile(r"\w+")
# What accelerate's launcher and its configuration file say in place of the Trainer's arguments.
# Source: transformers 5.23 training_args.py reads ACCELERATE_MIXED_PRECISION where neither bf16 nor fp16 is passed;
# trainer.py refuses checkpointing beside that of FSDP.
_BY_ACCELERATE = {
    "bf16": frozenset(("mixed_precision", "MIXED_PRECISION")),
    "fp16": frozenset(("mixed_precision", "MIXED_PRECISION")),
    "gradient_checkpointing": frozenset(("activation_checkpointing", "ACTIVATION_CHECKPOINTING")),
}


# Effects of which a DeepSpeed or FSDP configuration says nothing that the Trainer would not refuse.
_TRAINERS_OWN = frozenset(("batch", "length", "saving"))


def said_elsewhere(argument: Argument, document: ScriptDocument, project: ProjectView) -> bool:
    """Whether the launch of a script, or a module that it imports from, may say the same as the argument."""
    if any(_may_say(launch, argument) for launch in project.launches(document.path)):
        return True
    by_accelerate = _BY_ACCELERATE.get(argument.name)
    # `accelerate launch` without a file reads the one in the user's home, which we cannot see.
    if by_accelerate is not None and (
        project.is_launched_by(document.path, "accelerate") or project.configurations_saying(by_accelerate)
    ):
        return True
    words = {argument.name, *argument.kin} | ({argument.successor} if argument.successor is not None else set())
    return project.helpers_saying(document.path, frozenset(_imported(document)), frozenset(words))


def _may_say(launch: Run, argument: Argument) -> bool:
    """Whether DeepSpeed or FSDP, with a configuration of their own, stand behind a launch or may stand there."""
    kind = launch.parallel.kind
    if isinstance(kind.value, Unknown):
        return kind.said and argument.effect not in _TRAINERS_OWN
    return kind.value in (ParallelKind.ZERO, ParallelKind.FSDP)


def _imported(document: ScriptDocument) -> Iterator[str]:
    """The words of a script's imports: one may be the name of a file beside it."""
    nodes = nodes_of(document)
    for node in nodes.of(ast.ImportFrom):
        yield from _WORD.findall(node.module or "")
    for alias in nodes.of(ast.alias):
        yield from _WORD.findall(alias.name)


def read_elsewhere(
    document: ScriptDocument, assigned: Assigned, built: Built, script: ScriptSettings, project: ProjectView
) -> bool:
    """Whether some other file may read the name: only what stands in no function can be imported.

    Of a file that does nothing by itself that is likely, unless nobody imports it and the call takes other names of it.
    """
    if assigned.stand.scopes:
        return False
    if document.format is Format.PYTHON and not _is_program(document, built):
        return not _takes_names_beside(assigned, built, script) or project.others_importing(document.path)
    return project.others_reading(document.path, assigned.name)


def _takes_names_beside(assigned: Assigned, built: Built, script: ScriptSettings) -> bool:
    """Whether the call is passed another literal of the file's first level by its name."""
    beside = {each.name for each in script.assigned if not each.stand.scopes and each.name != assigned.name}
    return any(isinstance(keyword.value, ast.Name) and keyword.value.id in beside for keyword in built.call.keywords)


def _is_program(document: ScriptDocument, built: Built) -> bool:
    """Whether a file does something by itself when it is run, and is not only there to be imported."""
    if not built.stand.scopes:
        return True
    outermost = getattr(built.stand.scopes[0], "name", None)
    if outermost == "main":
        return True
    statements = [statement for cell in document.cells if cell.tree is not None for statement in cell.tree.body]
    return any(
        (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call))
        or (isinstance(statement, ast.If) and "__name__" in ast.dump(statement.test))
        or (isinstance(statement, (ast.For, ast.While, ast.With)) and _calls(statement, outermost))
        for statement in statements
    )


def _calls(statement: ast.stmt, name: str | None) -> bool:
    """Whether a statement calls the function of that name."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(statement)
    )
