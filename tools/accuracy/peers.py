"""Asks other estimators about the same cases and keeps their answers in `benchmarks/results/peers.json`.

    python -m tools.accuracy.peers        # in an environment with fitcheck-llm and torch-preflight

Each is asked in its own words, as favourably as they allow, and only about what they can say: a case that a peer has
no word for (ZeRO, a fused loss, quantization …) is left out of its figures, not held against it. DeepSpeed's formulas
and LLaMA-Factory's table know model states alone. Answers are in bytes per GPU.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ftlint.knowledge.bundled import load_object
from ftlint.memory.deepspeed_cold import zero3_needs
from ftlint.project.spec import parse_spec
from tools.accuracy.cases import Case, load_cases
from tools.accuracy.specs import NotSaidError, spec_of

TARGET = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "peers.json"
GIB = 1 << 30
MIB = 1 << 20

FITCHECK_GPUS = {"A100-80GB": "a100-80", "A100-40GB": "a100-40", "H100-80GB": "h100-80", "L40S": "l40s"}
LLAMA_FACTORY = "hardware requirements in its README"
# GB per 10^9 parameters, in all: half precision with AMP, pure half, adapters on 16 bits, on 8, on 4.
LLAMA_FACTORY_MULTIPLES = {"full": 18.0, "full, pure": 8.0, "lora": 2.0, "qlora, 8 bits": 1.0, "qlora, 4 bits": 0.5}

Answer = dict[str, Any]


def fitcheck(case: Case) -> Answer | None:
    """fitcheck-llm: one GPU, dense decoders with SwiGLU, the usual loss."""
    from fitcheck import ModelConfig, TrainingConfig, UnsupportedModelError, estimate, get_gpu
    from fitcheck.config_parser import _count_params, _parse_fields, _reject_unsupported

    said, gpu = case.said, FITCHECK_GPUS.get(str(case.said.get("gpu")))
    raw = _config(case)
    if case.num_gpus > 1 or raw is None or gpu is None or said.get("loss") != "full":
        return None
    quantization = said.get("quantization", "none")
    if quantization not in ("none", "nf4", "int8") or said["method"] not in ("full", "lora", "qlora"):
        return None
    try:
        _reject_unsupported(raw, case.model)
        fields = _parse_fields(raw)
    except (UnsupportedModelError, ValueError):
        return None
    model = ModelConfig(
        name=case.model,
        num_params=_count_params(fields),
        **{name: getattr(fields, name) for name in fields.__dataclass_fields__},
    )
    training = TrainingConfig(
        precision="bf16" if said.get("compute") == "bfloat16" else "fp16",
        quantization=quantization,
        double_quant=bool(said.get("double_quantization")),
        optimizer_dtype="bf16" if said.get("master") == "none" else "fp32",
        batch_size=said["micro_batch"],
        seq_len=said["seq_len"],
        lora_rank=None if said["method"] == "full" else said.get("lora_rank", 16),
        lora_targets=list(said.get("lora_targets") or ("q_proj", "v_proj")),
        grad_checkpoint=said["gradient_checkpointing"] is True,
        flash_attn=said.get("attention") == "flash_attention_2",
    )
    report = estimate(model, training, get_gpu(gpu))
    return {
        "allocated": int((report.total_mib - report.overhead_mib) * MIB),
        "reserved": int(report.total_mib * MIB),
        "verdict": {"safe": "fits", "uncertain": "tight", "does_not_fit": "does not fit"}[report.verdict],
    }


def torch_preflight(case: Case) -> Answer | None:
    """torch-preflight: 41 architectures, ZeRO stages (FSDP is its zero-3), no quantization, the usual loss."""
    from torch_preflight.vram import RunConfig, Sharding, archdb, estimate_config
    from torch_preflight.vram.types import OptimizerKind, PrecisionMode

    said = case.said
    profile = archdb.resolve(case.model)
    if profile is None or said.get("quantization") or said.get("loss") != "full":
        return None
    if said["method"] not in ("full", "lora") or said.get("parallel") not in ("single", "fsdp", "zero", "ddp"):
        return None
    trained = _trained_share(case)
    if trained is None:
        return None
    has_copy = said.get("master") == "float32" and said["method"] == "full"
    sharding = {"fsdp": Sharding.ZERO3, "zero": Sharding.ZERO3, "ddp": Sharding.DDP}.get(
        said["parallel"], Sharding.NONE
    )
    config = RunConfig(
        batch_size=said["micro_batch"],
        seq_len=said["seq_len"],
        precision=PrecisionMode.FP16_MASTER if has_copy else PrecisionMode.PURE_BF16,
        optimizer=OptimizerKind.ADAMW,
        gradient_checkpointing=said["gradient_checkpointing"] is True,
        flash_attention=said.get("attention") != "eager",
        world_size=case.num_gpus,
        sharding=sharding,
        frozen_fraction=1 - trained,
    )
    gpu = str(said.get("gpu", "")).lower()
    try:
        report = estimate_config(profile, config, gpu=gpu, with_remediations=False)
    except ValueError:
        return None
    rest = report.breakdown.cuda_context + report.breakdown.fragmentation
    words = {"FITS": "fits", "TIGHT": "tight", "LIKELY_OOM": "does not fit", "CERTAIN_OOM": "does not fit"}
    return {
        "allocated": report.total - rest,
        "reserved": report.total,
        "verdict": words.get(report.band.value, "unknown"),
    }


def deepspeed(case: Case) -> Answer | None:
    """DeepSpeed's cold estimator for ZeRO-3, also asked about FSDP, which shards the same states."""
    said = case.said
    if said["method"] != "full" or said.get("parallel") not in ("fsdp", "zero") or said.get("zero_stage", 3) != 3:
        return None
    work = _counts(case)
    if work is None:
        return None
    num_params, largest = work
    needs = zero3_needs(
        num_params,
        largest,
        gpus_per_node=said["gpus_per_node"],
        num_nodes=said["nodes"],
        offload_optimizer=said.get("offload_optimizer") == "cpu",
        offload_param=said.get("offload_param") == "cpu",
        zero_init=True,
    )
    return {"allocated": needs.gpu_bytes, "reserved": needs.gpu_bytes}


