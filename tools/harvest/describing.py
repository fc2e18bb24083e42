"""Lays the sentences of `descriptions.json` over the properties of a schema.

The table is package -> level -> key -> sentence. One entry may speak of several levels, `fsdp_config, launch`, of which
each has those of the keys that it knows; a name that ends in `*` stands for all that begin that way. Rows of the level
alone win. A key that redefines one of a level in `allOf` has that key's sentence, since as a rule only its type or
default is another; where it means something else, it has a row of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

LONGEST = 110
"""Code points of a sentence; it has to fit beside a key in an editor's completion list."""

Levels = Mapping[str, Any]
Table = Mapping[str, Mapping[str, Mapping[str, str]]]


def describe(package: str, levels: Levels, table: Table, elsewhere: Callable[[str], Levels]) -> None:
    """Replace the descriptions in `levels`. `elsewhere`: the levels of another package's schema.

    Raises KeyError for rows about a level or key that is not there.
    """
    for pattern, texts in table.get(package, {}).items():
        covered = [level for name, level in levels.items() if _covers(pattern, name)]
        for key in texts:
            if not any(key in level["properties"] for level in covered):
                raise KeyError(f"{package} {pattern}.{key}")

    def schema(name: str) -> Levels:
        return levels if name == package else elsewhere(name)

    for name, level in levels.items():
        for key, shape in level["properties"].items():
            rest = {word: value for word, value in shape.items() if word != "description"}
            text = _sentence(package, name, key, table, schema)
            # All about another spelling is said at the key it stands for.
            level["properties"][key] = rest if text is None or "x-alias-of" in shape else {"description": text, **rest}


def _sentence(package: str, name: str, key: str, table: Table, schema: Callable[[str], Levels]) -> str | None:
    rows = table.get(package, {})
    for pattern in (name, *(pattern for pattern in rows if _covers(pattern, name))):
        if key in rows.get(pattern, {}):
            return rows[pattern][key]
    for base in schema(package)[name].get("allOf", ()):
        file, _, below = base["$ref"].partition("#/$defs/")
        text = _sentence(file.removesuffix(".json") or package, below, key, table, schema)
        if text is not None:
            return text
    return None


def _covers(pattern: str, name: str) -> bool:
    # Not fnmatch: names of levels have brackets in them.
    return any(name.startswith(part[:-1]) if part.endswith("*") else name == part for part in pattern.split(", "))
