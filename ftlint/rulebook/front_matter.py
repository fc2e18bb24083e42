"""Reads the YAML of a page's front matter into plain values, keeping the row of each key for errors.

PyYAML is imported here and nowhere else in the room: a page that the cache has does not need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ftlint.errors import PageError
from ftlint.record import record

if TYPE_CHECKING:
    import yaml

MAX_LENGTH = 50_000
MAX_DEPTH = 10


@record
class FrontMatter:
    """The keys of a page and where each stands. Values are what JSON has: texts, numbers, flags, lists, mappings."""

    path: Path
    values: Mapping[str, object]
    rows: Mapping[str, int]

    def error(self, key: str | None, message: str) -> PageError:
        """An error at that key's row, or at the top of the page."""
        row = self.rows.get(key, 1) if key is not None else 1
        return PageError(f"{self.path}:{row}: {message}" if key is None else f"{self.path}:{row}: {key}: {message}")


def parse_front_matter(text: str, path: Path) -> FrontMatter:
    """The front matter whose first line is row 2 of the file at `path`, or a PageError."""
    import yaml

    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    if len(text) > MAX_LENGTH:
        raise PageError(f"{path}:1: the front matter is longer than {MAX_LENGTH} characters")
    try:
        _check_shape(text, path, loader_class)
        loader = loader_class(text)
        try:
            root = loader.get_single_node()
            values = loader.construct_document(root) if root is not None else {}
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        row = error.problem_mark.line + 2 if error.problem_mark else 1
        raise PageError(f"{path}:{row}: the front matter is not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise PageError(f"{path}:1: the front matter is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict) or root is None:
        raise PageError(f"{path}:2: the front matter is a mapping: code, name, severity …")
    rows: dict[str, int] = {}
    for key_node, _ in root.value:
        key, row = str(key_node.value), key_node.start_mark.line + 2
        if key in rows:
            raise PageError(f"{path}:{row}: {key}: is written twice")
        rows[key] = row
    front = FrontMatter(path, {str(key): value for key, value in values.items()}, rows)
    for key, value in front.values.items():
        if not _is_plain(value):
            raise front.error(key, "has a value that JSON has not (a date?); put it in quotes")
    return front


def _check_shape(text: str, path: Path, loader_class: type[yaml.SafeLoader]) -> None:
    """Refuse aliases and deep nesting before anything recursive sees them."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=loader_class):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        row = event.start_mark.line + 2 if event.start_mark else 1
        if depth > MAX_DEPTH:
            raise PageError(f"{path}:{row}: is nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            raise PageError(f"{path}:{row}: aliases (*{event.anchor}) are not allowed")


def _is_plain(value: object) -> bool:
    """Whether JSON can hold the value and give it back the same."""
    match value:
        case dict():
            return all(isinstance(key, str) and _is_plain(inner) for key, inner in value.items())
        case list():
            return all(_is_plain(inner) for inner in value)
        case float():
            return value - value == 0  # neither infinite nor NaN
    return value is None or isinstance(value, (bool, int, str))
