"""Poetry's tables of dependencies, with its own way to write ranges (`^1.2`, `~1.2`, `>=1 <2`, `1.2 || 2.*`).

Source: poetry-core 2.2 src/poetry/core/constraints/version/parser.py and patterns.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ftlint.project.specifiers import is_version_or_specifier, normalised_name
from ftlint.project.version_sources.source import LONGEST_LINE, Demand, Problem
from ftlint.project.version_sources.toml_file import TomlTable
from ftlint.spans import Location

_PART = r"\s*(?P<operator>\^|~=|~|===?|!=|<=|>=|<|>|=)?\s*v?(?P<version>\d[^\s,]*|\*)\s*,?"


def demands_in_table(table: TomlTable, package: str) -> Iterator[Demand | Problem]:
    """What a table such as [tool.poetry.dependencies] asks for: `name = "^1.2"`, a table, or a list of tables."""
    for name, value in table.values.items():
        if normalised_name(name) != package:
            continue
        if not isinstance(value, list):
            yield from _of_choice(package, value, table.location(name), is_one_of_several=False)
            continue
        for number, choice in enumerate(value):
            place = table.location(name, str(number))
            yield from _of_choice(package, choice, place, is_one_of_several=len(value) > 1)


def _of_choice(
    package: str, choice: object, location: Location, *, is_one_of_several: bool
) -> Iterator[Demand | Problem]:
    text, address, is_conditional = choice, None, is_one_of_several
    if isinstance(choice, dict):
        text = choice.get("version", "*")
        is_conditional |= any(key in choice for key in ("markers", "python", "platform"))
        address = _address(choice)
    if address is not None:
        yield Demand(package, "", address, is_conditional, False, location, package)
        return
    alternatives = poetry_specifiers(text) if isinstance(text, str) else None
    if alternatives is None:
        yield Problem(location, f'"{str(text)[:60]}" is no range of releases that can be read')
        return
    is_conditional |= len(alternatives) > 1
    for specifier in alternatives:
        yield Demand(package, specifier, None, is_conditional, False, location, f"{package} {text}")


def _address(choice: dict[str, object]) -> str | None:
    from ftlint.project.version_sources.pyproject import address_of

    return address_of(choice)


def poetry_specifiers(text: str) -> tuple[str, ...] | None:
    """A range in poetry's words as PEP 440 specifiers, of which any may hold; None where it is none."""
    if len(text) > LONGEST_LINE:
        return None
    found = []
    for alternative in re.split(r"\|\|?", text):
        specifier = _specifier(alternative)
        if specifier is None:
            return None
        found.append(specifier)
    return ("",) if "" in found else tuple(dict.fromkeys(found))


def _specifier(text: str) -> str | None:
    """One alternative: parts that hold together, between commas or blanks."""
    pieces: list[str] = []
    done = 0
    while text[done:].strip():
        match = re.compile(_PART).match(text, done)
        if match is None or match.end() == done:
            return None
        piece = _piece(match["operator"] or "", match["version"])
        if piece is None:
            return None
        pieces += [piece] if piece else []
        done = match.end()
    specifier = ",".join(pieces)
    return specifier if text.strip() and (not specifier or is_version_or_specifier(specifier)) else None


def _piece(operator: str, version: str) -> str | None:
    if version == "*":
        return ""
    if operator in ("^", "~"):
        upper = _next(version, operator)
        return None if upper is None else f">={version},<{upper}"
    if operator in ("", "=", "=="):
        return f"=={_with_star(version)}"
    return f"{operator}{_with_star(version) if operator == '!=' else version.removesuffix('.*')}"


def _with_star(version: str) -> str:
    return re.sub(r"(?:\.[*xX])+$", ".*", version)


def _next(version: str, operator: str) -> str | None:
    """Where `^version` or `~version` ends: behind the first number that is not 0, or behind the second."""
    release = re.match(r"\d+(?:\.\d+)*", version)
    if release is None or len(release[0]) > 100:
        return None
    numbers = [int(number) for number in release[0].split(".")]
    if operator == "^":
        place = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
    else:
        place = min(1, len(numbers) - 1)
    return ".".join(str(number) for number in (*numbers[:place], numbers[place] + 1))
