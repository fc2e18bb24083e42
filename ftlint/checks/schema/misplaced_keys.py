"""Keys that are right elsewhere: in another section, or in another framework's settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ftlint.checks.schema.renaming import rename
from ftlint.checks.schema.survey import Met, Survey
from ftlint.checks.schema.unknown_keys import is_private, suggestion
from ftlint.checks.schema.wording import is_open, is_refused, of_unknown, place_of
from ftlint.findings import Edit, Match, Severity
from ftlint.run.fact import Unknown
from ftlint.run.key import Section
from ftlint.spans import Location

if TYPE_CHECKING:
    from ftlint.checks.schema.homes import Home


def misplaced_key(survey: Survey) -> Iterator[Match]:
    """A key that the level has in no release while another level has it."""
    if not survey.unknown:
        return
    from ftlint.checks.schema.homes import home_of  # most files have no such key

    for met in survey.unknown:
        if is_private(met) or is_open(met, survey.in_use) or suggestion(met, survey) is not None:
            continue
        home = home_of(met, survey)
        if home is not None and met.settings.is_sure and _is_worth_saying(met, home, survey):
            yield _match(met, home, survey)


def _is_worth_saying(met: Met, home: Home, survey: Survey) -> bool:
    """Whether the key cannot be there by chance: `debug` and `gamma` are words that everybody has."""
    return _is_meant_here(home) or is_refused(met, survey.in_use) or home.is_common or "_" in met.name


def _is_meant_here(home: Home) -> bool:
    """Whether its author must have thought of this place: what nobody refuses may stand there for another reader."""
    return bool(home.section or home.same or home.is_akin)


def _match(met: Met, home: Home, survey: Survey) -> Match:
    consequence = of_unknown(met, survey.in_use, may_be_new=not _is_meant_here(home))
    is_advice = not _is_meant_here(home) and not is_refused(met, survey.in_use)
    edits: dict[str, tuple[Edit, ...]] = {}
    if home.same:
        edits = {"rename": rename(met, home.same)}
    elif home.section:
        edits = {"move": _move(met, home.section)}
    return Match(
        at=met.key.name_location,
        values={
            "key": met.name,
            "place": place_of(met),
            "owner": home.owner,
            "outcome": consequence.outcome,
            "hint": f"; here it is {home.same}" if home.same else "",
            "same": home.same,
            "section": home.section,
        },
        edits={name: found for name, found in edits.items() if found},
        severity=consequence.severity.at_most(Severity.INFO) if is_advice else consequence.severity,
        reason=consequence.reason,
    )


def _move(met: Met, section: str) -> tuple[Edit, ...]:
    """A scalar moves to a section that is written already and has no such key."""
    document, keys, value = met.settings.document, met.settings.keys, met.key.fact.value
    path = (*section.split("."), met.name) if section else (met.name,)
    if document is None or isinstance(value, (Section, Unknown)) or path in keys.keys or path[:-1] not in keys.keys:
        return ()
    if isinstance(value, tuple):
        return ()
    from ftlint.checks.schema.renaming import positions
    from ftlint.syntax.editing import delete_key, set_value

    put, taken = set_value(document, path, value), delete_key(document, positions(keys, met.key.path))
    return (*_joined(put), *taken) if put and taken else ()


def _joined(edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """Insertions at one point as one, in their order: two fixes may not meet there, nor two edits of one."""
    together: dict[Location, str] = {}
    for edit in edits:
        together[edit.location] = together.get(edit.location, "") + edit.content
    return tuple(Edit(location, content) for location, content in together.items())
