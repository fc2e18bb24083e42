"""DeepSpeed: the JSON file, as `DeepSpeedConfig` reads it, and what a script may call.

Half of the file has pydantic models, and the other half is read key by key: there the program is followed. Which types
and values those other keys take is written in `deepspeed_keys.json` beside this file, and so is who fills in `"auto"`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.harvest import pydantic_models
from tools.harvest.deepspeed_optimizers import optimizers, schedulers
from tools.harvest.frameworks import Framework
from tools.harvest.histories import Snapshot
from tools.harvest.keys_read import KeyRead, Reader, Reads
from tools.harvest.packages import Plan, Source
from tools.harvest.python_source import ClassRef, Expression, Field, FunctionRef, Modules, Shapes
from tools.harvest.python_source.annotations import type_of

KEYS = Path(__file__).with_name("deepspeed_keys.json")
CONFIG = "deepspeed.runtime.config.DeepSpeedConfig"
ROOT = "DeepSpeedConfig"
CALLABLES = {
    "initialize": "deepspeed.initialize",
    "init_inference": "deepspeed.init_inference",
    "zero.Init": "deepspeed.runtime.zero.partition_parameters.Init",
}
"""Level -> what a script calls; `deepspeed.initialize(model=…)`."""
MODELS = ("deepspeed.inference.config.DeepSpeedInferenceConfig",)
"""Models that are no part of the file."""

CHOSEN = ("optimizer.params", "scheduler.params")
"""What these may hold depends on the `type` beside them."""

LAST = ("default", "x-default", "x-checked")
MAPPING = {"x-checked": [{"kind": "type"}]}
"""Of a section: `section.get(…)` and `Model(**section)` raise where it is anything else."""
Level = dict[str, Any]


def snapshot(source: Source) -> Snapshot:
    """What one release says."""
    return _Release(source).levels()


class _Release:
    def __init__(self, source: Source) -> None:
        self.modules = Modules(source)
        self.shapes = Shapes(self.modules, self._refer)
        self.found: dict[str, Level] = {}
        self.pending: list[ClassRef] = []
        self.table: dict[str, Any] = json.loads(KEYS.read_text(encoding="utf-8"))

    def levels(self) -> dict[str, Level]:
        """Every level of the release."""
        config = self.modules.find_class(CONFIG)
        assert config is not None
        root = Reads()
        Reader(self.modules).use(config, ("__init__", {"config": root}))
        self.found[ROOT] = {}
        self.found[ROOT] = self._raw(root, "")
        self.pending += [reference for name in MODELS if (reference := self.modules.find_class(name)) is not None]
        self._choose(optimizers(self.shapes), schedulers(self.shapes))
        self._removed()
        for name, dotted in CALLABLES.items():
            if (level := self._callable(dotted)) is not None:
                self.found[name] = level
        while self.pending:
            reference = self.pending.pop()
            if reference.name not in self.found:
                self.found[reference.name] = self._model(reference)
        self._fill_auto()
        return self.found

    # Levels that are read key by key

    def _raw(self, reads: Reads, path: str) -> Level:
        properties = {key: self._key(read, f"{path}.{key}".lstrip(".")) for key, read in reads.keys.items()}
        # What is gone through key by key may mean something to whoever gets it.
        level: Level = {"x-values": "unchecked", "x-unknown": "open" if reads.is_open else "ignored"}
        if reads.each is not None and (below := self._below(reads.each, f"{path}.*")):
            level["additionalProperties"] = below
        return {**level, "properties": properties}

    def _key(self, read: KeyRead, path: str) -> dict[str, object]:
        if read.is_refused:
            return {"x-deprecated": {"effect": "error"}}
        own: dict[str, Any] = self.table["keys"].get(path, {})
        shape = {} if path in CHOSEN or "anyOf" in own else self._below(read.below, path)
        if not shape and read.defaults and "anyOf" not in own:
            default = next((value for value in read.defaults if value is not None), None)
            kind = type_of(default)
            shape = {**({"type": kind} if kind not in (None, "null") else {}), "default": default}
        shape |= {keyword: value for keyword, value in own.items() if keyword not in ("source", "or")}
        if "or" in own and "$ref" in shape:
            shape = {"anyOf": [{"$ref": shape.pop("$ref")}, *own["or"]], **shape}
        return {keyword: shape[keyword] for keyword in sorted(shape, key=lambda keyword: keyword in LAST)}

    def _below(self, reads: Reads, path: str) -> dict[str, object]:
        """Where the value leads: to a model, to a model's field, or to a level of its own."""
        for target in reads.targets:
            if isinstance(target.reference, ClassRef) and target.parameter is None:
                self._refuse(target.reference, reads)
                return {"$ref": self._level_of(target.reference), **MAPPING}
            if isinstance(target.reference, ClassRef):
                fields = {field.name: field for field in self.shapes.classes.fields(target.reference)}
                if target.parameter in fields:
                    return _as_field(_plain_default(self.shapes.field(fields[target.parameter])))
        if not reads.keys and (reads.each is None or not reads.each.keys):
            return {}
        self.found[path] = self._raw(reads, path)
        return {"$ref": f"#/$defs/{path}", **MAPPING}

    def _refuse(self, reference: ClassRef, reads: Reads) -> None:
        """Keys that are refused before the model could do it."""
        refused = [key for key, read in reads.keys.items() if read.is_refused]
        if refused:
            level = self.found.setdefault(reference.name, self._model(reference))
            level["properties"] |= {key: {"x-deprecated": {"effect": "error"}} for key in refused}

    # Models

    def _refer(self, reference: ClassRef) -> dict[str, object] | None:
        if not self.shapes.classes.is_model(reference):
            return None
        return pydantic_models.referred(self._level_of(reference), reference, self.shapes)

    def _level_of(self, reference: ClassRef) -> str:
        if reference.name not in self.found:
            self.pending.append(reference)
        return f"#/$defs/{reference.name}"

    def _model(self, reference: ClassRef) -> Level:
        keywords = pydantic_models.keywords(reference, self.shapes)
        if self.shapes.classes.is_a(reference, "DeepSpeedConfigModel"):
            keywords["x-auto"] = "default"
        fields = self.shapes.classes.fields(reference)
        keys = {field.name: self.shapes.key(field) for field in fields}
        properties: dict[str, dict[str, object]] = {}
        for field in fields:
            shape = {**_plain_default(self.shapes.field(field)), **self._deprecated(field, keys)}
            own: dict[str, Any] = self.table["models"].get(f"{reference.name}.{field.name}", {})
            if own:
                own = {keyword: entry for keyword, entry in own.items() if keyword != "source"}
                shape = {**own, **{keyword: entry for keyword, entry in shape.items() if keyword in LAST[:2]}}
            properties[keys[field.name]] = shape
            if keys[field.name] != field.name and pydantic_models.takes_names(reference, self.shapes):
                properties[field.name] = {"x-alias-of": keys[field.name]}
        imports = [name for name in self.modules.imports_of(reference) if name.count(".") <= 1]
        return {**({"x-imports": imports} if imports else {}), **keywords, "properties": properties}

    def _deprecated(self, field: Field, keys: dict[str, str]) -> dict[str, object]:
        """The options that DeepSpeedConfigModel documents: `deprecated`, `new_param`, `set_new_param`."""
        options = dict(field.options)
        extra = options.get("json_schema_extra")
        if isinstance(extra, ast.Dict):
            pairs = zip(extra.keys, extra.values, strict=True)
            options |= {str(key.value): value for key, value in pairs if isinstance(key, ast.Constant)}
        values = {name: self.shapes.values.of(node, field.module) for name, node in options.items()}
        if values.get("deprecated") is not True:
            return {}
        new = values.get("new_param")
        by = {"by": keys.get(new, new)} if isinstance(new, str) and re.fullmatch(r"[\w.]+", new) else {}
        is_moved = bool(by) and values.get("set_new_param", True) is True
        return {"x-deprecated": {**by, "effect": "moved" if is_moved else "warns"}}

    # The rest

    def _choose(self, optimizer: dict[str, Level], scheduler: dict[str, Level]) -> None:
        """Which level `params` is of."""
        self.found |= optimizer | scheduler
        for section, levels, folds in (("optimizer", optimizer, True), ("scheduler", scheduler, False)):
            names = {name.partition("[")[2].rstrip("]"): f"#/$defs/{name}" for name in levels}
            choose = {"by": "type", **({"fold": True} if folds else {}), "levels": names}
            self.found[section]["properties"]["params"]["x-choose"] = choose
            self.found[section]["properties"]["type"]["examples"] = list(names)

    def _callable(self, dotted: str) -> Level | None:
        found = self.modules.find(dotted)
        if isinstance(found, ClassRef):
            function, is_method = self.shapes.classes.method(found, "__init__"), True
        else:
            function, is_method = found if isinstance(found, FunctionRef) else None, False
        if function is None:
            return None
        level: Level = {
            "x-imports": [*dict.fromkeys([dotted.replace(".runtime.zero.partition_parameters.", ".zero."), dotted])],
            "x-positional": self.shapes.positional_parameters(function, is_method=is_method),
            "x-values": "unchecked",
            "x-unknown": "open" if self.shapes.classes.takes_any(function) else "error",
            "properties": self.shapes.parameters(self.shapes.classes.parameters(function, is_method=is_method)),
        }
        return level

    def _removed(self) -> None:
        """What the release says in place of a key that it refuses."""
        module = self.modules.get("deepspeed.runtime.config")
        table = module.names.get("_REMOVED_TOP_LEVEL_CONFIG_KEYS") if module is not None else None
        if module is None or not isinstance(table, ast.Assign):
            return
        messages = self.shapes.values.of(table.value, module)
        assert not isinstance(messages, Expression)
        assert isinstance(messages, dict)
        for key, message in messages.items():
            if named := re.search(r"Use '([\w.]+)' instead", re.sub(r"\s+", " ", message)):
                self.found[ROOT]["properties"][key]["x-deprecated"]["by"] = named[1]

    def _fill_auto(self) -> None:
        """Keys whose `"auto"` an integration replaces by a value of its own."""
        for path, who in self.table["auto"].items():
            for shape in self._at(path.split("."), self.found[ROOT]):
                shape["x-auto"] = who

    def _at(self, path: list[str], level: Level) -> Iterator[dict[str, object]]:
        shape = level["properties"].get(path[0])
        if shape is None or len(path) == 1:
            yield from () if shape is None else (shape,)
            return
        for reference in _references(shape):
            yield from self._at(path[1:], self.found[reference.removeprefix("#/$defs/")])


