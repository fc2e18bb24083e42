"""Settings that a script writes down and gives to nobody, though it builds the object they are arguments of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from ftlint.checks.settings_calls import Assigned, Built, ScriptSettings, builds_settings, read_settings
from ftlint.checks.settings_defaults import Loss, accepts, loss
from ftlint.checks.settings_elsewhere import read_elsewhere, said_elsewhere
from ftlint.checks.settings_words import Words
from ftlint.findings import Edit, Match, Related
from ftlint.knowledge.arguments import Argument, arguments
from ftlint.project.view import ProjectView
from ftlint.run.fact import Truth
from ftlint.run.versions import VersionView
from ftlint.spans import Span
from ftlint.syntax.calls import add_keyword
from ftlint.syntax.document import ScriptDocument
from ftlint.syntax.python import span_of

# Most scripts build no settings; for those that do not, nothing is read.
_BUILDS = re.compile(r"(?:TrainingArguments|Config)\b")
# Ways to read a variable, or to set an argument, without writing its name.
_UNSEEN_READS = re.compile(
    r"(?<![.\w])(?:(?:globals|locals|eval|exec)\s*\(|(?:vars|dir)\s*\(\s*\)|vars\s*\(.*?\)\s*(?:\[|\.update))"
    r"|__dict__|user_ns|sys\.modules|import __main__|_getframe|currentframe"
    r"|__setattr__|setattr\s*\([^,]+,\s*[^\"'\s]|\breplace\s*\([^)]*\*\*"
    r"|\.set_(?:training|evaluate|testing|save|logging|optimizer|lr_scheduler|dataloader)\s*\("
    r"|%run\b[^\n]*\s-i\b|%store\b"
)
# Unsloth puts classes with defaults of its own in the place of TRL's and transformers'.
_REPLACES_CLASSES = re.compile(r"^[ \t]*(?:from|import)[ \t]+unsloth\b", re.MULTILINE)
# Arguments behind which another file stands, that may say what this one does not.
_OTHER_FILES = frozenset(("deepspeed", "fsdp", "fsdp_config", "accelerator_config", "parallelism_config"))


def settings_never_passed(document: ScriptDocument, project: ProjectView, versions: VersionView) -> Iterator[Match]:
    """An argument's name that is given a value, read nowhere, and missing in every call that would take it.

    Silent where the value is the default, where the same may be said in another way, and where anything could read
    the name unseen: by text, in another file, in a cell that does not parse.
    """
    texts = [source.text for source in document.sources]
    if not any(_BUILDS.search(text) for text in texts) or not builds_settings(document):
        return
    if any(_UNSEEN_READS.search(text) or _REPLACES_CLASSES.search(text) for text in texts):
        return
    script = read_settings(document)
    candidates = [assigned for assigned in script.assigned if assigned.name in arguments()] if script.built else []
    if not candidates:
        return
    words = Words(document, script)
    for assigned in _lasting(candidates, words):
        argument = arguments()[assigned.name]
        built = _missing_in(argument, assigned, script, words)
        lost = [loss(argument, assigned.value, each.settings_class, versions) for each in built]
        meant = [each for each in built if assigned.stand.may_be_meant_for(each.stand)]
        if not meant or not all(lost) or _is_overruled(argument, words, versions):
            continue
        if said_elsewhere(argument, document, project) or read_elsewhere(document, assigned, meant[0], script, project):
            continue
        yield _match(assigned, meant[0], lost, is_only=len(built) == 1)


def _lasting(candidates: Iterable[Assigned], words: Words) -> Iterator[Assigned]:
    """Of each name that is read nowhere, the assignments that no other one overwrites, in order."""
    by_name: dict[str, list[Assigned]] = {}
    for assigned in candidates:
        by_name.setdefault(assigned.name, []).append(assigned)
    lasting = [
        assigned
        for name, group in by_name.items()
        if not words.says(name)
        for assigned in group
        if not any(assigned.stand.is_overwritten_by(other.stand) for other in group)
    ]
    yield from sorted(lasting, key=lambda assigned: assigned.stand.order)


def _missing_in(argument: Argument, assigned: Assigned, script: ScriptSettings, words: Words) -> tuple[Built, ...]:
    """The calls that would take the argument, in order, if all of them lack it and nothing says it otherwise."""
    if words.says_otherwise(argument):
        return ()
    if any(accepts(settings_class, argument) for settings_class in script.open):
        return ()
    fitting = [each for each in script.built if accepts(each.settings_class, argument)]
    for each in fitting:
        passed = {keyword.arg: keyword.value for keyword in each.call.keywords}
        if argument.needs is not None and not _is_surely_on(passed.get(argument.needs), script):
            return ()
        if any(_is_on(passed.get(name)) for name in _OTHER_FILES):
            return ()
    return tuple(sorted(fitting, key=lambda each: each.stand.order))


def _is_overruled(argument: Argument, words: Words, versions: VersionView) -> bool:
    """Whether some class that the script names may do what the argument asks for, in a release the project may use."""
    overruled = argument.overruled
    if overruled is None or not any(words.says(word) for word in overruled.words):
        return False
    return versions.window(overruled.package, overruled.releases) is not Truth.NO


def _is_on(value: ast.expr | None) -> bool:
    """Whether an argument is passed, and not as None or False."""
    return value is not None and not (isinstance(value, ast.Constant) and value.value in (None, False))


def _is_surely_on(value: ast.expr | None, script: ScriptSettings) -> bool:
    """Whether an argument is passed and on, by a literal or by a name that is only ever given such literals."""
    if isinstance(value, ast.Name):
        given = [each.value for each in script.assigned if each.name == value.id]
        return bool(given) and len(given) == script.bindings[value.id] and not any(map(_is_off, given))
    return isinstance(value, ast.Constant) and not _is_off(value.value)


def _is_off(value: object) -> bool:
    return value in (None, False, "no")


def _match(assigned: Assigned, built: Built, losses: Iterable[Loss | None], *, is_only: bool) -> Match:
    known = [each for each in losses if each is not None]
    defaults = {each.default for each in known}
    default = defaults.pop() if len(defaults) == 1 else None
    class_name = built.settings_class.name
    keyword = known[0].keyword if is_only else None
    values: Mapping[str, str] = {
        "name": assigned.name,
        "value": _shortened(ast.unparse(assigned.node)),
        "class": class_name,
        "outcome": f"it stays {default}" if default is not None else "its default holds",
        "keyword": keyword or assigned.name,
    }
    source = assigned.stand.source
    call = built.stand.source.location(span_of(built.call.func, built.stand.source))
    edits: dict[str, tuple[Edit, ...]] = {}
    if keyword is not None and assigned.stand.is_seen_from(built.stand):
        edits["pass"] = (add_keyword(built.stand.source, built.call, keyword, assigned.name),)
    return Match(
        at=source.location(Span(span_of(assigned.target, source).start, span_of(assigned.node, source).end)),
        values=values,
        related=(Related(call, f"{class_name} is built here without it"),),
        edits=edits,
    )


def _shortened(text: str, num_characters: int = 40) -> str:
    return text if len(text) <= num_characters else f"{text[: num_characters - 1]}…"