def llama_factory(case: Case) -> Answer | None:
    """LLaMA-Factory's table, divided by the GPUs where states are sharded."""
    said, work = case.said, _counts(case)
    if work is None:
        return None
    method = said["method"]
    if method == "full" and said.get("master") == "none":
        method = "full, pure"
    elif method == "qlora":
        method = "qlora, 8 bits" if said.get("quantization") == "int8" else "qlora, 4 bits"
    num_shards = case.num_gpus if said.get("parallel") in ("fsdp", "zero") else 1
    needed = int(work[0] * LLAMA_FACTORY_MULTIPLES[method] / num_shards)
    return {"allocated": needed, "reserved": needed}


PEERS: Mapping[str, Callable[[Case], Answer | None]] = {
    "fitcheck-llm": fitcheck,
    "torch-preflight": torch_preflight,
    "DeepSpeed ZeRO-3 cold": deepspeed,
    "LLaMA-Factory's table": llama_factory,
}


def _config(case: Case) -> dict[str, Any] | None:
    """The config.json behind the case, as the catalogue has it."""
    if "config" in case.said:
        return dict(case.said["config"])
    content = load_object("models.json")
    architectures, models = content["architectures"], content["models"]
    assert isinstance(architectures, list)
    assert isinstance(models, dict)
    row = models.get(case.model)
    return None if row is None else dict(architectures[row[0]])


def _counts(case: Case) -> tuple[int, int] | None:
    """Parameters of the base model, and of its largest layer."""
    from ftlint.knowledge.architectures import parameter_table

    try:
        run = parse_spec(spec_of(case)).run
    except NotSaidError:
        return None
    architecture = run.model.architecture.value
    table = parameter_table(architecture) if run.model.architecture.known else None  # type: ignore[arg-type]
    return None if table is None else (table.num_params, table.largest_layer)


def _trained_share(case: Case) -> float | None:
    from ftlint.memory import estimate

    described = parse_spec(spec_of(case))
    found = estimate(described.run, versions=described.versions)
    return None if found is None else found.num_trainable_parameters / found.num_parameters


def main() -> int:
    """Write the file anew."""
    answers: dict[str, dict[str, Answer]] = {name: {} for name in PEERS}
    for case in load_cases():
        try:
            spec_of(case)
        except NotSaidError:
            continue
        if not all(key in case.said for key in ("micro_batch", "seq_len", "gradient_checkpointing")):
            continue
        for name, ask in PEERS.items():
            answer = ask(case)
            if answer is not None:
                answers[name][case.id] = answer
    versions = {
        "fitcheck-llm": version("fitcheck-llm"),
        "torch-preflight": version("torch-preflight"),
        "DeepSpeed ZeRO-3 cold": "0.19.8",
        "LLaMA-Factory's table": LLAMA_FACTORY,
    }
    content = {"versions": versions, "answers": answers}
    TARGET.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print({name: len(found) for name, found in answers.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
