"""From a field or a parameter to the keywords of its property: type, choices, default."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from tools.harvest.python_source.annotations import Annotations, Referrer, Schema
from tools.harvest.python_source.classes import Classes, Field, Parameter
from tools.harvest.python_source.modules import ClassRef, External, FunctionRef, Module, Modules
from tools.harvest.python_source.values import Expression, NotConstant, Values

EMPTY: dict[str, object] = {"builtins.list": [], "builtins.dict": {}, "builtins.set": [], "builtins.tuple": []}
"""What a `default_factory` of Python's own makes."""
NUM_POSITIONAL_FIELDS = 3
"""Of a class's constructor that many positional arguments are named: nobody passes more without names."""

BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
"""pydantic's and JSON Schema's words for the same bound."""


class Shapes:
    """Everything that is needed to read one release, made from its source."""

    def __init__(self, modules: Modules, refer: Referrer = lambda _reference: None) -> None:
        self.modules = modules
        self.values = Values(modules)
        self.classes = Classes(modules)
        self.annotations = Annotations(self.classes, self.values, refer)

    def field(self, field: Field) -> Schema:
        """The shape of a dataclass's or model's field."""
        shape = self.annotations.schema(field.annotation, field.module)
        if self.classes.is_model(field.owner):
            shape |= self._bounds(field)
        shape = self._with_choices(shape, field)
        if field.default is not None:
            return {**shape, **self.default(field.default, field.module)}
        if field.factory is not None:
            return {**shape, **self._made_by(field.factory, field.module)}
        return {**shape, "x-required": True}

    def parameter(self, parameter: Parameter) -> Schema:
        """The shape of a function's parameter."""
        shape = self.annotations.schema(parameter.annotation, parameter.module)
        if parameter.default is None:
            return {**shape, "x-required": True}
        return {**shape, **self.default(parameter.default, parameter.module)}

    def default(self, node: ast.expr, module: Module) -> Schema:
        """`default`, or `x-default` for the text of what is no JSON value."""
        value = self.values.of(node, module)
        return {"x-default": value.text} if isinstance(value, Expression) else {"default": value}

    def fields(self, fields: Iterable[Field]) -> dict[str, Schema]:
        """`properties` of a level; a pydantic alias takes the place of the name."""
        return {self.key(field): self.field(field) for field in fields}

    def parameters(self, parameters: Iterable[Parameter]) -> dict[str, Schema]:
        """`properties` of a level that is a function."""
        return {parameter.name: self.parameter(parameter) for parameter in parameters}

    def key(self, field: Field) -> str:
        """The name by which a field is written in a file."""
        alias = field.options.get("alias")
        if alias is not None and self.classes.is_model(field.owner):
            value = self.values.of(alias, field.module)
            if isinstance(value, str):
                return value
        return field.name

    def positional(self, reference: ClassRef) -> list[str]:
        """The first fields that a dataclass's constructor takes without a name; models take none."""
        if self.classes.is_model(reference):
            return []
        init = self.classes.own_method(reference, "__init__")
        if init is not None:
            return self.positional_parameters(init, is_method=True)[:NUM_POSITIONAL_FIELDS]
        names = [field.name for field in self.classes.fields(reference)]
        return [] if _is_keyword_only(reference) else names[:NUM_POSITIONAL_FIELDS]

    def positional_parameters(self, function: FunctionRef, *, is_method: bool = False) -> list[str]:
        """The parameters that a function takes without a name."""
        parameters = self.classes.parameters(function, is_method=is_method)
        return [parameter.name for parameter in parameters if parameter.is_positional]

    def _made_by(self, factory: ast.expr, module: Module) -> Schema:
        if isinstance(factory, ast.Lambda):
            return self.default(factory.body, module)
        meaning = self.modules.resolve(factory, module)
        if isinstance(meaning, External) and meaning.dotted in EMPTY:
            return {"default": EMPTY[meaning.dotted]}
        return {"x-default": f"{ast.unparse(factory)}()"}

    def _bounds(self, field: Field) -> Schema:
        found: dict[str, object] = {}
        for word, keyword in BOUNDS.items():
            if word in field.options:
                value = self.values.of(field.options[word], field.module)
                if isinstance(value, (int, float)):
                    found[keyword] = value
        return found

    def _with_choices(self, shape: Schema, field: Field) -> Schema:
        """`metadata={"choices": […]}`, which transformers' argument parser looks at on the command line only."""
        choices = self.metadata(field).get("choices")
        if choices is None or "enum" in shape or "examples" in shape:
            return shape
        try:
            values = self.values.constant(choices, field.module)
        except NotConstant:
            return shape
        return {**shape, "examples": values} if isinstance(values, list) else shape

    @staticmethod
    def metadata(field: Field) -> Mapping[str, ast.expr]:
        """The entries of a dataclass field's `metadata`, by their keys."""
        node = field.options.get("metadata")
        if not isinstance(node, ast.Dict):
            return {}
        return {
            key.value: value
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }


def _is_keyword_only(reference: ClassRef) -> bool:
    decorators = [node for node in reference.node.decorator_list if isinstance(node, ast.Call)]
    return any(
        keyword.arg == "kw_only" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for node in decorators
        for keyword in node.keywords
    )
