"""Whether a value fits a shape, in the eyes of whoever reads it: pydantic converts, argparse does, a dataclass keeps.

Sources: pydantic 2.12 conversion table (lax mode); argparse `_get_value`; omegaconf 2.4 nodes.py; a dataclass looks at
no value by itself, and what its `__post_init__` does stands in the schema (`x-checked`).
"""

from __future__ import annotations

import re
from enum import Enum

from ftlint.checks.schema.shapes import Accepted, accepted_by, bounds_of
from ftlint.knowledge.schemas import Level, Raw
from ftlint.record import record
from ftlint.run.fact import UNKNOWN, Unknown
from ftlint.run.key import Key, Section


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


_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_INTEGER = re.compile(r"[-+]?\d[\d_]*(?:\.0*)?")
PLACEHOLDER = r"\$|\{\{|\}\}|<[^>]*>|%\w+%|^@|^__\w+__$|^[A-Z][A-Z0-9]*_[A-Z0-9_]*$|^\.\.\.$|^$|\bTODO\b"
"""A text that somebody fills in before it is read; means the same to Python and to JavaScript."""
_PLACEHOLDER = re.compile(PLACEHOLDER)
_TRUE_OR_FALSE = frozenset("0 off f false n no 1 on t true y yes".split())
_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
}
_NUMBERS = frozenset({int, float})


def judge(level: Level, shape: Raw, key: Key, reader: str, held: frozenset[str] = frozenset()) -> Verdict | None:
    """What is wrong with the value under that shape; None where it fits, or where we cannot tell.

    `held`: the checks that are made because of what other keys say (`if`).
    """
    value = key.fact.value
    accepted = accepted_by(level, shape)
    if value is UNKNOWN or (isinstance(value, str) and is_placeholder(value) and not _is_a_word(accepted, value)):
        return None
    if accepted.types is None or (accepted.lets_pass(value) and not accepted.has_limits):
        return None
    checks = _checks(shape) | held
    if "nothing" in checks:
        return None
    if _is_no_instance(shape, value):
        return Verdict(Trouble.TYPE, raises=True, expected=expected_of(accepted))
    if accepted.lets_pass(value) or _is_number(value):
        limits = _out_of_limits(shape, value, reader, checks)
        if limits is not None or (accepted.types & _NUMBERS and type(value) in accepted.types):
            return limits
    is_chosen = "enum" in checks and reader != "environment"
    if len(accepted.values) > len(accepted.values & _AUTO) and (is_chosen or not isinstance(value, Section)):
        return _of_enumeration(accepted, value, reader, checks | _folds(shape))
    judged = _READERS.get(reader, _unchecked)
    return judged(accepted, value, key.raw, checks)


def is_placeholder(text: str) -> bool:
    """Whether the text is filled in by somebody before it is read, so that nothing is known of the value."""
    return _PLACEHOLDER.search(text) is not None


def _is_a_word(accepted: Accepted, text: str) -> bool:
    """Whether the text is one of the enumeration's in other letters: `INVERSE_SQRT` looks like what is filled in."""
    return any(kind is str and str(each).lower() == text.lower() for kind, each in accepted.values)


def expected_of(accepted: Accepted) -> str:
    """What a value should be, in words: `a number`, `true or false`, `"no", "steps" or "epoch"`."""
    chosen = accepted.values - _AUTO
    if chosen:
        words = [_shown(value) for _, value in sorted(chosen, key=repr) if value is not None]
        listed = words if len(words) <= 8 else [*words[:7], "another of them"]
        return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"
    names = [word for name, word in _WORDS.items() if _is_named(name, accepted)]
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


def _checks(shape: Raw) -> frozenset[str]:
    checked = shape.get("x-checked")
    rows = checked if isinstance(checked, list) else []
    return frozenset(str(row.get("kind")) for row in rows if isinstance(row, dict) and "if" not in row)


_CLASSES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (float,), "str": (str,), "bool": (bool,)}


def _is_no_instance(shape: Raw, value: object) -> bool:
    """Whether the framework asks `isinstance` of the value and raises where the answer is no."""
    rows = shape.get("x-checked")
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or row.get("kind") != "instance" or not isinstance(row.get("of"), list):
            continue
        names = [name for name in row["of"] if isinstance(name, str)]
        if names and all(name in _CLASSES for name in names) and isinstance(value, (bool, int, float, str, Section)):
            return not isinstance(value, tuple(each for name in names for each in _CLASSES[name]))
    return False


