"""From a class or a function to its level: keys with types, defaults, checks and deprecations, and who stands above."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from ftlint.record import record
from tools.harvest.python_source import deprecations
from tools.harvest.python_source.annotations import Schema
from tools.harvest.python_source.checks import Checks, apply
from tools.harvest.python_source.classes import Classes, Field
from tools.harvest.python_source.modules import ClassRef, External, FunctionRef
from tools.harvest.python_source.shapes import Shapes

CONSTRUCTION = ("__init__", "__post_init__", "post_init")
"""The methods that look at what a constructor was given, in the order in which they run."""


@record
class Behaviour:
    """What is true of a whole level: see `x-values` and `x-unknown` in decision 008."""

    values: str
    unknown: str

    def keywords(self) -> dict[str, object]:
        """As they stand in the level."""
        return {"x-values": self.values, "x-unknown": self.unknown}


class Levels:
    """Makes levels of one release.

    `above`: the `$ref` of a base class that has a level of its own, here or in another package's schema; what other
    bases in the package add is counted among the class's own keys.
    """

    def __init__(self, shapes: Shapes, above: Callable[[ClassRef | External], str | None]) -> None:
        self._shapes = shapes
        self._above = above
        self._checks = Checks(shapes.classes, shapes.values)

    def of_dataclass(self, reference: ClassRef, behaviour: Behaviour) -> dict[str, object]:
        """A dataclass or a pydantic model, by its fields."""
        parents, inside = self._split(reference)
        fields: dict[str, Field] = {}
        for base in reversed(inside):
            fields |= {field.name: field for field in self._shapes.classes.own_fields(base)}
        properties = self._shapes.fields(fields.values())
        everything = {field.name for field in self._shapes.classes.fields(reference)} | set(fields)
        helps = {field.name: self._help(field) for field in fields.values()}
        marked = self._marked(reference, inside, properties, everything, helps)
        # With a level above it, the first arguments are those of the level above.
        positional = () if parents else self._shapes.positional(reference)
        return self._level(reference, behaviour, parents, positional, marked)

    def of_init(self, reference: ClassRef, behaviour: Behaviour) -> dict[str, object] | None:
        """A class by the signature of its `__init__`, inherited or not; None where the package has none of it."""
        owner = self._owner(reference)
        init = self._shapes.classes.own_method(owner, "__init__") if owner is not None else None
        if owner is None or init is None:
            return None
        properties = self._shapes.parameters(self._shapes.classes.parameters(init, is_method=True))
        if behaviour.unknown == "error" and self._shapes.classes.takes_any(init):
            properties, behaviour = self._handed_up(owner, init, properties, behaviour)
        inside = [base for base in self._shapes.classes.order(owner) if isinstance(base, ClassRef)]
        marked = self._marked(reference, inside, properties, set(properties), {})
        marked = self._decorated(init, marked)
        positional = self._shapes.positional_parameters(init, is_method=True)
        return self._level(reference, behaviour, (), positional, marked)

    def of_function(
        self, function: FunctionRef, behaviour: Behaviour, imports: Sequence[str], *, is_method: bool = False
    ) -> dict[str, object]:
        """A function or a method by its signature. `imports`: how a script can name it."""
        properties = self._shapes.parameters(self._shapes.classes.parameters(function, is_method=is_method))
        found = deprecations.from_functions([function.node], properties)
        marked = {key: _deprecate(shape, found.get(key)) for key, shape in properties.items()}
        return {
            "x-imports": list(imports),
            "x-positional": self._shapes.positional_parameters(function, is_method=is_method),
            **behaviour.keywords(),
            "properties": self._decorated(function, marked),
        }

    def _level(
        self,
        reference: ClassRef,
        behaviour: Behaviour,
        parents: Sequence[str],
        positional: Sequence[str],
        properties: Mapping[str, Schema],
    ) -> dict[str, object]:
        level: dict[str, object] = {
            "x-imports": self._shapes.modules.imports_of(reference),
            **({"x-positional": list(positional)} if positional else {}),
            **behaviour.keywords(),
        }
        if parents:
            level["allOf"] = [{"$ref": parent} for parent in parents]
        return {**level, "properties": dict(properties)}

    def _split(self, reference: ClassRef) -> tuple[list[str], list[ClassRef]]:
        """The levels that this one builds on, and the classes that are told as part of it, itself first."""
        parents: list[str] = []
        inside = [reference]
        covered: set[str] = set()
        for base in self._shapes.classes.order(reference)[1:]:
            if base.dotted in covered:
                continue
            target = self._above(base)
            if target is not None:
                parents.append(target)
                if isinstance(base, ClassRef):
                    covered |= {further.dotted for further in self._shapes.classes.order(base)}
            elif isinstance(base, ClassRef):
                inside.append(base)
        return parents, inside

    def _marked(
        self,
        reference: ClassRef,
        inside: Sequence[ClassRef],
        properties: Mapping[str, Schema],
        everything: Iterable[str],
        helps: Mapping[str, str],
    ) -> dict[str, Schema]:
        """The properties with what is checked of them, and with their deprecations."""
        checks = self._checks.of(reference, properties, CONSTRUCTION)
        functions = [node for base in inside for node in base.node.body if isinstance(node, ast.FunctionDef)]
        known = frozenset(everything)
        found = deprecations.from_functions(functions, known)
        for base in reversed(inside):
            for key, text in deprecations.documented(ast.get_docstring(base.node)).items():
                if key in properties and key not in found:
                    said = deprecations.from_text(text, key, known)
                    found |= {key: said} if said is not None else {}
        for key, text in helps.items():
            said = deprecations.from_text(text, key, known)
            if said is not None and (key not in found or found[key].by is None):
                found[key] = said if key not in found else deprecations.Deprecation(said.by, found[key].effect)
        return {key: _deprecate(apply(shape, checks.get(key, ())), found.get(key)) for key, shape in properties.items()}

    def _help(self, field: Field) -> str:
        text = self._shapes.metadata(field).get("help")
        value = self._shapes.values.of(text, field.module) if text is not None else None
        return value if isinstance(value, str) else ""

    def _decorated(self, function: FunctionRef, properties: Mapping[str, Schema]) -> dict[str, Schema]:
        """With what decorators say of parameters, or take besides them."""
        found = deprecations.by_decorators(function.node)
        return {**properties, **{key: _deprecate(properties.get(key, {}), said) for key, said in found.items()}}

    def _handed_up(
        self, owner: ClassRef, init: FunctionRef, properties: dict[str, Schema], behaviour: Behaviour
    ) -> tuple[dict[str, Schema], Behaviour]:
        """With the parameters of the constructors above that get `**kwargs`; `open` where it is lost from sight."""
        order = self._shapes.classes.order(owner)
        above = next((base for base in order[1:] if isinstance(base, ClassRef) and self._has_init(base)), None)
        hands_on = re.search(r"super\(\).__init__\([^)]*\*\*\w+", ast.unparse(init.node))
        if above is None or hands_on is None:
            return properties, Behaviour(behaviour.values, "open")
        further = self._shapes.classes.own_method(above, "__init__")
        assert further is not None
        inherited = self._shapes.parameters(self._shapes.classes.parameters(further, is_method=True))
        merged = {**properties, **{key: inherited[key] for key in inherited if key not in properties}}
        if self._shapes.classes.takes_any(further):
            return self._handed_up(above, further, merged, behaviour)
        return merged, behaviour

    def _has_init(self, reference: ClassRef) -> bool:
        return self._shapes.classes.own_method(reference, "__init__") is not None

    def _owner(self, reference: ClassRef) -> ClassRef | None:
        """The class whose `__init__` says what can be passed; one that hands everything on says nothing."""
        for base in self._shapes.classes.order(reference):
            init = self._shapes.classes.own_method(base, "__init__") if isinstance(base, ClassRef) else None
            if init is not None and isinstance(base, ClassRef):
                takes_names = self._shapes.classes.parameters(init, is_method=True)
                if takes_names or not self._shapes.classes.takes_any(init):
                    return base
        return None


def by_name(classes: Classes, references: Iterable[ClassRef]) -> dict[str, list[ClassRef]]:
    """Public classes by name; of those that share one, the class that the others build on comes first."""
    found: dict[str, list[ClassRef]] = {}
    for reference in references:
        if not reference.name.startswith("_"):
            found.setdefault(reference.name, []).append(reference)
    return {name: sorted(same, key=lambda one: len(classes.order(one))) for name, same in sorted(found.items())}


def _deprecate(shape: Schema, deprecation: deprecations.Deprecation | None) -> Schema:
    return shape if deprecation is None else {**shape, "x-deprecated": deprecation.keywords()}
