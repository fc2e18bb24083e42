"""The modules of one release, and what a name in one of them means: followed through imports inside the package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import TypeAlias

from ftlint.record import record
from tools.harvest.packages import Source


@record
class Import:
    """A name that comes from a module: `from module import name`; without `name` it is the module itself."""

    module: str
    name: str | None


Statement: TypeAlias = "ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign | ast.AnnAssign | Import"


class Module:
    """One file: its tree, and what its top-level names were bound by."""

    def __init__(self, name: str, tree: ast.Module, *, is_package: bool) -> None:
        self.name = name
        self.tree = tree
        self.is_package = is_package

    @cached_property
    def names(self) -> dict[str, Statement]:
        """Top-level name -> what binds it. Of two branches the one that is written first counts."""
        return self.bindings(self.tree.body)

    @cached_property
    def stars(self) -> tuple[str, ...]:
        """Modules of which all names are imported."""
        return tuple(
            self._absolute(node)
            for node in _flat(self.tree.body)
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        )

    def bindings(self, body: list[ast.stmt]) -> dict[str, Statement]:
        """What the statements bind; also for the body of a class or a function."""
        found: dict[str, Statement] = {}
        unconditional = {id(node) for node in body}
        for node in _flat(body):
            for name, statement in self._bound(node):
                # `X = None` says that X comes later, or in the other branch; outside of branches the last one counts.
                is_anew = id(node) in unconditional and _is_value(statement) and _is_value(found.get(name))
                if name not in found or _is_none(found[name]) or is_anew:
                    found[name] = statement
        return found

    def _bound(self, node: ast.stmt) -> Iterator[tuple[str, Statement]]:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            # `@overload` is for type checkers; the function itself comes after.
            if not any(ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list):
                yield node.name, node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name != "*":
                    yield alias.asname or alias.name, Import(self._absolute(node), alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                yield bound, Import(alias.name if alias.asname else bound, None)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        kept = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*kept, *([node.module] if node.module else [])])


def _is_value(statement: Statement | None) -> bool:
    return (
        isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None and not _is_none(statement)
    )


def _is_none(statement: Statement) -> bool:
    value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
    return isinstance(value, ast.Constant) and value.value is None


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements with those inside of `if`, `try` and `with`, as they are written."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            yield from _flat(node.body)
            if isinstance(node, ast.Try):
                for handler in node.handlers:
                    yield from _flat(handler.body)
            if not isinstance(node, ast.With):
                yield from _flat(node.orelse)


@record
class ClassRef:
    """A class that the release defines."""

    module: Module
    node: ast.ClassDef

    @property
    def name(self) -> str:
        """Its name, without its module."""
        return self.node.name

    @property
    def dotted(self) -> str:
        """Its name with the module that defines it."""
        return f"{self.module.name}.{self.node.name}"


@record
class FunctionRef:
    """A function that the release defines."""

    module: Module
    node: ast.FunctionDef | ast.AsyncFunctionDef


@record
class Assigned:
    """A name that an expression was assigned to."""

    module: Module
    value: ast.expr


@record
class External:
    """What another package defines, or Python itself (`typing.Optional`, `builtins.int`)."""

    dotted: str


Meaning: TypeAlias = "ClassRef | FunctionRef | Assigned | External | Module"


class Modules:
    """Every module of one release, parsed when it is asked for."""

    def __init__(self, source: Source, *roots: str) -> None:
        self.source = source
        self._roots = roots or (source.package.replace("-", "_"),)
        self._parsed: dict[str, Module | None] = {}

    def get(self, name: str) -> Module | None:
        """The module of a dotted name; None where the release has none."""
        if name not in self._parsed:
            self._parsed[name] = self._parse(name)
        return self._parsed[name]

    def below(self, name: str) -> Iterator[Module]:
        """A package's modules at any depth, by name; packages themselves too."""
        folder = name.replace(".", "/")
        for path in sorted(self.source.names):
            if path.endswith(".py") and (path.startswith(folder + "/") or path == folder + ".py"):
                dotted = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                if (module := self.get(dotted)) is not None:
                    yield module

    def _parse(self, name: str) -> Module | None:
        base = name.replace(".", "/")
        for path, is_package in ((f"{base}/__init__.py", True), (f"{base}.py", False)):
            if path in self.source.names:
                return Module(name, ast.parse(self.source.read(path)), is_package=is_package)
        return None

    def find(self, dotted: str) -> Meaning | None:
        """What `package.module.Name` leads to; None where the release has no such thing."""
        module, _, name = dotted.rpartition(".")
        found = self.get(module)
        return self.get(dotted) if found is None else self.lookup(name, found)

    def find_class(self, dotted: str) -> ClassRef | None:
        """The class of that name; None where the release has none."""
        found = self.find(dotted)
        return found if isinstance(found, ClassRef) else None

    def resolve(self, expression: ast.expr, module: Module) -> Meaning | None:
        """What a name or a dotted name means in a module; None for any other expression, and for what is not there."""
        if isinstance(expression, ast.Name):
            return self.lookup(expression.id, module) or External(f"builtins.{expression.id}")
        if isinstance(expression, ast.Attribute):
            owner = self.resolve(expression.value, module)
            if isinstance(owner, Module):
                return self.lookup(expression.attr, owner)
            if isinstance(owner, External):
                return External(f"{owner.dotted}.{expression.attr}")
        return None

    def lookup(self, name: str, module: Module, depth: int = 0) -> Meaning | None:
        """What a top-level name of a module means; None where it binds none."""
        if depth > 20:  # modules that import from each other in a circle
            return None
        statement = module.names.get(name)
        if statement is None:
            for star in module.stars:
                starred = self.get(star)
                if starred is not None and (found := self.lookup(name, starred, depth + 1)) is not None:
                    return found
            return self.get(f"{module.name}.{name}") if module.is_package else None
        if isinstance(statement, Import):
            return self._imported(statement, module, depth)
        if isinstance(statement, ast.ClassDef):
            return ClassRef(module, statement)
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return FunctionRef(module, statement)
        if statement.value is None:
            return None
        if isinstance(statement.value, (ast.Name, ast.Attribute)):  # an alias
            aliased = self.resolve(statement.value, module) if _names_other(statement.value, name) else None
            if isinstance(aliased, (ClassRef, FunctionRef, External, Module)) and not _is_builtin(aliased):
                return aliased
        return Assigned(module, statement.value)

    def _imported(self, statement: Import, module: Module, depth: int) -> Meaning | None:
        if statement.module.partition(".")[0] not in self._roots:
            return External(statement.module + (f".{statement.name}" if statement.name else ""))
        target = self.get(statement.module)
        if statement.name is None:
            return target
        if target is None or target is module:
            return self.get(f"{statement.module}.{statement.name}")
        return self.lookup(statement.name, target, depth + 1)

    def imports_of(self, reference: ClassRef | FunctionRef) -> list[str]:
        """Every dotted name by which the packages around it offer a class or function, shortest first."""
        name = reference.node.name
        parts = reference.module.name.split(".")
        found: list[str] = []
        for length in range(1, len(parts)):
            package = self.get(".".join(parts[:length]))
            if package is not None and self._offers(package, reference):
                found.append(f"{package.name}.{name}")
        return [*found, f"{reference.module.name}.{name}"]

    def _offers(self, package: Module, reference: ClassRef | FunctionRef) -> bool:
        name = reference.node.name
        if name in package.names:
            return self.lookup(name, package) == reference
        # Only the stars on the way to it: those of a large package lead to thousands of files.
        for star in package.stars:
            if f"{reference.module.name}.".startswith(f"{star}.") and (starred := self.get(star)) is not None:
                return self._offers(starred, reference)
        return False


def _names_other(value: ast.expr, name: str) -> bool:
    return not (isinstance(value, ast.Name) and value.id == name)


def _is_builtin(meaning: Meaning) -> bool:
    return isinstance(meaning, External) and meaning.dotted.startswith("builtins.")
