"""How a script can name a dtype in a given place: in its own words where it has some, else `torch.bfloat16`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ftlint.run.fact import UNKNOWN
from ftlint.syntax.python import span_of
from ftlint.trace.heap import Dictionary, Instance, Module, ModuleKind, Weights
from ftlint.trace.machine import Machine
from ftlint.trace.values import DTypeTerm, DTypeValue, External, Loaded


def own_expression(machine: Machine, owner: Module, weights: Weights, visible: frozenset[str]) -> str | None:
    """The expression by which the script gave the model its dtype, where it means the same in this place."""
    if weights.term is UNKNOWN:
        return None
    here = machine.frame.source
    written_here = weights.location is not None and (weights.location.path, weights.location.cell) == (
        here.path,
        here.cell,
    )
    candidates = [weights.expression] if weights.expression is not None and written_here else []
    built_here = owner.construction is not None and owner.construction.source == here
    candidates += _configured(owner, built_here)
    for expression in candidates:
        if _means(machine, expression, weights.term, visible):
            return text_of(machine, expression)
    # A dtype that the script says in other words (`.half()`, "bfloat16") is `torch.float16` to its reader.
    return _model_dtype(machine, owner, visible) if isinstance(weights.term, Loaded) else None


def text_of(machine: Machine, expression: ast.expr) -> str:
    """An expression as it is written, or as it would be where we made it up."""
    if hasattr(expression, "lineno"):
        return machine.frame.source.slice(span_of(expression, machine.frame.source))
    return ast.unparse(expression).replace("'", '"')


def _configured(owner: Module, built_here: bool) -> Iterator[ast.expr]:
    """`CONFIG["dtype"]` and `config.dtype` for a model built by `Model(CONFIG)`, `dtype` for `Model(dtype=dtype)`."""
    call = owner.construction.call if owner.construction is not None else None
    if call is None:
        return
    for keyword in call.keywords:
        if keyword.arg in ("dtype", "torch_dtype") and built_here:
            yield keyword.value
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        if isinstance(argument, ast.Name):
            yield ast.Subscript(argument, ast.Constant("dtype"), ast.Load())
            yield ast.Attribute(argument, "dtype", ast.Load())


def _means(machine: Machine, expression: ast.expr, term: DTypeTerm, visible: frozenset[str]) -> bool:
    parts = list(ast.walk(expression))
    if any(isinstance(part, ast.Name) and part.id not in visible for part in parts):
        return False
    if any(isinstance(part, (ast.Call, ast.NamedExpr, ast.IfExp)) for part in parts):
        return False  # what is computed may be computed differently the second time, and is no name to read
    if isinstance(expression, ast.Subscript):
        return _entry(machine, expression) == DTypeValue(term)
    if isinstance(expression, ast.Attribute) and isinstance(expression.value, (ast.Name, ast.Attribute)):
        owner = machine.record(machine.evaluate(expression.value))
        if isinstance(owner, Module) or (
            isinstance(owner, Instance) and expression.attr not in owner.attributes and owner.open
        ):
            return False
    value = machine.evaluate(expression)
    return isinstance(value, DTypeValue) and value.term == term


def _entry(machine: Machine, expression: ast.Subscript) -> object:
    record = machine.record(machine.evaluate(expression.value))
    return machine.evaluate(expression) if isinstance(record, Dictionary) else None


def _model_dtype(machine: Machine, owner: Module, visible: frozenset[str]) -> str | None:
    """`model.dtype`, which transformers' models have, where no statement of the script names the dtype."""
    if owner.kind is not ModuleKind.MODEL or not owner.name.startswith("transformers"):
        return None
    for number in machine.frame.scopes:
        for name, value in machine.state.scopes.get(number, {}).items():
            if name in visible and machine.module(value) is owner:
                return f"{name}.dtype"
    return None


def torch_name(machine: Machine, visible: frozenset[str]) -> str | None:
    """What the module `torch` is called here."""
    for name in ("torch", *sorted(visible)):
        if name in visible and machine.lookup(name) == External("torch"):
            return name
    return None
