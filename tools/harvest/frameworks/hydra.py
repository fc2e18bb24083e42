"""Hydra: what lies under `hydra:`, and the keys by which a file names the object that is made of it.

The rest of a file is its author's. What is under `hydra:` is a structured configuration: OmegaConf looks at every key
and at every value's type, and takes the names of an enum's members.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from tools.harvest.frameworks import Framework
from tools.harvest.histories import Snapshot
from tools.harvest.keys_read import Reader, Reads
from tools.harvest.packages import Patches, Plan, Source
from tools.harvest.python_source import Annotations, ClassRef, FunctionRef, Modules, Shapes

Level = dict[str, Any]

ROOT = "config"
CONF = "hydra.conf"
PLUGINS = {
    "launcher": "hydra._internal.core_plugins.basic_launcher.BasicLauncherConf",
    "sweeper": "hydra._internal.core_plugins.basic_sweeper.BasicSweeperConf",
}
"""What the package itself offers where HydraConf takes anything."""
KEYS = "hydra._internal.instantiate._instantiate2._Keys"
OLD_READERS = ("hydra._internal.utils._get_cls_name", "hydra._internal.utils._get_kwargs")
"""Who asked for those keys in Hydra 1.0, where there was no list of them."""
SPECIAL: dict[str, dict[str, object]] = {
    "_target_": {"type": "string", "x-required": True},
    "_args_": {"type": "array"},
    "_partial_": {"type": "boolean", "default": False},
    "_recursive_": {"type": "boolean", "default": True},
    "_convert_": {"type": "string", "default": "none", "x-checked": [{"kind": "enum", "fold": True}]},
}


def snapshot(source: Source) -> Snapshot:
    """What one release says."""
    modules = Modules(source, "hydra")
    shapes = Shapes(modules)
    found: dict[str, Level] = {ROOT: _root(), "object": _object(shapes)}
    conf = modules.get(CONF)
    assert conf is not None
    classes = [ClassRef(conf, node) for node in conf.tree.body if isinstance(node, ast.ClassDef)]
    for reference in [*classes, *(c for name in PLUGINS.values() if (c := modules.find_class(name)) is not None)]:
        found |= _levels(reference, reference.name, shapes)
    for key, name in PLUGINS.items():
        level = name.rpartition(".")[2]
        if level in found:
            # Any plugin may be chosen; the one that is there without any is known.
            found["HydraConf"]["properties"][key]["x-choose"] = {
                "by": "_target_",
                "inside": True,
                "levels": {found[level]["properties"]["_target_"]["default"]: f"#/$defs/{level}"},
            }
    return found


def _root() -> Level:
    properties = {"defaults": {"type": "array"}, "hydra": {"$ref": "#/$defs/HydraConf"}}
    return {"x-values": "unchecked", "x-unknown": "open", "x-component": "_target_", "properties": properties}


def _object(shapes: Shapes) -> Level:
    """A mapping that says what object is to be made of it."""
    keys = shapes.modules.find_class(KEYS)
    members = shapes.values.enum(keys) if keys is not None else None
    level: Level = {"x-values": "unchecked", "x-unknown": "open"}
    if members is None:
        return {**level, "properties": dict(_old_keys(shapes))}
    properties = {str(key): dict(SPECIAL[str(key)]) for key in members.values()}
    modes = shapes.modules.find_class("hydra.types.ConvertMode")
    names = shapes.values.enum(modes) if modes is not None else None
    if names is not None:
        properties["_convert_"]["enum"] = [str(value) for value in names.values()]
    return {**level, "properties": properties}


def _old_keys(shapes: Shapes) -> Iterator[tuple[str, dict[str, object]]]:
    reads = Reads()
    for dotted in OLD_READERS:
        function = shapes.modules.find(dotted)
        if isinstance(function, FunctionRef):
            Reader(shapes.modules).call(function, config=reads)
    yield "_target_", SPECIAL["_target_"]
    for key in reads.keys:
        if key != "_target_":
            by = {"by": "_target_"} if key in ("target", "cls", "class") else {}
            yield key, {"x-deprecated": {**by, "effect": "warns"}}


def _levels(reference: ClassRef, name: str, shapes: Shapes) -> dict[str, Level]:
    """A dataclass, and those that are defined inside of it."""
    inner = {node.name: node for node in reference.node.body if isinstance(node, ast.ClassDef)}
    found: dict[str, Level] = {}
    for node in inner.values():
        found |= _levels(ClassRef(reference.module, node), f"{name}.{node.name}", shapes)
    annotations = Annotations(shapes.classes, shapes.values, lambda other: {"$ref": f"#/$defs/{other.name}"})
    properties: dict[str, dict[str, object]] = {}
    for field in shapes.classes.fields(reference):
        shape = shapes.field(field)
        kind = annotations.schema(field.annotation, field.module)
        if "$ref" in kind and not _is_enum(field.annotation, reference, shapes):
            shape = kind
        elif ast.unparse(field.annotation) in inner:
            shape = {"$ref": f"#/$defs/{name}.{ast.unparse(field.annotation)}"}
        elif (members := _enum(field.annotation, reference, shapes)) is not None:
            shape = {**shape, "type": ["string", "null"], "enum": [*members, None]}
        properties[field.name] = _without_missing(shape)
    found[name] = {"x-values": "omegaconf", "x-unknown": "error", "properties": properties}
    return found


def _is_enum(annotation: ast.expr, reference: ClassRef, shapes: Shapes) -> bool:
    return _enum(annotation, reference, shapes) is not None


def _enum(annotation: ast.expr, reference: ClassRef, shapes: Shapes) -> list[str] | None:
    """The names of the members, of an enum or of `Optional` of one."""
    inner = annotation.slice if isinstance(annotation, ast.Subscript) else annotation
    meaning = shapes.modules.resolve(inner, reference.module)
    members = shapes.values.enum(meaning) if isinstance(meaning, ClassRef) else None
    return list(members) if members is not None else None


def _without_missing(shape: dict[str, object]) -> dict[str, object]:
    """OmegaConf's MISSING is what `???` says in a file."""
    if shape.get("x-default") != "MISSING":
        return shape
    return {word: value for word, value in shape.items() if word != "x-default"} | {"default": "???"}


FRAMEWORK = Framework("Hydra", Plan("hydra-core", "1.0", Patches.NEWEST), snapshot, ROOT)
