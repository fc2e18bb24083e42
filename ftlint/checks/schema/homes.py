"""Where else a key that stands in the wrong place would be right: another section, or another framework."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from functools import lru_cache

from ftlint.checks.schema.shapes import property_of
from ftlint.checks.schema.survey import Met, Survey
from ftlint.knowledge.bundled import load_object
from ftlint.knowledge.schemas import Level, Raw, schema
from ftlint.record import record

MAX_DEPTH = 4
# Words that so many sections have that finding one in another says nothing.
MAX_SECTIONS = 2
_OF_FILES = ("llamafactory", "axolotl", "accelerate", "deepspeed", "torchtune")
_OF_SCRIPTS = (
    ("transformers", ("TrainingArguments", "Seq2SeqTrainingArguments", "BitsAndBytesConfig")),
    (
        "trl",
        (
            "SFTConfig",
            "DPOConfig",
            "GRPOConfig",
            "KTOConfig",
            "RewardConfig",
            "ModelConfig",
            "SFTTrainer",
            "DPOTrainer",
        ),
    ),
    ("peft", ("LoraConfig",)),
)


@record
class Home:
    """Where a key belongs: `owner` in words; `section` where it is another one of the same document.

    `same`: what the key's meaning is called where it stands. `is_akin`: whether the owner configures this very one,
    as Accelerate's `deepspeed_config` does, so that the two are easily taken for each other. `is_common`: whether many
    sections of this document have such a key, so that nobody can say which is meant.
    """

    owner: str
    section: str = ""
    same: str = ""
    is_akin: bool = False
    is_common: bool = False


def home_of(met: Met, survey: Survey) -> Home | None:
    """Where the key belongs; None where it is nobody's, or everybody's."""
    del survey
    return _found(met.name, met.levels, met.settings.levels, bool(met.settings.callee))


@lru_cache(maxsize=4096)
def _found(name: str, levels: tuple[Level, ...], roots: tuple[Level, ...], in_script: bool) -> Home | None:
    within = [path for root in roots for path in _paths(root).get(name, ())]
    if len(within) > MAX_SECTIONS:
        # At the top nobody reads it; in a section it may be one of many alike that no schema has.
        is_at_top = not in_script and () not in within and set(levels) <= set(roots)
        return Home(f"{'.'.join(within[0])} and other sections", is_common=True) if is_at_top else None
    same = _same_here(name, levels)
    if len(within) == 1:
        path = within[0]
        title = roots[0].schema.title if not in_script else roots[0].name
        section = ".".join(path)
        return Home(f"{title}'s {section}" if section else title, section)
    if within or len(name) < 4:
        return None
    mine = roots[0].schema.name
    for owner in _owners(name, roots, in_script):
        return Home(owner, same=same, is_akin=mine in owner or owner.lower() in (level.name for level in levels))
    return None


def _owners(name: str, roots: tuple[Level, ...], in_script: bool) -> Iterator[str]:
    """Who else has the key: first what stands beside such settings, a script's classes or other files."""
    mine = set(roots) | {base for root in roots for base in root.family}
    of_scripts = (
        level.name
        for package, names in _OF_SCRIPTS
        for each in names
        if (level := schema(package).level(each)) is not None and level not in mine and _has(level, name)
    )
    of_files = (_in_file(package, name) for package in _OF_FILES if schema(package).root not in mine)
    first, second = (of_scripts, of_files) if in_script else (of_files, of_scripts)
    for owner in (*first, *second):
        if owner is not None:
            yield owner


def _in_file(package: str, name: str) -> str | None:
    root = schema(package).root
    if root is None:
        return None
    paths = _paths(root).get(name, ())
    if len(paths) != 1:
        return None
    section = ".".join(paths[0])
    return f"{root.schema.title}'s {section}" if section else root.schema.title


def _has(level: Level, name: str) -> bool:
    return any(property_of(each, name) is not None for each in level.family)


@lru_cache(maxsize=64)
def _paths(root: Level) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """The sections of a document, by the keys they have; each level once, where it is nearest to the top."""
    found: dict[str, list[tuple[str, ...]]] = {}
    waiting: deque[tuple[Level, tuple[str, ...]]] = deque([(root, ())])
    seen = {root}
    while waiting:
        level, path = waiting.popleft()
        for each in level.family:
            for name in each.properties:
                if path not in found.setdefault(name, []):
                    found[name].append(path)
                prop = property_of(each, name)
                if prop is None or len(path) >= MAX_DEPTH:
                    continue
                chosen = _any_chosen(each, prop.raw)
                for inner in (*prop.accepted.levels, *prop.accepted.item_levels, *chosen):
                    if inner not in seen:
                        seen.add(inner)
                        waiting.append((inner, (*path, name)))
    return {name: tuple(paths) for name, paths in found.items()}


def _any_chosen(level: Level, raw: Raw) -> tuple[Level, ...]:
    """The levels that a section may be of where another key decides (`x-choose`): the `params` of every optimizer."""
    choices = [each.get("x-choose") for each in (raw, *(raw.get("x-was") or ())) if isinstance(each, dict)]
    levels = [choice.get("levels") for choice in choices if isinstance(choice, dict)]
    named = (each for named in levels if isinstance(named, dict) for each in named.values())
    found = (level.schema.referenced(each) for each in named if isinstance(each, str))
    return tuple(dict.fromkeys(each for each in found if each is not None))


def _same_here(name: str, levels: tuple[Level, ...]) -> str:
    """What that setting is called in the place where it was written by another framework's name."""
    for row in _equivalents():
        if name in row.values():
            for level in levels:
                other = row.get(level.schema.name)
                if other is not None and other != name and _has(level, other):
                    return other
    return ""


@lru_cache(maxsize=1)
def _equivalents() -> tuple[Mapping[str, str], ...]:
    rows = load_object("equivalents.json")["settings"]
    return tuple(rows) if isinstance(rows, list) else ()
