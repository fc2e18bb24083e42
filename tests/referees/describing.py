"""What a framework's own declarations say of a key: kinds of value, choices, default. Needs nothing but Python."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_PLAIN = {bool: "bool", int: "int", float: "float", str: "str", type(None): "null"}
_LISTS = (list, tuple, set, frozenset)


@dataclass(frozen=True)
class Key:
    """One key that the installed framework has.

    `root`: the class or command it belongs to, where a referee has several. `path`: from the top of the file.
    `kinds`: of "bool", "int", "float", "str", "list", "dict", "null"; empty where the declaration does not say.
    `choices`: where values are listed. `default`: only where it is plain.
    """

    root: str
    path: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    choices: tuple[Any, ...] = ()
    default: Any = None
    required: bool = False

    def as_json(self) -> dict[str, Any]:
        """For `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Key:
        """What `as_json` wrote."""
        lists = {name: tuple(written[name]) for name in ("path", "kinds", "choices")}
        return cls(**{**written, **lists})


@dataclass
class Meaning:
    """What an annotation allows; `models` are the classes of nested sections."""

    kinds: list[str] = field(default_factory=list)
    choices: list[Any] = field(default_factory=list)
    models: list[type] = field(default_factory=list)


def meaning(annotation: Any) -> Meaning:
    """Kinds, choices and nested sections of an annotation; what is not understood allows everything."""
    found = Meaning()
    _collect(annotation, found)
    found.kinds = list(dict.fromkeys(found.kinds))
    return found


def _collect(annotation: Any, found: Meaning) -> None:
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if annotation in _PLAIN or annotation is None:
        found.kinds.append(_PLAIN.get(annotation, "null"))
    elif origin is typing.Annotated:
        _collect(arguments[0], found)
    elif origin is typing.Literal:
        for value in arguments:
            found.choices.append(value)
            found.kinds.append(_PLAIN.get(type(value), "str"))
    elif origin in (typing.Union, types.UnionType):
        for one in arguments:
            _collect(one, found)
    elif origin in _LISTS or annotation in _LISTS:
        found.kinds.append("list")
    elif origin is not None and inspect.isclass(origin) and issubclass(origin, Mapping):
        found.kinds.append("dict")
    elif inspect.isclass(annotation):
        _collect_class(annotation, found)


def _collect_class(annotation: type, found: Meaning) -> None:
    if issubclass(annotation, enum.Enum):
        values = [member.value for member in annotation]
        found.choices += values
        found.kinds += [_PLAIN.get(type(value), "str") for value in values]
    elif hasattr(annotation, "model_fields") or dataclasses.is_dataclass(annotation):
        found.models.append(annotation)
        found.kinds.append("dict")
    elif issubclass(annotation, dict):
        found.kinds.append("dict")
    else:
        for plain in (int, float, str):
            if issubclass(annotation, plain):
                found.kinds.append(_PLAIN[plain])


def of_dataclass(cls: type, root: str, path: tuple[str, ...] = ()) -> Iterator[Key]:
    """The keys of a dataclass, as its constructor takes them. HfArgumentParser's `choices` metadata counts as well."""
    hints = _hints(cls)
    for each in dataclasses.fields(cls):
        if not each.init:
            continue
        what = meaning(hints.get(each.name, each.type))
        choices = list(each.metadata.get("choices") or what.choices)
        default = each.default
        if default is dataclasses.MISSING and each.default_factory is not dataclasses.MISSING:
            default = None
        yield Key(
            root,
            (*path, each.name),
            tuple(what.kinds),
            tuple(map(plain, choices)),
            plain(default),
            required=each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING,
        )


def of_model(cls: Any, root: str, path: tuple[str, ...] = (), depth: int = 3) -> Iterator[Key]:
    """The keys of a pydantic model and, `depth` levels down, of the sections in it, under their aliases."""
    for name, each in cls.model_fields.items():
        what = meaning(each.annotation)
        written = each.alias or name
        yield Key(
            root,
            (*path, written),
            tuple(what.kinds),
            tuple(map(plain, what.choices)),
            None if each.is_required() else plain(each.default),
            required=each.is_required(),
        )
        for nested in what.models:
            if hasattr(nested, "model_fields") and depth > 1 and nested is not cls and "list" not in what.kinds:
                yield from of_model(nested, root, (*path, written), depth - 1)


def plain(value: Any) -> Any:
    """The value if JSON can say it, an enum's value, else None."""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return None
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value if isinstance(value, (bool, int, float, str)) else None


def _hints(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001 - names that only type checkers can see; the fields' own annotations are left
        return {}
