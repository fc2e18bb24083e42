"""Asks one rule about one variant: are its versions in use, does its condition hold or its check find something?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ftlint.findings import Edit, Match, Related
from ftlint.rulebook.check_functions import call_check
from ftlint.rulebook.inputs import Inputs
from ftlint.rulebook.page import Rule, Subject
from ftlint.run.fact import Truth, all_of
from ftlint.run.key import KeySet
from ftlint.run.run import Run
from ftlint.run.versions import VersionView
from ftlint.syntax.document import DataDocument

if TYPE_CHECKING:
    from ftlint.rulebook.environments import Places


def evaluate(rule: Rule, inputs: Inputs) -> Iterator[Match]:
    """What the rule finds there; nothing where it is not concerned.

    Where admissible releases lie on both sides of the rule's window nothing is found either: `versions` then
    remembers by what the variant has to be split.
    """
    if not _is_concerned(rule, inputs):
        return
    # What looks at keys is cheap, and mostly finds nothing: the releases are asked for only where it does.
    if rule.subject not in (Subject.KEYS, Subject.LEVEL) and _in_window(rule, inputs, remember=False) is Truth.NO:
        return
    matches = list(_match_condition(rule, inputs) if rule.when is not None else call_check(rule, inputs))
    # Only now may the question be remembered: a rule that is silent anyway must not multiply the variants.
    if matches and _in_window(rule, inputs, remember=True) is Truth.YES:
        yield from matches


def _is_concerned(rule: Rule, inputs: Inputs) -> bool:
    return any(_is_about(subject, rule, inputs) for subject in rule.subjects)


def _is_about(subject: Subject, rule: Rule, inputs: Inputs) -> bool:
    match subject:
        case Subject.KEYS:
            keys = inputs.get_as("keys", KeySet)
            return keys is not None and rule.reads_dialect(keys.dialect)
        case Subject.LEVEL:
            there = inputs.get_as("levels", frozenset)
            return there is not None and any(level in there for level in rule.levels)
        case Subject.RUN:
            return inputs.get("run") is not None
        case Subject.SCRIPT:
            return inputs.get("trace") is not None
    return False


def _in_window(rule: Rule, inputs: Inputs, *, remember: bool) -> Truth:
    if not rule.versions:
        return Truth.YES
    versions = inputs.get_as("versions", VersionView)
    if versions is None:
        return Truth.UNKNOWN
    windows = rule.versions.items()
    # A list, so that every package is asked: each may have to be split.
    return all_of([versions.window(package, specifier, remember=remember) for package, specifier in windows])


def _match_condition(rule: Rule, inputs: Inputs) -> Iterable[Match]:
    condition = rule.condition
    assert condition is not None
    places = _places(rule, inputs)
    outcome = condition.evaluate(places)
    if outcome.truth is not Truth.YES:
        return
    names = (rule.at, *outcome.reads) if rule.at is not None else outcome.reads
    written = [(name, place) for name in names if (place := places.place(name)) is not None]
    home = written[0] if written else (names[0], places.home(names[0]))
    name, at = home
    if at is None:
        return  # nothing is written that could be pointed at
    seen = {at}
    related = []
    for other, place in written:
        if other == name or other not in outcome.reads or place in seen:
            continue
        seen.add(place)
        related.append(Related(place, _sentence(other, places.shown(other))))
    wanted = dict.fromkeys((*condition.names, *names))
    values = {wanted_name: places.shown(wanted_name) for wanted_name in wanted}
    yield Match(at=at, values=values, related=tuple(related), edits=_edits(rule, inputs))


def _places(rule: Rule, inputs: Inputs) -> Places:
    from ftlint.rulebook.environments import KeyEnvironment, RunEnvironment  # with all of `when`

    if rule.subject is Subject.RUN:
        run = inputs.get_as("run", Run)
        assert run is not None
        return RunEnvironment(run)
    keys = inputs.get_as("keys", KeySet)
    assert keys is not None
    return KeyEnvironment(keys)


def _edits(rule: Rule, inputs: Inputs) -> dict[str, tuple[Edit, ...]]:
    """The edits of each fix of a `when` rule, under its position: those have no names."""
    keys, document = inputs.get_as("keys", KeySet), inputs.get("document")
    if rule.subject not in (Subject.KEYS, Subject.LEVEL) or keys is None or not isinstance(document, DataDocument):
        return {}
    from ftlint.rulebook.repairs import edits_for

    found = {str(number): edits_for(template, keys, document) for number, template in enumerate(rule.fixes)}
    return {number: edits for number, edits in found.items() if edits}


def _sentence(name: str, shown: str) -> str:
    return f"`{name}` is set here" if shown == "unknown" else f"`{name}` is {shown} here"
