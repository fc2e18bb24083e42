"""Reads the text of a `when` into a tree; what is not allowed is named with its span.

    test        or / and / not, comparisons (also chained), `in`, `not in`, `is None`, `is not None`
    arithmetic  + - * / // %
    operand     name.of.key, name["odd-key"], key("odd-key.name"), items[0], number, "text", True, False, None, (a, b)
    call        written(name), known(name), truthy(name): neither false, 0, null nor empty, given(name): written and
                truthy; and the functions of values in `functions`

Python's own parser gives the syntax (it never executes anything); only the node types listed below get through.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache

from ftlint.errors import nearest
from ftlint.rulebook.patterns import PatternError, bounded_pattern
from ftlint.rulebook.when.functions import FUNCTIONS, QUESTIONS
from ftlint.rulebook.when.tree import (
    Arithmetic,
    Call,
    Compared,
    Comparison,
    Condition,
    Joined,
    Joint,
    Listing,
    Literal,
    Name,
    Node,
    Not,
    Question,
)
from ftlint.spans import Span

MAX_LENGTH = 2_000


class WhenError(ValueError):
    """A `when` that cannot be read; `span` is in code points of the text."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.span = span


@cache  # one entry per rule: compiled when first asked for, which most rules never are
def parse_when(text: str) -> Condition:
    """The condition that `text` states, or a WhenError."""
    whole = Span(0, len(text))
    if len(text) > MAX_LENGTH:
        raise WhenError(f"is longer than {MAX_LENGTH} characters", whole)
    line = "".join(" " if character in "\r\n\t" else character for character in text)
    indent = len(line) - len(line.lstrip())
    try:
        tree = ast.parse(line[indent:], mode="eval")
        builder = _Builder(line[indent:], indent)
        root = builder.node(tree.body)
    except SyntaxError as error:
        start = min(indent + max((error.offset or 1) - 1, 0), len(text))
        raise WhenError(f"is not an expression: {error.msg}", Span(start, len(text))) from None
    except (RecursionError, MemoryError, ValueError) as error:
        if isinstance(error, WhenError):
            raise
        raise WhenError("cannot be read: it is nested too deeply or has odd characters", whole) from None
    if not builder.names:
        raise WhenError("reads no key, so it says nothing about a run", whole)
    return Condition(text, root, tuple(dict.fromkeys(builder.names)))


