"""`@record`: what `@dataclass(frozen=True, slots=True)` means to a reader and to mypy, made when first needed.

A check of one small file defines some hundred such classes and makes objects of half of them; letting `dataclass`
write and compile six methods for each took half of its start (docs/decisions/005). Here all records share `__eq__`,
`__hash__` and `__repr__`, and `dataclass` writes a class's constructor when its first object is made, or when someone
asks for its fields. Assigning to a field is refused by mypy, not at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
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
    for name in ("__init__", "__dataclass_fields__", "__match_args__", "_values_of"):
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
                _complete(self._made, self._written)
        found = vars(self._made)[self._name]
        return found.__get__(instance, owner) if hasattr(found, "__get__") else found


_COMPLETING = RLock()


def _complete(made: type, written: type) -> None:
    """Give the class what `dataclass` makes for it."""
    own = set(vars(written))
    dataclass(eq=False, repr=False)(written)
    for name, value in vars(written).items():
        if name not in own:
            setattr(made, name, value)
    names = [field.name for field in fields(written) if field.compare]
    getter: Callable[[Any], object] = attrgetter(*names) if names else lambda _self: ()
    made._values_of = staticmethod(getter)  # type: ignore[attr-defined]  # `_equal` and `_hash` read it


def _equal(self: Any, other: Any) -> Any:  # Any: NotImplemented is no bool
    if other.__class__ is not self.__class__:
        return NotImplemented  # Python's word for: ask the other one
    return self._values_of(self) == self._values_of(other)


def _hash(self: Any) -> int:
    return hash(self._values_of(self))


def _represent(self: Any) -> str:
    shown = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr)
    return f"{type(self).__qualname__}({shown})"
