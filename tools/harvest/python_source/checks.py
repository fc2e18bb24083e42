"""What a constructor demands of its values: read from conversions, comparisons and the conditions of its `raise`.

Only what happens whenever an object is made counts: statements of the function itself, of methods of the class that it
calls, and of what stands under `if value is not None`. Once a value has been replaced, what is asked of it later says
nothing about what was passed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tools.harvest.python_source.classes import Classes
from tools.harvest.python_source.modules import ClassRef, External, FunctionRef, Module
from tools.harvest.python_source.values import NotConstant, Values

Check = dict[str, object]
"""One entry of `x-checked`; of an enum also `values`, which become the property's `enum`."""

CONVERSIONS = ("float", "int")
# Functions that take a path and nothing else, and raise TypeError for a number.
PATH_FUNCTIONS = ("os.path.expanduser", "os.path.abspath", "os.path.join", "os.path.expandvars")
ORDERINGS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
INSTANCES = ("bool", "dict", "float", "int", "list", "str", "tuple")
# What a value must not be, where the comparison leads to `raise` -> the bound that it must keep.
BOUNDS: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "minimum",
    ast.LtE: "exclusiveMinimum",
    ast.Gt: "maximum",
    ast.GtE: "exclusiveMaximum",
}
MIRRORED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}
CONTRARY: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


@dataclass
class _Reading:
    """State of one walk: what was found, and whose values have been replaced."""

    checks: dict[str, list[Check]] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)  # replaced by the member of an enumeration that has this value
    called: set[str] = field(default_factory=set)


class Checks:
    """Reads the checks of a class's constructor."""

    def __init__(self, classes: Classes, values: Values) -> None:
        self._classes = classes
        self._values = values

    def of(self, reference: ClassRef, keys: Iterable[str], methods: Sequence[str]) -> dict[str, list[Check]]:
        """Key -> what these methods, one after the other, demand of it."""
        reading = _Reading()
        known = frozenset(keys)
        for name in methods:
            self._call(reference, name, known, reading)
        return {key: _merged(checks) for key, checks in reading.checks.items()}

    def of_function(self, reference: ClassRef, function: FunctionRef, parameter: str) -> list[Check]:
        """What a function, of that class or not, demands of one parameter."""
        reading = _Reading()
        keys = frozenset((parameter,))
        _Walk(self._values, reference, reference, function, keys, reading, self._call).body(function.node.body, None)
        return _merged(reading.checks.get(parameter, []))

    def _call(
        self, reference: ClassRef, name: str, keys: frozenset[str], reading: _Reading, above: ClassRef | None = None
    ) -> None:
        """Walk a method, of the class or of the next one `above` another; each method once."""
        order = [base for base in self._classes.order(reference) if isinstance(base, ClassRef)]
        start = order.index(above) + 1 if above in order else 0
        for owner in order[start:]:
            function = self._classes.own_method(owner, name)
            if function is not None:
                if (called := f"{owner.dotted}.{name}") not in reading.called:
                    reading.called.add(called)
                    _Walk(self._values, reference, owner, function, keys, reading, self._call).body(
                        function.node.body, None
                    )
                return


