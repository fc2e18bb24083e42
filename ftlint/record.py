"""`@record`: what `@dataclass(frozen=True, slots=True)` means to a reader and to mypy, made when first needed.

A check of one small file defines some hundred such classes and makes objects of most of them; letting `dataclass`
write and compile six methods for each took half of its start (docs/decisions/005). Here all records share `__eq__`,
`__hash__` and `__repr__`, and a class's constructor is written when its first object is made: by `dataclass` where
anything is unusual, and whenever someone asks for the fields. Assigning to a field is refused by mypy, not at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from operator import attrgetter
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_options: object) -> Callable[[object], object]:
        """Only type checkers need to be told."""
        return lambda decorator: decorator


T = TypeVar("T")
_FIELDS = "__dataclass_fields__"
_FACTORY = object()
"""Stands for what a factory makes anew for each object."""


@dataclass_transform(frozen_default=True, eq_default=True)
def record(cls: type[T]) -> type[T]:
    """A class whose objects are their fields: equal and hashed by them, never changed, without a `__dict__`.

    What the class defines itself (`__repr__`, `__eq__` …) stays.
    """
    names = tuple(name for name, kind in cls.__annotations__.items() if "ClassVar" not in str(kind))
    left_out = {*names, "__dict__", "__weakref__"}  # a default has the name of its field, which is a slot's now
    namespace = {name: value for name, value in vars(cls).items() if name not in left_out}
    namespace |= {"__qualname__": cls.__qualname__, "__slots__": names}
    if "__eq__" not in namespace:
        namespace |= {"__eq__": _equal, "__hash__": _hash}
    namespace.setdefault("__repr__", _represent)
    for name in ("__init__", _FIELDS, "__match_args__", "_values_of"):
        namespace.setdefault(name, _Later(cls))
    made: type[T] = type(cls)(cls.__name__, cls.__bases__, namespace)  # type: ignore[misc]  # the metaclass, called
    return made


class _Later:
    """Stands where `dataclass` would have put something, and has it made when it is asked for.

    `written`: the class as its author wrote it, which `dataclass` completes; the slots are in the class made of it.
    """

    __slots__ = ("_made", "_name", "_written")

    def __init__(self, written: type) -> None:
        self._written = written

    def __set_name__(self, made: type, name: str) -> None:
        self._made, self._name = made, name

    def __get__(self, instance: object, owner: type) -> Any:  # Any: a method, the fields, or a tuple of names
        with _COMPLETING:  # the server's threads may meet here
            if vars(self._made)[self._name] is self:
                _complete(self._made, self._written, self._name)
        found = vars(self._made)[self._name]
        return found.__get__(instance, owner) if hasattr(found, "__get__") else found


_COMPLETING = RLock()


def _complete(made: type, written: type, asked: str) -> None:
    """Give the class what `dataclass` makes for it; where it is plain, the constructor is made here."""
    plain = _plain_fields(written) if asked != _FIELDS else None
    if plain is None:
        own = set(vars(written))
        dataclass(eq=False, repr=False)(written)
        found = {name: value for name, value in vars(written).items() if name not in own}
        compared = [field.name for field in fields(written) if field.compare]
    else:
        found = {"__init__": _constructor(made, plain), "__match_args__": tuple(plain)}
        compared = [name for name, default in plain.items() if not isinstance(default, Field) or default.compare]
    getter: Callable[[Any], object] = attrgetter(*compared) if compared else lambda _self: ()
    for name, value in {**found, "_values_of": staticmethod(getter)}.items():
        if name not in vars(written) or plain is None:
            setattr(made, name, value)  # what the class says itself stays


def _plain_fields(written: type) -> dict[str, object] | None:
    """Each field with its default, its `field(…)`, or MISSING; None where `dataclass` has more to do or to complain of.

    Plain are fields of the class's own that are arguments by position and by name, those without default first.
    """
    own = vars(written)
    if "__post_init__" in own or any(_FIELDS in vars(base) for base in written.__mro__[1:]):
        return None
    plain: dict[str, object] = {}
    has_default = False
    for name, kind in own.get("__annotations__", {}).items():
        words = str(kind)
        if "ClassVar" in words:
            continue
        default = own.get(name, MISSING)
        had_default, has_default = has_default, default is not MISSING
        if isinstance(default, Field):
            has_default = default.default is not MISSING or default.default_factory is not MISSING
            if not default.init or default.kw_only is not MISSING:
                return None
        is_odd = default.__class__.__hash__ is None or "InitVar" in words or "KW_ONLY" in words
        if is_odd or (had_default and not has_default):
            return None
        plain[name] = default
    return plain


def _constructor(made: type, plain: Mapping[str, object]) -> Callable[..., None]:
    """The `__init__` that `dataclass` writes, in a fifth of the time."""
    parameters, lines = ["self"], [" pass"]
    namespace: dict[str, Any] = {"_FACTORY": _FACTORY}  # Any: and the function that the text defines
    for name, default in plain.items():
        value = name
        if isinstance(default, Field) and default.default_factory is not MISSING:
            namespace[f"_make_{name}"] = default.default_factory
            parameters.append(f"{name}=_FACTORY")
            value = f"_make_{name}() if {name} is _FACTORY else {name}"
        elif (default := default.default if isinstance(default, Field) else default) is not MISSING:
            namespace[f"_default_{name}"] = default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        lines.append(f" self.{name}={value}")
    exec("\n".join((f"def __init__({','.join(parameters)}):", *lines)), namespace)
    constructor: Callable[..., None] = namespace["__init__"]
    constructor.__qualname__ = f"{made.__qualname__}.__init__"
    constructor.__module__ = made.__module__
    constructor.__annotations__ = {**{name: made.__annotations__[name] for name in plain}, "return": None}
    return constructor


def _equal(self: Any, other: Any) -> Any:  # Any: NotImplemented is no bool
    if other.__class__ is not self.__class__:
        return NotImplemented  # Python's word for: ask the other one
    return self._values_of(self) == self._values_of(other)


def _hash(self: Any) -> int:
    return hash(self._values_of(self))


def _represent(self: Any) -> str:
    shown = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr)
    return f"{type(self).__qualname__}({shown})"