_AUTO = frozenset({(str, "auto")})


def _folds(shape: Raw) -> frozenset[str]:
    """Whether letter case does not matter, as a kind of check."""
    rows = shape.get("x-checked")
    folds = isinstance(rows, list) and any(isinstance(row, dict) and row.get("fold") is True for row in rows)
    return frozenset({"fold"} if folds else ())


def _is_number(value: object) -> bool:
    return type(value) in _NUMBERS


# Enumerations and limits -------------------------------------------------------------------------------------------


def _of_enumeration(accepted: Accepted, value: object, reader: str, checks: frozenset[str]) -> Verdict | None:
    types = accepted.types or frozenset()
    if value is None and reader not in ("pydantic", "pydantic-strict"):
        return None  # what is null is mostly taken for not said
    # Of what is handed on through the environment only texts are looked up, and others pass by.
    is_looked_up = "enum" in checks and (isinstance(value, str) or reader != "environment")
    raises = is_looked_up or reader in ("pydantic", "pydantic-strict", "argparse", "omegaconf")
    texts = {each for kind, each in accepted.values if kind is str}
    numbers = {each for kind, each in accepted.values if kind in _NUMBERS and isinstance(each, (int, float))}
    if isinstance(value, bool) and bool in {kind for kind, _ in accepted.values}:
        return None
    if _is_number(value):
        if value in numbers or (numbers and bool in types):
            return None
    elif isinstance(value, str) and value.strip() in {str(number) for number in numbers}:
        return None  # a number written as a text: an enumeration of whole numbers converts it, others keep it
    if isinstance(value, str):
        if str in types:
            return None
        same = next((str(each) for each in texts if str(each).lower() == value.lower()), None)
        if same is not None and ("fold" in checks or not raises):
            return None  # the letters do not matter, or whoever reads the value may fold them
        if same is not None:
            return Verdict(Trouble.LETTER_CASE, raises, expected_of(accepted), same)
        near = _near(value, texts)
        if near is None and not raises:
            return None  # a hint of types that nothing looks at: other values may well be meant
        return Verdict(Trouble.VALUE, raises, expected_of(accepted), near)
    if isinstance(value, bool):
        return Verdict(Trouble.VALUE, raises, expected_of(accepted), _as_yaml_word(value, texts))
    if not raises:
        return None
    kind_fits = any(type(value) is kind for kind, _ in accepted.values)
    return Verdict(Trouble.VALUE if kind_fits or numbers else Trouble.TYPE, raises, expected_of(accepted))


def _as_yaml_word(value: bool, texts: set[object]) -> str | None:
    """The word of an enumeration that YAML read as a boolean because it has no quotes."""
    words = ("yes", "on", "true") if value else ("no", "off", "false")
    return next((str(each) for each in sorted(map(str, texts)) if each.lower() in words), None)


def _near(value: str, texts: set[object]) -> str | None:
    from ftlint.checks.schema.spelling import meant

    return meant(value, (str(each) for each in texts))


def _out_of_limits(shape: Raw, value: object, reader: str, checks: frozenset[str]) -> Verdict | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    raises = "range" in checks or reader in ("pydantic", "pydantic-strict")
    limits = list(bounds_of(shape))
    is_out = any(not fits(bound, value) for _, fits, bound in limits)
    words = " and ".join(f"{said} {bound}" for said, _, bound in limits)
    return Verdict(Trouble.VALUE, raises, words) if is_out else None


# Types, as each reader takes them ------------------------------------------------------------------------------------


def _wrong(accepted: Accepted, raises: bool) -> Verdict:
    return Verdict(Trouble.TYPE, raises, expected_of(accepted))


def _unchecked(accepted: Accepted, value: object, raw: str, checks: frozenset[str]) -> Verdict | None:
    """Kept as it is: certain to go wrong is only a text that is calculated with, and a section in place of a scalar."""
    types = accepted.types or frozenset()
    raises = bool(checks & {"number", "range"})
    if isinstance(value, str):
        if str in types or not types & {int, float, bool} or Section.SEQUENCE in types or Section.MAPPING in types:
            return None
        if types & _NUMBERS:
            return _text_for_number(accepted, value, raw, raises, "converted" in checks)
        return _wrong(accepted, raises=False) if bool in types else None
    if isinstance(value, Section):
        is_calculated_with = bool(types & _NUMBERS) and not types & {Section.MAPPING, Section.SEQUENCE, str}
        return _wrong(accepted, raises) if is_calculated_with else None
    return None


