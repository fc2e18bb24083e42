"""Plain values become JSON or YAML text that every loader reads back as the same value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from ftlint.spans import Span
from ftlint.syntax.document import Format, Scalar, Style
from ftlint.syntax.scalars import ScalarRules, resolve

WritableValue: TypeAlias = "bool | int | float | str | Mapping[str, WritableValue] | Sequence[WritableValue] | None"

# Plain YAML scalars that no reader can take for syntax, in block and in flow context alike.
_SAFE_PLAIN = re.compile(r"[A-Za-z0-9_./+\\-](?:[A-Za-z0-9_./+\\@%*~$ -]|:(?=[A-Za-z0-9_./]))*(?<! )")
_YAML_RULES = (ScalarRules.PYYAML, ScalarRules.OMEGACONF, ScalarRules.YAML12)


def is_collection(value: WritableValue) -> bool:
    """Whether a value is a mapping or a list that is not empty, and so may take several lines."""
    return bool(value) and isinstance(value, Mapping | Sequence) and not isinstance(value, str)


def render_scalar(value: WritableValue, format: Format, style: Style = Style.PLAIN) -> str:
    """A scalar, or an empty collection, as text; a string keeps the quotes of `style` where it can."""
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if format is Format.JSON else _yaml_string(value, style)
    if isinstance(value, Sequence):
        return "[]"
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    return json.dumps(value) if format is Format.JSON else _yaml_float(value)


def render_flow(value: WritableValue, format: Format, key_style: Style = Style.PLAIN) -> str:
    """Any value in one line."""
    if isinstance(value, Mapping) and value:
        members = (
            f"{render_scalar(k, format, key_style)}: {render_flow(v, format, key_style)}" for k, v in value.items()
        )
        return "{" + ", ".join(members) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return "[" + ", ".join(render_flow(item, format, key_style) for item in value) + "]"
    return render_scalar(value, format)


def render_indented_json(value: WritableValue, indent: str, unit: str) -> str:
    """Any value as JSON over several lines; `indent` is that of the line where it begins."""
    if not is_collection(value) or not unit:
        return render_flow(value, Format.JSON)
    text = json.dumps(value, indent=unit, ensure_ascii=False)
    return text.replace("\n", "\n" + indent)


def render_block(value: WritableValue, indent: str, unit: str) -> Iterator[str]:
    """The lines of a YAML block of a collection that is not empty."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _block_member(f"{indent}{render_scalar(key, Format.YAML)}:", item, indent + unit, unit)
    elif isinstance(value, Sequence):
        for item in value:
            if is_collection(item):
                first, *rest = render_block(item, indent + "  ", unit)
                yield f"{indent}- {first[len(indent) + 2 :]}"
                yield from rest
            else:
                yield f"{indent}- {render_scalar(item, Format.YAML)}"


def _block_member(head: str, value: WritableValue, indent: str, unit: str) -> Iterator[str]:
    if is_collection(value):
        yield head
        yield from render_block(value, indent, unit)
    else:
        yield f"{head} {render_scalar(value, Format.YAML)}"


def _yaml_float(value: float) -> str:
    """A float that PyYAML takes for one: with a dot before, and a sign in, its exponent."""
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    mantissa, e, exponent = repr(value).partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}{e}{exponent}"


def _yaml_string(value: str, style: Style) -> str:
    if style is Style.DOUBLE_QUOTED or not value.isprintable():
        return _double_quoted(value)
    if style is Style.SINGLE_QUOTED:
        return "'" + value.replace("'", "''") + "'"
    # Text that one of the loaders would take for a number, a date or a boolean needs its quotes.
    scalar = Scalar(Span(0, 0), value, value, Style.PLAIN)
    is_safe = _SAFE_PLAIN.fullmatch(value) and value != "-" and not value.startswith(("- ", "---", "..."))
    if is_safe and all(resolve(scalar, rules) == value for rules in _YAML_RULES):
        return value
    return _double_quoted(value) if "'" in value or "\\" in value else f"'{value}'"


def _double_quoted(value: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # JSON leaves these as they are, YAML breaks lines at them or forbids them.
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda match: f"\\u{ord(match[0]):04x}", text)
