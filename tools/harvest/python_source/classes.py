"""Classes and functions of one release: their bases in the order in which Python asks them, and what they take."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property

from ftlint.record import record
from tools.harvest.python_source.modules import ClassRef, External, FunctionRef, Module, Modules

DATACLASS_DECORATORS = ("dataclasses.dataclass", "pydantic.dataclasses.dataclass")
FIELD_CALLS = ("field", "Field", "HubField", "PrivateAttr")


@record
class Field:
    """One setting of a dataclass or a pydantic model. `value`: what stands behind `=`, if anything.

    `owner`: the class in whose body it is written.
    """

    name: str
    annotation: ast.expr
    value: ast.expr | None
    owner: ClassRef

    @property
    def module(self) -> Module:
        """Where its annotation and default are to be understood."""
        return self.owner.module

    @property
    def call(self) -> ast.Call | None:
        """Its `field(…)` or `Field(…)`."""
        is_call = isinstance(self.value, ast.Call) and ast.unparse(self.value.func).rpartition(".")[2] in FIELD_CALLS
        return self.value if isinstance(self.value, ast.Call) and is_call else None

    @property
    def options(self) -> Mapping[str, ast.expr]:
        """The keyword arguments of its `field(…)`."""
        keywords = self.call.keywords if self.call is not None else []
        return {keyword.arg: keyword.value for keyword in keywords if keyword.arg is not None}

    @property
    def default(self) -> ast.expr | None:
        """The default's expression; None where there is none, or where a factory makes it."""
        if self.call is None:
            return self.value
        if "default" in self.options:
            return self.options["default"]
        # pydantic's `Field(3)`; `Field(...)` is without.
        is_positional = self.call.args and ast.unparse(self.call.func).endswith("Field")
        first = self.call.args[0] if is_positional else None
        return None if isinstance(first, ast.Constant) and first.value is ... else first

    @property
    def factory(self) -> ast.expr | None:
        """What is called for the default."""
        return self.options.get("default_factory")


@record
class Parameter:
    """One parameter of a function. `is_positional`: may be given without its name."""

    name: str
    annotation: ast.expr | None
    default: ast.expr | None
    is_positional: bool
    module: Module