_COMPARISONS: dict[type[ast.cmpop], Comparison] = {
    ast.Eq: Comparison.EQUAL,
    ast.NotEq: Comparison.NOT_EQUAL,
    ast.Lt: Comparison.LESS,
    ast.LtE: Comparison.LESS_OR_EQUAL,
    ast.Gt: Comparison.GREATER,
    ast.GtE: Comparison.GREATER_OR_EQUAL,
    ast.In: Comparison.IN,
    ast.NotIn: Comparison.NOT_IN,
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
_SPELLINGS = {"true": "True", "false": "False", "null": "None", "none": "None"}


@dataclass(slots=True)
class _Builder:
    """Turns Python's tree into ours. Owned by one `parse_when`; `names` collects what is read."""

    line: str
    indent: int
    names: list[str] = field(default_factory=list)

    def node(self, tree: ast.expr) -> Node:
        """The node for any allowed expression."""
        match tree:
            case ast.BoolOp(op=operator, values=values):
                joint = Joint.AND if isinstance(operator, ast.And) else Joint.OR
                return Joined(joint, tuple(self.node(value) for value in values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.node(operand))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Arithmetic("-", Literal(0), self.node(operand))
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _ARITHMETIC:
                return Arithmetic(_ARITHMETIC[type(operator)], self.node(left), self.node(right))
            case ast.Compare(left=left, ops=operators, comparators=comparators):
                links = zip(operators, comparators, strict=True)
                return Compared(self.node(left), tuple(self.link(operator, right) for operator, right in links))
            case ast.Constant(value=None | bool() | int() | float() | str() as value):
                return Literal(value)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                return Listing(tuple(self.node(item) for item in items))
            case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]):
                return self.call(tree, function, arguments)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return Name(self.name(tree))
        raise self.error(tree, f"`{self.text(tree)}` is not allowed here: only keys, literals and the listed functions")

    def link(self, operator: ast.cmpop, right: ast.expr) -> tuple[Comparison, Node]:
        """One link of a chain of comparisons."""
        if isinstance(operator, (ast.Is, ast.IsNot)):
            if not (isinstance(right, ast.Constant) and right.value is None):
                raise self.error(right, f"`is` compares with None only; write `== {self.text(right)}`")
            return (Comparison.EQUAL if isinstance(operator, ast.Is) else Comparison.NOT_EQUAL, Literal(None))
        return _COMPARISONS[type(operator)], self.node(right)

    def call(self, tree: ast.Call, function: str, arguments: list[ast.expr]) -> Node:
        """A call of one of the closed set of functions."""
        if function == "key":
            return Name(self.quoted(tree, arguments))
        if function in QUESTIONS:
            if len(arguments) != 1:
                raise self.error(tree, f"{function}() takes one key")
            return Question(QUESTIONS[function], self.name(arguments[0]))
        if function not in FUNCTIONS:
            allowed = ("key", *QUESTIONS, *FUNCTIONS)
            raise self.error(
                tree, f"there is no function {function!r} (of {', '.join(allowed)}){nearest(function, allowed)}"
            )
        count, implementation = FUNCTIONS[function]
        if len(arguments) != count:
            raise self.error(tree, f"{function}() takes {count} values, not {len(arguments)}")
        nodes = tuple(self.node(argument) for argument in arguments)
        if function == "matches":
            self.check_pattern(arguments[1])
        return Call(implementation, nodes)

    def check_pattern(self, tree: ast.expr) -> None:
        """The pattern of `matches` is written out, so that it can be judged before anything is matched."""
        if not (isinstance(tree, ast.Constant) and isinstance(tree.value, str)):
            raise self.error(tree, "the pattern of matches() must be a text literal")
        try:
            bounded_pattern(tree.value)
        except PatternError as error:
            raise self.error(tree, f"pattern {tree.value!r} {error}") from None

    def quoted(self, tree: ast.Call, arguments: list[ast.expr]) -> str:
        """The name in `key("odd-name.stage")`."""
        match arguments:
            case [ast.Constant(value=str(dotted))] if dotted and all(dotted.split(".")):
                self.names.append(dotted)
                return dotted
        raise self.error(tree, 'key() takes one quoted name, as in key("odd-name.stage")')

    def name(self, tree: ast.expr) -> str:
        """The dotted name that `a.b["c-d"][0]` writes."""
        match tree:
            case ast.Call(func=ast.Name(id="key"), args=arguments, keywords=[]):
                return self.quoted(tree, arguments)
        dotted = ".".join(self.segments(tree))
        self.names.append(dotted)
        return dotted

    def segments(self, tree: ast.expr) -> tuple[str, ...]:
        """The segments of a dotted name."""
        match tree:
            case ast.Name(id=identifier):
                if identifier in _SPELLINGS:
                    raise self.error(tree, f"{identifier!r} would be a key; write {_SPELLINGS[identifier]}")
                return (identifier,)
            case ast.Attribute(value=inner, attr=attribute):
                return (*self.segments(inner), attribute)
            case ast.Subscript(value=inner, slice=ast.Constant(value=str(segment))) if segment and "." not in segment:
                return (*self.segments(inner), segment)
            case ast.Subscript(value=inner, slice=ast.Constant(value=int(index))) if not isinstance(index, bool):
                return (*self.segments(inner), str(index))
        raise self.error(tree, f"`{self.text(tree)}` is not the name of a key")

    def text(self, tree: ast.expr) -> str:
        """The text of that node."""
        span = self.span(tree)
        return self.line[span.start - self.indent : span.end - self.indent]

    def span(self, tree: ast.expr) -> Span:
        """Where that node stands; Python counts bytes of UTF-8."""
        encoded = self.line.encode()
        end_bytes = len(encoded) if tree.end_col_offset is None else tree.end_col_offset
        start, end = (len(encoded[:offset].decode(errors="ignore")) for offset in (tree.col_offset, end_bytes))
        return Span(self.indent + start, self.indent + end)

    def error(self, tree: ast.expr, message: str) -> WhenError:
        """An error that points at that node."""
        return WhenError(message, self.span(tree))
