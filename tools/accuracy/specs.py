"""A published case as a run spec; or why a run spec cannot say it.

The spec holds what was published and nothing else: for what a case leaves open, the estimator makes its usual
assumptions, as it would for anybody.
"""

from __future__ import annotations

from typing import Any

from ftlint.knowledge.architectures import parameter_table, parse_architecture
from ftlint.knowledge.gpus import find_gpu
from ftlint.knowledge.models import find_model
from tools.accuracy.cases import Case

METHODS = ("full", "lora", "qlora")
WITHIN_SPECS = ("torch", "transformers", "deepspeed", "accelerate", "peft", "trl", "bitsandbytes")


class NotSaidError(Exception):
    """A run spec has no words for the case; the message says for what."""


def spec_of(case: Case) -> dict[str, Any]:
    """The spec; raises NotSaidError."""
    said = case.said
    _refuse(case)
    spec: dict[str, Any] = {
        "model": _model(case),
        "class": said.get("class"),
        "method": said["method"],
        "dtype": _present(weights=said.get("weights"), compute=said.get("compute"), master=said.get("master")),
        "parallel": _parallel(case),
        "batch": _present(micro=said.get("micro_batch"), seq_len=said.get("seq_len")),
        "versions": {name: text for name, text in said.get("versions", {}).items() if _is_release(name, text)},
        "hardware": _hardware(case),
    }
    for key in ("optimizer", "gradient_checkpointing", "attention", "loss", "kernels"):
        spec[key] = said.get(key)
    if said["method"] != "full":
        spec["lora"] = _present(
            rank=said.get("lora_rank"), target=said.get("lora_targets"), dropout=said.get("lora_dropout")
        )
    if "quantization" in said:
        spec["quantization"] = _present(
            type=said["quantization"], double=said.get("double_quantization"), prepared=said.get("kbit_preparation")
        )
    return {key: value for key, value in spec.items() if value not in (None, {})}


def _refuse(case: Case) -> None:
    said = case.said
    if said.get("method") not in METHODS:
        raise NotSaidError(f"method {said.get('method')}")
    if said.get("lora_variant"):
        raise NotSaidError(f"LoRA variant {said['lora_variant']}")
    if said.get("compiled"):
        raise NotSaidError("compiled graphs, float8")
    if isinstance(said.get("gradient_checkpointing"), str):
        raise NotSaidError("selective recomputation")
    if said.get("context_parallel", 1) > 1:
        raise NotSaidError("context parallelism")
    if case.model.startswith("("):
        raise NotSaidError("no model")


OWN_CLASSES = frozenset({"llm-foundry"})
"""Sources whose models are classes of their own: the config counts their parameters, and says not how they compute."""


def _model(case: Case) -> dict[str, Any]:
    if case.group in OWN_CLASSES:
        architecture = parse_architecture(case.said["config"])
        table = None if architecture is None else parameter_table(architecture)
        assert table is not None, case.id
        return {"parameters": {"total": case.said["num_parameters"], "largest_layer": table.largest_layer}}
    if "config" in case.said:
        return {"config": case.said["config"]}
    if find_model(case.model) is not None:
        return {"id": case.model}
    if "num_parameters" in case.said and case.said["method"] == "full":
        return {"parameters": {"total": case.said["num_parameters"]}}
    raise NotSaidError(f"model {case.model}")


def _parallel(case: Case) -> dict[str, Any]:
    said = case.said
    return _present(
        kind=said.get("parallel"),
        stage=said.get("zero_stage"),
        fsdp_version=said.get("fsdp_version"),
        gpus_per_node=said["gpus_per_node"],
        nodes=said["nodes"],
        strategy=said.get("fsdp_strategy"),
        offload_param=said.get("offload_param"),
        offload_optimizer=said.get("offload_optimizer"),
        pin_memory=said.get("pin_memory"),
    )


def _hardware(case: Case) -> dict[str, Any]:
    name, ram_bytes = case.said.get("gpu"), case.said.get("host_capacity_bytes")
    return _present(
        gpu=name if isinstance(name, str) and find_gpu(name) is not None else None,
        host_ram=None if ram_bytes is None else f"{ram_bytes // 10**9}GB",
    )


def _is_release(name: str, text: str) -> bool:
    # A development version is between two releases; the spec takes releases.
    return name in WITHIN_SPECS and "dev" not in text


def _present(**words: Any) -> dict[str, Any]:
    return {key: value for key, value in words.items() if value is not None}
