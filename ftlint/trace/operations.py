"""Operators: arithmetic with settings and tensors, comparisons that may be unknown."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN, Truth
from ftlint.trace.heap import Dictionary, Items
from ftlint.trace.library.devices import hint_of_text
from ftlint.trace.machine import Machine
from ftlint.trace.modules import hide
from ftlint.trace.reading import key_of, unfold
from ftlint.trace.running import multiply
from ftlint.trace.values import (
    MAX_TEXT_LENGTH,
    MAX_VALUES,
    Constant,
    DTypeValue,
    Function,
    Opaque,
    Reference,
    Tensor,
    Tuple,
    Value,
)

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.Div: operator.truediv,
}  # fmt: skip

_PLAIN_FIELDS = re.compile(r"[^%]*%[ds][^%]*")


def binary(machine: Machine, left: Value, op: ast.operator, right: Value, node: ast.AST) -> Value:
    """`left op right`."""
    if isinstance(op, ast.MatMult) and isinstance(left, Tensor) and isinstance(right, Tensor):
        return multiply(machine, left, right, node)
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        return _tensor_arithmetic(left, right)
    if isinstance(left, Constant) and isinstance(right, Constant) and type(op) in _ARITHMETIC:
        return _folded(machine, left.value, op, right.value)
    one, two = machine.record(left), machine.record(right)
    if isinstance(op, ast.Add) and isinstance(one, Items) and isinstance(two, Items):
        items = one.items + two.items
        is_cut = len(items) > MAX_VALUES
        if is_cut:
            _give_up(machine, items)
        return machine.add(Items(items[:MAX_VALUES], one.open or two.open or is_cut))
    if isinstance(op, ast.Add) and isinstance(left, Tuple) and isinstance(right, Tuple):
        items = left.items + right.items
        if len(items) > MAX_VALUES:
            _give_up(machine, items)
            return machine.unknown(node)
        return Tuple(items)
    if isinstance(op, ast.BitOr) and isinstance(one, Dictionary) and isinstance(two, Dictionary):
        return machine.add(Dictionary({**one.entries, **two.entries}, one.open or two.open))
    text = left.value if isinstance(left, Constant) and isinstance(left.value, str) else ""
    return machine.unknown(None, hint_of_text([text]))


def _give_up(machine: Machine, items: tuple[Value, ...]) -> None:
    """What becomes of values in something too large to follow cannot be seen."""
    for item in dict.fromkeys(items):
        hide(machine, item)


def _folded(machine: Machine, left: Any, op: ast.operator, right: Any) -> Value:
    if (
        isinstance(left, str)
        and isinstance(op, ast.Mod)
        and isinstance(right, (int, str))
        and len(left) < MAX_TEXT_LENGTH
    ):
        return _formatted(machine, left, right)
    # Texts are only put together, never repeated: nothing here may grow without bound.
    numbers = all(isinstance(side, (int, float)) and abs(side) < 1e15 for side in (left, right))
    texts = (
        isinstance(left, str)
        and isinstance(right, str)
        and isinstance(op, ast.Add)
        and len(left) + len(right) < MAX_TEXT_LENGTH
    )
    if not (numbers or texts):
        return machine.unknown()
    try:
        return Constant(_ARITHMETIC[type(op)](left, right))
    except (ArithmeticError, ValueError):
        return machine.unknown()


def _formatted(machine: Machine, text: str, value: int | str) -> Value:
    """`"cuda:%d" % 0`, as far as nothing but the value is put in: a width could make the text as long as it likes."""
    if _PLAIN_FIELDS.fullmatch(text) is None:
        return machine.unknown(None, hint_of_text([text]))
    try:
        return Constant(text % value)
    except (TypeError, ValueError):
        return machine.unknown()


def _tensor_arithmetic(left: Value, right: Value) -> Value:
    terms = {side.term for side in (left, right) if isinstance(side, Tensor)}
    if len(terms) == 1 and all(isinstance(side, (Tensor, Constant)) for side in (left, right)):
        return Tensor(terms.pop())
    if terms == {DType.FLOAT32, DType.BFLOAT16} or terms == {DType.FLOAT32, DType.FLOAT16}:
        return Tensor(DType.FLOAT32)
    return Tensor(UNKNOWN)


def compared(machine: Machine, left: Value, op: ast.cmpop, right: Value) -> Value:
    """`left op right`, a comparison."""
    if isinstance(op, (ast.NotEq, ast.IsNot, ast.NotIn)):
        positive = {ast.NotEq: ast.Eq, ast.IsNot: ast.Is, ast.NotIn: ast.In}[type(op)]()
        answer = compared(machine, left, positive, right)
        if isinstance(answer, Constant):
            return Constant(not answer.value)
        return Opaque(("not", answer.key)) if isinstance(answer, Opaque) else machine.unknown()
    if isinstance(op, (ast.Eq, ast.Is)):
        same = _same(left, right)
        if same is not Truth.UNKNOWN:
            return Constant(same is Truth.YES)
        return Opaque(("equal", key_of(left), key_of(right)))
    if isinstance(op, ast.In):
        return _contained(machine, left, right)
    if isinstance(left, Constant) and isinstance(right, Constant):
        comparisons = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
        try:
            one: Any = left.value  # Any: comparing what does not compare is the TypeError below
            other: Any = right.value
            return Constant(bool(comparisons[type(op)](one, other)))
        except (TypeError, KeyError):
            return machine.unknown()
    return Opaque(("compare", type(op).__name__, key_of(left), key_of(right)))


def _same(left: Value, right: Value) -> Truth:
    if isinstance(left, Constant) and isinstance(right, Constant):
        return Truth.of(left.value == right.value)
    if isinstance(left, DTypeValue) and isinstance(right, DTypeValue):
        if isinstance(left.term, DType) and isinstance(right.term, DType):
            return Truth.of(left.term is right.term)
        return Truth.UNKNOWN
    if isinstance(left, Opaque) or isinstance(right, Opaque):
        return Truth.YES if left == right else Truth.UNKNOWN
    seen = (Constant, DTypeValue, Reference, Tuple, Function)
    if isinstance(left, seen) and isinstance(right, seen) and type(left) is not type(right):
        return Truth.NO
    return Truth.UNKNOWN


def _contained(machine: Machine, left: Value, right: Value) -> Value:
    record = machine.record(right)
    if isinstance(record, Dictionary) and isinstance(left, Constant) and not record.open:
        return Constant(left.value in record.entries)
    items = unfold(machine, right)
    if items is not None:
        answers = {_same(left, item) for item in items}
        if Truth.YES in answers:
            return Constant(True)
        if Truth.UNKNOWN not in answers:
            return Constant(False)
    part, whole = (side.value if isinstance(side, Constant) else None for side in (left, right))
    if isinstance(part, str) and isinstance(whole, str):
        return Constant(part in whole)
    return Opaque(("in", key_of(left), key_of(right)))
