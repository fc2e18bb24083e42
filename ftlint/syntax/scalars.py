"""What a scalar means to the library that loads it: `2e-5` is text to PyYAML and a number to OmegaConf."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

from ftlint.record import record
from ftlint.syntax.document import Scalar, Style


class ScalarRules(Enum):
    """Whose reading of a scalar is asked for."""

    JSON = "json"
    HJSON = "hjson"
    PYYAML = "pyyaml"
    OMEGACONF = "omegaconf"
    YAML12 = "yaml12"


@record
class Timestamp:
    """A date or time, which PyYAML makes a `datetime` of; kept as written."""

    text: str


@record
class Opaque:
    """A scalar that the loader rejects, or makes something of that is no plain value (`!!binary`, `!custom`)."""

    tag: str
    text: str


ScalarValue: TypeAlias = "bool | int | float | str | Timestamp | Opaque | None"

_NULLS = frozenset(["", "~", "null", "Null", "NULL"])
_YAML11_BOOLS = {
    spelling: word in ("yes", "true", "on")
    for word in ("yes", "no", "true", "false", "on", "off")
    for spelling in (word, word.capitalize(), word.upper())
}
_YAML12_BOOLS = {
    spelling: word == "true" for word in ("true", "false") for spelling in (word, word.capitalize(), word.upper())
}

# Texts, and compiled when first used: a JSON file needs none of them.
# Source: PyYAML 6.0.3 resolver.py. An exponent needs a dot before it and a sign in it, and `-.5` is text.
_YAML11_FLOAT = (
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?"
    r"|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_YAML11_INT = (
    r"[-+]?0b[01_]+|[-+]?0x[0-9a-fA-F_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+"
)
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = (
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?"
)
_TIMESTAMP = f"{_DATE}|{_TIME}"
_LOOSE_TIMESTAMP = f"[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}|{_TIME}"
# Source: OmegaConf 2.4.0 _yaml.py, in addition to PyYAML's: an exponent without a dot or a sign.
_OMEGACONF_FLOAT = r"[-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+(?:_[0-9]+)*[eE][-+]?[0-9]+"
# Source: YAML 1.2.2, 10.3.2 (core schema).
_YAML12_INT = r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
_YAML12_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<float>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)")
# `0x…` of 5,000 digits is a number to PyYAML, but one that Python refuses to print; 640 digits it always prints.
_MOST_BITS = 2_000
_JSON_WORDS = {"true": True, "false": False, "null": None}
_JSON_FLOATS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def resolve(scalar: Scalar, rules: ScalarRules) -> ScalarValue:
    """The value that the loader makes of `scalar`."""
    value = _resolved(scalar, rules)
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return Opaque(scalar.tag or "", scalar.text)
    return value


def _resolved(scalar: Scalar, rules: ScalarRules) -> ScalarValue:
    try:
        if scalar.tag == "!" and scalar.raw:
            return _PLAIN[rules](scalar.text)  # PyYAML reads even `! '12'` as a number
        if scalar.tag is not None:
            return _tagged(scalar, rules)
        if scalar.style is not Style.PLAIN:
            return scalar.text
        return _PLAIN[rules](scalar.text)
    except (ValueError, OverflowError):  # `0b_`, an integer of 5,000 digits, `!!int x`: the loader fails as well
        return Opaque(scalar.tag or "", scalar.text)


def _json(text: str) -> ScalarValue:
    if text in _JSON_WORDS:
        return _JSON_WORDS[text]
    if text in _JSON_FLOATS:
        return _JSON_FLOATS[text]
    if match := _JSON_NUMBER.fullmatch(text):
        return float(text) if match["float"] else int(text)
    return text


def _hjson(text: str) -> ScalarValue:
    """Source: hjson 3.1.0 decoder.py, scantfnns: `5.0` is the integer 5, and NaN is text."""
    if text in _JSON_WORDS:
        return _JSON_WORDS[text]
    match = _JSON_NUMBER.fullmatch(text)
    if match is None:
        return text
    if not match["float"]:
        return int(text)
    number = float(text)
    return int(number) if int(number) == number and abs(number) < 1e10 else number


def _pyyaml(text: str) -> ScalarValue:
    if text[:1].isdigit() and re.fullmatch(_TIMESTAMP, text):
        return Timestamp(text)
    return _yaml11(text)


def _omegaconf(text: str) -> ScalarValue:
    """OmegaConf's loader has no timestamps, and knows one more form of float."""
    value = _yaml11(text)
    if value is text and re.fullmatch(_OMEGACONF_FLOAT, text):
        return float(text.replace("_", ""))
    return value


