"""Fills `{name}` in messages and titles. Names may be dotted; nothing is looked up on objects, nothing is formatted."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TOKEN = r"\{\{|\}\}|\{(?P<name>[^{}\s]+)\}|(?P<stray>[{}])"


class FillingError(ValueError):
    """A template with a brace that neither opens nor closes a placeholder."""


def placeholders(template: str) -> tuple[str, ...]:
    """The names that a template wants, in order; raises FillingError."""
    names = []
    for token in re.finditer(_TOKEN, template):
        if token["stray"]:
            raise FillingError(f"stray {token['stray']!r} at column {token.start() + 1}; write it twice to mean itself")
        if token["name"]:
            names.append(token["name"])
    return tuple(names)


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its placeholders replaced; one that nobody filled stays readable as it is."""

    def replacement(token: re.Match[str]) -> str:
        name = token["name"]
        return values.get(name, token[0]) if name else token[0][0]

    return re.sub(_TOKEN, replacement, template)
