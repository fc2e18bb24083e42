"""How schema findings speak: of whom a key is asked, what becomes of it, in which releases, how severe that is."""

from __future__ import annotations

from collections.abc import Mapping

from ftlint.checks.schema.in_use import ABSENT, Availability, SchemasInUse, said
from ftlint.checks.schema.survey import Met
from ftlint.findings import Severity
from ftlint.knowledge.schemas import Level, Schema
from ftlint.record import record

REFUSED = "error"
"""The value of `x-unknown` under which a framework raises; under every other it goes on."""


@record
class Consequence:
    """What the frameworks do about a deviation: in words, how severe that is, and what limits the severity."""

    outcome: str
    severity: Severity
    reason: str = ""


def place_of(met: Met) -> str:
    """Who is asked for the key: `SFTConfig`, `DeepSpeed's zero_optimization`."""
    section = ".".join(step for step in met.key.path[:-1] if not step.isdecimal())
    callee = met.settings.callee
    if callee.endswith("="):
        return f"DeepSpeed's {section}" if section else "DeepSpeed's config"
    if callee:
        return f"{callee}'s {section}" if section else callee
    title = title_of(met)
    return f"{title}'s {section}" if section else title


def title_of(met: Met) -> str:
    """The framework's own name."""
    return met.level.schema.title


def refusal(met: Met) -> str:
    """What a framework that refuses a key or value does."""
    callee = met.settings.callee
    if met.settings.keys.dialect == "python" and not callee.endswith("=") and len(met.key.path) == 1:
        return "the call raises TypeError"
    return f"{callee.rstrip('=') or title_of(met)} refuses it"


def of_unknown(
    met: Met, in_use: SchemasInUse, lack: Availability | None = None, *, may_be_new: bool = False
) -> Consequence:
    """What becomes of a key that the level does not have; `lack`: in which releases, where not in all.

    `may_be_new`: no known key is meant, so that where nobody says which releases are in use a newer one may have it.

    An error where every admissible release refuses it, a warning where some do; else the key is only not read.
    """
    kinds = merged_kinds(met, in_use)
    refusing = kinds.get(REFUSED, ())
    caveat = in_use.caveat(*_homes(met))
    # Releases of the package whose class the key was inherited from say nothing of who refuses it.
    is_own = lack is None or lack.absent_package == met.level.schema.package
    absent = lack.absent if lack is not None else refusing
    where = tuple(each for each in refusing if each in absent) if is_own else absent
    if REFUSED in kinds and (where or not refusing) and not is_dropped(met):
        if caveat:
            return Consequence(refusal(met), Severity.INFO, caveat)
        if not met.settings.is_sure:
            return Consequence(refusal(met), Severity.WARNING)
        if may_be_new and in_use.window(met.level.schema).is_guess:
            return Consequence(refusal(met), Severity.WARNING, "as every release does that ftlint knows")
        if len(kinds) == 1 and lack is None:
            return Consequence(refusal(met), Severity.ERROR)
        package = lack.absent_package if lack is not None else met.level.schema.package
        return Consequence(refusal(met), Severity.WARNING, f"with {said(package, where)}")
    word = "only logs it" if "logged" in kinds and "ignored" not in kinds else "ignores it"
    owner = met.settings.callee.rstrip("=") or title_of(met)
    return Consequence(f"{owner} {word}", Severity.INFO if caveat else Severity.WARNING, caveat)


def merged_kinds(met: Met, in_use: SchemasInUse) -> Mapping[str, tuple[str, ...]]:
    """What the levels that might be meant do with unknown keys, with the releases that do it."""
    kinds: dict[str, tuple[str, ...]] = {}
    for level in met.levels:
        for kind, releases in in_use.keyword(level, "x-unknown").items():
            kinds[kind or "open"] = (*kinds.get(kind or "open", ()), *releases)
    seen = {release for kind, releases in kinds.items() if kind != ABSENT for release in releases}
    absent = tuple(release for release in kinds.pop(ABSENT, ()) if release not in seen)
    return {**kinds, ABSENT: absent} if absent else kinds


def is_dropped(met: Met) -> bool:
    """Whether the key is gone before anybody asks whether it is known: "auto" in DeepSpeed's sections is."""
    is_auto = met.key.fact.value == "auto"
    return is_auto and bool(met.levels) and all(level.raw.get("x-auto") == "default" for level in met.levels)


def is_refused(met: Met, in_use: SchemasInUse) -> bool:
    """Whether some admissible release refuses unknown keys there."""
    return not is_dropped(met) and REFUSED in merged_kinds(met, in_use)


def is_open(met: Met, in_use: SchemasInUse) -> bool:
    """Whether any key is meant to be possible there."""
    return "open" in merged_kinds(met, in_use)


def _homes(met: Met) -> tuple[Schema, ...]:
    return tuple(dict.fromkeys(level.schema for each in met.levels for level in each.family))


def instead_of(level: Level, key: str) -> str | None:
    """The key that took its place, as the schema says; dotted where it is in another section."""
    for each in level.family:
        raw = each.shape(key)
        if raw is not None:
            deprecated = raw.get("x-deprecated")
            by = deprecated.get("by") if isinstance(deprecated, dict) else None
            found = by or raw.get("x-renamed")
            return found if isinstance(found, str) else None
    return None
