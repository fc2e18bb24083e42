"""From an annotation to JSON Schema: the types that a value may have in JSON or YAML.

Classes that JSON has no word for (`torch.dtype`, a callable) stand in `x-python` by their names: objects of them are
accepted where a script makes the call. Texts that are meant, where others are allowed too, are `examples`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from tools.harvest.python_source.classes import Classes
from tools.harvest.python_source.modules import Assigned, ClassRef, External, Module
from tools.harvest.python_source.values import NotConstant, Values

Schema = dict[str, object]

SIMPLE = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "None": "null",
    "NoneType": "null",
    "dict": "object",
    "Dict": "object",
    "OrderedDict": "object",
    "Mapping": "object",
    "MutableMapping": "object",
    "list": "array",
    "List": "array",
    "tuple": "array",
    "Tuple": "array",
    "set": "array",
    "Set": "array",
    "frozenset": "array",
    "Sequence": "array",
    "Iterable": "array",
    "Collection": "array",
    # What a text becomes by itself where it is used.
    "Path": "string",
    "PathLike": "string",
    "StrictStr": "string",
    "StrictInt": "integer",
    "StrictFloat": "number",
    "StrictBool": "boolean",
    "PositiveInt": "integer",
    "NonNegativeInt": "integer",
    "PositiveFloat": "number",
    "NonNegativeFloat": "number",
}
"""Last part of a name in `builtins`, `typing`, `collections.abc`, `pathlib`, `os` or `pydantic` -> JSON's type."""
HOMES = (
    "builtins",
    "typing",
    "typing_extensions",
    "collections",
    "collections.abc",
    "pathlib",
    "os",
    "pydantic",
    "types",
)
ANYTHING = ("Any", "object", "TypeVar")
WRAPPERS = ("Annotated", "Final", "Required", "NotRequired", "InitVar", "SkipValidation")
UNIONS = ("Union", "Optional")

KEYWORDS_OF_TYPE = ("items", "prefixItems", "minItems", "additionalProperties")

Referrer = Callable[[ClassRef], "Schema | None"]


