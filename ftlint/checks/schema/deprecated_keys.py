"""Keys that the releases in use still take, and want to be rid of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ftlint.checks.schema.in_use import said
from ftlint.checks.schema.removed_keys import fits, replacement
from ftlint.checks.schema.survey import Misfit, Survey
from ftlint.checks.schema.wording import Consequence, place_of, refusal
from ftlint.findings import Match, Severity

_EFFECTS = {
    "warns": "it still works, with a warning",
    "moved": "its value is taken over, with a warning",
    "ignored": "its value is not used",
}


def deprecated_key(survey: Survey) -> Iterator[Match]:
    """A key that is deprecated in the newest admissible release that has it."""
    for each in survey.changing:
        found = _deprecation(each)
        if found is not None and each.availability.in_newest and not _is_let_pass(each, found):
            match = _match(each, found, survey)
            if match is not None:
                yield match


def _is_let_pass(each: Misfit, found: Mapping[str, Any]) -> bool:
    """Whether nobody minds the key with this value: null, and false where only what is true is refused.

    Beside the key that replaces it null is a value like any other: DeepSpeed asks what is written, not what it says.
    """
    value, by = each.met.key.fact.value, found.get("by")
    is_nothing = value is None and not (isinstance(by, str) and _is_there_too(each, by))
    return is_nothing or (found.get("unless") == "falsy" and value in (False, 0, ""))


def _deprecation(each: Misfit) -> Mapping[str, Any] | None:
    if not each.availability.offers:
        return None
    shape = each.availability.offers[-1].shape
    found = shape.get("x-deprecated")
    if isinstance(found, dict):
        return found
    return {"effect": "warns"} if shape.get("deprecated") is True else None


def _match(each: Misfit, found: Mapping[str, Any], survey: Survey) -> Match | None:
    met = each.met
    home = each.availability.offers[-1].level.schema
    window = survey.in_use.window(home)
    since = home.index(found.get("since"), 0)
    until = home.index(found.get("until"), len(home.releases))
    within = tuple(each for low, high, there in window.spans if since <= low and high <= until for each in there)
    outside = tuple(release for release in window.releases if release not in within)
    if not within or (outside and window.is_guess and window.releases[-1] not in within):
        return None
    by = found.get("by") if isinstance(found.get("by"), str) else None
    effect = "error" if by is not None and _is_there_too(each, by) else str(found.get("effect", "warns"))
    consequence = _consequence(each, effect, outside, within, survey)
    has_begun = effect == found.get("effect", "warns") and (bool(since) or "since" in found)
    if by is not None and consequence.severity is Severity.INFO and not _is_there(each, by, survey):
        return None  # a release in use still needs the old name
    return Match(
        at=met.key.name_location,
        values={
            "key": met.name,
            "place": place_of(met),
            "state": _state(str(found.get("effect")), effect, by or ""),
            "since": f" since {said(home.package, (home.releases[since],))}" if has_begun else "",
            "outcome": consequence.outcome,
            "instead": f"; write {by}" if by and effect == found.get("effect", "warns") else "",
            "by": by or "",
        },
        edits=replacement(met, by, survey) if effect == found.get("effect", "warns") else {},
        severity=consequence.severity,
        reason=consequence.reason,
    )


def _state(effect: str, in_effect: str, by: str) -> str:
    if effect == "error":
        return "is no longer accepted"
    return f"and {by}, which replaces it, exclude each other" if in_effect == "error" else "is deprecated"


def _is_there_too(each: Misfit, by: str) -> bool:
    """Whether the key that takes the value over is written as well, which DeepSpeed's models assert against.

    Source: deepspeed 0.9 to 0.19.8 runtime/config_utils.py, _process_deprecated_field; "auto" is dropped before.
    """
    met = each.met
    if met.level.raw.get("x-auto") != "default" or met.key.fact.value == "auto":
        return False
    *sections, name = by.split(".")
    raws = met.level.properties.items() if not sections else ()
    names = [name, *(alias for alias, raw in raws if isinstance(raw, dict) and raw.get("x-alias-of") == name)]
    others = [met.settings.keys.keys.get((*met.key.path[:-1], *sections, each)) for each in names]
    readers = met.settings.readers()
    is_filled = bool(readers) and "deepspeed" not in readers  # then "auto" is something else before DeepSpeed sees it
    return any(other is not None and (is_filled or other.fact.value != "auto") for other in others)


def _is_there(each: Misfit, by: str, survey: Survey) -> bool:
    """Whether every release in use has the successor; one in another section is taken for granted.

    Where the newest takes the value as it is, all have to.
    """
    successor = survey.in_use.availability(each.met.level, by)
    if "." in by or not successor.always:
        return "." in by
    return fits(each.met, successor) or not fits(each.met, replace(successor, offers=successor.offers[-1:]))


def _consequence(
    each: Misfit, effect: str, outside: tuple[str, ...], within: tuple[str, ...], survey: Survey
) -> Consequence:
    home = each.availability.offers[-1].level.schema
    caveat = survey.in_use.caveat(home)
    if effect == "error":
        if caveat:
            return Consequence(refusal(each.met), Severity.INFO, caveat)
        if outside or not each.met.settings.is_sure:
            return Consequence(
                refusal(each.met), Severity.WARNING, f"with {said(home.package, within)}" if outside else ""
            )
        return Consequence(refusal(each.met), Severity.ERROR)
    words = _EFFECTS.get(effect, _EFFECTS["warns"])
    severity = Severity.WARNING if effect == "ignored" and not caveat else Severity.INFO
    return Consequence(words, severity, f"with {said(home.package, within)}" if outside and effect == "ignored" else "")
