"""transformers, peft, trl, accelerate, torchvision: models loaded, wrapped, given to trainers.

Sources: transformers 5.23 modeling_utils.py (`from_pretrained`, `_from_config`: the configuration's dtype, else that of
torch; a constructor takes torch's default whatever the configuration says), training_args.py section 5 (mixed precision
comes from the environment of the launcher unless bf16 or fp16 is set), trl 1.16 base_config.py (bf16 on unless fp16).
"""

from __future__ import annotations

import ast
import dataclasses
import re

from ftlint.run.fact import UNKNOWN, Truth
from ftlint.trace.events import Manner, ModelMade, Wrapped
from ftlint.trace.heap import Class, Dictionary, Instance, Module, ModuleKind, Weights
from ftlint.trace.library import saving
from ftlint.trace.library.accelerators import LAUNCHER, accelerator_method
from ftlint.trace.library.effects import TRANSPARENT
from ftlint.trace.library.models import casts_head_input, is_auto_class, is_model_class
from ftlint.trace.library.placement import note_entrusted, replicate
from ftlint.trace.library.torch_calls import dtype_named
from ftlint.trace.library.training import note_adapter, note_loading, note_training
from ftlint.trace.library.weight_files import same
from ftlint.trace.machine import Machine
from ftlint.trace.modules import hide
from ftlint.trace.running import method_of, run_module
from ftlint.trace.values import (
    NONE,
    Arguments,
    Constant,
    DTypeTerm,
    External,
    Loaded,
    Opaque,
    Reference,
    Tuple,
    Value,
)

_UNSEEN_MODEL = re.compile(
    r"^[A-Z]\w*(Model|Net|LM|GPT|Transformer|Classifier|BERT|Bert)\w*$|^(GPT|Llama|Qwen|Gemma|Phi)\w*$"
)
_NO_MODEL = re.compile(r"(Config|Tokenizer|Dataset|Args|Arguments|Trainer|Processor|Loader|Collator|Callback)\w*$")
_TRAINER = re.compile(r"Trainer$")
_SETTINGS = re.compile(r"(Config|Arguments|Args|Accelerator|Plugin|Kwargs)$")
_QUANTIZED = ("quantization_config", "load_in_4bit", "load_in_8bit")
_OVERRIDES = ("compute_loss", "training_step", "prediction_step", "autocast_smart_context_manager", "_wrap_model")
# Settings that hand the model to somebody who may convert it, or replace its forward.
_ENGINES = (
    "deepspeed", "fsdp", "fsdp_config", "bf16_full_eval", "fp16_full_eval", "half_precision_backend",
    "use_liger_kernel", "use_liger",
)  # fmt: skip
CONFIG_ID = "id of the checkpoint"


