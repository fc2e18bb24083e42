"""What is said of a value that does not fit, and the words for what was expected."""

from __future__ import annotations

from enum import Enum

from ftlint.checks.schema.shapes import Accepted
from ftlint.record import record
from ftlint.run.key import Section


class Trouble(Enum):
    """What does not fit about a value."""

    TYPE = "type"
    VALUE = "value"
    LETTER_CASE = "letter case"
    NUMBER_AS_TEXT = "number as text"


@record
class Verdict:
    """`raises`: whether the reader refuses the value; else it is kept as it is and may fail later. `expected` in words.

    `instead`: the value that was meant.
    """

    trouble: Trouble
    raises: bool
    expected: str
    instead: str | None = None


_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
}
NUMBERS = frozenset({int, float})
AUTO = frozenset({(str, "auto")})


def expected_of(accepted: Accepted) -> str:
    """What a value should be, in words: `a number`, `true or false`, `"no", "steps" or "epoch"`."""
    num_items = accepted.num_items
    names = [word for name, word in _WORDS.items() if _is_named(name, accepted) and not (name == "array" and num_items)]
    names += [f"a list of {num_items}"] if num_items else []
    chosen = {each for each in accepted.values if each[1] is not None}
    if chosen - AUTO or (chosen and not names):
        by_name = {(kind, word) for kind, word in chosen if kind is str and not str(word).isdecimal()} - AUTO
        words = [_shown(value) for _, value in sorted(by_name or chosen - AUTO or chosen, key=repr)]
        listed = words if len(words) <= 8 else [*words[:7], "another of them"]
        return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"
    return " or ".join(names) or "something else"


def _is_named(name: str, accepted: Accepted) -> bool:
    types = accepted.types or frozenset()
    match name:
        case "integer":
            return int in types and float not in types
        case "number":
            return float in types
        case "string":
            return str in types
        case "boolean":
            return bool in types
        case "object":
            return Section.MAPPING in types
    return Section.SEQUENCE in types


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def wrong(accepted: Accepted, raises: bool) -> Verdict:
    """The verdict on a value of another type."""
    return Verdict(Trouble.TYPE, raises, expected_of(accepted))
