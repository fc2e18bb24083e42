"""The values that do not fit, judged over all admissible releases; each kind of trouble is a rule of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache

from ftlint.checks.schema.by_level import with_defaults
from ftlint.checks.schema.fitting import judge
from ftlint.checks.schema.in_use import ABSENT, Offer, SchemasInUse, said
from ftlint.checks.schema.shapes import Frozen
from ftlint.checks.schema.survey import Met, Misfit, Survey
from ftlint.checks.schema.verdicts import Trouble, Verdict
from ftlint.checks.schema.wording import place_of, refusal
from ftlint.findings import Severity
from ftlint.knowledge.schemas import Level, Raw
from ftlint.record import record
from ftlint.syntax.document import Format


@record
class Judged:
    """A value that does not fit, what will happen, and how sure that is."""

    misfit: Misfit
    verdict: Verdict
    severity: Severity
    reason: str
    values: dict[str, str]


def judged(survey: Survey, trouble: Trouble) -> Iterator[Judged]:
    """Every value with that trouble in some admissible release."""
    for misfit in survey.misfits:
        found = _over_releases(misfit, survey)
        if found is not None and found.verdict.trouble is trouble:
            yield found


def _over_releases(misfit: Misfit, survey: Survey) -> Judged | None:
    met, availability = misfit.met, misfit.availability
    if _is_no_value_in_json(misfit):
        return None  # no JSON, and mostly a template's word: a syntax error says so
    of_deepspeed = met.level.schema.name == "deepspeed"
    if met.key.fact.value == "auto" and of_deepspeed and (_is_filled(misfit) or _is_refused_before(misfit)):
        return None
    verdicts = [(offer, _verdict(offer, misfit, survey)) for offer in availability.offers]
    wrong = [(offer, verdict) for offer, verdict in verdicts if verdict is not None]
    if not wrong:
        return None
    newest_offer, newest = verdicts[-1]
    window = survey.in_use.window(newest_offer.level.schema)
    if newest is None and window.is_guess:
        return None  # nobody said that an older release is in use
    verdict = newest if newest is not None else wrong[-1][1]
    caveat = survey.in_use.caveat(newest_offer.level.schema)
    raises = all(each.raises for _, each in wrong)
    if raises and not _is_read(misfit):
        return None
    severity = Severity.ERROR if raises and met.settings.is_sure else Severity.WARNING
    reason = ""
    if caveat:
        severity, reason = Severity.INFO, caveat
    elif len(wrong) < len(verdicts) or availability.unread:
        severity = Severity.WARNING
        offers = [offer for offer, _ in wrong]
        if len(wrong) < len(verdicts):
            reason = f"with {said(offers[0].level.schema.package, _releases(offers))}"
    elif window.is_guess and _may_be_new(misfit, verdict):
        severity, reason = Severity.WARNING, "as every release does that ftlint knows"
    elif availability.absent:
        severity = Severity.WARNING if not raises else severity
    values = {
        "key": f"item {int(met.name) + 1}" if met.name.isdecimal() else met.name,
        "place": place_of(met),
        "value": _shown(misfit),
        "expected": verdict.expected,
        "outcome": refusal_of_value(misfit) if raises else "it is kept as it is, and what uses it fails or misreads it",
        "instead": verdict.instead or "",
    }
    return Judged(misfit, verdict, severity, reason, values)


def _may_be_new(misfit: Misfit, verdict: Verdict) -> bool:
    """Whether a newer release than those we know may have added the word: nobody says which are in use."""
    is_word = isinstance(misfit.met.key.fact.value, str)
    return is_word and verdict.trouble is Trouble.VALUE and verdict.instead is None


def _is_filled(misfit: Misfit) -> bool:
    """Whether one of the programs that may read the file puts a value in place of this "auto"."""
    fillers: set[str] = set()
    for offer in misfit.availability.offers:
        named = offer.shape.get("x-auto")
        fillers.update(named if isinstance(named, list) else ())
    return bool(fillers) and bool(fillers & misfit.met.settings.readers())


def _is_read(misfit: Misfit) -> bool:
    """Whether the value is looked at, which another key of the file may decide (`x-read-where`)."""
    keys = misfit.met.settings.keys
    for raw in (misfit.met.level.raw, misfit.availability.offers[-1].shape):
        where = raw.get("x-read-where")
        for dotted, values in where.items() if isinstance(where, dict) else ():
            key = keys.key(dotted)
            if not isinstance(values, list) or (key.fact.value if key is not None else None) not in values:
                return False
    return True


def _is_refused_before(misfit: Misfit) -> bool:
    """Whether a program refuses this "auto" before DeepSpeed reads the file; a rule of its own says so."""
    readers = misfit.met.settings.readers()
    return bool(readers) and "deepspeed" not in readers


def _is_no_value_in_json(misfit: Misfit) -> bool:
    """Whether nothing stands there yet, or a text without quotes."""
    document, key = misfit.met.settings.document, misfit.met.key
    is_bare = isinstance(key.fact.value, str) and key.raw[:1] not in ("'", '"')
    return document is not None and document.format is Format.JSON and (is_bare or not key.raw)


def refusal_of_value(misfit: Misfit) -> str:
    """What a framework that refuses the value does."""
    words = refusal(misfit.met)
    return words.replace("TypeError", "an error")


def _verdict(offer: Offer, misfit: Misfit, survey: Survey) -> Verdict | None:
    """Of several readers in those releases the one that says least."""
    readers = _readers(offer, misfit, survey)
    shape = _with_inherited_checks(offer, misfit.met.name, survey)
    held = _held(shape, misfit.met, survey)
    found = [judge(offer.level, shape, misfit.met.key, reader, held) for reader in readers]
    if any(each is None for each in found):
        return None
    return min((each for each in found if each is not None), key=lambda each: each.raises, default=None)


def _with_inherited_checks(offer: Offer, name: str, survey: Survey) -> Raw:
    """The shape with what the constructors of the classes it builds on demand as well, in all releases of theirs."""
    rows: list[object] = []
    for base in offer.level.family[1:]:
        own = survey.in_use.own(base, name)
        said = [each.shape.get("x-checked") for each in own.offers]
        if own.always and isinstance(said[0], list) and all(each == said[0] for each in said):
            rows += said[0]
    return (
        _with_checks(Frozen(offer.shape), tuple(json.dumps(row, sort_keys=True) for row in rows))
        if rows
        else offer.shape
    )


@lru_cache(maxsize=1024)
def _with_checks(shape: Frozen, rows: tuple[str, ...]) -> Raw:
    own = shape.raw.get("x-checked")
    known = own if isinstance(own, list) else []
    return {**shape.raw, "x-checked": [*known, *(row for row in map(json.loads, rows) if row not in known)]}


def _held(shape: Raw, met: Met, survey: Survey) -> frozenset[str]:
    """The checks of a shape that are made only where other keys have certain values, and that surely are made."""
    rows = shape.get("x-checked")
    asked = [row for row in rows if isinstance(row, dict) and "if" in row] if isinstance(rows, list) else []
    if not asked:
        return frozenset()
    keys = with_defaults(survey, survey.settings.index(met.settings))
    section = met.key.path[:-1]

    def holds(name: str, value: object) -> bool:
        fact = keys.fact(".".join((*section, name)))
        return fact.said and type(fact.value) is type(value) and fact.value == value

    return frozenset(str(row["kind"]) for row in asked if all(holds(*each) for each in row["if"].items()))


def _readers(offer: Offer, misfit: Misfit, survey: Survey) -> tuple[str, ...]:
    """Who looks at the value: whom the level at the top of what is read together names, else the key's own."""
    root = misfit.met.level if len(misfit.met.key.path) == 1 else offer.level
    return readers_of(root, misfit.met.settings.keys.dialect, survey.in_use)


def readers_of(level: Level, dialect: str, in_use: SchemasInUse) -> tuple[str, ...]:
    """Who looks at the values of a level, in any release in use; accelerate hands its file's on as texts."""
    if dialect == "accelerate":
        return ("environment",)
    return tuple(each for each in in_use.keyword(level, "x-values") if each != ABSENT) or ("unchecked",)


def _releases(offers: list[Offer]) -> tuple[str, ...]:
    return tuple(release for offer in offers for release in offer.releases)


def _shown(misfit: Misfit) -> str:
    """The value as written, and as read where a person would not think so."""
    key = misfit.met.key
    is_disguised = isinstance(key.fact.value, bool) and key.raw.lower() not in ("true", "false")
    return f"{key.raw} (read as {str(key.fact.value).lower()})" if is_disguised else _short(key.raw)


def _short(text: str) -> str:
    line = " ".join(text.split()) or "an empty value"
    return line if len(line) <= 40 else f"{line[:37]}…"