def library_call(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    """A call into one of these libraries; None where it is nothing we know."""
    owner = callee.name.rpartition(".")[0]
    if callee.last == "from_pretrained":
        if is_model_class(owner):
            return from_pretrained(machine, owner, arguments, node)
        if owner.rpartition(".")[2].endswith("Config"):
            named = arguments.get("pretrained_model_name_or_path", 0)
            return machine.add(Instance(owner, {CONFIG_ID: named} if named is not None else {}, open=True))
        return unseen_loaded(machine, arguments, node)
    if callee.last in ("from_config", "_from_config") and is_model_class(owner):
        return _from_config(machine, owner, arguments, node)
    if callee.package in ("torchvision", "timm") and _is_vision_model(callee):
        return _made(
            machine, callee.name, Weights(machine.state.default_dtype, machine.location(node), callee.last), node
        )
    if callee.package not in ("transformers", "peft", "trl", "accelerate"):
        return None
    if is_model_class(callee.name) and callee.package == "transformers":
        weights = Weights(machine.state.default_dtype, machine.location(node), callee.last)
        return _made(machine, callee.name, weights, node)
    if _TRAINER.search(callee.last):
        return _trainer(machine, callee.name, None, arguments, node)
    if _SETTINGS.search(callee.last):
        return _settings(machine, callee.name, arguments, node)
    return None


def _is_vision_model(callee: External) -> bool:
    return callee.name.startswith("torchvision.models.") or callee.name == "timm.create_model"


def _settings(machine: Machine, name: str, arguments: Arguments, node: ast.expr) -> Value:
    made = machine.add(Instance(name, dict(arguments.keywords), open=not arguments.complete))
    machine.note_place(made, node)
    for options in arguments.spread:
        for key, value in arguments.keywords.items():
            place = machine.places.entry(options, key, value)
            if place is not None:
                machine.places.note_entry(made, key, value, place)
    return made


def _made(
    machine: Machine,
    name: str,
    weights: Weights,
    node: ast.expr,
    model_id: str | None = None,
    *,
    unnamed: bool = False,
    quantized: bool = False,
) -> Reference:
    kind = ModuleKind.MODEL
    made = machine.add(
        Module(
            kind,
            name,
            weights,
            construction=machine.construction(node),
            casts_head_input=casts_head_input(name, model_id),
            family=model_id,
            unnamed=unnamed,
        )
    )
    machine.emit(ModelMade(machine.location(node), made.id, name, weights, model_id, quantized))
    return made


def from_pretrained(machine: Machine, owner: str, arguments: Arguments, node: ast.expr) -> Value:
    """`AutoModel….from_pretrained(id, dtype=…)`."""
    if owner in {name.removesuffix(".from_pretrained") for name in TRANSPARENT} and owner.startswith("peft.Peft"):
        return wrap(machine, External(owner + ".from_pretrained"), arguments, node)
    first = arguments.get("pretrained_model_name_or_path", 0)
    model_id = first.value if isinstance(first, Constant) and isinstance(first.value, str) else None
    weights = _loaded_weights(machine, model_id, arguments, node)
    unnamed = model_id is None and is_auto_class(owner)
    made = _made(machine, owner, weights, node, model_id, unnamed=unnamed, quantized=_is_quantized(arguments))
    note_loading(machine, made, arguments, node)
    if arguments.get("output_loading_info") not in (None, Constant(False)):
        return Tuple((made, machine.unknown(node)))
    return made


def _loaded_weights(machine: Machine, model_id: str | None, arguments: Arguments, node: ast.expr) -> Weights:
    location = machine.location(node)
    quantized = _is_quantized(arguments)
    for name in ("dtype", "torch_dtype"):
        value = arguments.get(name)
        if value is None:
            continue
        expression = (
            next((k.value for k in node.keywords if k.arg == name), None) if isinstance(node, ast.Call) else None
        )
        place = machine.location(expression) if expression is not None else location
        term: DTypeTerm = Loaded(model_id, auto=True) if value == Constant("auto") else dtype_named(value)
        # Layers of a quantized model compute in what the other weights are loaded in, as long as that is written.
        return Weights(UNKNOWN if quantized and isinstance(term, Loaded) else term, place, name, expression)
    if quantized or not arguments.complete:
        return Weights(UNKNOWN, location, "from_pretrained")
    return Weights(Loaded(model_id, auto=False), location, "from_pretrained")


def _is_quantized(arguments: Arguments) -> bool:
    return any(arguments.get(name) not in (None, NONE, Constant(False)) for name in _QUANTIZED)


def _from_config(machine: Machine, owner: str, arguments: Arguments, node: ast.expr) -> Value:
    location = machine.location(node)
    config = machine.record(arguments.get("config", 0))
    name = _family_of(config) if isinstance(config, Instance) else None
    unnamed = is_auto_class(owner) and (name is None or name.endswith("AutoConfig"))
    for keyword in ("dtype", "torch_dtype"):
        value = arguments.get(keyword)
        if value is not None:
            expression = (
                next((k.value for k in node.keywords if k.arg == keyword), None) if isinstance(node, ast.Call) else None
            )
            place = machine.location(expression) if expression is not None else location
            weights = Weights(dtype_named(value), place, keyword, expression)
            return _made(machine, owner, weights, node, name, unnamed=unnamed)
    term: DTypeTerm = UNKNOWN
    if isinstance(config, Instance) and not config.open and arguments.complete:
        written = config.attributes.get("dtype") or config.attributes.get("torch_dtype")
        term = machine.state.default_dtype if written in (None, NONE) else dtype_named(written)
    return _made(machine, owner, Weights(term, location, "from_config"), node, name, unnamed=unnamed)


def _family_of(config: Instance) -> str:
    named = config.attributes.get(CONFIG_ID)
    return named.value if isinstance(named, Constant) and isinstance(named.value, str) else config.name


def unseen_loaded(machine: Machine, arguments: Arguments, node: ast.expr) -> Value:
    """`Something.from_pretrained(…)` that is no model we know: a tokenizer, or a class of another file."""
    for value in arguments.all():
        hide(machine, value)
    return machine.unknown(node)


def looks_like_model(name: str) -> bool:
    """Whether a class of another file is called as models are called."""
    return bool(_UNSEEN_MODEL.search(name)) and not _NO_MODEL.search(name)


def unseen_model(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value:
    """`GPTModel(CONFIG)` with the class in another file: most likely its dtype is the configuration's."""
    for value in arguments.all():
        if machine.module(value) is not None:
            hide(machine, value)
    found: Value | None = arguments.get("dtype") or arguments.get("torch_dtype")
    for value in arguments.all():
        record = machine.record(value)
        if isinstance(record, Dictionary) and not record.open:
            found = found or record.entries.get("dtype")
        elif isinstance(record, Instance) and not record.open:
            found = found or record.attributes.get("dtype")
    weights = Weights(dtype_named(found), machine.location(node), "dtype")
    reason = f"as far as can be seen here: {callee.last} is defined in another file"
    made = machine.add(
        Module(ModuleKind.UNSEEN, callee.last, weights, construction=machine.construction(node), reasons=(reason,))
    )
    machine.emit(ModelMade(machine.location(node), made.id, callee.last, weights))
    return made


def own_from_pretrained(
    machine: Machine, receiver: Reference, record: Class, arguments: Arguments, node: ast.expr
) -> Value:
    """`MyModel.from_pretrained(…)` of a class of the script: built under the loaded dtype, forward its own."""
    if not any(isinstance(base, External) and is_model_class(base.name) for base in record.bases):
        return unseen_loaded(machine, arguments, node)
    made = from_pretrained(machine, f"transformers.{record.name}", arguments, node)
    module = machine.module(made)
    if module is not None and isinstance(made, Reference):
        own = method_of(machine, receiver.id, "forward") is not None
        machine.state.writable_heap()[made.id] = dataclasses.replace(module, opaque=own)
    return made


# -- wrappers and trainers -----------------------------------------------------------------------------------------


def wrap(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value:
    """A wrapper that runs the model as it is: what it gives back stands for the same model."""
    model = arguments.get("model", TRANSPARENT.get(callee.name, 0)) or arguments.get("module")
    replicas = replicate(machine, model, arguments, node) if callee.last == "DataParallel" else None
    if isinstance(model, Reference) and machine.module(model) is not None:
        machine.emit(Wrapped(machine.location(node), model.id, callee.last))
        if callee.package == "peft":
            note_adapter(machine, model.id, arguments.get("peft_config", 1), node)
        return model
    if isinstance(model, Opaque):
        return replicas if replicas is not None else same(model)
    return machine.unknown(node)


def _trainer(machine: Machine, name: str, class_id: int | None, arguments: Arguments, node: ast.expr) -> Value:
    model, settings = arguments.get("model", 0), arguments.get("args", 1)
    attributes: dict[str, Value] = {}
    if isinstance(model, Reference) and machine.module(model) is not None:
        machine.emit(Wrapped(machine.location(node), model.id, name.rpartition(".")[2]))
        note_entrusted(machine, model.id, name, node, adapter=arguments.get("peft_config"))
        attributes["model"] = model
    elif isinstance(model, Constant):
        attributes["model_id"] = model
        loaded = Module(ModuleKind.MODEL, "transformers.AutoModelForCausalLM", Weights(), unnamed=True)
        attributes["model"] = machine.add(loaded)  # which the Trainer loads by itself
    if (adapter := arguments.get("peft_config")) is not None:
        attributes["peft_config"] = adapter
    if settings is not None:
        attributes["args"] = settings
    elif not arguments.complete:
        attributes["args"] = machine.unknown(node)
    made = machine.add(Instance(name, attributes, class_id, open=True))
    machine.note_place(made, node)
    if "model_id" in attributes and isinstance(node, ast.Call):
        written = next((keyword.value for keyword in node.keywords if keyword.arg == "model"), None)
        machine.note_entry(made, "model_id", attributes["model_id"], written or (node.args or [node])[0])
    return made


def own_trainer(
    machine: Machine, reference: Reference, record: Class, arguments: Arguments, node: ast.expr
) -> Value | None:
    """An instance of a class of the script that extends a Trainer; None for any other class."""
    base = next((base for base in record.bases if isinstance(base, External) and _TRAINER.search(base.last)), None)
    if base is None or base.package not in ("transformers", "trl"):
        return None
    if any(method_of(machine, reference.id, name) is not None for name in ("__init__", *_OVERRIDES)):
        for value in arguments.all():
            hide(machine, value)
        return None
    return _trainer(machine, base.name, reference.id, arguments, node)


def trainer_autocast(machine: Machine, trainer: Instance) -> tuple[Truth, tuple[str, ...]]:
    """Whether a trainer runs the model under autocast, and what may turn it on from outside."""
    default_on = not trainer.name.startswith("transformers")
    if "args" not in trainer.attributes:
        return (Truth.UNKNOWN, ()) if default_on else (Truth.NO, (LAUNCHER,))
    settings = machine.record(trainer.attributes["args"])
    if not isinstance(settings, Instance) or settings.class_id is not None:
        return Truth.UNKNOWN, ()
    chosen = [settings.attributes.get(name) for name in ("bf16", "fp16")]
    if Constant(True) in chosen:
        return Truth.YES, ()
    if settings.open:
        return Truth.UNKNOWN, ()
    for name in _ENGINES:
        if settings.attributes.get(name) not in (None, NONE, Constant(False), Constant("")):
            return Truth.UNKNOWN, ()
    if any(value not in (None, NONE, Constant(False)) for value in chosen):
        return Truth.UNKNOWN, ()
    if (default_on or not settings.name.endswith("TrainingArguments")) and chosen[0] != Constant(False):
        return Truth.UNKNOWN, ()
    return Truth.NO, (LAUNCHER,)


def run_trainer(machine: Machine, trainer: Instance, node: ast.AST, manner: Manner) -> None:
    """`trainer.train()`."""
    model = trainer.attributes.get("model")
    if not isinstance(model, Reference):
        return
    autocast, reasons = trainer_autocast(machine, trainer)
    outer, outer_reasons = machine.state.autocast, machine.reasons
    machine.state.autocast = autocast if autocast is not Truth.NO else outer
    machine.reasons = (*outer_reasons, *reasons)
    # trl's trainers multiply with `lm_head.weight` themselves, converted to the hidden states' dtype: SFTTrainer's
    # "chunked_nll" from 1.4 on, all trainers of language models in 1.16 (`add_fused_lm_head`).
    machine.own_lm_loss = trainer.name.startswith("trl.")
    try:
        run_module(machine, model.id, Arguments(), node, manner)
    finally:
        machine.state.autocast, machine.reasons, machine.own_lm_loss = outer, outer_reasons, False


def instance_method(
    machine: Machine, receiver: Reference, record: Instance, name: str, arguments: Arguments, node: ast.expr
) -> Value | None:
    """A method of a trainer, an Accelerator and the like; None where it is none of these."""
    if _TRAINER.search(record.name) and record.name.startswith(("transformers", "trl")):
        if name == "train":
            note_training(machine, receiver, record, node)
        if name in ("train", "evaluate", "predict"):
            run_trainer(machine, record, node, Manner.TRAINED)
        if name == "train":
            saving.note_trained(machine, record, node)
        elif name in ("save_model", "push_to_hub"):
            saving.trainer_saves(machine, record, name, node)
        return machine.unknown(node)
    if record.name.rpartition(".")[2] == "Accelerator":
        return accelerator_method(machine, record, name, arguments, node)
    if record.name.startswith(("transformers", "peft", "trl", "torch.autocast")):
        return machine.unknown(node)
    return None
