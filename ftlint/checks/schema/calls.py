"""The calls of a script that hand settings to a class or function the schemas know, as keys like those of a file.

Silent where the script may mean another thing: a name that something else binds too, a class that is patched, a call
that is guarded against older or newer releases (`try` … `except TypeError`, a test of a version or signature).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

from ftlint.checks.schema.guards import Guards
from ftlint.checks.schema.survey import Settings
from ftlint.knowledge.schemas import Level, schema
from ftlint.run.fact import UNKNOWN, Fact, KeyValue, Unknown
from ftlint.run.key import Key, KeyPath, KeySet, Section
from ftlint.spans import How, Origin, Span
from ftlint.syntax.document import ScriptDocument, Source
from ftlint.syntax.imports import imports_of, packages_imported
from ftlint.syntax.nodes import nodes_of
from ftlint.syntax.python import span_of

PACKAGES = ("transformers", "trl", "peft", "accelerate")
"""Whose classes scripts build settings with; each has a schema of that name."""
# Arguments that take another framework's whole configuration as a dict.
_DEEPSPEED = {"deepspeed": "transformers", "hf_ds_config": "accelerate"}
_DIALECT = "python"


def settings_in(document: ScriptDocument) -> Iterator[Settings]:
    """The settings of each call that is understood, in the order of the text."""
    if packages_imported(document).isdisjoint(PACKAGES):
        return
    imports = imports_of(document)
    if not any(_package(origin) in PACKAGES for origin in imports.names.values()):
        return
    if any(_package(origin) == "unsloth" for origin in imports.names.values()):
        return  # it puts classes of its own in place of these
    known = {
        call: (dotted, level)
        for call in nodes_of(document).of(ast.Call)
        if (dotted := imports.dotted(call.func)) is not None and (level := level_of(dotted)) is not None
    }
    if not known:
        return  # how calls are guarded takes the longest to find out
    guards = Guards(nodes_of(document), imports)
    for cell in document.cells:
        for call in guards.unguarded_calls(cell.tree) if cell.tree is not None else ():
            if call in known:
                dotted, level = known[call]
                if not guards.is_patched(dotted):
                    yield from _settings(call, level, cell.source)


def level_of(dotted: str) -> Level | None:
    """The level that a script names so: by that name, else by its last word if the package has it once."""
    package = _package(dotted)
    if package not in PACKAGES:
        return None
    home = schema(package)
    found = home.level_by_import(dotted)
    if found is not None:
        return found
    last = dotted.rpartition(".")[2]
    named = home.level(last)
    return named if named is not None and named.raw.get("x-imports") and ".experimental." not in dotted else None


def _package(dotted: str) -> str:
    return dotted.partition(".")[0]


def _settings(call: ast.Call, level: Level, source: Source) -> Iterator[Settings]:
    reader = _Reader(source)
    names = positional_names(level)
    has_stars = any(isinstance(argument, ast.Starred) for argument in call.args)
    if not has_stars:
        for name, argument in zip(names, call.args, strict=False):
            span = span_of(argument, source)
            reader.add((str(name),), argument, span, span)
    for keyword in call.keywords:
        if keyword.arg is not None:
            span = span_of(keyword, source)
            reader.add((keyword.arg,), keyword.value, span, Span(span.start, span.start + len(keyword.arg)))
    is_complete = not has_stars and all(keyword.arg is not None for keyword in call.keywords)
    is_complete = is_complete and len(call.args) <= len(names)
    keys = KeySet(_DIALECT, reader.keys, {}, (), is_complete)
    callee = source.slice(span_of(call.func, source))
    yield Settings(keys, (level,), source, callee=callee.rpartition(".")[2] if "\n" in callee else callee)
    for name, package in _DEEPSPEED.items():
        inner = keys.key(name)
        if inner is None or inner.fact.value is not Section.MAPPING or level.schema.package not in (package, "trl"):
            continue
        root = schema("deepspeed").root  # read only where a script has such a dict
        if root is not None:
            below = {path: replace(key, path=path) for path, key in keys.below(name, _DIALECT).keys.items()}
            yield Settings(
                KeySet(_DIALECT, below, {}, (), is_complete),
                (root,),
                source,
                callee=f"{name}=",
                readers=lambda: frozenset({"transformers"}),
            )


def positional_names(level: Level) -> list[str]:
    """The first positional parameters, as far as all releases agree on them.

    The fields of a dataclass stand behind those of the class it builds on.
    """
    lists: list[list[str]] = []
    base = level.family[-1]
    for raw in (base.raw, *(base.raw.get("x-was") or ())):
        names = raw.get("x-positional") if isinstance(raw, dict) else None
        if isinstance(names, list):
            lists.append(names)
    agreed = takewhile(lambda names: len(set(names)) == 1, zip(*lists, strict=False))
    return [names[0] for names in agreed]


class _Reader:
    """The keys of one call, nested literals included."""

    def __init__(self, source: Source) -> None:
        self.keys: dict[KeyPath, Key] = {}
        self._source = source

    def add(self, path: KeyPath, node: ast.expr, span: Span, name_span: Span) -> None:
        location = self._source.location(span_of(node, self._source))
        fact: Fact[KeyValue | Section] = Fact(_value(node), (Origin(How.WRITTEN, location, ".".join(path)),))
        self.keys[path] = Key(
            dialect=_DIALECT,
            path=path,
            fact=fact,
            raw=self._source.slice(location.span),
            location=self._source.location(span),
            name_location=self._source.location(name_span),
            value_location=location,
        )
        if isinstance(node, ast.Dict):
            for name, value in zip(node.keys, node.values, strict=True):
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    inner = span_of(name, self._source)
                    whole = Span(inner.start, span_of(value, self._source).end)
                    self.add((*path, name.value), value, whole, inner)
        elif isinstance(node, (ast.List, ast.Tuple)):
            for index, item in enumerate(node.elts):
                inner = span_of(item, self._source)
                self.add((*path, str(index)), item, inner, inner)


def _value(node: ast.expr) -> KeyValue | Section | Unknown:
    """A literal's value; a dict and a list are sections; all else is computed when the script runs."""
    if isinstance(node, ast.Dict):
        return Section.MAPPING
    if isinstance(node, (ast.List, ast.Tuple)):
        return Section.SEQUENCE
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        value = node.operand.value
        return -value if isinstance(value, (int, float)) and not isinstance(value, bool) else UNKNOWN
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, (bool, int, float, str))):
        return node.value
    return UNKNOWN
