"""Whether a value is one of an enumeration's, in the eyes of whoever reads it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from ftlint.checks.schema.readers import TRUE_OR_FALSE
from ftlint.checks.schema.shapes import Accepted
from ftlint.checks.schema.spelling import meant
from ftlint.checks.schema.verdicts import NUMBERS, Trouble, Verdict, expected_of


def of_enumeration(accepted: Accepted, value: object, reader: str, checks: frozenset[str]) -> Verdict | None:
    """What is wrong with a value that is not one of an enumeration's.

    `checks`: the kinds of its checks, with `fold` where letter case does not matter.
    """
    types = accepted.types or frozenset()
    is_lowered = "fold" in checks and not isinstance(value, str)  # `value.lower()` of what is no text
    if value is None and not is_lowered and reader not in ("pydantic", "pydantic-strict"):
        return None  # what is null is mostly taken for not said
    # What is looked up may be of any type; what is handed on through the environment only where it is a text.
    is_looked_up = is_lowered or ("enum" in checks and (isinstance(value, str) or reader != "environment"))
    raises = is_looked_up or reader in ("pydantic", "pydantic-strict", "argparse", "omegaconf")
    texts = {each for kind, each in accepted.values if kind is str}
    numbers = {each for kind, each in accepted.values if kind in NUMBERS and isinstance(each, (int, float))}
    if isinstance(value, bool) and bool in {kind for kind, _ in accepted.values}:
        return None
    if type(value) in NUMBERS:
        if value in numbers or (numbers and bool in types):
            return None
        if reader == "pydantic" and value in (0, 1) and (bool, bool(value)) in accepted.values:
            return None
    elif isinstance(value, str) and value.strip() in {str(number) for number in numbers}:
        # A number written as a text: an enumeration of whole numbers converts it, others keep it, a list lacks it.
        is_lacking = "enum" in checks and reader == "unchecked"
        return Verdict(Trouble.TYPE, raises=True, expected=expected_of(accepted)) if is_lacking else None
    if isinstance(value, str):
        if str in types:
            return None
        takes_flags = reader == "pydantic" and (bool, True) in accepted.values
        if takes_flags and value.strip().lower() in TRUE_OR_FALSE:
            return None
        same = next((str(each) for each in texts if str(each).lower() == value.lower()), None)
        if same is not None and ("fold" in checks or not raises):
            return None  # the letters do not matter, or whoever reads the value may fold them
        if same is not None:
            return Verdict(Trouble.LETTER_CASE, raises, expected_of(accepted), same)
        word = near(value, texts)
        if word is None and not raises:
            return None  # a hint of types that nothing looks at: other values may well be meant
        return Verdict(Trouble.VALUE, raises, expected_of(accepted), word)
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


def near(value: str, texts: AbstractSet[object]) -> str | None:
    """The word that is meant."""
    return meant(value, (str(each) for each in texts))
