"""What the validators of a pydantic model's single fields demand of a value: words of a list, limits, a pattern."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tools.harvest.python_source import ClassRef, FunctionRef, Shapes
from tools.harvest.python_source.annotations import enumerate_values
from tools.harvest.python_source.checks import Check, Checks, apply
from tools.harvest.python_source.values import NotConstant
from tools.harvest.validators import FIELD_VALIDATORS, decorated, values_of

Shape = dict[str, object]


@dataclass
class _Passing:
    """What a validator lets pass: words, texts that contain something, in any letters or as written."""

    words: list[object] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    folds: bool = False
    is_closed: bool = False
    only_texts: bool = False  # values of other types pass by, into whatever pydantic makes of them


def demanded(reference: ClassRef, properties: Mapping[str, Shape], shapes: Shapes) -> dict[str, Shape]:
    """The properties of a model with what its field validators demand."""
    found = dict(properties)
    for function, keys in _validators(reference, shapes):
        function = _handed_on(function, shapes)
        value = values_of(function)
        passing = _Reader(function, value, shapes).passing()
        checks = Checks(shapes.classes, shapes.values).of_function(reference, function, value)
        # `number` says of a model's key that it is compared before pydantic converts (`compared_before`).
        checks = [check for check in checks if check["kind"] != "number"]
        for key in [each for each in keys if each in found]:
            if passing.is_closed and passing.words:
                found[key] = _closed(found[key], passing)
            elif checks:
                found[key] = apply(found[key], checks)
    return found


def _validators(reference: ClassRef, shapes: Shapes) -> Iterator[tuple[FunctionRef, list[str]]]:
    for function, decorator in decorated(reference, shapes):
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in FIELD_VALIDATORS:
            keys = [each.value for each in decorator.args if isinstance(each, ast.Constant)]
            yield function, [key for key in keys if isinstance(key, str)]


def _handed_on(function: FunctionRef, shapes: Shapes) -> FunctionRef:
    """The function that is asked in its place: `return validate_dtype(value)`."""
    body = _without_docstring(function.node.body)
    if len(body) == 1 and isinstance(body[0], ast.Return) and isinstance(body[0].value, ast.Call):
        call = body[0].value
        meaning = shapes.modules.resolve(call.func, function.module)
        if isinstance(meaning, FunctionRef) and [ast.unparse(each) for each in call.args] == [values_of(function)]:
            return meaning
    return function


def _closed(shape: Shape, passing: _Passing) -> Shape:
    """The shape with the words as its enumeration, beside the texts that pass by what they contain."""
    check: Check = {"kind": "enum", "values": passing.words, **({"fold": True} if passing.folds else {})}
    result = apply(shape, [check])
    allowed = result["enum"]
    assert isinstance(allowed, list)
    result |= enumerate_values(allowed)
    if not passing.only_texts:
        result.pop("x-python", None)
    if not passing.parts:
        return result
    words = {keyword: result.pop(keyword) for keyword in ("type", "enum") if keyword in result}
    patterns = [{"type": "string", "pattern": re.escape(part)} for part in passing.parts]
    return {"anyOf": [words, *patterns], **result}


def _without_docstring(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    is_said = body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    return list(body[1:] if is_said else body)


class _Reader:
    """Follows one validator: each way to the end is either a list of words that pass, or `raise`."""

    def __init__(self, function: FunctionRef, value: str, shapes: Shapes) -> None:
        self._function, self._value, self._shapes = function, value, shapes
        self._locals: dict[str, ast.expr] = {}
        self._found = _Passing()

    def passing(self) -> _Passing:
        """What it lets pass; not closed where something passes that we do not understand."""
        self._found.is_closed = self._is_closed(_without_docstring(self._function.node.body))
        return self._found

    def _is_closed(self, statements: Sequence[ast.stmt]) -> bool:
        """Whether all that goes on is known; what follows the last statement counts as passing."""
        for statement in statements:
            if isinstance(statement, ast.Raise):
                return True
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self._assign(statement.targets[0].id, statement.value)
            elif isinstance(statement, ast.If):
                if _ends_in_raise(statement.body) and not statement.orelse:
                    if self._demands(statement.test):
                        return True
                elif self._is_about_texts(statement.test) and not statement.orelse:
                    self._found.only_texts = True
                    return self._is_closed(statement.body)
                elif not self._chain(statement):
                    return False
                elif statement.orelse:
                    return True
            else:
                return False
        return False

    def _assign(self, name: str, value: ast.expr) -> None:
        if name != self._value:
            self._locals[name] = value
        elif self._subject(value) == "fold":
            self._found.folds = True

    def _chain(self, statement: ast.If) -> bool:
        """`if value == word: return …`, with `elif`s; whether each branch is understood and the last one raises."""
        if not self._admits(statement.test):
            return False
        if not statement.orelse:
            return isinstance(statement.body[-1], ast.Return)
        if len(statement.orelse) == 1 and isinstance(statement.orelse[0], ast.If):
            return bool(statement.orelse[0].orelse) and self._chain(statement.orelse[0])
        return _ends_in_raise(statement.orelse)

    def _admits(self, test: ast.expr) -> bool:
        """What passes by `value is None`, `value == word`, `value in words` and `"/" in value`."""
        if not isinstance(test, ast.Compare) or len(test.ops) != 1:
            return False
        operator, right = test.ops[0], test.comparators[0]
        if self._subject(test.left):
            if isinstance(operator, ast.Is):
                return ast.unparse(right) == "None"
            words = self._constant(right)
            if isinstance(operator, ast.Eq) and isinstance(words, str):
                words = [words]
            elif not isinstance(operator, ast.In):
                return False
            return self._add(words)
        part = self._constant(test.left)
        if isinstance(operator, ast.In) and self._subject(right) and isinstance(part, str):
            self._found.parts.append(part)
            return True
        return False

    def _demands(self, test: ast.expr) -> bool:
        """`if value not in words: raise`: nothing else goes on."""
        if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.NotIn):
            return False
        subject = self._subject(test.left)
        if not subject or not self._add(self._constant(test.comparators[0])):
            return False
        self._found.folds = self._found.folds or subject == "fold"
        return True

    def _add(self, words: object) -> bool:
        if isinstance(words, (list, tuple, set, frozenset, dict)) and words:
            self._found.words += [each for each in words if each not in self._found.words]
            return True
        return False

    def _subject(self, node: ast.expr) -> str:
        """How the value is asked about: as it is, with its letters folded, or not at all (empty)."""
        text = ast.unparse(node)
        if text == self._value:
            return "same"
        return "fold" if text in (f"{self._value}.lower()", f"str({self._value}).lower()") else ""

    def _is_about_texts(self, test: ast.expr) -> bool:
        return ast.unparse(test) == f"isinstance({self._value}, str)"

    def _constant(self, node: ast.expr) -> object:
        if isinstance(node, ast.Name) and node.id in self._locals:
            node = self._locals[node.id]
        if isinstance(node, ast.Set):
            node = ast.copy_location(ast.List(node.elts, ast.Load()), node)
        try:
            return self._shapes.values.constant(node, self._function.module)
        except NotConstant:
            return None


def _ends_in_raise(statements: Sequence[ast.stmt]) -> bool:
    return bool(statements) and isinstance(statements[-1], ast.Raise)
