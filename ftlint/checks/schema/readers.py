"""What the readers of settings take for what: pydantic converts, argparse does, a dataclass keeps.

Sources: pydantic 2.12 conversion table (lax mode); argparse `_get_value`; omegaconf 2.4 nodes.py; a dataclass looks at
no value by itself, and what its `__post_init__` does stands in the schema (`x-checked`).
"""

from __future__ import annotations

import re

from ftlint.checks.schema.shapes import Accepted
from ftlint.checks.schema.verdicts import NUMBERS, Trouble, Verdict, expected_of, wrong
from ftlint.run.fact import UNKNOWN, Unknown
from ftlint.run.key import Section

_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_INTEGER = re.compile(r"[-+]?\d[\d_]*(?:\.0*)?")
TRUE_OR_FALSE = frozenset("0 off f false n no 1 on t true y yes".split())


def as_read(text: str, accepted: Accepted) -> str | int | float | bool | Unknown:
    """What a reader that converts makes of a text: `"8"` is a number where texts are none of what it accepts.

    UNKNOWN where it can make nothing of it; the text itself where that is accepted.
    """
    types, word = accepted.types, text.strip()
    if types is None or str in types or (str, text) in accepted.values or not types & {bool, int, float}:
        return text
    if types & NUMBERS and _NUMBER.fullmatch(word):
        number = float(word.replace("_", ""))
        is_whole = number.is_integer() and (float not in types or word.lstrip("+-").replace("_", "").isdecimal())
        return int(number) if is_whole else number
    if bool in types and word.lower() in TRUE_OR_FALSE:
        return word.lower() in ("1", "on", "t", "true", "y", "yes")
    return UNKNOWN


def _unchecked(accepted: Accepted, value: object, raw: str, checks: frozenset[str]) -> Verdict | None:
    """Kept as it is: certain to go wrong is only a text that is calculated with, and a section in place of a scalar."""
    types = accepted.types or frozenset()
    raises = bool(checks & {"number", "range"})
    if isinstance(value, str):
        if str in types or not types & {int, float, bool} or Section.SEQUENCE in types or Section.MAPPING in types:
            return None
        if types & NUMBERS:
            return _text_for_number(accepted, value, raw, raises, "converted" in checks)
        return wrong(accepted, raises=False) if bool in types else None
    if isinstance(value, Section):
        is_calculated_with = bool(types & NUMBERS) and not types & {Section.MAPPING, Section.SEQUENCE, str}
        return wrong(accepted, raises or "converted" in checks) if is_calculated_with else None
    return None


def _text_for_number(accepted: Accepted, value: str, raw: str, raises: bool, is_converted: bool) -> Verdict | None:
    is_number = _NUMBER.fullmatch(value.strip()) is not None
    if is_number and is_converted:
        return None
    if is_number and raw.strip() == value:
        return Verdict(Trouble.NUMBER_AS_TEXT, raises, expected_of(accepted), value)
    return wrong(accepted, raises or is_converted)


def _pydantic(accepted: Accepted, value: object, raw: str, checks: frozenset[str]) -> Verdict | None:
    types = accepted.types or frozenset()
    if isinstance(value, str) and "number" in checks:
        return _text_for_number(accepted, value, raw, raises=True, is_converted=False)  # before anything is converted
    if isinstance(value, Section):
        return None if value in types else wrong(accepted, raises=True)
    if value is None:
        return wrong(accepted, raises=True)
    if isinstance(value, str):
        if accepted.patterns:
            return wrong(accepted, raises=True)  # a text stays one where texts are a choice, and this is none of them
        word = value.strip()
        if str in types or (float in types and _is_numeric(word)) or (int in types and _INTEGER.fullmatch(word)):
            return None
        if bool in types and word.lower() in TRUE_OR_FALSE:
            return None
        return wrong(accepted, raises=True)
    if isinstance(value, bool):
        return None if types & {bool, *NUMBERS} else wrong(accepted, raises=True)
    if isinstance(value, (int, float)):
        if float in types or (int in types and float(value).is_integer()):
            return None
        if bool in types and value in (0, 1):
            return None
        return wrong(accepted, raises=True)
    return None


def _is_numeric(word: str) -> bool:
    return _NUMBER.fullmatch(word) is not None or word.lower().lstrip("+-") in ("inf", "infinity", "nan")


def _strict(accepted: Accepted, value: object, _raw: str, _checks: frozenset[str]) -> Verdict | None:
    return wrong(accepted, raises=True)


def _argparse(accepted: Accepted, value: object, raw: str, checks: frozenset[str]) -> Verdict | None:
    """A text is converted, and refused where it cannot be; all else is kept as it is, and compared as it is.

    So it is with the values of a file that are handed on as defaults. Their choices are not looked at.
    """
    if not isinstance(value, str):
        return _unchecked(accepted, value, raw, checks)
    types = _converted_to(accepted)
    word = value.strip()
    if str in types or not types:
        return None
    if type(None) in (accepted.types or ()) and word.lower() in ("none", "null"):
        return None  # trl 1.x reads it as None where None is allowed
    if types == {Section.MAPPING}:  # `dict("auto")`
        return wrong(accepted, raises=True) if word else None
    if types & NUMBERS and (_is_numeric(word) if float in types else re.fullmatch(r"[-+]?\d[\d_]*", word)):
        return None
    if bool in types and word.lower() in TRUE_OR_FALSE:
        return None
    return wrong(accepted, raises=True)


def _converted_to(accepted: Accepted) -> frozenset[object]:
    """The types one of which a text is converted to; none, where it is not or we cannot tell.

    Source: `_parse_dataclass_field` of transformers 4.44 to 5.23 and of trl 1.0 to 1.16: a list converts each item,
    and a mapping is made by `dict`.
    """
    types = accepted.types or frozenset()
    if types - {type(None)} == {Section.SEQUENCE}:
        return accepted.item_types if accepted.item_types <= {int, float} else frozenset()
    if types - {type(None)} == {Section.MAPPING} and not accepted.levels:
        return frozenset({Section.MAPPING})
    return types if types & {bool, int, float} or str in types else frozenset()


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
        if (bool in types and word in TRUE_OR_FALSE) or (types & NUMBERS and _is_numeric(word)):
            return None
    if "converted" in checks and not _is_converted(types, value):
        return wrong(accepted, raises=True)
    return _unchecked(accepted, value, raw, checks)


def _is_converted(types: frozenset[object], value: object) -> bool:
    """Whether `int()` or a question for yes or no gets along with what stands in the environment for that value."""
    if isinstance(value, (str, Section)):
        return False  # texts that are right were let pass before
    if isinstance(value, (bool, float)) and bool not in types:
        return float in types and not isinstance(value, bool)  # `float("True")`
    return bool not in types or value in (None, 0, 1)


READERS = {
    "pydantic": _pydantic,
    "pydantic-strict": _strict,
    "argparse": _argparse,
    "argparse-defaults": _argparse,
    "omegaconf": _omegaconf,
    "unchecked": _unchecked,
    "environment": _environment,
}
"""By the value of `x-values`."""