class Classes:
    """Answers about the classes of one release."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules
        self._orders: dict[str, tuple[ClassRef | External, ...]] = {}

    def bases(self, reference: ClassRef) -> tuple[ClassRef | External, ...]:
        """The bases as they are written. One that cannot be found is external, by its text."""
        found: list[ClassRef | External] = []
        for node in reference.node.bases:
            expression = node.value if isinstance(node, ast.Subscript) else node  # Generic[T]
            meaning = self.modules.resolve(expression, reference.module)
            is_class = isinstance(meaning, (ClassRef, External)) and meaning != reference
            found.append(
                meaning if isinstance(meaning, (ClassRef, External)) and is_class else External(ast.unparse(node))
            )
        return tuple(found)

    def order(self, reference: ClassRef) -> tuple[ClassRef | External, ...]:
        """The class and all its bases, in Python's method resolution order."""
        if reference.dotted not in self._orders:
            self._orders[reference.dotted] = (reference,)  # a class that is its own base would not end
            bases = self.bases(reference)
            lists = [
                list[ClassRef | External](self.order(base) if isinstance(base, ClassRef) else [base]) for base in bases
            ]
            lists.append(list(bases))
            above = [[base for base in entries if base != reference] for entries in lists]
            self._orders[reference.dotted] = (reference, *_merge(above))
        return self._orders[reference.dotted]

    def is_a(self, reference: ClassRef, *names: str) -> bool:
        """Whether one of these (`pydantic.BaseModel`, or a bare name) is the class or among its bases."""
        return any(base.dotted in names or base.dotted.rpartition(".")[2] in names for base in self.order(reference))

    def is_dataclass(self, reference: ClassRef) -> bool:
        """Whether this class itself is decorated, so that its own annotations are fields."""
        for decorator in reference.node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            meaning = self.modules.resolve(called, reference.module)
            if isinstance(meaning, External) and meaning.dotted in DATACLASS_DECORATORS:
                return True
        return False

    def is_model(self, reference: ClassRef) -> bool:
        """Whether it is a pydantic model."""
        # The bare name: packages for pydantic 1 and 2 had a module that imported all of one of them.
        return self.is_a(reference, "pydantic.BaseModel", "pydantic_settings.BaseSettings", "BaseModel")

    def own_fields(self, reference: ClassRef) -> tuple[Field, ...]:
        """The fields that the class's own body adds or says anew, as its constructor takes them, in order."""
        if not (self.is_dataclass(reference) or self.is_model(reference)):
            return ()
        return tuple(field for field in _annotated(reference) if self._is_taken(field))

    def _is_taken(self, field: Field) -> bool:
        if "ClassVar" in ast.unparse(field.annotation) or ast.unparse(field.annotation).endswith("KW_ONLY"):
            return False
        if self.is_dataclass(field.owner):
            init = field.options.get("init")
            return not (isinstance(init, ast.Constant) and init.value is False)
        return not field.name.startswith("_") and field.name != "model_config"

    def fields(self, reference: ClassRef) -> tuple[Field, ...]:
        """All fields, those of bases in this package first; where a class says one anew, its saying counts."""
        found: dict[str, Field] = {}
        for base in reversed(self.order(reference)):
            if isinstance(base, ClassRef):
                found |= {field.name: field for field in self.own_fields(base)}
        return tuple(found.values())

    def method(self, reference: ClassRef, name: str) -> FunctionRef | None:
        """A method by its name, of the class or the first base that has it."""
        for base in self.order(reference):
            if isinstance(base, ClassRef) and (function := self.own_method(base, name)) is not None:
                return function
        return None

    def own_method(self, reference: ClassRef, name: str) -> FunctionRef | None:
        """A method that the class's own body defines."""
        bound = reference.module.bindings(reference.node.body).get(name)
        is_function = isinstance(bound, (ast.FunctionDef, ast.AsyncFunctionDef))
        return FunctionRef(reference.module, bound) if is_function else None  # type: ignore[arg-type]  # just asked

    def parameters(self, function: FunctionRef, *, is_method: bool = False) -> tuple[Parameter, ...]:
        """What a function takes, in order, without `self`, `*args` and `**kwargs`."""
        arguments = function.node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        missing = len(positional) - len(arguments.defaults)
        defaults: list[ast.expr | None] = [*([None] * missing), *arguments.defaults]
        rows = [(argument, default, True) for argument, default in zip(positional, defaults, strict=True)]
        rows = rows[1:] if is_method else rows
        rows += [(a, default, False) for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
        return tuple(
            Parameter(argument.arg, argument.annotation, default, is_positional, function.module)
            for argument, default, is_positional in rows
        )

    def takes_any(self, function: FunctionRef) -> bool:
        """Whether it has `**kwargs`."""
        return function.node.args.kwarg is not None

    @cached_property
    def defined(self) -> Mapping[str, ClassRef]:
        """Every class of the package by its dotted name; parses all of it."""
        root = self.modules.source.package.replace("-", "_")
        return {
            f"{module.name}.{name}": ClassRef(module, node)
            for module in self.modules.below(root)
            for name, node in module.names.items()
            if isinstance(node, ast.ClassDef)
        }


def _annotated(reference: ClassRef) -> Iterator[Field]:
    for statement in reference.node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield Field(statement.target.id, statement.annotation, statement.value, reference)


def _merge(lists: list[list[ClassRef | External]]) -> Iterator[ClassRef | External]:
    """Python's own linearisation (C3); where it has no answer, the order in which they are written."""
    lists = [entries for entries in lists if entries]
    while lists:
        heads = [entries[0] for entries in lists]
        head = next((h for h in heads if not any(h in entries[1:] for entries in lists)), heads[0])
        yield head
        lists = [[entry for entry in entries if entry != head] for entries in lists]
        lists = [entries for entries in lists if entries]
