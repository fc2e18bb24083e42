"""What a pydantic model says of itself as a whole: its configuration, in the way of releases 1 and 2 of pydantic."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.harvest.python_source import ClassRef, Expression, Shapes
from tools.harvest.python_source.annotations import unite
from tools.harvest.validators import takes_null

UNKNOWN = {"forbid": "error", "ignore": "ignored", "allow": "open"}
"""pydantic's `extra` -> `x-unknown`."""


def configuration(reference: ClassRef, shapes: Shapes) -> dict[str, object]:
    """The options of `model_config`, of `class Config` and of the class statement, those of bases included."""
    found: dict[str, object] = {}
    for base in reversed(shapes.classes.order(reference)):
        if isinstance(base, ClassRef):
            for name, node in _options(base.node):
                value = shapes.values.of(node, base.module)
                found[name] = value.text if isinstance(value, Expression) else value
    return found


def _options(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    yield from ((keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg is not None)
    for statement in node.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "model_config":
            yield from _entries(statement.value)
        elif isinstance(statement, ast.ClassDef) and statement.name == "Config":
            for option in statement.body:
                if isinstance(option, ast.Assign) and isinstance(option.targets[0], ast.Name):
                    yield option.targets[0].id, option.value


def _entries(value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(value, ast.Call):
        yield from ((keyword.arg, keyword.value) for keyword in value.keywords if keyword.arg is not None)
    elif isinstance(value, ast.Dict):
        for key, entry in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, entry


def keywords(reference: ClassRef, shapes: Shapes) -> dict[str, object]:
    """`x-values` and `x-unknown` of the level that is a model."""
    options = configuration(reference, shapes)
    extra = str(options.get("extra", "ignore")).rpartition(".")[2]  # pydantic 1 has `Extra.forbid` too
    return {
        "x-values": "pydantic-strict" if options.get("strict") is True else "pydantic",
        "x-unknown": UNKNOWN.get(extra, "ignored"),
    }


def referred(target: str, reference: ClassRef, shapes: Shapes) -> dict[str, object]:
    """What a field takes whose type is that model, which stands at `target`."""
    found: dict[str, object] = {"$ref": target}
    return unite([found, {"type": "null"}]) if takes_null(reference, shapes) else found


def takes_names(reference: ClassRef, shapes: Shapes) -> bool:
    """Whether a field with an alias may be written by its own name as well."""
    options = configuration(reference, shapes)
    names = ("populate_by_name", "allow_population_by_field_name", "validate_by_name")
    return any(options.get(name) is True for name in names)
