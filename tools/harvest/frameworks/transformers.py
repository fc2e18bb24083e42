"""transformers: training arguments, quantization and generation settings, `from_pretrained`, the trainers."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.harvest.frameworks import Framework
from tools.harvest.histories import Snapshot
from tools.harvest.packages import Patches, Plan, Source
from tools.harvest.python_source import ClassRef, External, FunctionRef, Modules, Shapes
from tools.harvest.python_source.annotations import Schema, unite
from tools.harvest.python_source.deprecations import from_functions
from tools.harvest.python_source.keywords import taken, taken_in_loops
from tools.harvest.python_source.levels import Behaviour, Levels

TRAINING = "transformers.training_args.TrainingArguments"
SEQ2SEQ = "transformers.training_args_seq2seq.Seq2SeqTrainingArguments"
TRAINERS = ("transformers.trainer.Trainer", "transformers.trainer_seq2seq.Seq2SeqTrainer")
GENERATION = "transformers.generation.configuration_utils.GenerationConfig"
QUANTIZATION = "transformers.utils.quantization_config"
MODEL = "transformers.modeling_utils.PreTrainedModel"
AUTO_MODEL = "transformers.models.auto.auto_factory._BaseAutoModelClass"
AUTO_CLASSES = "transformers.models.auto.modeling_auto"

CONSTRUCTED = Behaviour("unchecked", "error")
FSDP = "TrainingArguments.fsdp_config"
FSDP_READERS = ("transformers.training_args", "transformers.trainer", "transformers.integrations.fsdp")


class _Release:
    """One release, read."""

    def __init__(self, source: Source) -> None:
        self.modules = Modules(source)
        self.shapes = Shapes(self.modules)
        self.levels = Levels(self.shapes, self._above)

    def _above(self, base: ClassRef | External) -> str | None:
        return "#/$defs/TrainingArguments" if base.dotted == TRAINING else None

    def all_levels(self) -> Iterator[tuple[str, dict[str, object]]]:
        yield from self.training_arguments()
        yield from self.trainers()
        yield from self.quantization()
        if (generation := self.modules.find_class(GENERATION)) is not None:
            yield "GenerationConfig", self.by_keywords(generation, Behaviour("unchecked", "ignored"))
        yield from self.loading()

    def training_arguments(self) -> Iterator[tuple[str, dict[str, object]]]:
        """The arguments, and the dictionaries in them whose keys are known."""
        training = self.modules.find_class(TRAINING)
        assert training is not None, f"no {TRAINING}"
        level = self.levels.of_dataclass(training, CONSTRUCTED)
        properties = level["properties"]
        assert isinstance(properties, dict)
        fsdp = self.fsdp_config()
        properties["fsdp_config"] = _refer_to(FSDP, properties["fsdp_config"])
        accelerator = self.modules.find_class("transformers.trainer_pt_utils.AcceleratorConfig")
        if accelerator is not None:
            key = "accelerator_config"
            properties[key] = _refer_to("AcceleratorConfig", properties[key])
        yield "TrainingArguments", level
        if (seq2seq := self.modules.find_class(SEQ2SEQ)) is not None:
            yield "Seq2SeqTrainingArguments", self.levels.of_dataclass(seq2seq, CONSTRUCTED)
        yield FSDP, fsdp
        if accelerator is not None:
            yield "AcceleratorConfig", self.levels.of_dataclass(accelerator, CONSTRUCTED)

    def fsdp_config(self) -> dict[str, object]:
        """Keys that anything reads of `fsdp_config`; what nobody reads stays in the dictionary."""
        found: dict[str, ast.expr | None] = {}
        module = self.modules.get("transformers.training_args")
        assert module is not None
        for name in FSDP_READERS:
            if (reader := self.modules.get(name)) is not None:
                for spelling in ("self.fsdp_config", "self.args.fsdp_config", "args.fsdp_config", "fsdp_config"):
                    for key, default in taken(reader.tree, spelling).items():
                        found[key] = found.get(key) or default
        shapes: dict[str, Schema] = {
            key: self.shapes.default(default, module) if default is not None else {} for key, default in found.items()
        }
        level: dict[str, object] = {"x-values": "unchecked", "x-unknown": "ignored", "properties": shapes}
        # Up to 4.46 it is taken away only from what a file says; later of any dictionary.
        if "startswith('fsdp_')" in ast.unparse(module.tree):
            level["x-prefix"] = "fsdp_"
        return level

    def trainers(self) -> Iterator[tuple[str, dict[str, object]]]:
        for dotted in TRAINERS:
            if (trainer := self.modules.find_class(dotted)) is not None:
                level = self.levels.of_init(trainer, CONSTRUCTED)
                assert level is not None, f"{dotted} has no __init__"
                yield trainer.name, level

    def quantization(self) -> Iterator[tuple[str, dict[str, object]]]:
        module = self.modules.get(QUANTIZATION)
        for node in module.names.values() if module is not None else ():
            if isinstance(node, ast.ClassDef) and node.name.endswith("Config") and module is not None:
                yield node.name, self.by_keywords(ClassRef(module, node), Behaviour("unchecked", "ignored"))

    def by_keywords(self, reference: ClassRef, behaviour: Behaviour) -> dict[str, object]:
        """A class whose `__init__` takes keys out of `**kwargs` besides its parameters."""
        init = self.shapes.classes.method(reference, "__init__")
        if init is None:
            return self.levels.of_dataclass(reference, CONSTRUCTED)
        text = ast.unparse(init.node)
        if not self.shapes.classes.takes_any(init):
            behaviour = Behaviour(behaviour.values, "error")
        elif "Unused kwargs" in text:
            behaviour = Behaviour(behaviour.values, "logged")
        level = self.levels.of_init(reference, behaviour)
        if level is None:  # nothing but `**kwargs`, which it takes as they come
            names = self.modules.imports_of(reference)
            level = {"x-imports": names, **Behaviour("unchecked", "open").keywords(), "properties": {}}
        level["properties"] = {**_properties(level), **self._popped(init, "kwargs", _properties(level))}
        # What it does not know itself goes to the class above, which has a level of its own.
        hands_on = "super().__init__(" in text and "**kwargs)" in text
        for parent in self.shapes.classes.bases(reference):
            if hands_on and isinstance(parent, ClassRef) and parent.name.endswith("Config"):
                level["allOf"] = [{"$ref": f"#/$defs/{parent.name}"}]
        return level

    def _popped(self, function: FunctionRef, name: str, known: dict[str, Schema]) -> dict[str, Schema]:
        found: dict[str, Schema] = {}
        for key, default in taken(function.node, name).items():
            if key not in known and not key.startswith("_"):
                found[key] = self.shapes.default(default, function.module) if default is not None else {}
        for key in taken_in_loops(function, name, self.shapes.values):
            if key not in known and not key.startswith("_"):
                found.setdefault(key, {})
        return found

    def loading(self) -> Iterator[tuple[str, dict[str, object]]]:
        """`from_pretrained`: what it takes itself. Any attribute of the model's config may be given besides."""
        model = self.modules.find_class(MODEL)
        assert model is not None, f"no {MODEL}"
        behaviour = Behaviour("unchecked", "open")
        function = self.shapes.classes.own_method(model, "from_pretrained")
        assert function is not None
        yield "PreTrainedModel.from_pretrained", self._loader(function, behaviour, ["transformers.PreTrainedModel"])
        auto = self.modules.find_class(AUTO_MODEL)
        assert auto is not None, f"no {AUTO_MODEL}"
        function = self.shapes.classes.own_method(auto, "from_pretrained")
        assert function is not None
        level = self._loader(function, behaviour, self._auto_classes(auto))
        # What it only hands on is told by the level above.
        level["properties"] = {key: shape for key, shape in _properties(level).items() if shape}
        yield "AutoModel.from_pretrained", {"allOf": [{"$ref": "#/$defs/PreTrainedModel.from_pretrained"}], **level}

    def _loader(self, function: FunctionRef, behaviour: Behaviour, owners: list[str]) -> dict[str, object]:
        imports = [f"{owner}.from_pretrained" for owner in owners]
        level = self.levels.of_function(function, behaviour, imports, is_method=True)
        properties = _properties(level)
        properties |= self._popped(function, "kwargs", properties)
        for key, said in from_functions([function.node], properties).items():
            properties[key] = {**properties[key], "x-deprecated": said.keywords()}
        for key in taken_in_loops(function, "kwargs", self.shapes.values):
            # Names that are taken away and thrown away.
            if key in properties and "_ = kwargs.pop(name" in ast.unparse(function.node):
                properties[key] = {**properties[key], "x-deprecated": {"effect": "ignored"}}
        return {**level, "properties": properties}

    def _auto_classes(self, auto: ClassRef) -> list[str]:
        module = self.modules.get(AUTO_CLASSES)
        assert module is not None, f"no {AUTO_CLASSES}"
        defined = [ClassRef(module, node) for node in module.names.values() if isinstance(node, ast.ClassDef)]
        return [f"transformers.{one.name}" for one in defined if auto in self.shapes.classes.order(one)[1:]]


def _properties(level: dict[str, object]) -> dict[str, Schema]:
    found = level["properties"]
    assert isinstance(found, dict)
    return found


def _refer_to(level: str, shape: Schema) -> Schema:
    """A dictionary whose keys are a level of their own; what else the annotation allows stays."""
    kinds = shape.get("type", [])
    others = [kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if kind != "object"]
    kept = {keyword: value for keyword, value in shape.items() if keyword not in ("type", "anyOf")}
    return {**unite([{"$ref": f"#/$defs/{level}"}, *({"type": kind} for kind in others)]), **kept}


def snapshot(source: Source) -> Snapshot:
    """What one release says."""
    return dict(_Release(source).all_levels())


FRAMEWORK = Framework("transformers", Plan("transformers", "4.28", Patches.NEWEST), snapshot)
