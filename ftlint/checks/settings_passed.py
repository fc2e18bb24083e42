"""Settings that a script writes down and gives to nobody, though it builds the object they are arguments of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from ftlint.checks.settings_calls import Assigned, Built, ScriptSettings, read_settings
from ftlint.checks.settings_defaults import Loss, accepts, loss
from ftlint.findings import Edit, Match, Related
from ftlint.knowledge.arguments import Argument, arguments
from ftlint.project.view import ProjectView
from ftlint.run.fact import Truth
from ftlint.run.versions import VersionView
from ftlint.spans import Span
from ftlint.syntax.calls import add_keyword
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.syntax.mentions import Mentions, Place
from ftlint.syntax.python import span_of

# Most scripts build no settings; for those that do not, nothing is read.
_BUILDS = re.compile(r"(?:TrainingArguments|Config)\b")
# Ways to read a variable, or to set an argument, without writing its name.
_UNSEEN_READS = re.compile(
    r"(?<![.\w])(?:(?:globals|locals|eval|exec)\s*\(|(?:vars|dir)\s*\(\s*\))|__dict__|user_ns|sys\.modules"
    r"|import __main__|_getframe|currentframe|setattr\s*\([^,]+,\s*[^\"'\s]|\breplace\s*\([^)]*\*\*"
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
    if not any(_BUILDS.search(text) for text in texts):
        return
    if any(_UNSEEN_READS.search(text) or _REPLACES_CLASSES.search(text) for text in texts):
        return
    script = read_settings(document)
    candidates = [assigned for assigned in script.assigned if assigned.name in arguments()] if script.built else []
    if not candidates:
        return
    words = _Words(Mentions(document), script.assigned)
    for assigned in _last_of_each(candidates, words):
        argument = arguments()[assigned.name]
        built = _missing_in(argument, assigned, script, words)
        lost = [loss(argument, assigned.value, each.settings_class, versions) for each in built]
        meant = [each for each in built if assigned.stand.may_be_meant_for(each.stand)]
        if not meant or not all(lost) or _is_overruled(argument, words, versions):
            continue
        if _read_in_another_file(document, assigned, meant[0], project):
            continue
        yield _match(assigned, meant[0], lost, is_only=len(built) == 1)


class _Words:
    """Which words the script says to anybody; the targets of literals that nobody reads do not count."""

    def __init__(self, mentions: Mentions, assigned: Iterable[Assigned]) -> None:
        self._mentions = mentions
        self._targets: dict[str, set[Place]] = {}
        for each in assigned:
            place = Place(each.stand.place.cell, span_of(each.target, each.stand.source).start)
            self._targets.setdefault(each.name, set()).add(place)

    def says(self, word: str) -> bool:
        """Whether the word stands anywhere but where a literal is assigned to it."""
        return not self._mentions.places(word) <= self._targets.get(word, set())


def _last_of_each(candidates: Iterable[Assigned], words: _Words) -> Iterator[Assigned]:
    """Of each name that is read nowhere, and in each scope, the assignment that would hold in the end."""
    last: dict[tuple[str, tuple[ast.AST, ...]], Assigned] = {}
    for assigned in candidates:
        key = (assigned.name, assigned.stand.scopes)
        if key not in last or _order(last[key]) < _order(assigned):
            last[key] = assigned
    for assigned in sorted(last.values(), key=_order):
        if not words.says(assigned.name):
            yield assigned


def _order(assigned: Assigned) -> tuple[int, int]:
    return assigned.stand.place.cell, assigned.stand.place.offset


def _missing_in(argument: Argument, assigned: Assigned, script: ScriptSettings, words: _Words) -> tuple[Built, ...]:
    """The calls that would take the argument, in order, if all of them lack it and nothing says it otherwise."""
    if any(words.says(word) for word in argument.kin):
        return ()
    if any(accepts(settings_class, argument) for settings_class in script.open):
        return ()
    fitting = [each for each in script.built if accepts(each.settings_class, argument)]
    for each in fitting:
        passed = {keyword.arg: keyword.value for keyword in each.call.keywords}
        if argument.needs is not None and not _is_on(passed.get(argument.needs)):
            return ()
        if any(_is_on(passed.get(name)) for name in _OTHER_FILES):
            return ()
    return tuple(sorted(fitting, key=lambda each: (each.stand.place.cell, each.stand.place.offset)))


def _is_overruled(argument: Argument, words: _Words, versions: VersionView) -> bool:
    """Whether some class that the script names may do what the argument asks for, in a release the project may use."""
    overruled = argument.overruled
    if overruled is None or not any(words.says(word) for word in overruled.words):
        return False
    return versions.window(overruled.package, overruled.releases) is not Truth.NO


def _is_on(value: ast.expr | None) -> bool:
    """Whether an argument is passed, and not as None or False."""
    return value is not None and not (isinstance(value, ast.Constant) and value.value in (None, False))


def _read_in_another_file(document: ScriptDocument, assigned: Assigned, built: Built, project: ProjectView) -> bool:
    """Whether some other file may read the name: only what stands in no function can be imported."""
    if assigned.stand.scopes:
        return False
    if document.format is Format.PYTHON and not _is_program(document, built):
        return True
    return project.others_reading(document.path, assigned.name)


def _is_program(document: ScriptDocument, built: Built) -> bool:
    """Whether a file does something by itself when it is run, and is not only there to be imported."""
    if not built.stand.scopes:
        return True
    statements = [statement for cell in document.cells if cell.tree is not None for statement in cell.tree.body]
    return any(
        (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call))
        or (isinstance(statement, ast.If) and "__name__" in ast.dump(statement.test))
        for statement in statements
    )


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
