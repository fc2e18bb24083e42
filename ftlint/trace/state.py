"""One moment on one path through a script: names, objects, events so far; how paths part and meet again."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from typing import TypeAlias

from ftlint.run.dtype import DType, parse_dtype
from ftlint.run.fact import UNKNOWN, Truth
from ftlint.trace.events import Event
from ftlint.trace.heap import Dictionary, Instance, Items, Module, ModuleKind, Record, Weights
from ftlint.trace.sharding import Gathering, Guard, StateDict
from ftlint.trace.values import Constant, DTypeTerm, DTypeValue, Opaque, PartOf, Reference, Tensor, Tuple, Value

Scope: TypeAlias = "dict[str, Value]"
Log: TypeAlias = "tuple[Event, Log] | None"  # newest first; paths share what happened before they parted


class State:
    """The one mutable thing a path owns. Forks share dicts until one of them writes."""

    __slots__ = (
        "_own_heap", "_own_scopes", "assumed", "autocast", "default_dtype", "gathering", "guard", "heap", "log",
        "scopes", "without_gradients",
    )  # fmt: skip

    def __init__(self) -> None:
        self.scopes: dict[int, Scope] = {}
        self.heap: dict[int, Record] = {}
        self.log: Log = None
        self.assumed: dict[Hashable, bool] = {}
        self.autocast = Truth.NO
        self.without_gradients = False  # inside `torch.no_grad()`
        self.default_dtype: DTypeTerm = DType.FLOAT32
        self.gathering: Gathering | None = None
        self.guard: Guard | None = None
        self._own_heap = True
        self._own_scopes: set[int] = set()

    def fork(self) -> State:
        """A copy that goes its own way."""
        twin = State.__new__(State)
        twin.scopes = self.scopes.copy()
        twin.heap = self.heap
        self._own_heap = twin._own_heap = False
        self._own_scopes, twin._own_scopes = set(), set()
        twin.assumed = self.assumed.copy()
        twin.log = self.log
        twin.autocast = self.autocast
        twin.without_gradients = self.without_gradients
        twin.default_dtype = self.default_dtype
        twin.gathering, twin.guard = self.gathering, self.guard
        return twin

    def writable_heap(self) -> dict[int, Record]:
        """The objects, to be changed."""
        if not self._own_heap:
            self.heap = self.heap.copy()
            self._own_heap = True
        return self.heap

    def writable_scope(self, number: int) -> Scope:
        """The names of one scope, to be changed."""
        if number not in self._own_scopes:
            self.scopes[number] = self.scopes[number].copy()
            self._own_scopes.add(number)
        return self.scopes[number]

    def open_scope(self, number: int, names: Scope) -> None:
        """A new scope."""
        self.scopes[number] = names
        self._own_scopes.add(number)

    def events(self) -> tuple[Event, ...]:
        """What happened on this path, oldest first."""
        found: list[Event] = []
        link = self.log
        while link is not None:
            event, link = link
            found.append(event)
        return tuple(reversed(found))


class _Apart(Exception):  # noqa: N818  # not an error: two values that must not be mixed
    """The paths differ in something that matters, and stay two paths."""


def join(left: State, right: State, *, force: bool = False) -> State | None:
    """One state for two paths that differ in nothing that matters; None where they do.

    Numbers, texts and flags that differ become unknown. Modules, dtypes and weights that differ keep the paths apart,
    unless `force` turns them into unknowns as well. What happened on either path has then happened.
    """
    joiner = _Joiner(left, right, force)
    try:
        return joiner.joined()
    except _Apart:
        return None


class _Joiner:
    def __init__(self, left: State, right: State, force: bool) -> None:
        self.left, self.right, self.force = left, right, force
        # One object for two that each path made for itself, by the left one's id and by the right one's.
        self.fused: dict[int, int] = {}
        self.fused_right: dict[int, int] = {}
        self.waiting: list[int] = []

    def joined(self) -> State:
        left, right = self.left, self.right
        if left.default_dtype != right.default_dtype and not self.force:
            raise _Apart
        result = State.__new__(State)
        result.default_dtype = left.default_dtype if left.default_dtype == right.default_dtype else UNKNOWN
        result.autocast = left.autocast if left.autocast is right.autocast else Truth.UNKNOWN
        result.without_gradients = left.without_gradients or right.without_gradients
        result.gathering = _either_gathering(left.gathering, right.gathering)
        result.guard = left.guard if left.guard == right.guard else None
        result.scopes = {}
        for number in left.scopes.keys() | right.scopes.keys():
            one, two = left.scopes.get(number), right.scopes.get(number)
            if one is None or two is None or one is two:
                result.scopes[number] = one if one is not None else two or {}
            else:
                result.scopes[number] = self.mapping(one, two, number)
        result._own_heap = False
        result._own_scopes = set()
        result.heap = left.heap if left.heap is right.heap else self.heap()
        while self.waiting:  # fusing two objects may fuse what they hold
            one_id = self.waiting.pop()
            result.heap[one_id] = self.record(left.heap[one_id], right.heap[self.fused[one_id]], one_id)
        result.assumed = {key: answer for key, answer in left.assumed.items() if right.assumed.get(key) is answer}
        result.log = _merge_logs(left.log, right.log)
        return result

    def heap(self) -> dict[int, Record]:
        mine, theirs = self.left.heap, self.right.heap
        result = {**theirs, **mine}
        for id in [id for id, record in mine.items() if theirs.get(id, record) is not record]:
            if mine[id] != theirs[id]:
                result[id] = self.record(mine[id], theirs[id], id)
        return result

    def mapping(self, left: Mapping[str, Value], right: Mapping[str, Value], where: Hashable) -> Scope:
        result = dict(left)
        for name in [name for name, value in left.items() if right.get(name) is not value]:
            result[name] = self.value(left[name], right.get(name), (where, name), name)
        if right.keys() != left.keys():
            for name in [name for name in right if name not in left]:
                result[name] = self.value(None, right[name], (where, name), name)
        return result

    def value(self, one: Value | None, two: Value | None, where: Hashable, hint: str = "") -> Value:
        if one is not None and one == two:
            return one
        if isinstance(one, Tuple) and isinstance(two, Tuple) and len(one.items) == len(two.items):
            pairs = zip(one.items, two.items, strict=True)
            return Tuple(tuple(self.value(a, b, (where, i)) for i, (a, b) in enumerate(pairs)))
        if isinstance(one, Tensor) and isinstance(two, Tensor):
            return Tensor(UNKNOWN)
        if isinstance(one, Reference) and isinstance(two, Reference) and self.made_alike(one.id, two.id):
            return one
        if not self.force and (self.matters(one, self.left) or self.matters(two, self.right)):
            raise _Apart
        if isinstance(one, DTypeValue) and isinstance(two, DTypeValue):
            return DTypeValue(UNKNOWN)
        if is_device_name(one) and is_device_name(two):
            return Opaque(("joined", where, one, two), "device")
        return Opaque(("joined", where, one, two), hint)

    def made_alike(self, one_id: int, two_id: int) -> bool:
        """Whether two objects that the other path does not know are of one make, and so become one."""
        if one_id in self.fused or two_id in self.fused_right:
            return self.fused.get(one_id) == two_id  # two names of one object on either path, or none
        if one_id in self.right.heap or two_id in self.left.heap:
            return False
        if not _of_one_make(self.left.heap.get(one_id), self.right.heap.get(two_id)):
            return False
        self.fused[one_id], self.fused_right[two_id] = two_id, one_id
        self.waiting.append(one_id)
        return True

    def matters(self, value: Value | None, state: State) -> bool:
        """Whether mixing this value with another would lose what the trace is about."""
        if isinstance(value, Constant):
            return isinstance(value.value, str) and parse_dtype(value.value) is not None
        if isinstance(value, Reference):
            return holds_module(value, state)
        return isinstance(value, (DTypeValue, PartOf, StateDict))

    def record(self, one: Record, two: Record, id: int) -> Record:
        if isinstance(one, Module) and isinstance(two, Module):
            return self.module(one, two, id)
        if isinstance(one, Dictionary) and isinstance(two, Dictionary):
            left = {repr(key): value for key, value in one.entries.items()}
            right = {repr(key): value for key, value in two.entries.items()}
            keys = {repr(key): key for key in (*one.entries, *two.entries)}
            merged = self.mapping(left, right, id)
            open = one.open or two.open or left.keys() != right.keys()
            return Dictionary({keys[name]: value for name, value in merged.items()}, open)
        if isinstance(one, Instance) and isinstance(two, Instance) and one.class_id == two.class_id:
            open = one.open or two.open or one.attributes.keys() != two.attributes.keys()
            return dataclasses.replace(one, attributes=self.mapping(one.attributes, two.attributes, id), open=open)
        if isinstance(one, Items) and isinstance(two, Items):
            # One list is usually the other with more appended; what is common at its head stays.
            common = [a for a, b in zip(one.items, two.items, strict=False) if a == b]
            if not self.force and any(
                self.matters(item, state)
                for items, state in ((one.items, self.left), (two.items, self.right))
                for item in items[len(common) :]
            ):
                raise _Apart
            return Items(tuple(common), open=True)
        if self.force:
            return one
        raise _Apart

    def module(self, one: Module, two: Module, id: int) -> Module:
        differ = one.weights.term != two.weights.term or one.replacement != two.replacement
        if not self.force and (differ or one.sharding != two.sharding):
            raise _Apart
        alike = one.kind is two.kind and one.name == two.name
        if not self.force and not alike:
            raise _Apart
        same = one.weights.term == two.weights.term and alike
        return dataclasses.replace(
            one,
            weights=one.weights if same else Weights(),
            construction=one.construction if one.construction == two.construction else None,
            children=self.mapping(one.children, two.children, id),
            opaque=one.opaque or two.opaque or not alike,
            autocast=one.autocast if one.autocast is two.autocast else Truth.UNKNOWN,
            sharding=one.sharding if one.sharding == two.sharding else None,
            reasons=tuple(dict.fromkeys((*one.reasons, *two.reasons))),
        )


def _of_one_make(one: Record | None, two: Record | None) -> bool:
    if isinstance(one, Instance) and isinstance(two, Instance):
        return one.name == two.name and one.class_id is two.class_id is None
    if isinstance(one, Module) and isinstance(two, Module):
        # How a library's model was loaded is known by its number: two of them stay two.
        return (one.kind, one.name, one.class_id) == (two.kind, two.name, two.class_id) and (
            one.kind is not ModuleKind.MODEL
            and one.weights.term == two.weights.term
            and one.replacement is two.replacement is None
            and one.sharding == two.sharding
            and one.children.keys() == two.children.keys()
        )
    return isinstance(one, Dictionary) and isinstance(two, Dictionary)


def is_device_name(value: Value | None) -> bool:
    """Whether a value stands for a device rather than a dtype."""
    if isinstance(value, Constant):
        return isinstance(value.value, int) or (isinstance(value.value, str) and parse_dtype(value.value) is None)
    if isinstance(value, Opaque):
        return any(word in value.hint.lower() for word in ("device", "rank", "gpu", "cuda"))
    return False


def holds_module(value: Value | None, state: State, depth: int = 3) -> bool:
    """Whether a module or a dtype can be reached from a value."""
    if isinstance(value, Tuple):
        return any(holds_module(item, state, depth) for item in value.items)
    if isinstance(value, (PartOf, DTypeValue, StateDict)):
        return True
    if not isinstance(value, Reference) or depth == 0:
        return False
    record = state.heap.get(value.id)
    if isinstance(record, Module):
        return True
    inside: tuple[Value, ...] = ()
    if isinstance(record, Items):
        inside = record.items
    elif isinstance(record, Dictionary):
        inside = tuple(record.entries.values())
    elif isinstance(record, Instance):
        inside = tuple(record.attributes.values())
    return any(holds_module(item, state, depth - 1) for item in inside)


def _either_gathering(one: Gathering | None, two: Gathering | None) -> Gathering | None:
    """Where only one path set a type, or each another one, nothing is known of what is gathered."""
    known = one or two
    if one == two or known is None:
        return one
    return dataclasses.replace(known, type=UNKNOWN, on_cpu=Truth.UNKNOWN, rank0_only=Truth.UNKNOWN)


def _merge_logs(left: Log, right: Log) -> Log:
    """Events of both paths: what they share, then the left one's own, then those only the right one has."""
    if left is right:
        return left
    seen = set()
    link = left
    while link is not None:
        seen.add(id(link))
        link = link[1]
    own: list[Event] = []
    link = right
    while link is not None and id(link) not in seen:
        own.append(link[0])
        link = link[1]
    # By where they happen: comparing every event with every other one would be most of the work.
    known: dict[tuple[type, int], list[Event]] = {}
    shared = link
    link = left
    while link is not shared and link is not None:
        event = link[0]
        known.setdefault((type(event), event.location.span.start), []).append(event)
        link = link[1]
    result = left
    for event in reversed(own):
        if event not in known.get((type(event), event.location.span.start), ()):
            result = (event, result)
    return result
