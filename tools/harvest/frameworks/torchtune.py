"""torchtune: the keys that each recipe reads of its file, and what everything that `_component_` can name takes.

A recipe asks its file key by key, so it is followed; the file's root is the union of all recipes, because a file does
not say which recipe it is for. Components are the functions and classes that torchtune's packages offer.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from tools.harvest.frameworks import Framework
from tools.harvest.histories import Snapshot
from tools.harvest.keys_read import KeyRead, Reader, Reads
from tools.harvest.packages import Patches, Plan, Source
from tools.harvest.python_source import ClassRef, FunctionRef, Module, Modules, Shapes
from tools.harvest.python_source.annotations import type_of
from tools.harvest.python_source.modules import Assigned, Import

Level = dict[str, Any]

ROOT = "recipe"
MAKERS = ("config.instantiate", "instantiate")
PACKAGES = ("data", "datasets", "generation", "models", "modules", "rlhf", "training", "utils")
"""Below `torchtune`: where components are offered."""
NUM_POSITIONAL = 3
"""Recipes give no more than that."""


def snapshot(source: Source) -> Snapshot:
    """What one release says."""
    modules = Modules(source, "torchtune", "recipes")
    shapes = Shapes(modules)
    recipes = {module.name.partition(".")[2]: _recipe(module, modules) for module in _recipes(modules)}
    return {ROOT: _union(list(recipes.values())), **_named(recipes), **dict(_components(shapes))}


# Recipes


def _recipes(modules: Modules) -> Iterator[Module]:
    for module in modules.below("recipes"):
        if isinstance(module.names.get("recipe_main", module.names.get("main")), ast.FunctionDef):
            yield module


def _recipe(module: Module, modules: Modules) -> Level:
    name = "recipe_main" if "recipe_main" in module.names else "main"
    function = modules.lookup(name, module)
    assert isinstance(function, FunctionRef)
    reads = Reads()
    Reader(modules, by_attribute=True, makers=MAKERS).call(function, cfg=reads)
    return _level(reads)


def _level(reads: Reads) -> Level:
    return {
        "x-values": "unchecked",
        "x-unknown": "ignored",
        "properties": {key: _key(read) for key, read in reads.keys.items()},
    }


def _key(read: KeyRead) -> dict[str, object]:
    required: dict[str, object] = {"x-required": True} if read.is_demanded else {}
    if read.below.targets:
        target = read.below.targets[0]
        given = {"x-given": sorted(target.keywords)} if target.keywords else {}
        positional = {"x-given-positional": target.num_positional} if target.num_positional else {}
        return {"type": "object", **given, **positional, **required}
    default = next((value for value in read.defaults if value is not None), None)
    kind = type_of(default)
    shape: dict[str, object] = {"type": kind} if kind not in (None, "null") else {}
    return {**shape, **({"default": default} if read.defaults else required)}


def _union(levels: list[Level]) -> Level:
    properties: dict[str, dict[str, object]] = {}
    for level in levels:
        for key, shape in level["properties"].items():
            # What differs between recipes is said by their own levels.
            plain = {word: shape[word] for word in ("type",) if word in shape}
            properties[key] = {**plain, **properties.get(key, {})}
    head = {"x-values": "unchecked", "x-unknown": "ignored", "x-component": "_component_"}
    return {**head, "properties": dict(sorted(properties.items()))}


def _named(recipes: dict[str, Level]) -> dict[str, Level]:
    return {f"recipe:{name}": level for name, level in recipes.items()}


# Components


def _components(shapes: Shapes) -> Iterator[tuple[str, Level]]:
    for package in PACKAGES:
        for module in shapes.modules.below(f"torchtune.{package}"):
            if "._" not in module.name:
                for name in _offered(module):
                    found = _component(name, module, shapes)
                    if found is not None:
                        yield f"{module.name}.{name}", found


def _offered(module: Module) -> list[str]:
    """The names of a package; of a module that is none, only what it defines."""
    public = {name: what for name, what in module.names.items() if not name.startswith("_")}
    return [name for name, what in public.items() if module.is_package or not isinstance(what, Import)]


def _component(name: str, module: Module, shapes: Shapes) -> Level | None:
    meaning = shapes.modules.lookup(name, module)
    if isinstance(meaning, Assigned):
        return _partial(name, meaning, shapes)
    if not isinstance(meaning, (ClassRef, FunctionRef)):
        return None
    if isinstance(meaning, ClassRef) and shapes.values.enum(meaning) is not None:
        return None
    if meaning.node.name != name:  # `llama3_3_70b = llama3_1_70b`
        level = _signature(meaning, shapes)
        return {**level, "x-imports": [f"{module.name}.{name}"]} if level is not None else None
    if shapes.modules.imports_of(meaning)[0] != f"{module.name}.{name}":
        return None  # a package further up offers it too
    return _signature(meaning, shapes)


def _signature(meaning: ClassRef | FunctionRef, shapes: Shapes) -> Level | None:
    is_method = isinstance(meaning, ClassRef)
    function = shapes.classes.method(meaning, "__init__") if isinstance(meaning, ClassRef) else meaning
    if isinstance(meaning, ClassRef) and shapes.classes.is_dataclass(meaning):
        properties, is_open = shapes.fields(shapes.classes.fields(meaning)), False
        positional = shapes.positional(meaning)
    elif function is not None:
        properties = shapes.parameters(shapes.classes.parameters(function, is_method=is_method))
        positional = shapes.positional_parameters(function, is_method=is_method)
        is_open = shapes.classes.takes_any(function)
    else:
        return None
    return {
        "x-imports": shapes.modules.imports_of(meaning),
        "x-positional": positional[:NUM_POSITIONAL],
        "x-values": "unchecked",
        "x-unknown": "open" if is_open else "error",
        "properties": properties,
    }


def _partial(name: str, meaning: Assigned, shapes: Shapes) -> Level | None:
    """`qlora_llama3_8b = partial(lora_llama3_8b, quantize_base=True)`."""
    offered = _offering(name, meaning, shapes)
    while isinstance(meaning.value, (ast.Name, ast.Attribute)):  # `qlora_llama3_3_70b = qlora_llama3_1_70b`
        other = shapes.modules.resolve(meaning.value, meaning.module)
        if not isinstance(other, Assigned):
            return None
        meaning = other
    call = meaning.value
    if not isinstance(call, ast.Call) or ast.unparse(call.func).rpartition(".")[2] != "partial" or not call.args:
        return None
    base = shapes.modules.resolve(call.args[0], meaning.module)
    level = _signature(base, shapes) if isinstance(base, (ClassRef, FunctionRef)) else None
    if level is None:
        return None
    level["x-imports"] = offered
    for keyword in call.keywords:
        if keyword.arg is not None:
            shape = level["properties"].get(keyword.arg, {})
            kept = {word: value for word, value in shape.items() if word not in ("x-required", "default", "x-default")}
            level["properties"][keyword.arg] = {**kept, **shapes.default(keyword.value, meaning.module)}
    return level


def _offering(name: str, meaning: Assigned, shapes: Shapes) -> list[str]:
    parts = meaning.module.name.split(".")
    packages = [shapes.modules.get(".".join(parts[:length])) for length in range(1, len(parts) + 1)]
    return [
        f"{package.name}.{name}" for package in packages if package and shapes.modules.lookup(name, package) == meaning
    ]


FRAMEWORK = Framework("torchtune", Plan("torchtune", "0.1", Patches.NEWEST), snapshot, ROOT)
