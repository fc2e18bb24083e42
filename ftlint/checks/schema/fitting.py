"""Whether a value fits a shape, in the eyes of whoever reads it: pydantic converts, argparse does, a dataclass keeps.

How each reader takes types stands in `readers`, how it takes words in `enumerations`.
"""

from __future__ import annotations

import re

from ftlint.checks.schema.enumerations import near, of_enumeration
from ftlint.checks.schema.readers import READERS, as_read
from ftlint.checks.schema.shapes import Accepted, accepted_by, bounds_of
from ftlint.checks.schema.verdicts import AUTO, NUMBERS, Trouble, Verdict, expected_of, wrong
from ftlint.knowledge.schemas import Level, Raw
from ftlint.run.fact import UNKNOWN
from ftlint.run.key import Key, Section

PLACEHOLDER = r"\$|\{\{|\}\}|<[^>]*>|%\w+%|^@|^__\w+__$|^[A-Z][A-Z0-9]*_[A-Z0-9_]*$|^\.\.\.$|^$|\bTODO\b"
"""A text that somebody fills in before it is read; means the same to Python and to JavaScript."""
_PLACEHOLDER = re.compile(PLACEHOLDER)
_ARGPARSE = ("argparse", "argparse-defaults")
_CONVERTING = ("pydantic", *_ARGPARSE)


def judge(level: Level, shape: Raw, key: Key, reader: str, held: frozenset[str] = frozenset()) -> Verdict | None:
    """What is wrong with the value under that shape; None where it fits, or where we cannot tell.

    `held`: the checks that are made because of what other keys say (`if`).
    """
    value = key.fact.value
    if value is UNKNOWN:
        return None
    accepted = accepted_by(level, shape)
    if isinstance(value, str) and is_placeholder(value) and not _is_word(accepted, value):
        return None
    if accepted.types is None or (accepted.lets_pass(value) and not accepted.has_limits):
        return None
    checks = _checks(shape) | held
    if "nothing" in checks:
        return None
    if "x-python" in shape and not isinstance(value, str):
        return None  # only texts are looked up; others may be members of the class in another guise
    if _is_no_instance(shape, _asked_of(value, accepted, reader)) or (
        "type" in checks and not accepted.lets_pass(value)
    ):
        return Verdict(Trouble.TYPE, raises=True, expected=expected_of(accepted))
    if value is None and type(None) in accepted.types:
        return None
    number = _as_number(value, accepted, reader, checks)
    if accepted.lets_pass(value) or _is_number(number):
        limits = _out_of_limits(shape, number, reader, checks)
        if limits is not None or (accepted.types & NUMBERS and type(value) in accepted.types):
            return limits
    folds = _folds(shape)
    is_chosen = bool(folds) or ("enum" in checks and reader != "environment")
    if len(accepted.values) > len(accepted.values & AUTO) and (is_chosen or not isinstance(value, Section)):
        is_null = value is None and shape.get("default", "") is None
        return None if is_null else of_enumeration(accepted, value, reader, checks | folds)
    if value is None and reader == "environment" and "converted" in checks:
        # Written to the environment as `None`, unless the default is null as well: then nothing is written.
        return wrong(accepted, raises=True) if shape.get("default", "") is not None else None
    judged = READERS.get(reader, READERS["unchecked"])
    return judged(accepted, value, key.raw, checks)


def _is_word(accepted: Accepted, text: str) -> bool:
    """Whether a word of the enumeration is meant, in other letters or misspelt: `TOKEN_MASK` looks like a variable."""
    words = {each for _, each in accepted.values if isinstance(each, str)}
    return text.lower() in {word.lower() for word in words} or near(text, words) is not None


def is_placeholder(text: str) -> bool:
    """Whether the text is filled in by somebody before it is read, so that nothing is known of the value."""
    return _PLACEHOLDER.search(text) is not None


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


def _asked_of(value: object, accepted: Accepted, reader: str) -> object:
    """What the framework's own code gets to see: argparse has made a number of `"8"` by then, or has refused it."""
    return as_read(value, accepted) if isinstance(value, str) and reader in _ARGPARSE else value


def _folds(shape: Raw) -> frozenset[str]:
    """Whether letter case does not matter, as a kind of check."""
    rows = shape.get("x-checked")
    folds = isinstance(rows, list) and any(isinstance(row, dict) and row.get("fold") is True for row in rows)
    return frozenset({"fold"} if folds else ())


def _is_number(value: object) -> bool:
    return type(value) in NUMBERS


def _as_number(value: object, accepted: Accepted, reader: str, checks: frozenset[str]) -> object:
    """The number that pydantic and any comparison make of a truth value, and argparse too of a text; else the value."""
    types = accepted.types or frozenset()
    if not types & NUMBERS or type(value) in types:
        return value
    if isinstance(value, bool):
        return int(value) if reader == "pydantic" or "range" in checks else value
    return as_read(value, accepted) if isinstance(value, str) and reader in _CONVERTING else value


def _out_of_limits(shape: Raw, value: object, reader: str, checks: frozenset[str]) -> Verdict | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    raises = "range" in checks or reader in ("pydantic", "pydantic-strict")
    limits = list(bounds_of(shape))
    is_out = any(not fits(bound, value) for _, fits, bound in limits)
    words = " and ".join(f"{said} {bound}" for said, _, bound in limits)
    return Verdict(Trouble.VALUE, raises, words) if is_out else None