def _text_for_number(accepted: Accepted, value: str, raw: str, raises: bool, is_converted: bool) -> Verdict | None:
    is_number = _NUMBER.fullmatch(value.strip()) is not None
    if is_number and is_converted:
        return None
    if is_number and raw.strip() == value:
        return Verdict(Trouble.NUMBER_AS_TEXT, raises, expected_of(accepted), value)
    return _wrong(accepted, raises or is_converted)


def _pydantic(accepted: Accepted, value: object, _raw: str, _checks: frozenset[str]) -> Verdict | None:
    types = accepted.types or frozenset()
    if isinstance(value, Section):
        return None if value in types else _wrong(accepted, raises=True)
    if value is None:
        return _wrong(accepted, raises=True)
    if isinstance(value, str):
        word = value.strip()
        if str in types or (float in types and _is_numeric(word)) or (int in types and _INTEGER.fullmatch(word)):
            return None
        if bool in types and word.lower() in _TRUE_OR_FALSE:
            return None
        return _wrong(accepted, raises=True)
    if isinstance(value, bool):
        return None if types & {bool, *_NUMBERS} else _wrong(accepted, raises=True)
    if isinstance(value, (int, float)):
        if float in types or (int in types and float(value).is_integer()):
            return None
        if bool in types and value in (0, 1):
            return None
        return _wrong(accepted, raises=True)
    return None


def _is_numeric(word: str) -> bool:
    return _NUMBER.fullmatch(word) is not None or word.lower().lstrip("+-") in ("inf", "infinity", "nan")


def converted_flag(text: str) -> bool | Unknown:
    """What argparse and pydantic make of a text that answers yes or no."""
    word = text.strip().lower()
    return word[:1] in ("1", "t", "y") or word == "on" if word in _TRUE_OR_FALSE else UNKNOWN


def converted_number(text: str) -> int | float | Unknown:
    """What they make of a text that is a number."""
    word = text.strip()
    if re.fullmatch(r"[-+]?\d[\d_]*", word):
        return int(word)
    return float(word) if _NUMBER.fullmatch(word) else UNKNOWN


def _strict(accepted: Accepted, value: object, _raw: str, _checks: frozenset[str]) -> Verdict | None:
    return _wrong(accepted, raises=True)


def _argparse(accepted: Accepted, value: object, _raw: str, _checks: frozenset[str]) -> Verdict | None:
    """A text is converted, and refused where it cannot be; all else is kept as it is.

    So it is with the values of a file that are handed on as defaults. Their choices are not looked at.
    """
    types = accepted.types or frozenset()
    if not isinstance(value, str) or str in types or not types & {int, float, bool}:
        return None
    word = value.strip()
    if types & _NUMBERS and (_is_numeric(word) if float in types else re.fullmatch(r"[-+]?\d[\d_]*", word)):
        return None
    if bool in types and word.lower() in _TRUE_OR_FALSE:
        return None
    if types <= {Section.MAPPING, Section.SEQUENCE}:
        return None
    return _wrong(accepted, raises=True)


def _omegaconf(accepted: Accepted, value: object, _raw: str, _checks: frozenset[str]) -> Verdict | None:
    """Structured configs convert as pydantic does, and take any scalar for a text."""
    types = accepted.types or frozenset()
    if str in types and not isinstance(value, Section):
        return None
    return _pydantic(accepted, value, _raw, _checks)


def _environment(accepted: Accepted, value: object, raw: str, checks: frozenset[str]) -> Verdict | None:
    """Handed on through variables of the environment, which are texts anyway, or as truthy as any text.

    Source: accelerate 1.15 utils/launch.py; `accelerate config` itself writes `downcast_bf16: 'no'`.
    """
    types = accepted.types or frozenset()
    if isinstance(value, str):
        word = value.strip().lower()
        if (bool in types and word in _TRUE_OR_FALSE) or (types & _NUMBERS and _is_numeric(word)):
            return None
    return _unchecked(accepted, value, raw, checks)


_READERS = {
    "pydantic": _pydantic,
    "pydantic-strict": _strict,
    "argparse": _argparse,
    "argparse-defaults": _argparse,
    "omegaconf": _omegaconf,
    "unchecked": _unchecked,
    "environment": _environment,
}
"""By the value of `x-values`."""
