"""What a DeepSpeed file lacks, or says in vain, for the program that reads it first.

transformers and accelerate walk through the file before DeepSpeed does: they put values in place of "auto", and refuse
what they have no value for.
Sources: deepspeed 0.9 to 0.19.8 runtime/config.py, `_set_batch_related_parameters`; accelerate 0.20 to 1.15
utils/dataclasses.py, `DeepSpeedPlugin`; transformers 4.28 to 5.23, `HfTrainerDeepSpeedConfig`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.checks.schema.fitting import is_placeholder
from ftlint.checks.schema.survey import Settings, Survey
from ftlint.findings import Match, Severity
from ftlint.knowledge.schemas import Level
from ftlint.project.view import ProjectView
from ftlint.run.fact import UNKNOWN
from ftlint.run.key import Key, KeyPath, Section
from ftlint.spans import Location, Span
from ftlint.syntax.document import DataDocument

_BATCH_SIZES = ("train_batch_size", "train_micro_batch_size_per_gpu")
_BY_ACCELERATE = ("zero_optimization", "fp16", "bf16")
_ASKED: dict[str, tuple[str, ...]] = {
    "accelerate": _BY_ACCELERATE,
    "transformers": (*_BY_ACCELERATE, "optimizer", "optimizer.params", "scheduler", "scheduler.params"),
}
"""Sections that a program asks for keys before DeepSpeed sees them, so that they may be nothing else."""


def no_batch_size(survey: Survey, document: DataDocument, project: ProjectView) -> Iterator[Match]:
    """Neither the size of the global batch nor that of a micro batch; whoever reads the file, it is refused."""
    for settings in _files(survey):
        written = [settings.keys.keys.get((name,)) for name in _BATCH_SIZES]
        if any(key is not None and key.fact.value is not None for key in written) or not settings.keys.complete:
            continue
        yield Match(at=_top(settings, document), severity=_certainty(document, project))


def no_zero_section(survey: Survey, document: DataDocument) -> Iterator[Match]:
    """No `zero_optimization`, which accelerate asks for, also on behalf of transformers."""
    for settings in _files(survey):
        if _first_readers(settings) and settings.keys.complete and ("zero_optimization",) not in settings.keys.keys:
            yield Match(at=_top(settings, document), values={"who": _names(settings)})


def no_section(survey: Survey) -> Iterator[Match]:
    """A value where a program asks for the keys of a section: true, which DeepSpeed itself takes, or a text."""
    for settings in _files(survey):
        readers = _first_readers(settings)
        asked = [frozenset(_ASKED[reader]) for reader in readers]
        for dotted in sorted(frozenset.intersection(*asked) if asked else ()):
            key = settings.keys.key(dotted)
            if key is not None and _is_no_section(key):
                yield Match(at=key.value_location, values={"key": dotted, "value": key.raw, "who": _names(settings)})


def size_as_text(survey: Survey) -> Iterator[Match]:
    """`tensor_parallel.autotp_size` as a text, which DeepSpeed converts and accelerate compares with 1 before."""
    for settings in _files(survey):
        key = settings.keys.key("tensor_parallel.autotp_size") if _first_readers(settings) else None
        value = key.fact.value if key is not None else None
        if key is not None and isinstance(value, str) and value != "auto" and not is_placeholder(value):
            yield Match(at=key.value_location, values={"key": key.dotted, "value": key.raw, "who": _names(settings)})


def stage_three_only(survey: Survey) -> Iterator[Match]:
    """Keys that only the optimizer of ZeRO-3 is given, under a lower stage that the file itself names."""
    for settings in _files(survey):
        stage = settings.keys.key("zero_optimization.stage")
        # DeepCompile asks for `offload_param` by itself, at any stage.
        if stage is None or stage.fact.value not in (0, 1, 2) or settings.keys.key("compile") is not None:
            continue
        for key in settings.keys:
            if len(key.path) != 2 or key.path[0] != "zero_optimization" or key.fact.value is None:
                continue
            is_offload = key.path[1] == "offload_param" and _offloads(settings)
            if is_offload or str(key.path[1]).startswith("stage3_"):
                values = {"key": key.dotted, "stage": stage.raw}
                severity = Severity.WARNING if is_offload else Severity.INFO
                yield Match(at=key.name_location, values=values, severity=severity)


def _offloads(settings: Settings) -> bool:
    device = settings.keys.key("zero_optimization.offload_param.device")
    return device is not None and device.fact.value in ("cpu", "nvme")


def unfilled_auto(survey: Survey) -> Iterator[Match]:
    """ "auto" at a key for which none of the programs that may read the file has a value."""
    for number, settings in enumerate(survey.settings):
        readers = _first_readers(settings) if settings.document is not None else frozenset()
        for key in settings.keys if readers else ():
            if key.fact.value != "auto" or _is_overwritten(settings, key) or not _is_in_mappings(settings, key.path):
                continue
            if not readers & _fillers(survey, number, key, readers):
                yield Match(at=key.value_location, values={"key": key.dotted, "who": _names(settings)})


def _files(survey: Survey) -> Iterator[Settings]:
    return (settings for settings in survey.settings if settings.document is not None and settings.is_sure)


def _first_readers(settings: Settings) -> frozenset[str]:
    """transformers, accelerate or both, where surely one of them reads the file before DeepSpeed does."""
    readers = settings.readers()
    return readers if readers <= set(_ASKED) else frozenset()


def _names(settings: Settings) -> str:
    return " and ".join(sorted(settings.readers(), reverse=True))


def _certainty(document: DataDocument, project: ProjectView) -> Severity:
    """A program may fill in what a file lacks: certain is only what a line hands on as it is."""
    from ftlint.project.deepspeed_readers import EVERYONE

    return Severity.WARNING if project.deepspeed_readers(document.path) == EVERYONE else Severity.ERROR


def _top(settings: Settings, document: DataDocument) -> Location:
    first: Key | None = next(iter(settings.keys), None)
    if first is not None:
        return first.name_location
    start = len(document.source.text) - len(document.source.text.lstrip())
    return document.source.location(Span(start, min(start + 1, len(document.source.text))))


def _is_no_section(key: Key) -> bool:
    value = key.fact.value
    if value is UNKNOWN or value is None or value is Section.MAPPING:
        return False
    return not (isinstance(value, str) and is_placeholder(value))


def _is_overwritten(settings: Settings, key: Key) -> bool:
    """Whether accelerate writes the key anew, whatever stood there; the second where the optimizer is the script's."""
    has_optimizer = ("optimizer",) in settings.keys.keys
    return key.dotted == "steps_per_print" or (key.dotted == "zero_allow_untested_optimizer" and not has_optimizer)


