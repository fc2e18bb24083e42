"""Axolotl: the YAML file, as its pydantic models accept it, with what plugins add to it.

What the models' validators ask for before the fields are looked at is accepted too: keys that are moved, or refused.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from tools.harvest import compared_before, field_validators, pydantic_models, validators
from tools.harvest.frameworks import Framework
from tools.harvest.histories import Snapshot
from tools.harvest.keys_read import Reader, Reads
from tools.harvest.packages import Plan, Source
from tools.harvest.python_source import ClassRef, Expression, FunctionRef, Modules, Shapes
from tools.harvest.python_source.checks import apply
from tools.harvest.python_source.levels import Behaviour, Levels

Level = dict[str, Any]

ROOT = "AxolotlInputConfig"
COMMANDS_ROOT = "AxolotlConfigWCapabilities"
"""What the commands validate against, which know the machine: no further keys, but validators of its own."""
HOMES = ("axolotl.utils.schemas.config", "axolotl.utils.config.models.input.v0_4_1")
"""Where the root model is, newest first."""
CLOUD = ("CloudConfig", "ImageConfig")
FSDP_TABLES = "axolotl.utils.schemas.validation"
COMMAND = "axolotl.cli.config"
INTEGRATIONS = "axolotl.integrations"


def snapshot(source: Source) -> Snapshot:
    """What one release says."""
    return _Release(source).levels()


class _Release:
    def __init__(self, source: Source) -> None:
        self.modules = Modules(source)
        self.shapes = Shapes(self.modules, self._refer)
        self.makers = Levels(self.shapes, lambda _base: None)
        self.found: dict[str, Level] = {}
        self.pending: list[ClassRef] = []

    def levels(self) -> dict[str, Level]:
        """Every level of the release."""
        root = next(found for home in HOMES if (found := self.modules.find_class(f"{home}.{ROOT}")) is not None)
        self.found[ROOT] = self._model(root)
        own = self.found[ROOT]["properties"]
        for plugin, reference in self._plugins():
            added = self._model(reference)["properties"]
            for key, shape in added.items():
                # Of the root's own keys the root's say counts.
                if "x-unread" not in shape and "x-unread" in own.get(key, {"x-unread": True}):
                    own[key] = {**shape, "x-plugin": plugin}
        self.pending += self._clouds()
        while self.pending:
            reference = self.pending.pop(0)
            if reference.name not in self.found:
                self.found[reference.name] = self._model(reference)
        if "FSDPConfig" in self.found:
            self._fsdp(root, self.found["FSDPConfig"]["properties"])
        self._written_by_the_command(own)
        return self.found

    def _written_by_the_command(self, properties: Level) -> None:
        """Keys that `axolotl train` sets itself before anything is validated: what the file says of them is lost."""
        module = self.modules.get(COMMAND)
        node = module.names.get("load_cfg") if module is not None else None
        body = node.body if isinstance(node, ast.FunctionDef) else []
        before = itertools.takewhile(lambda statement: "validate_config(" not in ast.unparse(statement), body)
        for key in _assigned(list(before)) & properties.keys():
            properties[key]["x-checked"] = [{"kind": "nothing"}]

    def _fsdp(self, root: ClassRef, properties: Level) -> None:
        """What the root's validators do with the keys of `fsdp_config`: tables of names, and a prefix taken off."""
        module = self.modules.get(FSDP_TABLES)
        for table, effect in (("FSDP1_ONLY_REJECTED_KEYS", "error"), ("FSDP1_ONLY_IGNORED_KEYS", "ignored")):
            found = module.names.get(table) if module is not None else None
            if module is not None and isinstance(found, ast.Assign):
                keys = self.shapes.values.of(found.value, module)
                for key in keys if isinstance(keys, (dict, list)) else ():
                    by = keys[key] if isinstance(keys, dict) else None
                    properties[key] = {"x-deprecated": {**({"by": by} if by else {}), "effect": effect}}
        texts = [ast.unparse(function.node) for function in validators.before(root, self.shapes)]
        if any("startswith('fsdp_')" in text for text in texts):
            for key in [key for key in properties if not key.startswith("fsdp_")]:
                alias = {"x-alias-of": key, "x-deprecated": {"by": key, "effect": "moved"}}
                properties.setdefault(f"fsdp_{key}", alias)

    def _refer(self, reference: ClassRef) -> dict[str, object] | None:
        if not self.shapes.classes.is_model(reference):
            return None
        if reference.name not in self.found:
            self.pending.append(reference)
        return pydantic_models.referred(f"#/$defs/{reference.name}", reference, self.shapes)

    def _model(self, reference: ClassRef) -> Level:
        keywords = pydantic_models.keywords(reference, self.shapes)
        behaviour = Behaviour(str(keywords["x-values"]), str(keywords["x-unknown"]))
        level: Level = self.makers.of_dataclass(reference, behaviour)
        level.pop("x-imports")  # nobody makes them in a script
        properties: Level = dict(field_validators.demanded(reference, level["properties"], self.shapes))
        level["properties"] = properties
        self._compared(reference, properties)
        takes_names = pydantic_models.takes_names(reference, self.shapes)
        for field in self.shapes.classes.fields(reference):
            key = self.shapes.key(field)
            others = [*self._alternatives(field.options.get("validation_alias"), reference)]
            if takes_names and field.name != key:
                others.append(field.name)
            for other in others:
                properties.setdefault(other, {"x-alias-of": key})
        for key in self._before(reference).keys:
            properties.setdefault(key, {"x-unread": True})
        for key in self._stripped(reference) & properties.keys():
            properties[key]["x-checked"] = [{"kind": "nothing"}]
        for key, said in validators.deprecations(reference, self.shapes).items():
            if key in properties:
                properties[key]["x-deprecated"] = {**properties[key].get("x-deprecated", {}), **said}
                properties[key].pop("x-unread", None)
        return level

    def _compared(self, reference: ClassRef, properties: Level) -> None:
        """What is compared by size as it was written."""
        asked = reference
        if reference.name == ROOT:
            asked = self.modules.find_class(f"{reference.module.name}.{COMMANDS_ROOT}") or reference
        for key, checks in compared_before.compared(asked, self.shapes).items():
            if key in properties and "x-checked" not in properties[key]:
                properties[key] = apply(properties[key], checks)

    def _stripped(self, reference: ClassRef) -> set[str]:
        """Keys that are taken out before anything looks at them: `for key in …: data.pop(key)`."""
        found: set[str] = set()
        for function in validators.before(reference, self.shapes):
            for node in function.node.body:
                if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
                    taken = f"{validators.values_of(function)}.pop({node.target.id}, None)"
                    keys = self.shapes.values.of(node.iter, function.module)
                    if [ast.unparse(each) for each in node.body] == [taken] and isinstance(keys, (list, dict)):
                        found |= {str(key) for key in keys}
        return found

    def _alternatives(self, node: ast.expr | None, reference: ClassRef) -> list[str]:
        """The names in `validation_alias=AliasChoices("fsdp_version", "version")`."""
        if isinstance(node, ast.Call):
            values = [self.shapes.values.of(argument, reference.module) for argument in node.args]
            return [value for value in values if isinstance(value, str)]
        return []

    def _before(self, reference: ClassRef) -> Reads:
        """What the validators that run before the fields read of the file; what is no field gets no further."""
        reads = Reads()
        reader = Reader(self.modules)
        for function in validators.before(reference, self.shapes):
            reader.use(reference, (function.node.name, {validators.values_of(function): reads}))
        return reads

    def _clouds(self) -> Iterator[ClassRef]:
        """The models of the other file, that of `--cloud`."""
        for module in [*self.modules.below("axolotl.utils.schemas"), *self.modules.below(INTEGRATIONS)]:
            for name, node in module.names.items():
                reference = ClassRef(module, node) if isinstance(node, ast.ClassDef) else None
                if reference is not None and name.endswith(CLOUD) and self.shapes.classes.is_model(reference):
                    yield reference

    # Plugins

    def _plugins(self) -> Iterator[tuple[str, ClassRef]]:
        """The class that a file names under `plugins`, and the model of the keys that it adds."""
        for module in self.modules.below(INTEGRATIONS):
            for name, node in module.names.items():
                if isinstance(node, ast.ClassDef):
                    plugin = ClassRef(module, node)
                    reference = self._adds(plugin)
                    if reference is not None and not name.startswith("_"):
                        yield self.modules.imports_of(plugin)[0], reference

    def _adds(self, plugin: ClassRef) -> ClassRef | None:
        function = self.shapes.classes.own_method(plugin, "get_input_args")
        for node in ast.walk(function.node) if isinstance(function, FunctionRef) else ():
            if isinstance(node, ast.Return) and node.value is not None:
                dotted = self.shapes.values.of(node.value, plugin.module)
                if isinstance(dotted, str) and not isinstance(dotted, Expression):
                    return self.modules.find_class(dotted)
        return None


def _assigned(statements: Sequence[ast.stmt]) -> set[str]:
    """The keys of `cfg.key = …` on every way through."""
    found: set[str] = set()
    for statement in statements:
        if isinstance(statement, ast.If) and statement.orelse:
            found |= _assigned(statement.body) & _assigned(statement.orelse)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Attribute):
            target = statement.targets[0]
            if ast.unparse(target.value) == "cfg":
                found.add(target.attr)
    return found


FRAMEWORK = Framework("Axolotl", Plan("axolotl", "0.5.2"), snapshot, ROOT)
