"""The flags that a function gives to an `argparse` parser, read from its calls of `add_argument`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from ftlint.record import record
from tools.harvest.python_source import FunctionRef, Shapes
from tools.harvest.python_source.annotations import enumerate_values

SIMPLE = {"str": "string", "int": "integer", "float": "number", "Path": "string"}
WITHOUT_VALUE = {"store_true": False, "store_false": True}
"""Actions of flags that take no value -> what the setting is where the flag is not given."""
GROUPS = ("add_argument_group", "add_mutually_exclusive_group")
NOT_A_SETTING = ("help", "version")


@record
class Flag:
    """One flag. `name`: the first long spelling, without dashes. `dest`: the setting it fills. `group`: its heading."""

    name: str
    dest: str
    others: tuple[str, ...]
    group: str
    shape: Mapping[str, object]


def flags(function: FunctionRef, shapes: Shapes) -> Iterator[Flag]:
    """All flags that the function adds, in order; positional arguments are passed over."""
    groups: dict[str, str] = {}
    for node in ast.walk(function.node):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _called(node.value) in GROUPS:
            title = node.value.args[0] if node.value.args else None
            groups[ast.unparse(node.targets[0])] = str(title.value) if isinstance(title, ast.Constant) else ""
    for node in ast.walk(function.node):
        if isinstance(node, ast.Call) and _called(node) == "add_argument":
            owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
            if (flag := _flag(node, groups.get(owner, ""), function, shapes)) is not None:
                yield flag


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _flag(node: ast.Call, group: str, function: FunctionRef, shapes: Shapes) -> Flag | None:
    spellings = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    long = [text.removeprefix("--") for text in spellings if text.startswith("--")]
    options = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    values = {name: shapes.values.of(value, function.module) for name, value in options.items()}
    if not long or values.get("action") in NOT_A_SETTING:
        return None
    dest = values.get("dest")
    others = tuple(text.removeprefix("--") for text in spellings if text.removeprefix("--") != long[0])
    shape = _shape(options, values, function, shapes)
    return Flag(long[0], dest if isinstance(dest, str) else long[0].replace("-", "_"), others, group, shape)


def _shape(
    options: Mapping[str, ast.expr], values: Mapping[str, object], function: FunctionRef, shapes: Shapes
) -> dict[str, object]:
    action = str(values.get("action", "store"))
    if action in WITHOUT_VALUE:
        default = shapes.default(options["default"], function.module) if "default" in options else {}
        return {"type": "boolean", "default": WITHOUT_VALUE[action], **default, "x-arguments": 0}
    kind = SIMPLE.get(ast.unparse(options["type"]).rpartition(".")[2]) if "type" in options else "string"
    shape: dict[str, object] = {"type": kind} if kind is not None else {}
    choices = values.get("choices")
    if isinstance(choices, list):
        shape = enumerate_values(choices)
    if action == "append":
        shape = {"type": "array", "items": shape}
    if "nargs" in values and values["nargs"] != 1:
        shape["x-arguments"] = values["nargs"] if isinstance(values["nargs"], (str, int)) else "*"
    default = shapes.default(options["default"], function.module) if "default" in options else {"default": None}
    required = {"x-required": True} if values.get("required") is True else default
    return {**shape, **required}
