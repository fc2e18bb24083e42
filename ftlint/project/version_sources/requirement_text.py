"""One requirement as text: PEP 508 and what pip takes besides; and when a text is meant for one and is none."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ftlint.project.specifiers import name_in_address, names_of, normalised_name
from ftlint.project.version_sources.source import LONGEST_LINE, Demand, Problem
from ftlint.record import record
from ftlint.spans import Location

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_MEANT = r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\]?)?\s*(?:$|[=<>!~;@,(^$%{\d])"
_PLACEHOLDER = r"\$|\{|%|<[A-Za-z_]"
_MOST_SHOWN = 60


@record
class Parsed:
    """The parts of a requirement; `package` is normalised."""

    package: str
    specifier: str
    address: str | None
    is_conditional: bool


def mention_of(package: str) -> re.Pattern[str]:
    """Finds the package's name in a text, in any of the spellings that pip takes for the same."""
    names = [re.escape(name).replace(r"\-", "[-_.]*") for name in names_of(package)]
    return re.compile("|".join(names), re.I)


@lru_cache(maxsize=1024)
def parsed_line(line: str) -> Parsed | None:
    """One line of a requirements file, an `-e` line too; None for options, paths and what pip would refuse."""
    import pip_requirements_parser as pip

    try:
        requirement_string, options, _ = pip.get_line_parser()(line)
        if not requirement_string and not options.editables:
            return None
        if options.editables:
            built = pip.build_editable_req(options.editables[0])
        else:
            built = pip.build_install_req(requirement_string)
    except (pip.PipError, pip.OptionParsingError, ValueError, AssertionError):
        return None
    address = built.link.url if built.link is not None else None
    if built.req is None:
        name = name_in_address(address) if address else None
        return Parsed(name, "", address, built.marker is not None) if name else None
    return _parts(built.req, address, built.marker)


def parsed_requirement(text: str) -> Parsed | None:
    """One PEP 508 requirement or address."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        name = name_in_address(text) if "://" in text else None
        return Parsed(name, "", text, False) if name else None
    return _parts(requirement, None, None)


def read_requirement(
    text: str, package: str, location: Location, *, is_conditional: bool = False, is_upgrade: bool = False
) -> Demand | Problem | None:
    """A PEP 508 text as a demand for that package; a Problem where it was meant for one and is none; else None."""
    if len(text) > LONGEST_LINE or not mention_of(package).search(text):
        return None
    return demanded(
        parsed_requirement(text), text, package, location, is_conditional=is_conditional, is_upgrade=is_upgrade
    )


def demanded(
    parsed: Parsed | None,
    text: str,
    package: str,
    location: Location,
    *,
    is_conditional: bool = False,
    is_upgrade: bool = False,
) -> Demand | Problem | None:
    """What was parsed of `text` as a demand for that package; a Problem where only the text is about the package."""
    if parsed is None:
        return broken(text, package, location)
    if parsed.package != package:
        return None
    conditional = parsed.is_conditional or is_conditional
    return Demand(package, parsed.specifier, parsed.address, conditional, is_upgrade, location, text)


def broken(text: str, package: str, location: Location) -> Problem | None:
    """The problem of a text that begins like a requirement of that package and cannot be read as one."""
    meant = re.match(_MEANT, text)
    if meant is None or normalised_name(meant[1]) != package:
        return None
    shown = text.strip() if len(text.strip()) <= _MOST_SHOWN else f"{text.strip()[:_MOST_SHOWN]}…"
    if re.search(_PLACEHOLDER, text):
        return Problem(location, f'"{shown}" is filled in elsewhere', is_unseen=True)
    return Problem(location, f'"{shown}" is no requirement that can be read')


def _parts(requirement: Requirement, address: str | None, marker: object) -> Parsed:
    is_conditional = requirement.marker is not None or marker is not None
    name = normalised_name(requirement.name)
    return Parsed(name, str(requirement.specifier), address or requirement.url, is_conditional)