def _as_field(shape: dict[str, object]) -> dict[str, object]:
    """A section that is handed to a field of a model: `"auto"` is dropped there, and all else has to be a mapping."""
    reference = shape.get("$ref")
    if reference is None:
        return {**shape, **(MAPPING if "anyOf" in shape else {})}
    rest = {keyword: entry for keyword, entry in shape.items() if keyword != "$ref"}
    return {"anyOf": [{"$ref": reference}, {"const": "auto"}], **rest, **MAPPING}


def _references(shape: dict[str, Any]) -> Iterator[str]:
    parts = [shape, *shape.get("anyOf", [])]
    yield from (part["$ref"] for part in parts if "$ref" in part)
    yield from shape.get("x-choose", {}).get("levels", {}).values()


def _plain_default(shape: dict[str, object]) -> dict[str, object]:
    """`pp_int(5e8)` is the whole number that is printed in another way."""
    text = shape.get("x-default")
    if not isinstance(text, str) or not text.startswith("pp_int("):
        return shape
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    argument = call.args[0]
    value = 2**63 - 1 if ast.unparse(argument) == "sys.maxsize" else int(ast.literal_eval(argument))
    return {keyword: entry for keyword, entry in shape.items() if keyword != "x-default"} | {"default": value}


FRAMEWORK = Framework("DeepSpeed", Plan("deepspeed", "0.9"), snapshot, ROOT)
