"""What an expression is worth, as far as its text and the constants it names say: nothing is called but containers."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator

from ftlint.record import record
from tools.harvest.python_source.modules import Assigned, ClassRef, External, Module, Modules

MAX_DEPTH = 30

CONTAINERS: dict[str, Callable[[list[object]], object]] = {
    "list": list,
    "tuple": list,
    "set": list,
    "frozenset": list,
    "sorted": lambda items: sorted(items, key=str),
}
BINARY: dict[type[ast.operator], Callable[[object, object], object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.LShift: operator.lshift,
    ast.Pow: operator.pow,
}
ENUMS = ("enum.Enum", "enum.StrEnum", "enum.IntEnum")


class NotConstant(Exception):  # noqa: N818  # an answer, not a mistake
    """The expression's value depends on more than constants."""


@record
class Expression:
    """A value that is no JSON value; its text as Python writes it."""

    text: str


class Values:
    """Evaluates expressions that stand in one release's modules."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules

    def of(self, node: ast.expr, module: Module) -> object:
        """A JSON value (tuples and sets become lists, members of an enum their values), else its Expression."""
        try:
            value = self.constant(node, module)
        except NotConstant:
            return Expression(ast.unparse(node))
        return value if _is_json(value) else Expression(ast.unparse(node))

    def constant(self, node: ast.expr, module: Module, depth: int = 0) -> object:
        """The value of a constant expression. Raises NotConstant for any other."""
        if depth > MAX_DEPTH:
            raise NotConstant
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return list(self._items(node.elts, module, depth))
        if isinstance(node, ast.Dict):
            return self._dict(node, module, depth)
        if isinstance(node, (ast.UnaryOp, ast.BinOp)):
            return self._operation(node, module, depth)
        if isinstance(node, ast.JoinedStr):
            return self._text(node, module, depth)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._named(node, module, depth)
        if isinstance(node, ast.Call):
            return self._call(node, module, depth)
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
            return self._members_of(node, module, depth)
        raise NotConstant

    def _items(self, nodes: list[ast.expr], module: Module, depth: int) -> Iterator[object]:
        for node in nodes:
            if isinstance(node, ast.Starred):
                starred = self.constant(node.value, module, depth + 1)
                if not isinstance(starred, (list, dict)):
                    raise NotConstant
                yield from starred
            else:
                yield self.constant(node, module, depth + 1)

    def _dict(self, node: ast.Dict, module: Module, depth: int) -> dict[object, object]:
        found: dict[object, object] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            made = self.constant(value, module, depth + 1)
            if key is not None:
                name = self.constant(key, module, depth + 1)
                if isinstance(name, (list, dict)):
                    raise NotConstant
                found[name] = made
            elif isinstance(made, dict):
                found |= made
            else:
                raise NotConstant
        return found

    def _operation(self, node: ast.UnaryOp | ast.BinOp, module: Module, depth: int) -> object:
        if isinstance(node, ast.UnaryOp):
            operand = self.constant(node.operand, module, depth + 1)
            if isinstance(node.op, ast.Not) and isinstance(operand, bool):
                return not operand
            if isinstance(node.op, ast.USub) and isinstance(operand, (int, float)):
                return -operand
            raise NotConstant
        left, right = (self.constant(side, module, depth + 1) for side in (node.left, node.right))
        apply = BINARY.get(type(node.op))
        numbers = isinstance(left, (int, float)) and isinstance(right, (int, float)) and abs(right) <= 1024
        joined = isinstance(node.op, ast.Add) and type(left) is type(right) and isinstance(left, (str, list))
        if apply is None or not (numbers or joined):
            raise NotConstant
        try:
            return apply(left, right)
        except (ArithmeticError, TypeError, ValueError):
            raise NotConstant from None

    def _text(self, node: ast.JoinedStr, module: Module, depth: int) -> str:
        parts: list[str] = []
        for part in node.values:
            plain = isinstance(part, ast.FormattedValue) and part.format_spec is None and part.conversion == -1
            value = part.value if isinstance(part, ast.FormattedValue) and plain else part
            parts.append(str(self.constant(value, module, depth + 1)))
        return "".join(parts)

    def _named(self, node: ast.Name | ast.Attribute, module: Module, depth: int) -> object:
        meaning = self.modules.resolve(node, module)
        if isinstance(meaning, Assigned):
            return self.constant(meaning.value, meaning.module, depth + 1)
        if isinstance(node, ast.Attribute):
            member = node.value
            if (
                node.attr in ("value", "name")
                and isinstance(member, ast.Attribute)
                and self._is_class(member.value, module)
            ):
                return self._attribute(member, module, depth) if node.attr == "value" else member.attr
            return self._attribute(node, module, depth)
        raise NotConstant

    def _is_class(self, node: ast.expr, module: Module) -> bool:
        return isinstance(self.modules.resolve(node, module), ClassRef)

    def _attribute(self, node: ast.Attribute, module: Module, depth: int) -> object:
        """`Class.NAME`: a member of an enum, or a constant of the class."""
        owner = self.modules.resolve(node.value, module)
        if not isinstance(owner, ClassRef):
            raise NotConstant
        for member, value in self._assigned_in(owner):
            if member == node.attr:
                return self._member(owner, member, value, depth)
        raise NotConstant

    def _call(self, node: ast.Call, module: Module, depth: int) -> object:
        """`list(…)` and the like of one constant; `auto()` and other calls are none."""
        function = self.modules.resolve(node.func, module)
        name = function.dotted.removeprefix("builtins.") if isinstance(function, External) else ""
        if name in CONTAINERS and not node.keywords and len(node.args) <= 1:
            if not node.args:
                return CONTAINERS[name]([])
            inner = self._iterated(node.args[0], module, depth)
            return CONTAINERS[name](inner)
        if name == "int" and len(node.args) == 1 and not node.keywords:  # `int(1e8)`
            number = self.constant(node.args[0], module, depth + 1)
            if isinstance(number, (int, float)) and math.isfinite(number):
                return int(number)
        if name == "dict" and not node.args:
            # `dict(**other, a=1)` reads as the literal `{**other, "a": 1}`.
            keys: list[ast.expr | None] = [
                None if keyword.arg is None else ast.Constant(keyword.arg) for keyword in node.keywords
            ]
            return self._dict(ast.Dict(keys, [keyword.value for keyword in node.keywords]), module, depth)
        if isinstance(node.func, ast.Attribute) and not node.args and node.func.attr in ("keys", "values"):
            owner = self.constant(node.func.value, module, depth + 1)
            if isinstance(owner, dict):
                return list(owner if node.func.attr == "keys" else owner.values())
        raise NotConstant

    def _iterated(self, node: ast.expr, module: Module, depth: int) -> list[object]:
        """What a loop over the expression sees; over an enum, its members' values."""
        meaning = self.modules.resolve(node, module)
        if isinstance(meaning, ClassRef) and (members := self.enum(meaning)) is not None:
            return list(members.values())
        value = self.constant(node, module, depth + 1)
        if not isinstance(value, (list, dict)):
            raise NotConstant
        return list(value)

    def _members_of(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, module: Module, depth: int) -> object:
        """`[member.value for member in SomeEnum]`, and the same of any constant list."""
        loop = node.generators[0]
        plain = len(node.generators) == 1 and not loop.ifs and isinstance(loop.target, ast.Name)
        element, variable = ast.unparse(node.elt), ast.unparse(loop.target)
        if plain and element in (variable, f"{variable}.value"):
            return self._iterated(loop.iter, module, depth)
        if plain and element in (f"{variable}.lower()", f"{variable}.upper()"):
            texts = [text for text in self._iterated(loop.iter, module, depth) if isinstance(text, str)]
            return [text.lower() if element.endswith("lower()") else text.upper() for text in texts]
        raise NotConstant

    def enum(self, reference: ClassRef) -> dict[str, object] | None:
        """Member name -> value of an enum; None for any other class, and where a value cannot be seen."""
        if not self._is_enum(reference):
            return None
        members: dict[str, object] = {}
        for name, node in self._assigned_in(reference):
            if not name.startswith("_") and not self._is_descriptor(node, reference.module):
                try:
                    members[name] = self._member(reference, name, node, 0)
                except NotConstant:
                    return None
        return members

    def _is_descriptor(self, node: ast.expr, module: Module) -> bool:
        """An object of a class with `__get__` is no member of an enum: accelerate 0.28 has `TPU` so."""
        cls = self.modules.resolve(node.func, module) if isinstance(node, ast.Call) else None
        return isinstance(cls, ClassRef) and "__get__" in module.bindings(cls.node.body)

    def _member(self, owner: ClassRef, name: str, node: ast.expr, depth: int) -> object:
        """A class attribute's value; `auto()` in an enum: its place, or its name where members are texts."""
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "auto":
            if any(base.endswith(("StrEnum", "str")) for base in self._base_names(owner)):
                return name.lower()
            return [member for member, _ in self._assigned_in(owner)].index(name) + 1
        if isinstance(node, ast.Name) and depth <= MAX_DEPTH:  # `TPU = XLA`, a second name
            for other, value in self._assigned_in(owner):
                if other == node.id and other != name:
                    return self._member(owner, other, value, depth + 1)
        return self.constant(node, owner.module, depth + 1)

    def _base_names(self, reference: ClassRef) -> Iterator[str]:
        for base in reference.node.bases:
            meaning = self.modules.resolve(base, reference.module)
            if isinstance(meaning, External):
                yield meaning.dotted
            elif isinstance(meaning, ClassRef) and meaning != reference:
                yield from self._base_names(meaning)

    def _is_enum(self, reference: ClassRef) -> bool:
        return any(name in ENUMS or name.endswith(".StrEnum") for name in self._base_names(reference))

    @staticmethod
    def _assigned_in(reference: ClassRef) -> Iterator[tuple[str, ast.expr]]:
        for statement in reference.node.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                yield statement.targets[0].id, statement.value
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
                yield statement.target.id, statement.value


def _is_json(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_is_json, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, (str, bool, int))
