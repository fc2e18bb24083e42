"""Layers put in place of a model's own whose dtype is not that of the model around them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ftlint.checks.doubts import SOME_PATHS
from ftlint.checks.dtypes import dtype_behind
from ftlint.findings import Edit, Match, Related, Severity
from ftlint.run.dtype import DType
from ftlint.run.versions import VersionView
from ftlint.spans import Span
from ftlint.syntax.calls import add_keyword
from ftlint.syntax.python import span_of
from ftlint.trace import Fed, Manner, ReplacedLayer, ScriptTrace, Sighting


def replaced_head_dtype(trace: ScriptTrace, versions: VersionView) -> Iterator[Match]:
    """A submodule that gave way to one with float32 weights, in a model that feeds it half precision.

    Asked at each use and reported at the replacement: a `.to()` in between, or autocast around the use, repairs it.
    Silent where a dtype is unknown, which it also is after a function of another file has had the model.
    """
    for layer in trace.replaced_layers():
        failing = [_first_failing(sighting, versions) for sighting in layer.sightings]
        first = next((fed for fed in failing if fed is not None), None)
        if first is None:
            continue
        replacement = first.replacement
        body_dtype = dtype_behind(first.input, versions)
        assert isinstance(body_dtype, DType)
        reasons = first.reasons if all(failing) else (*first.reasons, SOME_PATHS)
        expression = _expression(layer, first, body_dtype)
        yield Match(
            at=replacement.location,
            values={
                "target": replacement.target,
                "layer": replacement.layer,
                "body_dtype": body_dtype.value,
                "dtype_expression": expression or body_dtype.torch_name,
            },
            related=_related(first, body_dtype),
            edits={"dtype": edits} if expression and (edits := _edits(layer, first, expression)) else {},
            severity=Severity.WARNING if reasons else None,
            reason="; ".join(reasons),
        )


def _first_failing(sighting: Sighting | None, versions: VersionView) -> Fed | None:
    """The first use on a path that raises."""
    for fed in sighting.fed if sighting is not None else ():
        # A float32 side is asked for first: the other one may need a question about releases.
        if fed.weights.term is DType.FLOAT32:
            body_dtype = dtype_behind(fed.input, versions)
            if isinstance(body_dtype, DType) and body_dtype.is_half:
                return fed
    return None


def _related(fed: Fed, body_dtype: DType) -> tuple[Related, ...]:
    found = []
    here = fed.replacement.location
    decided = fed.source_weights.location or fed.replacement.source_weights.location
    if decided is not None and decided != here:
        found.append(Related(decided, f"this makes the model {body_dtype.value}"))
    if fed.manner is not Manner.NEVER and fed.location != here:
        found.append(Related(fed.location, "the first use that fails"))
    return tuple(found)


def _expression(layer: ReplacedLayer, fed: Fed, body_dtype: DType) -> str | None:
    """How to write the model's dtype where the new module is built; None where no one expression is always right."""
    owns = {(replacement.dtype_expression, replacement.source_weights.term) for replacement in layer.replacements}
    own = {expression for expression, _ in owns}
    if len(own) == 1 and fed.replacement.source_weights.term == fed.input and (expression := own.pop()) is not None:
        return expression
    # Another path, or another call of the same function, may replace the same layer of a model of another dtype.
    if len(owns) > 1 or fed.replacement.torch_name is None:
        return None
    if any(sighting is not None and not sighting.fed for sighting in layer.sightings):
        return None
    return f"{fed.replacement.torch_name}.{body_dtype.value}"


def _edits(layer: ReplacedLayer, fed: Fed, expression: str) -> tuple[Edit, ...]:
    replacement = fed.replacement
    if fed.weights.note.startswith("."):
        return ()  # a conversion to float32 stands after the construction: what was meant is not ours to guess
    calls = {each.construction.call if each.construction is not None else None for each in layer.replacements}
    built = calls.pop() if len(calls) == 1 else None  # of several, each would have to change: where it is put in place
    source = replacement.source
    if built is not None and replacement.takes_dtype and all(keyword.arg is not None for keyword in built.keywords):
        if any(keyword.arg == "dtype" for keyword in built.keywords):
            return ()  # float32 is written there
        return (add_keyword(source, built, "dtype", expression),)
    node = built if built is not None else replacement.value
    if not isinstance(node, (ast.Call, ast.Name, ast.Attribute, ast.Subscript)):
        return ()
    end = span_of(node, source).end
    return (Edit(source.location(Span(end, end)), f".to({expression})"),)