def _yaml11(text: str) -> ScalarValue:
    if text in _NULLS:
        return None
    if text in _YAML11_BOOLS:
        return _YAML11_BOOLS[text]
    if text[0] in "-+.0123456789":
        if re.fullmatch(_YAML11_FLOAT, text):
            return _yaml11_float(text)
        if re.fullmatch(_YAML11_INT, text):
            return _yaml11_int(text)
    if text == "=":
        return Opaque("!!value", text)  # safe_load: could not determine a constructor
    if text == "<<":
        return Opaque("!!merge", text)
    return text


def _yaml12(text: str) -> ScalarValue:
    if text in _NULLS:
        return None
    if text in _YAML12_BOOLS:
        return _YAML12_BOOLS[text]
    if re.fullmatch(_YAML12_INT, text):
        if text.startswith(("0o", "0x")):
            return int(text[2:], 8 if text[1] == "o" else 16)
        return int(text)
    if re.fullmatch(_YAML12_FLOAT, text):
        return _special_float(text.lower()) if text[-1].isalpha() else float(text)
    return text


def _yaml11_int(text: str) -> int:
    """Underscores count for nothing, a leading 0 means octal, and colons separate digits to the base 60."""
    digits = text.replace("_", "")
    sign = -1 if digits[0] == "-" else 1
    digits = digits.lstrip("+-") if digits[0] in "+-" else digits
    if digits == "0":
        return 0
    if digits.startswith("0b"):
        return sign * int(digits[2:], 2)
    if digits.startswith("0x"):
        return sign * int(digits[2:], 16)
    if digits.startswith("0"):
        return sign * int(digits, 8)
    value = 0
    for part in digits.split(":"):
        value = value * 60 + int(part)
    return sign * value


def _yaml11_float(text: str) -> float:
    """Underscores count for nothing, and colons separate digits to the base 60."""
    digits = text.replace("_", "").lower()
    if digits.endswith((".inf", ".nan")):
        return _special_float(digits)
    sign = -1.0 if digits[0] == "-" else 1.0
    digits = digits[1:] if digits[0] in "+-" else digits
    if ":" not in digits:
        return sign * float(digits)
    # In PyYAML's order of additions, for the last bit.
    value, base = 0.0, 1
    for part in reversed(digits.split(":")):
        value += float(part) * base
        base *= 60
    return sign * value


def _special_float(text: str) -> float:
    return float(text.replace(".", ""))


def _tagged(scalar: Scalar, rules: ScalarRules) -> ScalarValue:
    """A scalar under an explicit tag, as PyYAML's constructors take it; ValueError where they fail."""
    text, tag = scalar.text, scalar.tag
    if tag in ("!", "!!str"):
        return text
    if tag == "!!null":
        return None
    if tag == "!!bool" and text.lower() in _YAML11_BOOLS:
        return _YAML11_BOOLS[text.lower()]
    if tag == "!!int":
        return _yaml11_int(text) if text else Opaque(tag, text)
    if tag == "!!float":
        return _yaml11_float(text) if text else Opaque(tag, text)
    if tag == "!!timestamp" and re.fullmatch(_LOOSE_TIMESTAMP, text):
        return Timestamp(text)
    return Opaque(tag or "", text)


_PLAIN: dict[ScalarRules, Callable[[str], ScalarValue]] = {
    ScalarRules.JSON: _json,
    ScalarRules.HJSON: _hjson,
    ScalarRules.PYYAML: _pyyaml,
    ScalarRules.OMEGACONF: _omegaconf,
    ScalarRules.YAML12: _yaml12,
}
