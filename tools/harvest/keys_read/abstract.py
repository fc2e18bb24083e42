"""The values of the abstract interpreter, and what can be done with them without knowing the program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ftlint.record import record
from tools.harvest.keys_read.reads import Reads
from tools.harvest.python_source import ClassRef, FunctionRef


@record
class Followed:
    """A mapping whose keys are of interest."""

    reads: Reads


@record
class Constant:
    """A value that the sources state."""

    value: object


@dataclass(eq=False)
class Held:
    """Named values: an object of class `cls`, or without one a dictionary, or a list (its names are 0, 1, …)."""

    names: dict[object, Values] = field(default_factory=dict)
    cls: ClassRef | None = None


@record
class Callee:
    """A class or function of the release."""

    reference: ClassRef | FunctionRef


@record
class EachKey:
    """Any key of a mapping, while a loop goes through it."""

    reads: Reads


Value = Followed | Constant | Held | Callee | EachKey
Values = list[Value]
"""What an expression may be; empty: nothing that matters."""


def sequence(parts: list[Values]) -> Held:
    """A list or tuple of values."""
    return Held(dict(enumerate(parts)))


def elements(value: Value) -> Iterator[Values]:
    """What a loop over the value goes through."""
    if isinstance(value, Constant) and isinstance(value.value, (list, tuple, dict)):
        for element in value.value:
            yield [Constant(element)]
    elif isinstance(value, Held) and value.cls is None:
        is_list = all(isinstance(key, int) for key in value.names)
        for name, values in value.names.items():
            yield values if is_list else [Constant(name)]
    elif isinstance(value, Followed):
        value.reads.is_open = True
        yield [EachKey(value.reads)]


def item(values: Values, key: object) -> Values:
    """What lies at a key or place of dictionaries and lists."""
    found: Values = []
    for value in values:
        if isinstance(value, Held) and is_key(key):
            found += value.names.get(key, [])
        elif isinstance(value, Constant):
            content = value.value
            is_there = (
                isinstance(content, (list, tuple)) and isinstance(key, int) and -len(content) <= key < len(content)
            )
            if is_there or (isinstance(content, dict) and is_key(key) and key in content):
                found.append(Constant(content[key]))  # type: ignore[index]  # one of the two, and it is there
    return found


def on_table(owner: Held | Constant, method: str, args: list[Values]) -> Values:
    """A dictionary's own methods on one that the program made."""
    if isinstance(owner, Constant):
        if not isinstance(owner.value, dict):
            return []
        owner = Held({key: [Constant(value)] for key, value in owner.value.items()})
    if method in ("get", "pop"):
        default = args[1] if len(args) > 1 else []
        keys = [key.value for key in (args[0] if args else []) if isinstance(key, Constant) and is_key(key.value)]
        return [value for key in keys for value in owner.names.get(key, default)]
    if method == "keys":
        return [sequence([[Constant(key)] for key in owner.names])]
    if method == "values":
        return [sequence(list(owner.names.values()))]
    if method == "items":
        return [sequence([[sequence([[Constant(key)], values])] for key, values in owner.names.items()])]
    return [owner]


TABLE_METHODS = ("get", "pop", "items", "keys", "values", "copy")


def plain(value: Value) -> Constant | None:
    """The constant that a value is; an empty table is one too."""
    if isinstance(value, Constant):
        return value
    if isinstance(value, Held) and value.cls is None and not value.names:
        return Constant({})
    return None


def matters(values: Values) -> bool:
    """Whether a followed mapping may be reached from here."""
    return any(
        isinstance(value, Followed)
        or (isinstance(value, Held) and (value.cls is not None or any(map(matters, value.names.values()))))
        for value in values
    )


def identity(value: Value) -> object:
    """What tells one value from another in a list of calls under way."""
    if isinstance(value, Followed):
        return id(value.reads)
    if isinstance(value, Constant):
        return repr(value.value)
    if isinstance(value, EachKey):
        return ("each", id(value.reads))
    return id(value) if isinstance(value, Held) else id(value.reference.node)


def is_key(value: object) -> bool:
    """Whether a constant can be a dictionary's key."""
    return isinstance(value, (str, int, float, bool, type(None)))
