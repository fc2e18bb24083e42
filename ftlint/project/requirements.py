"""What a project's requirement files ask pip for: each demand with the line it stands on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftlint.errors import InputError
from ftlint.project.specifiers import name_in_address, names_of, normalised_name
from ftlint.project.workspace import Workspace, absolute
from ftlint.record import record
from ftlint.run.run import Input
from ftlint.spans import Location, Span

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_MOST_FILES = 50  # requirement files that one may include; more are not read
MOST_MENTIONS = 200  # of one package in one file, or of pip in one notebook
MOST_BYTES = 10**6  # of one file
LONGEST_LINE = 4000  # characters; what is longer asks for nothing that a person wrote
_INCLUDE = r"(?m:^[ \t]*(?:-r|-c|--requirement|--constraint)[ \t=]*(\S+))"
_END_OF_REQUIREMENT = r"\s(?:--hash|#)"
SHELL_COMMENT = r"(?:^|\s)#.*"


@record
class Demand:
    """One requirement. `specifier` is empty where any release will do; `is_conditional`: it has a marker."""

    package: str
    specifier: str
    address: str | None
    is_conditional: bool
    is_upgrade: bool
    location: Location
    text: str


@record
class RequirementText:
    """The text of one requirements file."""

    path: Path
    text: str


def read_with_includes(
    path: Path, workspace: Workspace, referrer: Location | None = None
) -> tuple[tuple[RequirementText, ...], tuple[Input, ...]]:
    """A requirements file and what its `-r` and `-c` lines include; files that cannot be read are left out."""
    texts: list[RequirementText] = []
    inputs: list[Input] = []
    waiting: list[tuple[Path, Location | None]] = [(path, referrer)]
    seen: set[Path] = set()
    while waiting and len(seen) < _MOST_FILES:
        current, origin = waiting.pop(0)
        if current in seen or not (current == path or workspace.may_read(current)):
            continue
        seen.add(current)
        try:
            text = workspace.text(current, limit_bytes=MOST_BYTES)
        except InputError:
            inputs.append(Input(current, workspace.exists(current), origin))
            continue
        inputs.append(Input(current, True, origin))
        texts.append(RequirementText(current, text))
        for match in re.finditer(_INCLUDE, text):
            if "://" not in match[1] and "${" not in match[1]:
                place = Location(current, Span(match.start(), match.end()))
                waiting.append((absolute(current.parent / match[1].strip("\"'")), place))
    return tuple(texts), tuple(inputs)


def demands_in_requirements(file: RequirementText, package: str) -> Iterator[Demand]:
    """The lines of a requirements file about that package. Lines that pip would refuse are passed over."""
    mention = mention_of(package)
    if not mention.search(file.text):
        return
    mentions = ((span, line) for span, line in _logical_lines(file.text) if mention.search(line))
    for span, line in islice(mentions, MOST_MENTIONS):
        demand = _parsed_line(line)
        if demand is not None and demand[0] == package:
            name, specifier, address, is_conditional = demand
            text = file.text[span.start : span.end]
            yield Demand(name, specifier, address, is_conditional, False, Location(file.path, span), text)


def _logical_lines(text: str) -> Iterator[tuple[Span, str]]:
    """The lines of a requirements file, continued ones joined and without comments, with the span of their first.

    As pip_requirements_parser.preprocess joins them, whose pattern for comments takes quadratic time on long blanks.
    """
    offset = 0
    joined, span = "", None
    for physical in text.splitlines(keepends=True):
        line = physical.rstrip("\r\n")
        span = span or _trimmed(text, offset, offset + len(line))
        offset += len(physical)
        comment = re.search(SHELL_COMMENT, line)
        if comment is None and line.endswith("\\"):
            joined += line.rstrip("\\")
            continue
        joined += line[: comment.start()] if comment else line
        if joined.strip() and len(joined) <= LONGEST_LINE:
            yield span, joined.strip()
        joined, span = "", None
    if span is not None and joined.strip() and len(joined) <= LONGEST_LINE:
        yield span, joined.strip()


def demands_in_pyproject(path: Path, text: str, package: str) -> Iterator[Demand]:
    """What [project] dependencies, optional-dependencies and [dependency-groups] ask for that package."""
    if not mention_of(package).search(text):
        return
    from ftlint.project.toml_places import load_toml, toml_places

    try:
        values, places = load_toml(text), toml_places(text)
    except (ValueError, RecursionError):
        return  # not ours to judge: whoever builds the project will hear of it
    for keys, place in places.items():
        is_dependency = (
            (keys[:2] == ("project", "dependencies") and len(keys) == 3)
            or (keys[:2] == ("project", "optional-dependencies") and len(keys) == 4)
            or (keys[:1] == ("dependency-groups",) and len(keys) == 3)
        )
        written = _value_at(values, keys) if is_dependency else None
        demand = parsed_requirement(written) if isinstance(written, str) else None
        if demand is not None and demand[0] == package:
            name, specifier, address, is_conditional = demand
            yield Demand(name, specifier, address, is_conditional, False, Location(path, place.value), str(written))


def mention_of(package: str) -> re.Pattern[str]:
    """Finds the package's name in a text, in any of the spellings that pip takes for the same."""
    names = [re.escape(name).replace(r"\-", "[-_.]*") for name in names_of(package)]
    return re.compile("|".join(names), re.I)


@lru_cache(maxsize=1024)
def _parsed_line(line: str) -> tuple[str, str, str | None, bool] | None:
    """Package, specifier, address and whether there is a marker, of one line of a requirements file."""
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
        return (name, "", address, built.marker is not None) if name else None
    return _parts(built.req, address, built.marker)


def parsed_requirement(text: str) -> tuple[str, str, str | None, bool] | None:
    """The same of one PEP 508 requirement or address."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        name = name_in_address(text) if "://" in text else None
        return (name, "", text, False) if name else None
    return _parts(requirement, None, None)


def _parts(requirement: Requirement, address: str | None, marker: object) -> tuple[str, str, str | None, bool]:
    is_conditional = requirement.marker is not None or marker is not None
    name = normalised_name(requirement.name)
    return name, str(requirement.specifier), address or requirement.url, is_conditional


def _trimmed(text: str, start: int, end: int) -> Span:
    """The requirement on a line, without blanks, hashes, comment and line continuation."""
    line = text[start:end].rstrip().removesuffix("\\").rstrip()
    if match := re.search(_END_OF_REQUIREMENT, line):
        line = line[: match.start()].rstrip()
    start += len(line) - len(line.lstrip())
    return Span(start, start + len(line.strip()))


def _value_at(values: Any, keys: tuple[str, ...]) -> object:
    """The value at a path of `toml_places` in what tomllib read."""
    for key in keys:
        if isinstance(values, list):
            values = values[int(key)] if key.isdecimal() and int(key) < len(values) else None
        else:
            values = values.get(key) if isinstance(values, dict) else None
    return values
