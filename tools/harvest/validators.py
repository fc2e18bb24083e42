"""What a pydantic model's validators do with keys before the fields are looked at: take them over, or refuse them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from tools.harvest.python_source import ClassRef, FunctionRef, Shapes

FIELD_VALIDATORS = ("field_validator", "validator")


def before(reference: ClassRef, shapes: Shapes) -> Iterator[FunctionRef]:
    """`@model_validator(mode="before")`, and pydantic 1's `@root_validator(pre=True)`, those of bases included."""
    for function, decorator in decorated(reference, shapes):
        text = ast.unparse(decorator)
        is_before = text.startswith("model_validator") and "'before'" in text
        if is_before or (text.startswith("root_validator") and "pre=True" in text):
            yield function


def takes_null(reference: ClassRef, shapes: Shapes) -> bool:
    """Whether a validator makes a model of null: `if values is None: return …`."""
    return any(
        isinstance(node, ast.If)
        and ast.unparse(node.test) in (f"{values_of(function)} is None", f"not {values_of(function)}")
        and isinstance(node.body[-1], ast.Return)
        for function in before(reference, shapes)
        for node in function.node.body
    )


def values_of(function: FunctionRef) -> str:
    """The parameter that gets all that was written."""
    names = [argument.arg for argument in function.node.args.args]
    return names[1] if names[0] in ("cls", "self") and len(names) > 1 else names[0]


def deprecations(reference: ClassRef, shapes: Shapes) -> dict[str, dict[str, object]]:
    """Key -> `by` and `effect` of those that validators move to another key, or refuse whatever they hold.

    A key whose value is only lent to another, and that is a field itself, is none of them.
    """
    fields = {field.name for field in shapes.classes.fields(reference)}
    found: dict[str, dict[str, object]] = {}
    for function in before(reference, shapes):
        values = values_of(function)
        found |= {key: _refusal(falsy_passes=True) for key in _refused(function, values)}
        for old, new, is_taken in _moved(function, values):
            if is_taken or old not in fields:
                found[old] = {"by": new, "effect": "moved"}
    for function, decorator in decorated(reference, shapes):
        is_refusal = "raise DeprecationWarning(" in ast.unparse(function.node)
        if is_refusal and isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in FIELD_VALIDATORS:
            names = [argument.value for argument in decorator.args if isinstance(argument, ast.Constant)]
            passes = any(isinstance(node, ast.If) and isinstance(node.test, ast.Name) for node in function.node.body)
            found |= {str(name): _refusal(falsy_passes=passes) for name in names}
    return found


def _refusal(*, falsy_passes: bool) -> dict[str, object]:
    return {"effect": "error", **({"unless": "falsy"} if falsy_passes else {})}


def decorated(reference: ClassRef, shapes: Shapes) -> Iterator[tuple[FunctionRef, ast.expr]]:
    """Each method with each of its decorators, those of bases included."""
    for base in shapes.classes.order(reference):
        for node in base.node.body if isinstance(base, ClassRef) else ():
            if isinstance(base, ClassRef) and isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    yield FunctionRef(base.module, node), decorator


def _refused(function: FunctionRef, values: str) -> Iterator[str]:
    """`if data.get("key"): raise`, where nothing before it decides whether we come there.

    Also of several at once: `found = [key for key in keys if data.get(key)]`, then `if found: raise`.
    """
    written: dict[str, list[str]] = {}  # local names of lists of keys, and of those of them that are in the file
    for statement in function.node.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            written[statement.targets[0].id] = _listed(statement.value, values, written)
        elif isinstance(statement, ast.If) and isinstance(statement.body[0], ast.Raise):
            if (key := _key(statement.test, values)) is not None:
                yield key
            elif isinstance(statement.test, ast.Name):
                yield from written.get(statement.test.id, ())
        elif any(isinstance(node, ast.Return) for node in ast.walk(statement)):
            return


def _listed(node: ast.expr, values: str, written: Mapping[str, list[str]]) -> list[str]:
    """The texts of a list that is written out, or of one that is filtered by what the file has."""
    if isinstance(node, (ast.List, ast.Tuple)):
        found = [item.value for item in node.elts if isinstance(item, ast.Constant)]
        return [each for each in found if isinstance(each, str)]
    if isinstance(node, ast.ListComp) and len(node.generators) == 1:
        (each,) = node.generators
        tests = [ast.unparse(test) for test in each.ifs]
        if isinstance(each.iter, ast.Name) and tests == [f"{values}.get({ast.unparse(each.target)})"]:
            return written.get(each.iter.id, [])
    return []


def _moved(function: FunctionRef, values: str) -> Iterator[tuple[str, str, bool]]:
    """`data["new"] = data.pop("old")`: the keys, and whether the old one is taken away."""
    for node in ast.walk(function.node):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            new, old = _key(node.targets[0], values), _key(node.value, values)
            if new is not None and old is not None and new != old:
                is_gone = f"del {values}['{old}']" in ast.unparse(function.node)
                yield old, new, is_gone or ".pop(" in ast.unparse(node.value)


def _key(node: ast.expr, values: str) -> str | None:
    """The key in `values["key"]`, `values.get("key")`, `values.pop("key")` and `"key" in values`."""
    key: ast.expr | None = None
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == values:
        key = node.slice
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in (f"{values}.get", f"{values}.pop") and node.args:
        key = node.args[0]
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In):
        key = node.left if ast.unparse(node.comparators[0]) == values else None
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
