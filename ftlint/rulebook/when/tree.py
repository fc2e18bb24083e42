"""What an expression is made of, and what each part answers in an environment.

An operand has a value, a test has a truth; each can stand where the other is wanted: a value that is not a bool has
the truth UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from ftlint.record import record
from ftlint.rulebook.when.reading import Environment, Outcome, Reading
from ftlint.rulebook.when.values import Value, calculate, contained, equal, ordered
from ftlint.run.fact import UNKNOWN, Truth, all_of


class Node(Protocol):
    """Any part of an expression."""

    def value(self, reading: Reading) -> Value:
        """What it is worth."""

    def truth(self, reading: Reading) -> Truth:
        """Whether it holds."""


class Operand:
    """A node that is made for its value."""

    __slots__ = ()

    def value(self, reading: Reading) -> Value:
        """What it is worth."""
        raise NotImplementedError

    def truth(self, reading: Reading) -> Truth:
        """Whether it is True; only bools have a truth."""
        value = self.value(reading)
        return Truth.of(value) if isinstance(value, bool) else Truth.UNKNOWN


class Test:
    """A node that is made for its truth."""

    __slots__ = ()

    def value(self, reading: Reading) -> Value:
        """The truth as a bool, where it is known."""
        truth = self.truth(reading)
        return UNKNOWN if truth is Truth.UNKNOWN else truth is Truth.YES

    def truth(self, reading: Reading) -> Truth:
        """Whether it holds."""
        raise NotImplementedError


@record
class Literal(Operand):
    """A number, text, True, False or None."""

    content: bool | int | float | str | None

    def value(self, reading: Reading) -> Value:
        """The literal itself."""
        return self.content


@record
class Name(Operand):
    """A dotted name, `zero_optimization.stage`."""

    dotted: str

    def value(self, reading: Reading) -> Value:
        """What holds for the name."""
        value: Value = reading.fact(self.dotted).value
        return value


@record
class Listing(Operand):
    """`("cpu", "nvme")`."""

    items: tuple[Node, ...]

    def value(self, reading: Reading) -> Value:
        """The values of the items."""
        return tuple(item.value(reading) for item in self.items)


@record
class Arithmetic(Operand):
    """`left * right`."""

    symbol: str
    left: Node
    right: Node

    def value(self, reading: Reading) -> Value:
        """The result."""
        return calculate(self.symbol, self.left.value(reading), self.right.value(reading))


@record
class Call(Operand):
    """A function of values, `lower(x)`."""

    function: Callable[..., Value]
    arguments: tuple[Node, ...]

    def value(self, reading: Reading) -> Value:
        """What the function answers."""
        return self.function(*(argument.value(reading) for argument in self.arguments))


@record
class Question(Test):
    """A function of a name rather than of its value, `written(x)`."""

    function: Callable[[Reading, str], Truth]
    dotted: str

    def truth(self, reading: Reading) -> Truth:
        """What the function answers."""
        return self.function(reading, self.dotted)


@record
class Not(Test):
    """`not x`."""

    operand: Node

    def truth(self, reading: Reading) -> Truth:
        """The other truth."""
        return self.operand.truth(reading).negated()


class Joint(Enum):
    """How operands are joined, by the truth that one operand can decide alone."""

    AND = Truth.NO
    OR = Truth.YES


@record
class Joined(Test):
    """`a and b and …`, or with `or`."""

    joint: Joint
    operands: tuple[Node, ...]

    def truth(self, reading: Reading) -> Truth:
        """Kleene's and, or or."""
        start = len(reading.reads)
        unknown = False
        for operand in self.operands:
            before = len(reading.reads)
            truth = operand.truth(reading)
            if truth is self.joint.value:
                reading.forget(start, before)  # the operands before this one said nothing that matters
                return truth
            unknown = unknown or truth is Truth.UNKNOWN
        return Truth.UNKNOWN if unknown else self.joint.value.negated()


class Comparison(Enum):
    """The comparisons, as written."""

    EQUAL = "=="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    IN = "in"
    NOT_IN = "not in"

    def holds(self, left: Value, right: Value) -> Truth:
        """Whether `left <this> right`."""
        match self:
            case Comparison.EQUAL:
                return equal(left, right)
            case Comparison.NOT_EQUAL:
                return equal(left, right).negated()
            case Comparison.IN:
                return contained(left, right)
            case Comparison.NOT_IN:
                return contained(left, right).negated()
            case Comparison.LESS:
                return ordered(lambda a, b: a < b, left, right)
            case Comparison.LESS_OR_EQUAL:
                return ordered(lambda a, b: a <= b, left, right)
            case Comparison.GREATER:
                return ordered(lambda a, b: a > b, left, right)
            case Comparison.GREATER_OR_EQUAL:
                return ordered(lambda a, b: a >= b, left, right)


@record
class Compared(Test):
    """`first < second <= third`: all links of the chain hold."""

    first: Node
    links: tuple[tuple[Comparison, Node], ...]

    def truth(self, reading: Reading) -> Truth:
        """Whether all links hold."""
        truths = []
        left = self.first.value(reading)
        for comparison, node in self.links:
            right = node.value(reading)
            truths.append(comparison.holds(left, right))
            left = right
        return all_of(truths)


@record
class Condition:
    """A whole `when`: its text, its tree, and the names it may read in the order of the text."""

    text: str
    root: Node
    names: tuple[str, ...]

    def evaluate(self, environment: Environment) -> Outcome:
        """Whether it holds there, and the names that decided it."""
        reading = Reading(environment)
        truth = self.root.truth(reading)
        return Outcome(truth, tuple(dict.fromkeys(reading.reads)))
