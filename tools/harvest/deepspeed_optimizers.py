"""What `optimizer.params` and `scheduler.params` of a DeepSpeed file take, by the `type` beside them.

Source: `_configure_basic_optimizer`, `get_optimizer_configuration` and `_scheduler_from_config` of runtime/engine.py in
deepspeed 0.9.0 to 0.19.8. Which of several classes is made depends on offloading and on hardware, so a key is known if
one of them takes it; a type that is not listed is a class of torch or of another package.
"""

from __future__ import annotations

from typing import Any

from tools.harvest.python_source import ClassRef, Shapes
from tools.harvest.python_source.annotations import type_of

Level = dict[str, Any]

ADAM = ("deepspeed.ops.adam.fused_adam.FusedAdam", "deepspeed.ops.adam.cpu_adam.DeepSpeedCPUAdam")
CLASSES = {
    "adam": ADAM,
    "adamw": ADAM,
    "adagrad": ("deepspeed.ops.adagrad.cpu_adagrad.DeepSpeedCPUAdagrad",),
    "lamb": ("deepspeed.ops.lamb.fused_lamb.FusedLamb",),
    "lion": ("deepspeed.ops.lion.fused_lion.FusedLion", "deepspeed.ops.lion.cpu_lion.DeepSpeedCPULion"),
    "onebitadam": ("deepspeed.runtime.fp16.onebit.adam.OnebitAdam",),
    "zerooneadam": ("deepspeed.runtime.fp16.onebit.zoadam.ZeroOneAdam",),
    "onebitlamb": ("deepspeed.runtime.fp16.onebit.lamb.OnebitLamb",),
    "muon": (),
}
"""`type` in lower case -> the classes that may be made."""
GIVEN = ("model_params", "params", "deepspeed", "adamw_mode", "optimizer")
"""Parameters that the engine fills itself, and nobody else may."""
TORCH: dict[str, dict[str, object]] = {
    name: {}
    for name in ("amsgrad", "foreach", "maximize", "capturable", "differentiable", "fused", "decoupled_weight_decay")
}
"""What torch.optim.Adam, AdamW and Adagrad take besides. Source: torch 2.13 optim/adam.py, adamw.py, adagrad.py."""
TORCH_ADAGRAD: dict[str, dict[str, object]] = {
    "lr_decay": {"type": "number"},
    "initial_accumulator_value": {"type": "number"},
}
POPPED: dict[str, dict[str, object]] = {
    "torch_adam": {"type": "boolean", "default": False},
    "adam_w_mode": {"type": "boolean", "default": True},
}
"""What the engine takes out for itself before it makes an Adam."""
MUON: dict[str, dict[str, object]] = {
    "lr": {"type": "number"},
    "muon_lr": {"type": "number"},
    "adam_lr": {"type": "number"},
    "momentum": {"type": "number"},
    "weight_decay": {"type": "number"},
    "ns_method": {"type": "string"},
    "betas": {"type": "array"},
    "eps": {"type": "number"},
}
"""`_MUON_HALF_KEYS` and `_ADAM_HALF_KEYS`; others are passed over. Source: deepspeed 0.19.8 runtime/engine.py."""
REFUSED: dict[str, dict[str, object]] = {
    "max_grad_norm": {"x-deprecated": {"by": "gradient_clipping", "effect": "error"}}
}


def optimizers(shapes: Shapes) -> dict[str, Level]:
    """A level per type, `optimizer.params[adam]`, and the keys of `optimizer` that choose among them."""
    names = _supported(shapes)
    return {f"optimizer.params[{name}]": _optimizer(name, shapes) for name in CLASSES if name in names}


def schedulers(shapes: Shapes) -> dict[str, Level]:
    """A level per learning rate schedule of DeepSpeed's own."""
    module = shapes.modules.get("deepspeed.runtime.lr_schedules")
    assert module is not None
    found: dict[str, Level] = {}
    for name in module.names:
        reference = shapes.modules.lookup(name, module)
        if isinstance(reference, ClassRef) and shapes.classes.method(reference, "step") is not None:
            found[f"scheduler.params[{name}]"] = _level(_taken(reference, shapes))
    return found


def _supported(shapes: Shapes) -> list[str]:
    module = shapes.modules.get("deepspeed.runtime.config")
    assert module is not None
    names = module.names["DEEPSPEED_OPTIMIZERS"]
    value = shapes.values.of(names.value, module)  # type: ignore[union-attr,arg-type]  # an assignment
    assert isinstance(value, list)
    return value


def _optimizer(name: str, shapes: Shapes) -> Level:
    if name == "muon":
        return {**_level({**MUON, **POPPED, **REFUSED}), "x-unknown": "ignored"}
    properties: dict[str, dict[str, object]] = {}
    for dotted in CLASSES[name]:
        reference = shapes.modules.find_class(dotted)
        if reference is not None:  # DeepSpeed 0.9 has no Lion
            properties = {**_taken(reference, shapes), **properties}
    if name in ("adam", "adamw", "adagrad"):
        properties = {**properties, **{key: shape for key, shape in (TORCH | POPPED).items() if key not in properties}}
    if name == "adagrad":
        properties = {**properties, **TORCH_ADAGRAD}
    return _level({**properties, **REFUSED})


def _level(properties: dict[str, dict[str, object]]) -> Level:
    return {"x-values": "unchecked", "x-unknown": "error", "properties": properties}


def _taken(reference: ClassRef, shapes: Shapes) -> dict[str, dict[str, object]]:
    init = shapes.classes.method(reference, "__init__")
    assert init is not None
    found: dict[str, dict[str, object]] = {}
    for parameter in shapes.classes.parameters(init, is_method=True):
        if parameter.name not in GIVEN:
            shape = shapes.parameter(parameter)
            found[parameter.name] = shape if parameter.annotation is not None else {**_kind(shape), **shape}
    return found


def _kind(shape: dict[str, object]) -> dict[str, object]:
    """A type for a parameter without an annotation, from its default: 0 for a weight decay is any number."""
    kind = type_of(shape.get("default"))
    return {} if kind in (None, "null") else {"type": "number" if kind == "integer" else kind}
