"""What launch commands are told, as settings: accelerate's flags, and the keys behind LLaMA-Factory's file.

Source: accelerate 0.20 to 1.15 commands/launch.py and commands/accelerate_cli.py: `parse_args` of a parser without
abbreviations, whose first positional is the script and whose rest is the script's. llamafactory 0.9.3 to 0.9.5
hparams/parser.py, read_args: `key=value` behind the file are its keys; older releases refuse any word there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ftlint.checks.schema.survey import Settings
from ftlint.dialects.launch_words import WITH_SCHEMAS, flags_of
from ftlint.knowledge.schemas import Level, schema
from ftlint.project.launch_runs import texts_of
from ftlint.project.launchers import LaunchText
from ftlint.run.fact import UNKNOWN, Fact, KeyValue
from ftlint.run.key import Key, KeyPath, KeySet, Section
from ftlint.spans import How, Origin, Span
from ftlint.syntax.document import ScriptDocument
from ftlint.syntax.shell import Word

DIALECT = "command"
_OVERRIDE = re.compile(r"(?P<key>[A-Za-z_]\w*)=")
_HELP = frozenset({"h", "help"})


def flags_in(document: ScriptDocument) -> Iterator[Settings]:
    """What each command that is understood says, in the order of the text."""
    for source in texts_of(document):
        if any(launcher in source.text for launcher in WITH_SCHEMAS):
            text = LaunchText(source)
            for words in text.commands:
                yield from _accelerate(words, text)
                yield from _llamafactory(words, text)


def _accelerate(words: tuple[Word, ...], text: LaunchText) -> Iterator[Settings]:
    flags, level = flags_of(words, "accelerate"), schema("accelerate").level("launch")
    if flags is not None and level is not None:
        keys = _Flags(text, level).read(flags)
        yield Settings(KeySet(DIALECT, keys, {}, (), complete=False), (level,), text.source, callee="accelerate launch")


def _llamafactory(words: tuple[Word, ...], text: LaunchText) -> Iterator[Settings]:
    """The names alone: OmegaConf reads the values, and the file has the other keys."""
    behind, level = flags_of(words, "llamafactory-cli"), schema("llamafactory").root
    is_file = behind is not None and len(behind) > 1 and behind[1].text.endswith((".yaml", ".yml", ".json"))
    if behind is None or not is_file or behind[0].text != "train" or level is None:
        return
    keys: dict[KeyPath, Key] = {}
    for word in behind[2:]:
        written = _OVERRIDE.match(word.raw)
        if written is not None:
            name, value = written["key"], word.value
            said: Fact[KeyValue | Section] = Fact(
                UNKNOWN, (Origin(How.WRITTEN, text.source.location(value.span), name),)
            )
            name_span = Span(word.start, word.start + len(name))
            places = (text.source.location(span) for span in (word.span, name_span, value.span))
            keys[(name,)] = Key(DIALECT, (name,), said, value.raw, *places)
    callee = "llamafactory-cli train"
    yield Settings(KeySet(DIALECT, keys, {}, (), complete=False), (level,), text.source, callee=callee)


class _Flags:
    """The flags of one command, as far as it can be told where they end and the script's own begin."""

    def __init__(self, text: LaunchText, level: Level) -> None:
        self._text = text
        self._level = level
        self._short = {
            short: name
            for name, raw in level.properties.items()
            if isinstance(raw, dict)
            for short in raw.get("x-short") or ()
        }

    def read(self, words: tuple[Word, ...]) -> dict[KeyPath, Key]:
        """The flags by name; of one that is written twice the last counts."""
        keys: dict[KeyPath, Key] = {}
        at = 0
        while at < len(words) and (name := self._name(words[at])) is not None:
            flag, value = words[at], None
            shape = self._level.shape(name)
            num_values = shape.get("x-arguments", 1) if shape is not None else None
            at += 1
            if "=" in flag.raw:
                value = flag.value
            elif num_values == 1 and at < len(words) and not words[at].raw.startswith("--"):
                value = words[at]
                at += 1
            keys[(name,)] = self._key(name, flag, value, num_values == 0)
            if num_values not in (0, 1):
                break  # how many words belong to a flag that nobody knows cannot be told
        return keys

    def _name(self, word: Word) -> str | None:
        """The flag's name as the schema spells it; None for the script, and for what may be anything."""
        raw = word.raw.partition("=")[0]
        is_seen = not set(raw) & set("$`{*?[\"'\\")
        if raw in self._short:
            return self._short[raw]
        if not is_seen or not raw.startswith("--") or raw == "--" or raw.lstrip("-") in _HELP:
            return None
        return raw[2:].replace("-", "_")

    def _key(self, name: str, flag: Word, value: Word | None, is_switch: bool) -> Key:
        place = self._text.source.location
        at = place((value or flag).span)
        said: Fact[KeyValue | Section] = Fact(UNKNOWN, (Origin(How.WRITTEN, at, name),))
        if value is not None and (text := self._text.variables.text(value)) is not None:
            said = replace(said, value=text)
        elif value is None and is_switch:
            said = replace(said, value=True)
        # What a variable holds is written elsewhere.
        is_beside = value is not None and value.start >= flag.start
        whole = Span(flag.start, value.span.end) if value is not None and is_beside else flag.span
        spelled = flag.raw.partition("=")[0]
        end = flag.start + len(spelled)
        name_span = Span(end - len(spelled.lstrip("-")), end)
        return Key(DIALECT, (name,), said, self._text.source.slice(at.span), place(whole), place(name_span), at)
