"""The interpreter's working parts that every other file of this room uses: state, names, objects, budget, choices."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias

from ftlint.run.fact import Truth
from ftlint.spans import Location
from ftlint.syntax.document import Source
from ftlint.syntax.python import span_of
from ftlint.trace.events import Event
from ftlint.trace.heap import Class, Construction, Items, Module, Record, Replacement, Weights
from ftlint.trace.places import Place, WrittenPlaces
from ftlint.trace.state import State
from ftlint.trace.telling import Aside
from ftlint.trace.values import (
    Arguments,
    Constant,
    DTypeValue,
    External,
    Function,
    FunctionDefinition,
    Opaque,
    Reference,
    Tuple,
    Value,
)

MAX_DEPTH = 12  # calls of the script's own functions inside one another
MAX_PATHS = 16  # paths that differ in what matters, as the design bounds variants
_BUILTINS = frozenset(dir(builtins))


class OutOfBudget(Exception):  # noqa: N818  # control flow, not an error of anybody's
    """The script asks for more steps than it is worth; nothing is then claimed about it."""


class Stopped(Exception):  # noqa: N818  # control flow: `sys.exit()` and its like
    """The path ends here."""


class Signal(Enum):
    """Why a path leaves a block before its end."""

    BREAK = "break"
    CONTINUE = "continue"
    STOP = "stop"  # an exception, or `sys.exit()`


@dataclass(frozen=True, slots=True)
class Returned:
    """A path leaves its function with a value."""

    value: Value


Way: TypeAlias = "tuple[State, Signal | Returned | None]"


@dataclass(slots=True)
class Frame:
    """Where names are looked up: the scopes that are seen, innermost first, and the text that is being read."""

    scopes: tuple[int, ...]
    source: Source
    function: Function | None = None
    global_names: set[str] = field(default_factory=set)
    nonlocal_names: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Choice:
    """A point inside a statement where the path parts: the alternatives, and which one is being followed."""

    alternatives: list[tuple[State, Value]]
    numbered: int  # the number given out last when the alternatives were made
    index: int = 0


@dataclass(slots=True)
class Choices:
    """The points met so far in one statement. A statement is run again for each further combination."""

    made: list[Choice] = field(default_factory=list)
    position: int = 0

    def advance(self) -> bool:
        """Turn to the next combination; False when all have been followed."""
        while self.made:
            last = self.made[-1]
            last.index += 1
            if last.index < len(last.alternatives):
                self.position = 0
                return True
            self.made.pop()
        return False


class _Evaluate(Protocol):
    def __call__(self, machine: Machine, node: ast.expr) -> Value: ...


class _Call(Protocol):
    def __call__(self, machine: Machine, function: Function, arguments: Arguments, node: ast.AST) -> Value: ...


class _CallValue(Protocol):
    def __call__(self, machine: Machine, callee: Value, arguments: Arguments, node: ast.expr) -> Value: ...


class _RunBlock(Protocol):
    def __call__(self, machine: Machine, body: Sequence[ast.stmt], states: list[State]) -> list[Way]: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """How to read what a script is made of. Handed in, because each kind of reading needs the others."""

    evaluate: _Evaluate
    call_function: _Call
    call_value: _CallValue
    run_block: _RunBlock


class Machine:
    """Owns everything that changes while one script is read."""

    def __init__(self, source: Source, budget: int, rules: Rules) -> None:
        self.state = State()
        self.frame = Frame((0,), source)
        self.state.open_scope(0, {})
        self.steps_left = budget
        self.choices = Choices()
        self.depth = 0
        self.active: list[FunctionDefinition] = []
        self.called: set[FunctionDefinition] = set()
        self.definitions: dict[ast.AST, FunctionDefinition] = {}
        self.names_reached: dict[FunctionDefinition, frozenset[str]] = {}
        self.reserve = budget // 4  # below this many steps functions are no longer entered
        self.functions: list[Function] = []  # as defined, in order
        self.asides: dict[ast.If, Aside] = {}
        self.ended: list[State] = []  # paths that stopped before the end, after something had happened on them
        self.feeding: Replacement | None = None
        self.body = Weights()  # of the library's model that is running
        self.turns = 1  # how often the statement being read is read in loops that go turn by turn
        self.own_lm_loss = False  # whoever runs the model computes the loss from its LM head's weight, not through it
        self.reasons: tuple[str, ...] = ()  # why what is read now may not happen so
        self._rules = rules
        self.places = WrittenPlaces()
        self.statement: ast.stmt | None = None  # the simple one being read
        self.written_as: dict[tuple[Source, str], ast.expr] = {}  # what each name was last given, as it is written
        self.replicated: set[int] = set()  # modules that `nn.DataParallel` was put around, on any path
        self.options: dict[str, Value] = {}  # defaults of the command line's options; unknown where two differ
        self.mentions: frozenset[str] = frozenset()  # which of `placement.MENTIONED` the script has
        self.numbered = 0  # reset when a statement is run again, so that it meets the objects of the first run

    # -- reading -----------------------------------------------------------------------------------------------

    def evaluate(self, node: ast.expr) -> Value:
        """The value of an expression on the current path."""
        self.spend()
        return self._rules.evaluate(self, node)

    def spend(self) -> None:
        """Every walk that a script can make long pays for its steps: expressions, modules run, objects hidden."""
        self.steps_left -= 1
        if self.steps_left < 0:
            raise OutOfBudget

    def call_function(self, function: Function, arguments: Arguments, node: ast.AST) -> Value:
        """What a function of the script returns."""
        return self._rules.call_function(self, function, arguments, node)

    def call_value(self, callee: Value, arguments: Arguments, node: ast.expr) -> Value:
        """What calling any value gives."""
        return self._rules.call_value(self, callee, arguments, node)

    def run_block(self, body: Sequence[ast.stmt], states: list[State]) -> list[Way]:
        """Every way through a block, from each of the states."""
        return self._rules.run_block(self, body, states)

    def location(self, node: ast.AST) -> Location:
        """Where a node of the text being read stands."""
        return self.frame.source.location(span_of(node, self.frame.source))

    def note_place(self, value: Value, node: ast.AST) -> None:
        """Remember that an object is made by that expression."""
        if isinstance(value, Reference):
            self.places.note(value, self.record(value), Place(self.frame.source, node))

    def note_entry(self, owner: Reference, name: str, value: Value, node: ast.AST) -> None:
        """Remember that an object gets an entry by that expression."""
        self.places.note_entry(owner, name, value, Place(self.frame.source, node))

    def emit(self, event: Event) -> None:
        """Note that something happens on this path."""
        self.state.log = (event, self.state.log)

    # -- names -------------------------------------------------------------------------------------------------

    def lookup(self, name: str) -> Value:
        """What a name stands for here."""
        for number in self.frame.scopes:
            scope = self.state.scopes.get(number)
            if scope is not None and name in scope:
                return scope[name]
        if name in _BUILTINS:
            return External("builtins." + name)
        return Opaque(("name", name), name)

    def bind(self, name: str, value: Value) -> None:
        """`name = value`."""
        number = self.frame.scopes[0]
        if name in self.frame.global_names:
            number = self.frame.scopes[-1]
        elif name in self.frame.nonlocal_names:
            number = next((n for n in self.frame.scopes[1:] if name in self.state.scopes.get(n, ())), number)
        self.state.writable_scope(number)[name] = value

    def visible_names(self) -> frozenset[str]:
        """Every name that can be read here."""
        names: set[str] = set()
        for number in self.frame.scopes:
            names.update(self.state.scopes.get(number, ()))
        return frozenset(names)

    def forget(self, value: Value) -> None:
        """A value changes in a way we do not follow: the names that stand for it stand for something unknown."""
        for number in self.frame.scopes:
            for name, held in tuple(self.state.scopes.get(number, {}).items()):
                if held == value:
                    self.state.writable_scope(number)[name] = Opaque(("changed", self.number()), name)

    # -- objects -----------------------------------------------------------------------------------------------

    def number(self) -> int:
        """A number not used before in this trace."""
        self.numbered += 1
        return self.numbered

    def add(self, record: Record) -> Reference:
        """A new object."""
        id = self.number()
        self.state.writable_heap()[id] = record
        return Reference(id)

    def record(self, value: Value | None) -> Record | None:
        """The object behind a value, if it has one."""
        return self.state.heap.get(value.id) if isinstance(value, Reference) else None

    def module(self, value: Value | None) -> Module | None:
        """The module behind a value, if it is one."""
        record = self.record(value)
        return record if isinstance(record, Module) else None

    def class_of(self, class_id: int | None) -> Class | None:
        """The class with that id."""
        record = self.state.heap.get(class_id) if class_id is not None else None
        return record if isinstance(record, Class) else None

    def construction(self, node: ast.expr) -> Construction | None:
        """The call being read, as the place where a module is built."""
        if not isinstance(node, ast.Call):
            return None
        return Construction(self.frame.source, node, self.frame.scopes, self.visible_names())

    def unknown(self, node: ast.AST | None = None, hint: str = "") -> Opaque:
        """A value that equals no other."""
        return Opaque(("fresh", self.number()), hint)

    # -- truth and choices -------------------------------------------------------------------------------------

    def truth(self, value: Value) -> Truth:
        """Whether a value is true on this path."""
        if isinstance(value, Constant):
            return Truth.of(bool(value.value))
        if isinstance(value, Tuple):
            return Truth.of(bool(value.items))
        if isinstance(value, (DTypeValue, Function)):
            return Truth.YES
        if isinstance(value, Reference):
            record = self.record(value)
            if isinstance(record, Items):
                return Truth.YES if record.items else Truth.UNKNOWN if record.open else Truth.NO
            return Truth.YES if isinstance(record, Module) else Truth.UNKNOWN
        if isinstance(value, Opaque):
            return self._assumed(value.key)
        return Truth.UNKNOWN

    def _assumed(self, key: Hashable) -> Truth:
        match key:
            case ("not", inner):
                return self._assumed(inner).negated()
            case _:
                answer = self.state.assumed.get(key)
                return Truth.UNKNOWN if answer is None else Truth.of(answer)

    def assume(self, value: Value, answer: bool) -> None:
        """On this path the value is true, or is false."""
        if isinstance(value, Opaque):
            self._assume(value.key, answer)

    def _assume(self, key: Hashable, answer: bool) -> None:
        match key:
            case ("not", inner):
                self._assume(inner, not answer)
            case ("all", (*parts,)) if answer:
                for part in parts:
                    self._assume(part, True)
            case ("any", (*parts,)) if not answer:
                for part in parts:
                    self._assume(part, False)
            case _:
                self.state.assumed[key] = answer

    @property
    def num_paths_affordable(self) -> int:
        """How many paths may be followed side by side: fewer when a script turns out to be long and winding."""
        return MAX_PATHS if self.steps_left > self.reserve * 3 else 4

    def choose(self, produce: Callable[[], list[tuple[State, Value]]]) -> Value:
        """One of several ways on; the statement that is being run will be run again for the others."""
        choices = self.choices
        if choices.position == len(choices.made):
            alternatives = produce()
            if not alternatives:
                raise Stopped
            if len(alternatives) == 1:
                self.state, value = alternatives[0]
                # A choice with one way on still takes a place, or the next run would count differently.
                choices.made.append(Choice([(self.state.fork(), value)], self.numbered))
                choices.position += 1
                return value
            choices.made.append(Choice(alternatives, self.numbered))
        choice = choices.made[choices.position]
        choices.position += 1
        self.numbered = choice.numbered
        state, value = choice.alternatives[choice.index]
        self.state = state.fork()
        return value
