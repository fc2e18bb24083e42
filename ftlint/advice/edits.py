"""Advice as edits of the user's own files, where their dialects have words for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ftlint.advice.change import Change
from ftlint.dialects.spelling import BY_DIALECT, TRAINING_ARGUMENTS, Written
from ftlint.record import record
from ftlint.run.run import Run
from ftlint.syntax import parse_text
from ftlint.syntax.document import DataDocument, Document, Format, ScriptDocument
from ftlint.syntax.editing import apply_to_text, delete_key, set_value
from ftlint.syntax.rendering import WritableValue


@record
class Patch:
    """One file before and after; written by nobody until a person asks for it."""

    path: Path
    before: str
    after: str


@record
class Spelled:
    """The patches of an advice, and the titles of the changes that no file of the run has words for."""

    patches: tuple[Patch, ...]
    unspelled: tuple[str, ...]


def spell(
    changes: tuple[Change, ...],
    run: Run,
    document: Callable[[Path], Document | None],
    dialect: Callable[[Document], str | None],
) -> Spelled:
    """The changes in the run's own files: in the file that says the fact now, else in the first that can say it.

    A change is written whole or not at all. Raises nothing: a file that cannot be read has no words.
    """
    files = [_File(path, found, name) for path, found, name in _files(run, document, dialect)]
    unspelled = [change.title for change in changes if not _write(change, run, files)]
    patches = tuple(Patch(file.path, file.before, file.text) for file in files if file.text != file.before)
    return Spelled(patches, tuple(unspelled))


def _files(
    run: Run, document: Callable[[Path], Document | None], dialect: Callable[[Document], str | None]
) -> Iterator[tuple[Path, Document, str]]:
    root = run.root.path if run.root is not None else None
    paths = dict.fromkeys((*((root,) if root is not None else ()), *(item.path for item in run.inputs if item.found)))
    for path in paths:
        found = document(path)
        name = dialect(found) if found is not None else None
        if found is not None and name is not None and (name in BY_DIALECT or isinstance(found, ScriptDocument)):
            yield path, found, name


class _File:
    """One file while it is being changed."""

    def __init__(self, path: Path, document: Document, dialect: str) -> None:
        self.path = path
        self.dialect = dialect
        self._format = document.format
        self.before = self.text = document.sources[0].text if len(document.sources) == 1 else ""
        self._is_script = isinstance(document, ScriptDocument)

    def words_for(self, fact: str, value: Any) -> Written | None:
        """The keys that say the fact here; None where this file has no words for it."""
        spelling = TRAINING_ARGUMENTS if self._is_script else BY_DIALECT.get(self.dialect, {})
        if fact not in spelling or (self._is_script and self._format is not Format.PYTHON):
            return None
        return spelling[fact](value)

    def written(self, keys: Written) -> str | None:
        """The text with those keys; None where there is no such edit."""
        text = self.text
        for key, value in keys.items():
            after = self._in_script(text, key, value) if self._is_script else self._in_data(text, key, value)
            if after is None:
                return None
            text = after
        return text

    def _in_data(self, text: str, key: str, value: WritableValue) -> str | None:
        parsed = parse_text(self.path, text, self._format)
        if not isinstance(parsed, DataDocument):
            return None
        path = tuple(key.split("."))
        if value is None:
            edits = delete_key(parsed, path)
            return apply_to_text(text, [(edit.location.span, edit.content) for edit in edits])  # not there: as it is
        edits = set_value(parsed, path, value)
        if not edits:
            return None
        return apply_to_text(text, [(edit.location.span, edit.content) for edit in edits])

    def _in_script(self, text: str, key: str, value: WritableValue) -> str | None:
        from ftlint.checks.settings_calls import read_settings  # only scripts need it
        from ftlint.syntax.calls import add_keyword

        parsed = parse_text(self.path, text, self._format)
        if not isinstance(parsed, ScriptDocument):
            return None
        calls = [built for built in read_settings(parsed).built if _is_of_a_training(built.settings_class)]
        if len(calls) != 1:  # none that shows all it passes, or several that might be meant
            return None
        edit = add_keyword(calls[0].stand.source, calls[0].call, key, repr(value))
        return apply_to_text(text, [(edit.location.span, edit.content)])


def _is_of_a_training(settings_class: Any) -> bool:
    return "TrainingArguments" in (settings_class.name, settings_class.parent)


def _write(change: Change, run: Run, files: list[_File]) -> bool:
    texts: dict[int, str] = {}
    for fact, value in change.facts.items():
        order = sorted(range(len(files)), key=lambda index: files[index].path != _home(run, fact))
        for index in order:
            keys = files[index].words_for(fact, value)
            if keys is None:
                continue
            kept, files[index].text = files[index].text, texts.get(index, files[index].text)
            after = files[index].written(keys)
            files[index].text = kept
            if after is not None:
                texts[index] = after
                break
        else:
            return False
    for index, text in texts.items():
        files[index].text = text
    return True


def _home(run: Run, fact: str) -> Path | None:
    """The file that says the fact now."""
    found = run.fact(fact)
    location = found.location if found is not None else None
    return location.path if location is not None else None
