"""The abstract interpreter: statements and expressions, as far as followed mappings pass through them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tools.harvest.keys_read import following
from tools.harvest.keys_read.abstract import (
    TABLE_METHODS,
    Callee,
    Constant,
    Followed,
    Held,
    Values,
    elements,
    identity,
    is_key,
    item,
    matters,
    on_table,
    sequence,
)
from tools.harvest.keys_read.reads import Reads, Target
from tools.harvest.python_source import Classes, ClassRef, FunctionRef, Module, Modules, NotConstant
from tools.harvest.python_source import Values as Evaluator
from tools.harvest.python_source.modules import Import

MAX_DEPTH = 24
"""Calls inside of calls."""
MAX_TURNS = 64
"""How often a loop over constants is gone through."""

COPIES = ("copy", "deepcopy", "dict", "vars", "to_container", "to_object")
"""Functions whose answer has the keys of their first argument."""


@dataclass
class _Frame:
    """A function's variables. `conditions`: how many of them hold where we are."""

    module: Module
    names: dict[str, Values]
    imports: dict[str, Import] = field(default_factory=dict)
    functions: dict[str, FunctionRef] = field(default_factory=dict)
    returned: Values = field(default_factory=list)
    conditions: int = 0


class Reader:
    """Follows mappings through one release.

    `by_attribute`: `mapping.key` reads a key, as OmegaConf and argparse have it. `makers`: functions, as they are
    written where they are called, that make an object of a mapping which names the class itself.
    """

    def __init__(self, modules: Modules, *, by_attribute: bool = False, makers: Sequence[str] = ()) -> None:
        self._modules = modules
        self._classes = Classes(modules)
        self._evaluator = Evaluator(modules)
        self._by_attribute = by_attribute
        self._makers = frozenset(makers)
        self._stack: list[tuple[object, ...]] = []

    def call(self, function: FunctionRef, **mappings: Reads) -> None:
        """Call a function with mappings as arguments."""
        self._run(function, [], {name: [Followed(reads)] for name, reads in mappings.items()})

    def use(self, cls: ClassRef, *calls: tuple[str, dict[str, Reads]]) -> None:
        """Make an object and call methods of it, in this order, each with mappings as arguments."""
        made = Held(cls=cls)
        for method, mappings in calls:
            self._method(made, method, [], {name: [Followed(reads)] for name, reads in mappings.items()})

    # Calls

    def _called(self, node: ast.Call, frame: _Frame) -> Values:
        args = [self._value(arg.value if isinstance(arg, ast.Starred) else arg, frame) for arg in node.args]
        keywords = {word.arg: self._value(word.value, frame) for word in node.keywords if word.arg is not None}
        unpacked = [v for word in node.keywords if word.arg is None for v in self._value(word.value, frame)]
        name = ast.unparse(node.func)
        if name in self._makers:
            for value in args[0] if args else []:
                if isinstance(value, Followed):
                    made = Target(None, keywords=frozenset(keywords), num_positional=len(args) - 1)
                    value.reads.targets.append(made)
            return []
        last = name.rpartition(".")[2]
        if last in COPIES and args:
            return args[0]
        if last in ("getattr", "hasattr") and len(args) > 1:
            return self._getattr(args, frame)
        if isinstance(node.func, ast.Attribute):
            found = self._on(node.func, args, keywords, frame)
            if found is not None:
                return found
        result: Values = []
        for callee in self._value(node.func, frame):
            if isinstance(callee, Callee):
                result += self._call(callee.reference, args, keywords, unpacked)
        return result

    def _call(
        self, reference: ClassRef | FunctionRef, args: list[Values], keywords: dict[str, Values], unpacked: Values
    ) -> Values:
        beside = frozenset(keywords)
        for value in unpacked:
            if isinstance(value, Followed):
                value.reads.targets.append(Target(reference, keywords=beside))
            elif isinstance(value, Held):  # a table of mappings: each goes to the parameter of its name
                for key, below in value.names.items():
                    for mapping in below:
                        if isinstance(mapping, Followed):
                            mapping.reads.targets.append(Target(reference, parameter=str(key), keywords=beside))
        if isinstance(reference, FunctionRef):
            return self._run(reference, args, keywords)
        made = Held(cls=reference)
        self._method(made, "__init__", args, keywords)
        return [made]

    def _method(self, made: Held, name: str, args: list[Values], keywords: dict[str, Values]) -> Values:
        function = self._classes.method(made.cls, name) if made.cls is not None else None
        if function is None:
            return []
        is_static = "staticmethod" in _decorators(function)
        return self._run(function, args if is_static else [[made], *args], keywords)

    def _run(self, function: FunctionRef, args: list[Values], keywords: dict[str, Values]) -> Values:
        if not any(map(matters, [*args, *keywords.values()])):
            return []
        node = function.node
        parameters = self._classes.parameters(function)
        names: dict[str, Values] = {p.name: values for p, values in zip(parameters, args, strict=False)}
        names |= {p.name: keywords[p.name] for p in parameters if p.name in keywords}
        for parameter in parameters:
            if parameter.name not in names and parameter.default is not None:
                names[parameter.name] = self._constant(parameter.default, function.module)
        call = (id(node), *((name, *map(identity, values)) for name, values in sorted(names.items())))
        if call in self._stack or len(self._stack) >= MAX_DEPTH:
            return []
        bound = function.module.bindings(node.body)
        imports = {name: what for name, what in bound.items() if isinstance(what, Import)}
        frame = _Frame(function.module, names, imports)
        self._stack.append(call)
        self._block(node.body, frame)
        self._stack.pop()
        return frame.returned

    def _on(
        self, function: ast.Attribute, args: list[Values], keywords: dict[str, Values], frame: _Frame
    ) -> Values | None:
        """A method called on a value; None: on nothing that is known here."""
        if isinstance(function.value, ast.Call) and ast.unparse(function.value.func) == "super":
            return []
        result: Values | None = None
        for owner in self._value(function.value, frame):
            found: Values | None = None
            if isinstance(owner, Followed):
                found = following.call(owner, function.attr, args, is_certain=not frame.conditions)
            elif isinstance(owner, Held) and owner.cls is not None:
                found = self._method(owner, function.attr, args, keywords)
            elif isinstance(owner, (Held, Constant)) and function.attr in TABLE_METHODS:
                found = on_table(owner, function.attr, args)
            if found is not None:
                result = [*(result or []), *found]
        return result

    def _getattr(self, args: list[Values], frame: _Frame) -> Values:
        default = args[2] if len(args) > 2 else []
        found: Values = []
        for owner in args[0]:
            for key in args[1]:
                if isinstance(key, Constant) and isinstance(owner, Followed) and self._by_attribute:
                    found += following.read(owner, key.value, default)
                elif isinstance(key, Constant) and isinstance(owner, Held) and is_key(key.value):
                    found += owner.names.get(key.value, default)
        return found

    # Statements

    def _block(self, body: Sequence[ast.stmt], frame: _Frame) -> None:
        for statement in body:
            self._statement(statement, frame)

    def _statement(self, node: ast.stmt, frame: _Frame) -> None:
        match node:
            case ast.Assign(value=value):
                values = self._value(value, frame)
                for target in node.targets:
                    self._assign(target, values, frame)
            case ast.AnnAssign(value=ast.expr() as value):
                self._assign(node.target, self._value(value, frame), frame)
            case ast.Return(value=ast.expr() as value):
                frame.returned += self._value(value, frame)
            case ast.If(test=test) | ast.While(test=test):
                self._value(test, frame)
                if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(node.body[0], ast.Raise):
                    following.refuse(
                        self._value(test.left, frame), test.ops[0], self._value(test.comparators[0], frame)
                    )
                self._conditional([node.body, node.orelse], frame)
            case ast.For():
                for turn in self._turns(node.iter, frame):
                    self._bind(node.target, turn, frame)
                    self._conditional([node.body], frame)
                self._block(node.orelse, frame)
            case ast.With():
                for entered in node.items:
                    self._value(entered.context_expr, frame)
                self._block(node.body, frame)
            case ast.Try():
                self._conditional([node.body, *(handler.body for handler in node.handlers), node.orelse], frame)
                self._block(node.finalbody, frame)
            case ast.FunctionDef():
                frame.functions[node.name] = FunctionRef(frame.module, node)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self._value(child, frame)

    def _conditional(self, bodies: Sequence[Sequence[ast.stmt]], frame: _Frame) -> None:
        frame.conditions += 1
        for body in bodies:
            self._block(body, frame)
        frame.conditions -= 1

    def _turns(self, node: ast.expr, frame: _Frame) -> list[Values]:
        """What a loop's variable is in each turn; nothing, once, if that cannot be seen."""
        values = self._value(node, frame)
        return [turn for value in values for turn in elements(value)][:MAX_TURNS] or [[]]

    def _bind(self, target: ast.expr, values: Values, frame: _Frame) -> None:
        """A loop's variable has in each turn what it has, whatever was before."""
        conditions, frame.conditions = frame.conditions, 0
        self._assign(target, values, frame)
        frame.conditions = conditions

    def _assign(self, target: ast.expr, values: Values, frame: _Frame) -> None:
        match target:
            case ast.Name(id=name):
                # Under a condition the old value may stay.
                frame.names[name] = [*frame.names.get(name, []), *values] if frame.conditions else values
            case ast.Attribute(value=owner, attr=name):
                self._store(self._value(owner, frame), [Constant(name)], values, frame)
            case ast.Subscript(value=owner, slice=key):
                following.store(
                    self._value(owner, frame), self._value(key, frame), values, is_certain=not frame.conditions
                )
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for index, part in enumerate(targets):
                    self._assign(part, item(values, index), frame)

    def _store(self, owners: Values, keys: Values, values: Values, frame: _Frame) -> None:
        following.store(owners, keys, values, is_certain=not frame.conditions)

    # Expressions

    def _value(self, node: ast.expr, frame: _Frame) -> Values:
        match node:
            case ast.Name(id=name):
                return self._name(node, name, frame)
            case ast.Attribute():
                return self._attribute(node, frame)
            case ast.Subscript(value=owner, slice=key):
                owners, keys = self._value(owner, frame), self._value(key, frame)
                return following.subscript(owners, keys, is_certain=not frame.conditions)
            case ast.Call():
                return self._called(node, frame) or self._constant(node, frame.module)
            case ast.Dict(keys=keys, values=parts):
                held = Held()
                for named, part in zip(keys, parts, strict=True):
                    values = self._value(part, frame)
                    if named is not None:
                        self._store([held], self._value(named, frame), values, frame)
                return [held]
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return [sequence([self._value(part, frame) for part in parts])]
            case ast.DictComp(key=key, value=part):
                held = Held()
                for inner in self._comprehended(node.generators, frame):
                    following.store(
                        [held], self._value(key, inner), self._value(part, inner), is_certain=not inner.conditions
                    )
                return [held]
            case ast.ListComp(elt=part) | ast.SetComp(elt=part) | ast.GeneratorExp(elt=part):
                return [sequence([self._value(part, inner) for inner in self._comprehended(node.generators, frame)])]
            case ast.Compare():
                following.compare([self._value(part, frame) for part in (node.left, *node.comparators)], node.ops)
                return []
            case ast.BoolOp(values=parts):
                return [*self._value(parts[0], frame), *self._perhaps(parts[1:], frame)]
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._value(test, frame)
                return self._perhaps([body, orelse], frame)
            case ast.NamedExpr(target=target, value=part):
                values = self._value(part, frame)
                self._assign(target, values, frame)
                return values
            case ast.Lambda():
                return []
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._value(child, frame)
        return self._constant(node, frame.module)

    def _perhaps(self, parts: Sequence[ast.expr], frame: _Frame) -> Values:
        frame.conditions += 1
        found = [value for part in parts for value in self._value(part, frame)]
        frame.conditions -= 1
        return found

    def _name(self, node: ast.expr, name: str, frame: _Frame) -> Values:
        if name in frame.names:
            return frame.names[name]
        if name in frame.functions:
            return [Callee(frame.functions[name])]
        return self._meaning(node, frame)

    def _meaning(self, node: ast.expr, frame: _Frame) -> Values:
        """What a name of the module, or one imported inside the function, stands for."""
        meaning: object = None
        if isinstance(node, ast.Name) and node.id in frame.imports:
            imported = frame.imports[node.id]
            dotted = f"{imported.module}.{imported.name}" if imported.name else imported.module
            meaning = self._modules.find(dotted)
        else:
            meaning = self._modules.resolve(node, frame.module)
        if isinstance(meaning, (ClassRef, FunctionRef)):
            return [Callee(meaning)]
        return self._constant(node, frame.module)

    def _constant(self, node: ast.expr, module: Module) -> Values:
        try:
            return [Constant(self._evaluator.constant(node, module))]
        except NotConstant:
            return []

    def _attribute(self, node: ast.Attribute, frame: _Frame) -> Values:
        root: ast.expr = node
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Name) and root.id not in frame.names:
            return self._meaning(node, frame)
        found: Values = []
        for owner in self._value(node.value, frame):
            if isinstance(owner, Followed) and self._by_attribute:
                found += following.read(owner, node.attr, [], is_demanded=not frame.conditions)
            elif isinstance(owner, Held) and owner.cls is not None:
                found += owner.names.get(node.attr) or self._property(owner, node.attr)
        return found

    def _property(self, owner: Held, name: str) -> Values:
        function = self._classes.method(owner.cls, name) if owner.cls is not None else None
        if function is not None and _decorators(function) & {"property", "cached_property"}:
            return self._method(owner, name, [], {})
        return []

    def _comprehended(self, generators: Sequence[ast.comprehension], frame: _Frame) -> Iterator[_Frame]:
        first, *others = generators
        for turn in self._turns(first.iter, frame):
            inner = _Frame(frame.module, dict(frame.names), frame.imports, frame.functions)
            self._bind(first.target, turn, inner)
            inner.conditions = frame.conditions + 1
            for condition in first.ifs:
                self._value(condition, inner)
            if others:
                yield from self._comprehended(others, inner)
            else:
                yield inner


def _decorators(function: FunctionRef) -> set[str]:
    return {ast.unparse(decorator).rpartition(".")[2] for decorator in function.node.decorator_list}
