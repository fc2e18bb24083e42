"""What becomes of an argument that a call does not pass, over all releases that a project may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import TypeAlias

from ftlint.knowledge.arguments import Argument, Default, Missing, SettingsClass, arguments, settings_classes
from ftlint.record import record
from ftlint.run.fact import UNKNOWN
from ftlint.run.versions import VersionView

_Answers: TypeAlias = tuple[Default | Missing, ...]
"""What one class says in one release of an argument, and before that of its successor where it has one."""


@record
class Loss:
    """A value that does not arrive. `default`: what holds instead, as Python writes it; None: not one and the same.

    `keyword`: by which every release the project may use would take it; None: there is none.
    """

    default: str | None
    keyword: str | None


@record
class _Outcome:
    keyword: str
    default: str | None


def accepts(settings_class: SettingsClass, argument: Argument) -> bool:
    """Whether any release that was read takes the argument."""
    return any(argument.name in each.histories for each in _with_parent(settings_class))


def loss(argument: Argument, value: object, settings_class: SettingsClass, versions: VersionView) -> Loss | None:
    """What is lost where that value is not passed; None where nothing is, or where it cannot be known.

    Where admissible releases differ `versions` remembers the question, and the answer is None. A release newer than
    our data is taken for the newest that we know: that nobody passes the value stays true in any.
    """
    chain = _with_parent(settings_class)
    names = (argument.name,) if argument.successor is None else (argument.successor, argument.name)
    groups = [_groups(each, names, versions) for each in chain]
    outcomes = {answers: _outcome(argument, value, names, answers) for answers in product(*groups)}
    lost = [outcome for outcome in outcomes.values() if outcome is not None]
    if not lost:
        return None
    if len(lost) < len(outcomes):
        _divide(chain, names, outcomes, versions)
        return None
    defaults, keywords = {outcome.default for outcome in lost}, {outcome.keyword for outcome in lost}
    keyword = keywords.pop() if len(keywords) == 1 else None
    if keyword is not None and not _always_taken(keyword, chain, versions):
        keyword = None
    return Loss(defaults.pop() if len(defaults) == 1 else None, keyword)


def _with_parent(settings_class: SettingsClass) -> tuple[SettingsClass, ...]:
    parent = settings_classes()[settings_class.parent] if settings_class.parent is not None else None
    return (settings_class,) if parent is None else (settings_class, parent)


def _groups(settings_class: SettingsClass, names: tuple[str, ...], versions: VersionView) -> dict[_Answers, None]:
    """The different answers of the admissible releases of a class's package; none where no release is known."""
    admissible = versions.admissible.get(settings_class.package)
    releases = admissible.releases if admissible is not None else ()
    return dict.fromkeys(_answers(settings_class, names, release) for release in releases)


def _answers(settings_class: SettingsClass, names: tuple[str, ...], release: str) -> _Answers:
    return tuple(settings_class.default_in(name, release) for name in names)


def _outcome(
    argument: Argument, value: object, names: tuple[str, ...], answers: tuple[_Answers, ...]
) -> _Outcome | None:
    """What holds in place of the value in one combination of releases; None: nothing is lost, or it is not known."""
    for position, name in enumerate(names):
        default = next((each[position] for each in answers if each[position] is not Missing.ABSENT), Missing.ABSENT)
        if default is Missing.ABSENT:
            continue
        if isinstance(default, Missing):
            return None
        unset = arguments()[name].unset
        if default.value is not None:
            fits = _kind(value) == _kind(default.value)
            return _Outcome(name, default.text) if fits and not _same(value, default.value) else None
        if unset is None or any(_same(value, each) for each in unset):
            return None
        if unset and _kind(value) not in map(_kind, unset):
            return None
        # A flag has one other side; what a class makes of a length may depend on the tokenizer.
        return _Outcome(name, repr(unset[0]) if len(unset) == 1 and isinstance(unset[0], bool) else None)
    return None


def _kind(value: object) -> str:
    """Numbers are one kind; a value of another kind than the argument's was meant for something else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number"
    return "sequence" if isinstance(value, (list, tuple)) else type(value).__name__


def _same(value: object, other: object) -> bool:
    if isinstance(value, (list, tuple)) and isinstance(other, (list, tuple)):
        return sorted(map(str, value)) == sorted(map(str, other))
    return _kind(value) == _kind(other) and value == other


def _divide(
    chain: tuple[SettingsClass, ...],
    names: tuple[str, ...],
    outcomes: dict[tuple[_Answers, ...], _Outcome | None],
    versions: VersionView,
) -> None:
    """Remembers by which package's releases the variant has to be split to tell the outcomes apart."""
    for position, settings_class in enumerate(chain):
        verdict = _verdicts(position, settings_class, names, outcomes)
        if versions.agreed(settings_class.package, verdict) is UNKNOWN:
            return


def _verdicts(
    position: int,
    settings_class: SettingsClass,
    names: tuple[str, ...],
    outcomes: dict[tuple[_Answers, ...], _Outcome | None],
) -> Callable[[str], tuple[bool, ...]]:
    def verdicts(release: str) -> tuple[bool, ...]:
        mine = _answers(settings_class, names, release)
        return tuple(outcome is not None for answers, outcome in outcomes.items() if answers[position] == mine)

    return verdicts


def _always_taken(keyword: str, chain: tuple[SettingsClass, ...], versions: VersionView) -> bool:
    """Whether every release the project may use, in whatever variant, takes that keyword."""
    return any(all(isinstance(answer, Default) for answer in _all_of(each, keyword, versions)) for each in chain)


def _all_of(settings_class: SettingsClass, keyword: str, versions: VersionView) -> Iterator[Default | Missing]:
    admissible = versions.admissible.get(settings_class.package)
    for release in admissible.of_all_variants if admissible is not None else ():
        yield settings_class.default_in(keyword, release)
