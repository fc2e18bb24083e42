"""A tree of settings as text: JSON, YAML or a call in a script."""

from __future__ import annotations

import json
import re
from typing import Any

# YAML reads these as something else than text, some of its readers at least.
_NOT_PLAIN = re.compile(r"(?i)(y|n|yes|no|on|off|true|false|null|none|~)")
_PLAIN = re.compile(r"[A-Za-z_][\w./+-]*")


class Again(str):
    """A key that stands beside an equal one: equal text, another entry of the dictionary."""

    __slots__ = ()

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class Verbatim(str):
    """A value that is written as it is, without quotes."""

    __slots__ = ()


def as_json(tree: dict[str, Any]) -> str:
    """Indented by two, one setting per line."""
    return _json(tree, 0) + "\n"


def _json(value: Any, depth: int) -> str:
    if isinstance(value, Verbatim):
        return str(value)
    if isinstance(value, dict) and value:
        inner = ",\n".join(
            f"{'  ' * (depth + 1)}{json.dumps(str(name))}: {_json(each, depth + 1)}" for name, each in value.items()
        )
        return "{\n" + inner + "\n" + "  " * depth + "}"
    return json.dumps(value)


def as_yaml(tree: dict[str, Any]) -> str:
    """Block style, as people write it."""
    return "".join(_yaml_lines(tree, 0)) or "{}\n"


def _yaml_lines(value: dict[str, Any], depth: int) -> list[str]:
    lines: list[str] = []
    margin = "  " * depth
    for name, each in value.items():
        if isinstance(each, dict) and each:
            lines += [f"{margin}{name}:\n", *_yaml_lines(each, depth + 1)]
        elif isinstance(each, list) and each and all(isinstance(item, dict) and item for item in each):
            lines.append(f"{margin}{name}:\n")
            for item in each:
                first, *rest = _yaml_lines(item, depth + 2)
                lines += [margin + "  - " + first.lstrip(), *rest]
        else:
            lines.append(f"{margin}{name}: {_yaml_scalar(each)}\n")
    return lines


def _yaml_scalar(value: Any) -> str:
    if isinstance(value, Verbatim):
        return str(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not _NOT_PLAIN.fullmatch(value):
        return value
    if isinstance(value, float) and "e" in repr(value) and "." not in repr(value):
        return f"{value:.1e}"  # 1e-05 is text to PyYAML; what is meant here is a number
    return json.dumps(value)


def as_call(name: str, package: str, tree: dict[str, Any]) -> str:
    """A script that makes one object, one argument per line."""
    lines = [f"    {key}={_python(value)},\n" for key, value in tree.items()]
    return f"from {package} import {name}\n\nargs = {name}(\n{''.join(lines)})\n"


def _python(value: Any) -> str:
    return str(value) if isinstance(value, Verbatim) else repr(value)


def with_comment(text: str, line: int) -> str:
    """A comment at the end of a line of JSON."""
    return _changed(text, line, lambda written: written + "  // note")


def with_trailing_comma(text: str, line: int) -> str:
    """A comma after the last entry of an object; the line before the given closing one."""
    return _changed(text, line - 1, lambda written: written + ",")


def closing_lines(text: str) -> list[int]:
    """Lines of JSON that only close an object whose last entry has no comma yet."""
    lines = text.splitlines()
    return [
        n
        for n, line in enumerate(lines)
        if n and line.strip(" ,") == "}" and not lines[n - 1].rstrip().endswith((",", "{"))
    ]


def _changed(text: str, line: int, change: Any) -> str:
    lines = text.splitlines()
    lines[line] = change(lines[line])
    return "\n".join(lines) + "\n"