def _is_in_mappings(settings: Settings, path: KeyPath) -> bool:
    """Whether accelerate's walk gets there: it goes into mappings only."""
    above = (settings.keys.keys.get(path[:length]) for length in range(1, len(path)))
    return all(key is not None and key.fact.value is Section.MAPPING for key in above)


def _fillers(survey: Survey, number: int, key: Key, readers: frozenset[str]) -> frozenset[str]:
    """The programs that put a value there."""
    found: set[str] = set()
    for level in survey.levels.get((number, key.path[:-1]), ()) or _that_may_be_chosen(survey, number, key.path[:-1]):
        for offer in survey.in_use.availability(level, key.path[-1]).offers:
            named = offer.shape.get("x-auto")
            found.update(named if isinstance(named, list) else ())
    if key.path == ("train_batch_size",) and not _has_micro_batch(survey.settings[number]):
        found.discard("accelerate")  # it multiplies the micro batch
    return frozenset(found) & readers


def _that_may_be_chosen(survey: Survey, number: int, path: KeyPath) -> Iterator[Level]:
    """All levels of a section, `params`, where the key that decides is not there or names none that is known."""
    for level in survey.levels.get((number, path[:-1]), ()) if path else ():
        raw = level.shape(path[-1])
        choice = raw.get("x-choose") if raw is not None else None
        known = choice.get("levels") if isinstance(choice, dict) else None
        for reference in known.values() if isinstance(known, dict) else ():
            found = level.schema.referenced(reference) if isinstance(reference, str) else None
            if found is not None:
                yield found


def _has_micro_batch(settings: Settings) -> bool:
    return ("train_micro_batch_size_per_gpu",) in settings.keys.keys
