"""What conda calls a match specification: `conda-forge::pytorch=2.5.1=py311_cuda12.4`, `pytorch >=2.4,<2.6`.

Source: conda 25 conda/models/match_spec.py (_parse_spec_str) and version.py (VersionSpec).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ftlint.project.specifiers import is_version_or_specifier, normalised_name
from ftlint.project.version_sources.source import LONGEST_LINE, Demand, Problem
from ftlint.spans import Location

# Builds of one package under names of their own; `pytorch-cuda` and `pytorch-mutex` are others.
_VARIANTS = {"pytorch-gpu": "torch", "pytorch-cpu": "torch"}
_SPEC = r"(?:\S+::)?\s*(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)\s*(?P<rest>[^\[\]]*)(?:\[(?P<options>[^\]]*)\])?"
_VERSION_OPTION = r"version\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^,\s]+))"
_ATOM = r"(?P<operator>===?|!=|~=|<=|>=|<|>|=)?\s*v?(?P<version>\d[A-Za-z0-9_.!+]*)(?P<star>\.?\*)?"


def conda_demands(text: str, package: str, location: Location) -> tuple[Demand | Problem, ...]:
    """What one specification asks of that package; several demands for alternatives (`2.4|2.5`)."""
    match = re.fullmatch(_SPEC, text.strip()) if len(text) <= LONGEST_LINE else None
    if match is None:
        return _unread(text, package, location)
    name = normalised_name(match["name"])
    if _VARIANTS.get(name, name) != package:
        return ()
    option = re.search(_VERSION_OPTION, match["options"] or "")
    specifiers = conda_specifiers(next(filter(None, option.groups()), "") if option else match["rest"])
    if specifiers is None:
        return _unread(text, package, location)
    several = len(specifiers) > 1
    return tuple(Demand(package, specifier, None, several, False, location, text) for specifier in specifiers)


def conda_specifiers(text: str) -> tuple[str, ...] | None:
    """Version and build, as they stand behind the name, as PEP 440 specifiers of which any may hold; None: neither."""
    version, has_build = _without_build(text.strip())
    if version in ("", "*"):
        return ("",)
    found = []
    for alternative in version.split("|"):
        parts = [_part(part, is_exact=has_build) for part in alternative.split(",")]
        if any(part is None for part in parts):
            return None
        specifier = ",".join(part for part in parts if part)
        if specifier and not is_version_or_specifier(specifier):
            return None
        found.append(specifier)
    return ("",) if "" in found else tuple(dict.fromkeys(found))


def _without_build(text: str) -> tuple[str, bool]:
    """`=2.5.1=py311_0` and `2.5.1 py311_0` without their build string."""
    if match := re.fullmatch(r"(={0,2}[^=<>!~,|\s]+)(?:\s*=|\s+)\s*([A-Za-z0-9_.*+-]+)", text):
        return match[1], match[2] != "*"
    return text, False


def _part(text: str, *, is_exact: bool) -> str | None:
    text = text.strip()
    if text == "*":
        return ""
    match = re.fullmatch(_ATOM, text)
    if match is None:
        return None
    operator, version, star = match["operator"] or "", match["version"].rstrip("."), match["star"]
    if operator in ("", "==", "===", "="):
        # `=2.5` is any 2.5; `=2.5.1` means the one release, but for those who count a fourth number.
        is_prefix = star is not None or (operator == "=" and not is_exact and version.count(".") < 2)
        return f"=={version}.*" if is_prefix else f"=={version}"
    return f"!={version}.*" if operator == "!=" and star else f"{operator}{version}"


def _unread(text: str, package: str, location: Location) -> tuple[Problem, ...]:
    meant = re.match(r"\s*(?:\S+::)?([A-Za-z0-9_.-]+)", text)
    if meant is None or _VARIANTS.get(normalised_name(meant[1]), normalised_name(meant[1])) != package:
        return ()
    is_unseen = re.search(r"\$|\{|<[A-Za-z]", text) is not None
    cause = "is filled in elsewhere" if is_unseen else "is no specification that can be read"
    return (Problem(location, f'"{text.strip()[:60]}" {cause}', is_unseen),)


def told_apart(
    items: Iterable[Demand | Problem],
) -> tuple[tuple[Demand, ...], tuple[Problem, ...]]:
    """The demands and the problems."""
    items = tuple(items)
    demands = tuple(item for item in items if isinstance(item, Demand))
    return demands, tuple(item for item in items if isinstance(item, Problem))