class Annotations:
    """Translates annotations of one release. `refer`: the schema, with its `$ref`, of a class that has a level."""

    def __init__(self, classes: Classes, values: Values, refer: Referrer = lambda _reference: None) -> None:
        self._classes = classes
        self._modules = classes.modules
        self._values = values
        self._refer = refer

    def schema(self, annotation: ast.expr | None, module: Module) -> Schema:
        """The JSON Schema of an annotation; empty where anything is allowed, or where we do not understand it."""
        return {} if annotation is None else self._schema(annotation, module, 0)

    def _schema(self, node: ast.expr, module: Module, depth: int) -> Schema:
        if depth > 20:
            return {}
        if isinstance(node, ast.Constant):
            return self._constant(node, module, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return unite([self._schema(side, module, depth + 1) for side in (node.left, node.right)])
        if isinstance(node, ast.Subscript):
            return self._subscript(node, module, depth)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._name(node, module, depth)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "conlist" and node.args:
            return {"type": "array", "items": self._schema(node.args[0], module, depth + 1)}
        return {}

    def _constant(self, node: ast.Constant, module: Module, depth: int) -> Schema:
        if node.value is None:
            return {"type": "null"}
        if isinstance(node.value, str):
            try:
                return self._schema(ast.parse(node.value, mode="eval").body, module, depth + 1)
            except SyntaxError:
                return {}
        return {}

    def _name(self, node: ast.Name | ast.Attribute, module: Module, depth: int) -> Schema:
        meaning = self._modules.resolve(node, module)
        if isinstance(meaning, Assigned):
            return self._alias(meaning, node, depth)
        if isinstance(meaning, ClassRef):
            return self._class(meaning)
        if isinstance(meaning, External):
            home, _, name = meaning.dotted.rpartition(".")
            if home in HOMES and name in SIMPLE:
                return {"type": SIMPLE[name]}
            if home in HOMES and name in ANYTHING:
                return {}
        return {"x-python": [ast.unparse(node)]}

    def _alias(self, meaning: Assigned, node: ast.expr, depth: int) -> Schema:
        """`Choices = Literal[…]`; a name for anything else is not understood."""
        value = meaning.value
        if isinstance(value, ast.Call):  # NewType("X", int), TypeVar("T"): the latter is anything
            called = ast.unparse(value.func).rpartition(".")[2]
            if called == "NewType" and len(value.args) == 2:
                return self._schema(value.args[1], meaning.module, depth + 1)
            return {}
        if isinstance(value, (ast.Subscript, ast.BinOp, ast.Name, ast.Attribute)):
            return self._schema(value, meaning.module, depth + 1)
        return {"x-python": [ast.unparse(node)]}

    def _class(self, reference: ClassRef) -> Schema:
        if (target := self._refer(reference)) is not None:
            return target
        members = self._values.enum(reference)
        if members is not None:
            return enumerate_values(list(members.values()))
        if self._classes.is_a(reference, "builtins.str"):
            return {"type": "string"}
        # A dictionary whose keys are declared (TypedDict), or one with a name of its own.
        if self._classes.is_a(reference, "typing.TypedDict", "typing_extensions.TypedDict", "builtins.dict"):
            return {"type": "object"}
        return {"x-python": [reference.name]}

    def _subscript(self, node: ast.Subscript, module: Module, depth: int) -> Schema:
        meaning = self._modules.resolve(node.value, module)
        name = meaning.dotted.rpartition(".")[2] if isinstance(meaning, External) else ast.unparse(node.value)
        arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == "Literal":
            return self._literal(arguments, module)
        if name in WRAPPERS:
            return self._schema(arguments[0], module, depth + 1) | self._pattern(arguments[1:], module)
        if name in UNIONS:
            parts = [self._schema(argument, module, depth + 1) for argument in arguments]
            return unite([*parts, {"type": "null"}] if name == "Optional" else parts)
        kind = SIMPLE.get(name)
        if kind == "array":
            return self._array(name, arguments, module, depth)
        if kind == "object":
            inner = self._schema(arguments[1], module, depth + 1) if len(arguments) == 2 else {}
            return {"type": "object", **({"additionalProperties": inner} if inner else {})}
        if isinstance(meaning, Assigned):
            return {}
        return {"x-python": [ast.unparse(node.value)]}

    def _pattern(self, annotations: Sequence[ast.expr], module: Module) -> Schema:
        """pydantic's `StringConstraints(pattern="^a")` beside a type."""
        for node in annotations:
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "StringConstraints":
                for keyword in node.keywords:
                    if keyword.arg == "pattern" and isinstance(keyword.value, ast.Constant):
                        return {"pattern": keyword.value.value}
        return {}

    def _array(self, name: str, arguments: Sequence[ast.expr], module: Module, depth: int) -> Schema:
        is_fixed = name in ("tuple", "Tuple") and not any(
            isinstance(a, ast.Constant) and a.value is ... for a in arguments
        )
        if is_fixed:
            parts = [self._schema(argument, module, depth + 1) for argument in arguments]
            return {"type": "array", "prefixItems": parts, "items": False, "minItems": len(parts)}
        inner = self._schema(arguments[0], module, depth + 1)
        return {"type": "array", **({"items": inner} if inner else {})}

    def _literal(self, arguments: Iterable[ast.expr], module: Module) -> Schema:
        values: list[object] = []
        for argument in arguments:
            try:
                value = self._values.constant(argument, module)
            except NotConstant:
                return {}
            values += value if isinstance(value, list) else [value]
        return enumerate_values(values)


def enumerate_values(values: Sequence[object]) -> Schema:
    """The schema of a closed list of values; an enum may have two names for one."""
    if all(value is None or isinstance(value, (str, int, float)) for value in values):
        values = _unique(values)
    kinds = [name for value in values if (name := type_of(value)) is not None]
    schema: Schema = {"enum": list(values)}
    if len(kinds) != len(values):
        return schema
    return {"type": _one_or_many(sorted(set(kinds), key=lambda kind: (kind == "null", kinds.index(kind)))), **schema}


def type_of(value: object) -> str | None:
    """JSON's name for a value's type; None for what is no JSON value."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return "null" if value is None else names.get(type(value))


def unite(parts: Sequence[Schema]) -> Schema:
    """The schema of a value that fits one of several, in one level where they do not contradict each other."""
    flat: list[Schema] = []
    for part in parts:
        alternatives = part.get("anyOf")
        flat += alternatives if isinstance(alternatives, list) else [part]
    if any(not part for part in flat):
        return {}
    classes = list(dict.fromkeys(name for part in [*parts, *flat] for name in _names(part.get("x-python"))))
    references = _distinct(part for part in flat if "$ref" in part)
    plain = _plain([part for part in flat if "$ref" not in part])
    alternatives = [*references, *plain] if references else plain
    united: Schema = alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives} if alternatives else {}
    return {**united, **({"x-python": classes} if classes else {})}


def _plain(parts: Sequence[Schema]) -> list[Schema]:
    """Types with their keywords, merged into one schema; several where two say different things of one type."""
    merged: Schema = {}
    kinds: dict[str, None] = {}
    closed: list[object] = []
    meant: list[object] = []
    others: list[Schema] = []
    for part in parts:
        if isinstance(values := part.get("enum"), list):
            closed += values
            continue
        if "pattern" in part:
            others.append(part)
            continue
        if isinstance(values := part.get("examples"), list):
            meant += values
        names = _names(part.get("type"))
        extra = {keyword: part[keyword] for keyword in KEYWORDS_OF_TYPE if keyword in part}
        if extra and (extra.keys() & merged.keys() or set(names) & set(kinds)):
            others.append({keyword: value for keyword, value in part.items() if keyword != "x-python"})
            continue
        kinds |= dict.fromkeys(names)
        merged |= extra
    if "number" in kinds:
        kinds.pop("integer", None)
    if "null" in kinds:
        kinds["null"] = kinds.pop("null")  # last, as people read it
    # A closed list beside types that are open: what those allow anyway is only meant.
    meant += [value for value in closed if _fits(value, kinds)]
    closed = _unique(value for value in closed if not _fits(value, kinds))
    if closed and set(kinds) <= {"boolean", "null"}:
        flags = [True, False] if "boolean" in kinds else []
        return [enumerate_values(_unique([*closed, *flags, *([None] if "null" in kinds else [])])), *others]
    result: Schema = {"type": _one_or_many(kinds)} if kinds else {}
    if meant:
        result["examples"] = _unique(meant)
    result |= merged
    return [*([result] if result else []), *([enumerate_values(closed)] if closed else []), *others]


def _fits(value: object, kinds: Mapping[str, None]) -> bool:
    kind = type_of(value)
    return kind in kinds or (kind == "integer" and "number" in kinds)


def _unique(values: Iterable[object]) -> list[object]:
    return list({_text(value): value for value in values}.values())


def _distinct(parts: Iterable[Schema]) -> list[Schema]:
    return list({_text(part): {"$ref": part["$ref"]} for part in parts}.values())


def _names(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(value) if isinstance(value, list) else []


def _one_or_many(kinds: Iterable[str]) -> str | list[str]:
    names = list(kinds)
    return names[0] if len(names) == 1 else names


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