class _Walk:
    """One pass through a function's body."""

    def __init__(
        self,
        values: Values,
        reference: ClassRef,
        owner: ClassRef,
        function: FunctionRef,
        keys: frozenset[str],
        reading: _Reading,
        call: Callable[[ClassRef, str, frozenset[str], _Reading, ClassRef | None], None],
    ) -> None:
        self._values = values
        self._reference = reference
        self._owner = owner
        self._module: Module = function.module
        self._parameters = {each.arg for each in (*function.node.args.args, *function.node.args.kwonlyargs)}
        self._keys = keys
        self._reading = reading
        self._call = call

    def body(self, statements: Sequence[ast.stmt], guarded: str | None) -> bool:
        """Walk statements; `guarded`: the key that is known not to be None there. False where the way may end early."""
        for statement in statements:
            if isinstance(statement, (ast.Return, ast.Raise)):
                return False
            self._statement(statement, guarded)
        return True

    def _statement(self, statement: ast.stmt, guarded: str | None) -> None:
        if isinstance(statement, ast.If):
            self._if(statement, guarded)
        elif isinstance(statement, ast.Assert):
            self._must(statement.test, guarded)
            self._looked_at(statement.test, guarded)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            self._assign(statement, guarded)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and guarded is None:
            name, is_inherited = _own_method(statement.value)
            if name:
                above = self._owner if is_inherited else None
                self._call(self._reference, name, self._keys, self._reading, above)
        else:
            self._replace_in([statement])

    def _if(self, statement: ast.If, guarded: str | None) -> None:
        self._looked_at(statement.test, guarded)
        if _raises(statement.body):
            self._must_not(statement.test, guarded)
            self._replace_in(statement.orelse)
            return
        key = self._not_none(statement.test)
        if key is not None and (guarded is None or guarded == key) and not statement.orelse:
            self.body(statement.body, key)
            return
        missing = self._is_none(statement.test) or self._is_empty(statement.test)
        if missing is not None and not statement.orelse:
            # A default that is only found now: what was passed is asked about all the same.
            self._replace_in(statement.body, besides=missing)
            return
        self._replace_in([*statement.body, *statement.orelse])

    def _assign(self, statement: ast.Assign | ast.AnnAssign, guarded: str | None) -> None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        key = self._key(targets[0]) if len(targets) == 1 else None
        if key is None or statement.value is None:
            self._replace_in([statement])
            return
        if self._key(statement.value) == key or key in self._reading.replaced:
            return
        call = statement.value
        converted = isinstance(call, ast.Call) and len(call.args) == 1 and not call.keywords
        if isinstance(call, ast.Call) and converted and self._key(call.args[0]) == key and guarded in (None, key):
            self._conversion(key, call)
        self._reading.replaced.add(key)

    def _conversion(self, key: str, call: ast.Call) -> None:
        meaning = self._values.modules.resolve(call.func, self._module)
        if isinstance(meaning, ClassRef) and (members := self._values.enum(meaning)) is not None:
            self._found(key, {"kind": "enum", "values": list(members.values())}, key)
            self._reading.members.add(key)
        elif isinstance(meaning, External) and meaning.dotted.removeprefix("builtins.") in CONVERSIONS:
            self._found(key, {"kind": "converted", "by": meaning.dotted.removeprefix("builtins.")}, key)
        elif isinstance(meaning, External) and meaning.dotted in PATH_FUNCTIONS:
            self._found(key, {"kind": "instance", "of": ["str"]}, key)

    def _must(self, test: ast.expr, guarded: str | None) -> None:
        """What holds for every value that goes on: `assert test`."""
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            for part in test.values:
                self._must(part, guarded)
        else:
            self._must_not(ast.UnaryOp(ast.Not(), test), guarded)

    def _must_not(self, test: ast.expr, guarded: str | None) -> None:
        """What a value must not be: `if test: raise`."""
        if isinstance(test, ast.BoolOp):
            if isinstance(test.op, ast.Or):
                for part in test.values:
                    self._must_not(part, guarded)
            elif len(test.values) == 2 and (key := self._not_none(test.values[0])) is not None:
                self._must_not(test.values[1], key)
            return
        negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        inner = test.operand if isinstance(test, ast.UnaryOp) and negated else test
        if negated and isinstance(inner, ast.BoolOp) and isinstance(inner.op, ast.And):
            for part in inner.values:
                self._must(part, guarded)
            return
        if isinstance(inner, ast.Compare):
            self._comparison(inner, guarded, negated=negated)
        elif negated and isinstance(inner, ast.Call):
            self._instance(inner, guarded)

    def _comparison(self, test: ast.Compare, guarded: str | None, *, negated: bool) -> None:
        sides = [test.left, *test.comparators]
        if len(test.ops) > 1 and not negated:
            return  # `a < x < b` must not be: neither bound alone follows
        for operator, left, right in zip(test.ops, sides, sides[1:], strict=False):
            kind = CONTRARY.get(type(operator), ast.Eq) if negated else type(operator)
            key = self._key(left)
            if kind is ast.NotIn and key is not None:
                self._membership(key, right, guarded)
            elif kind in BOUNDS:
                if key is None:
                    key, right, kind = self._key(right), left, MIRRORED[kind]
                bound = self._constant(right)
                if key is not None and isinstance(bound, (int, float)) and not isinstance(bound, bool):
                    self._found(key, {"kind": "range", BOUNDS[kind]: bound}, guarded)

    def _membership(self, key: str, container: ast.expr, guarded: str | None) -> None:
        values = self._constant(container)
        if isinstance(values, dict):
            values = list(values)
        if isinstance(values, list) and values:
            self._found(key, {"kind": "enum", "values": values}, guarded)

    def _instance(self, call: ast.Call, guarded: str | None) -> None:
        if ast.unparse(call.func) != "isinstance" or len(call.args) != 2:
            return
        key = self._key(call.args[0])
        kinds = call.args[1].elts if isinstance(call.args[1], ast.Tuple) else [call.args[1]]
        names = [ast.unparse(kind) for kind in kinds]
        if key is not None and all(name in INSTANCES for name in names):
            self._found(key, {"kind": "instance", "of": names}, guarded)

    def _looked_at(self, test: ast.expr, guarded: str | None, conditions: Mapping[str, object] | None = None) -> None:
        """Values that the condition compares by size whenever it is asked: a text there raises TypeError."""
        if isinstance(test, ast.BoolOp):
            self._looked_at_in_turn(test, guarded, conditions)
        elif isinstance(test, ast.UnaryOp):
            self._looked_at(test.operand, guarded, conditions)
        elif isinstance(test, ast.Compare):
            sides = [test.left, *test.comparators]
            for operator, left, right in list(zip(test.ops, sides, sides[1:], strict=False))[:1]:
                for one, other in ((left, right), (right, left)):
                    bound = self._constant(other) if isinstance(operator, ORDERINGS) else None
                    key = self._key(one)
                    if key is not None and isinstance(bound, (int, float)):
                        also: Check = {"if": dict(conditions)} if conditions else {}
                        self._found(key, {"kind": "number", **also}, guarded)

    def _looked_at_in_turn(
        self, test: ast.BoolOp, guarded: str | None, conditions: Mapping[str, object] | None
    ) -> None:
        """`a == "steps" and b > 1`: the later is asked where the earlier holds; all behind a comparison is left."""
        there = dict(conditions or {})
        for part in test.values:
            key = self._not_none(part)
            if isinstance(test.op, ast.And) and key is not None and guarded in (None, key):
                guarded = key
            elif isinstance(test.op, ast.And) and (equality := self._equality(part)) is not None:
                there |= equality
            else:
                self._looked_at(part, guarded, there)
                return

    def _equality(self, test: ast.expr) -> dict[str, object] | None:
        """The key and its value in `self.a == Enum.X` and `self.a is None`, as it was passed."""
        if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], (ast.Eq, ast.Is)):
            return None
        key = self._key(test.left)
        if key is None or (key in self._reading.replaced and key not in self._reading.members):
            return None
        try:
            value = self._values.constant(test.comparators[0], self._module)
        except NotConstant:
            return None
        return {key: value} if value is None or isinstance(value, (bool, int, float, str)) else None

    def _found(self, key: str, check: Check, guarded: str | None) -> None:
        # Where another value decides whether this one is asked, nothing follows from this one alone.
        if key not in self._reading.replaced and guarded in (None, key):
            found = self._reading.checks.setdefault(key, [])
            if check not in found:
                found.append(check)

    def _replace_in(self, statements: Iterable[ast.stmt], besides: str | None = None) -> None:
        """Everything that may get another value somewhere in there."""
        for statement in statements:
            for node in ast.walk(statement):
                if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
                    key = self._key(node)
                    if key is not None and key != besides:
                        self._reading.replaced.add(key)

    def _key(self, node: ast.expr) -> str | None:
        """The key that `self.key` or a parameter of that name is about; a local variable of that name is another."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            name = node.attr
        elif isinstance(node, ast.Name) and node.id in self._parameters:
            name = node.id
        else:
            return None
        return name if name in self._keys else None

    def _not_none(self, test: ast.expr) -> str | None:
        return self._compared_with_none(test, ast.IsNot)

    def _is_none(self, test: ast.expr) -> str | None:
        return self._compared_with_none(test, ast.Is)

    def _is_empty(self, test: ast.expr) -> str | None:
        """The key of which some part says `key is None or key == 0`, whatever else has to hold."""
        parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
        for part in parts:
            if isinstance(part, ast.BoolOp) and isinstance(part.op, ast.Or):
                key = self._is_none(part.values[0])
                rest = [self._equality(each) for each in part.values[1:]]
                if key is not None and all(each is not None and key in each for each in rest):
                    return key
        return None

    def _compared_with_none(self, test: ast.expr, operator: type[ast.cmpop]) -> str | None:
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], operator):
            right = test.comparators[0]
            if isinstance(right, ast.Constant) and right.value is None:
                return self._key(test.left)
        return None

    def _constant(self, node: ast.expr) -> object:
        try:
            return self._values.constant(node, self._module)
        except NotConstant:
            return None


def _own_method(call: ast.Call) -> tuple[str, bool]:
    """The method of `self.method()` or `super().method()`, else empty, and whether it is the one above."""
    found = re.fullmatch(r"(self|super\(\))\.(\w+)\(.*\)", ast.unparse(call), re.DOTALL)
    return (found[2], found[1] != "self") if found else ("", False)


def _raises(statements: Sequence[ast.stmt]) -> bool:
    """Whether nothing but `raise` comes of it."""
    return (
        bool(statements)
        and isinstance(statements[-1], ast.Raise)
        and all(isinstance(statement, (ast.Raise, ast.Assign, ast.Expr)) for statement in statements)
    )


def _merged(checks: list[Check]) -> list[Check]:
    """Bounds of one key in one entry; `number` only where nothing says more."""
    bounds: Check = {}
    others: list[Check] = []
    for check in checks:
        if check["kind"] == "range":
            bounds |= check
        elif check["kind"] != "number" or "if" in check:
            others.append(check)
    numbers = [check for check in checks if check["kind"] == "number" and "if" not in check]
    return [*others, *([bounds] if bounds else numbers)]


def apply(shape: Mapping[str, object], checks: Sequence[Check]) -> dict[str, object]:
    """The shape with its `x-checked`, and with the values of a checked enum as its `enum`."""
    result = dict(shape)
    said: list[Check] = []
    for check in checks:
        values = check.get("values")
        if isinstance(values, list):
            allowed = _allowed(result, values)
            result.pop("examples", None)
            result["enum"] = allowed
        said.append({keyword: value for keyword, value in check.items() if keyword != "values"})
    return {**result, "x-checked": said} if said else result


def _allowed(shape: Mapping[str, object], values: list[object]) -> list[object]:
    """None goes on being allowed where the annotation allows it: the check stands behind `is not None`, or in front."""
    kinds = shape.get("type", [])
    may_be_none = "null" in (kinds if isinstance(kinds, list) else [kinds]) or (
        "default" in shape and shape["default"] is None
    )
    return [*values, *([None] if may_be_none and None not in values else [])]
