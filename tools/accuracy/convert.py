"""Turns a collection of published measurements into `benchmarks/cases.jsonl`, which says them in our own words.

    python -m tools.accuracy.convert COLLECTION.jsonl

The collection's fields are prose in places ("FSDP1 FULL_SHARD, BACKWARD_PRE …"); here they become the words of a run
spec. What the collection does not say stays out, and nothing is filled in: that is the estimator's business. Figures
and configurations are carried over, each with the address it was read at; sentences are not.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.accuracy.cases import CASES

GIB = 1 << 30
MIB = 1 << 20

# The blocks that are left out together: rows of one author, measured by one script.
GROUPS = {
    "foundation-model-stack/fms-acceleration": "fms-acceleration",
    "mosaicml/llm-foundry": "llm-foundry",
    "pytorch/torchtitan": "torchtitan",
}
PEFT_METHODS = "method_comparison"

# Architectures of models that the catalogue does not hold. The foundry's are what its configs and counts agree on: GPT
# blocks with biases, learned positions up to the sequence length, and a tied head over 50,368 tokens.
FOUNDRY_SIZES = {
    "MPT-125m": (768, 12, 12),
    "MPT-350m": (1024, 24, 16),
    "MPT-760m": (1536, 24, 12),
    "MPT-1b": (2048, 24, 16),
    "MPT-3b": (2560, 32, 20),
    "MPT-7b": (4096, 32, 32),
    "MPT-13b": (5120, 40, 40),
    "MPT-30b": (7168, 48, 56),
    "MPT-70b": (8192, 80, 64),
}
POWERLM_3B = {
    "model_type": "granite",
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 40,
    "num_attention_heads": 36,
    "num_key_value_heads": 36,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}
SANTACODER = {
    "model_type": "gpt_bigcode",
    "n_embd": 2048,
    "n_layer": 24,
    "n_head": 16,
    "n_inner": 8192,
    "n_positions": 2048,
    "vocab_size": 49280,
    "multi_query": True,
}
MT0_XXL = {
    "model_type": "mt5",
    "d_model": 4096,
    "d_kv": 64,
    "d_ff": 10240,
    "num_layers": 24,
    "num_decoder_layers": 24,
    "num_heads": 64,
    "vocab_size": 250112,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
}
T0_3B = {
    "model_type": "t5",
    "d_model": 2048,
    "d_kv": 64,
    "d_ff": 5120,
    "num_layers": 24,
    "num_decoder_layers": 24,
    "num_heads": 32,
    "vocab_size": 32128,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "ibm/PowerLM-3b": POWERLM_3B,
    "bigcode/gpt_bigcode-santacoder": SANTACODER,
    "bigscience/mt0-xxl": MT0_XXL,
    "bigscience/T0_3B": T0_3B,
}
# Where the script's class is not the usual one.
CLASSES = {
    "bigscience/T0_3B": "AutoModelForSeq2SeqLM",
    "bigscience/mt0-xxl": "AutoModelForSeq2SeqLM",
    "google-bert/bert-large-uncased": "AutoModelForSequenceClassification",
}
SAME_MODEL = {
    "Llama-2-13B": "meta-llama/Llama-2-13b-hf",
    "Llama-2-70B": "NousResearch/Llama-2-70b-hf",
    "LLaMA-7B (GaLore config)": "huggyllama/llama-7b",
    "70B (Llama-2/3)": "NousResearch/Llama-2-70b-hf",
}
GPUS = {
    "A100-SXM4-80GB": "A100-80GB",
    "H100-NVL-96GB": "H100-96GB",
    "L40S 48GB": "L40S",
    "TitanRTX-24GB": "TITAN-RTX",
    "V100-16GB (CUDA 11.2)": "V100-16GB",
    "RTX4090-24GB": "RTX-4090",
}
# Versions that the source keeps in a file beside its figures. Source: fms-acceleration 426a4a50,
# scripts/benchmarks/refs/requirements_granite.txt (accelerate and trl are commits there).
VERSIONS_BESIDE = {
    "see refs/requirements_granite.txt": "torch 2.4.1, transformers 4.45.0, peft 0.12.0, bitsandbytes 0.43.3"
}
METHODS = {"full (pretrain)": "full", "full+galore r=1024": "full", "full?": "full", "lora int8": "qlora"}
OUTCOMES = {
    "ran": "ran",
    "oom": "gpu out of memory",
    "gpu_oom_midrun": "gpu out of memory",
    "cpu_oom": "host out of memory",
    # No peak was recorded: out of memory or any other crash. Rows of it prove nothing by themselves.
    "oom_or_failed": "failed",
}


def convert(row: Mapping[str, Any]) -> dict[str, Any]:
    """One measurement in our field names; keys that the collection leaves open are missing."""
    said = {
        "id": row["id"],
        "group": _group(row),
        "source": _address(row["source"]),
        "tier": row["tier"],
        "outcome": OUTCOMES[row["outcome"]],
        **_model(row),
        **_training(row),
        **_parallel(row),
        **_measured(row),
    }
    return {key: value for key, value in said.items() if value is not None}


def _group(row: Mapping[str, Any]) -> str:
    source: str = row["source"]
    if PEFT_METHODS in source:
        return "peft-methods"
    for name, group in GROUPS.items():
        if name in source:
            return group
    match = re.search(r"(?:github:|github (?:issue|PR) |PR )([\w.-]+/[\w.-]+)", source)
    return match.group(1) if match else source.split(maxsplit=1)[0]


def _address(source: str) -> str:
    file = re.match(r"github:([\w.-]+/[\w.-]+?)(?:@([0-9a-f]+)\^?)?:(\S+)(.*)", source)
    if file:
        repository, commit, path, rest = file.groups()
        return f"https://github.com/{repository}/blob/{commit or 'main'}/{path}{rest}"
    thread = re.match(r"github (issue|PR) ([\w.-]+/[\w.-]+)#(\d+)", source)
    if thread:
        kind, repository, number = thread.groups()
        return f"https://github.com/{repository}/{'issues' if kind == 'issue' else 'pull'}/{number}"
    return source


def _model(row: Mapping[str, Any]) -> dict[str, Any]:
    name, count = row["model"], row["params"]
    config = CONFIGS.get(name)
    if name in FOUNDRY_SIZES:
        hidden, layers, heads = FOUNDRY_SIZES[name]
        # gpt_bigcode without its multi-query attention is that block: one-operation GELU, as MPT has and gpt2 has not.
        config = {
            "model_type": "gpt_bigcode",
            "multi_query": False,
            "n_embd": hidden,
            "n_layer": layers,
            "n_head": heads,
            "n_positions": row["seq_len"],
            "vocab_size": 50368,
        }
    return {
        "model": SAME_MODEL.get(name, name),
        "class": CLASSES.get(name),
        "config": config,
        # Of the base model; adapters have counts of their own.
        "num_parameters": int(count) if count else None,
    }


def _training(row: Mapping[str, Any]) -> dict[str, Any]:
    method, lora, precision = row["method"], row["lora"], row["precision"] or {}
    weights, compute = precision.get("weights", ""), precision.get("compute", "")
    notes = row["notes"] or ""
    said: dict[str, Any] = {
        "method": METHODS.get(method, method),
        "micro_batch": row["micro_batch"],
        "seq_len": row["seq_len"],
        "versions": _versions(VERSIONS_BESIDE.get(row["versions"], row["versions"])),
        "attention": _attention(row["attention"]),
        "loss": _loss(row),
        # RMSNorm and rotary embeddings as kernels of their own.
        "kernels": "fused" if "foak" in notes or "liger" in (row["loss"] or "") else None,
        "gradient_checkpointing": {"full": True, "none": False}.get(
            row["grad_checkpointing"], row["grad_checkpointing"]
        ),
        "optimizer": _optimizer(row["optimizer"]),
        **_dtypes(row, weights, compute),
    }
    if "compile=True" in notes or "compile" in (row["framework"] or "") or "float8" in compute:
        said["compiled"] = True  # torch.compile, float8 matrices: what a graph keeps is not what eager code keeps
    if doubtful := _doubtful(row):
        said["doubtful"] = doubtful
    if lora:
        said["lora_rank"], said["lora_targets"] = lora.get("r"), lora.get("targets")
        if row["model"] == "bigcode/gpt_bigcode-santacoder":
            # Its attention is one module; the source's scenarios-granite.yaml names it beside the others' modules.
            said["lora_targets"] = ["c_attn"]
        said["lora_dropout"] = lora.get("dropout")
        said["lora_variant"] = _lora_variant(row["id"], lora)
        said["num_trained"] = lora.get("trainable_params") or row.get("trainable_params")
    if weights.startswith("nf4"):
        said["quantization"] = "nf4"
        said["double_quantization"] = "double" in weights or None
    elif weights.startswith("int4 GPTQ"):
        said["quantization"] = "gptq"
    elif weights.startswith("int8"):
        said["quantization"] = "int8"
    if "quantization" in said and row["id"].startswith("fms"):
        # Whether prepare_model_for_kbit_training ran: in the source's baseline only, and there not under FSDP.
        said["kbit_preparation"] = "baseline-peft-bnb" in notes and row["n_gpus"] == 1
    return said


def _doubtful(row: Mapping[str, Any]) -> list[str]:
    """Keys whose value the collection marks as recalled, a default of a script, or a bound."""
    text = row["ambiguity"] or ""
    if text.startswith(("batch/seq", "max batch tokens")):
        return ["micro_batch", "seq_len"]
    if text.startswith("batch read"):
        return ["micro_batch"]
    return ["seq_len"] if text.startswith("seq 256") else []


def _lora_variant(name: str, lora: Mapping[str, Any]) -> str | None:
    """What is more than plain LoRA, by PEFT's names; rank-stabilized scaling changes no size."""
    if lora.get("use_dora"):
        return "dora"
    return next((variant for variant in ("bdlora", "lorafa", "mica") if variant in name), None)


def _dtypes(row: Mapping[str, Any], weights: str, compute: str) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if weights.startswith(("bf", "nf4")):
        said["weights"] = "bfloat16"
    elif weights.startswith(("fp16", "int4 GPTQ")):
        said["weights"] = "float16"
    elif weights.startswith("fp32"):
        said["weights"] = "float32"
    if "fp32? " in weights:
        said["weights"] = "float32"  # the two rows whose unit is certain give 4 bytes per parameter
    if "bf16" in compute or "bfloat16" in compute:
        said["compute"] = "bfloat16"
    elif "fp16" in compute:
        said["compute"] = "float16"
    elif compute:
        said["compute"] = "float32"
    if row["id"].startswith("foundry"):
        # Composer keeps the sharded weights in float32 in both modes; PURE reduces gradients in 16 bits too.
        said["weights"], said["compute"], said["master"] = "float32", "bfloat16", "float32"
        said["reduce_dtype"] = "bfloat16" if "PURE" in compute else "float32"
        return said
    is_sharded = row["framework"] and row["framework"].startswith("FSDP")
    if row["method"] in ("full", "full (pretrain)") and weights:
        has_copy = weights.startswith("fp32") or (is_sharded and "upcast" in row["framework"])
        said["master"] = "float32" if has_copy or "DeepSpeed" in (row["framework"] or "") else "none"
    elif row["method"] in ("lora", "qlora") and row["id"].startswith("fms"):
        said["master"] = "none" if "pure" in compute else "float32"
    return said


def _versions(text: str | None) -> dict[str, str] | None:
    found = dict(
        re.findall(r"\b(torch|transformers|peft|bitsandbytes|accelerate|trl|deepspeed) (\d[\w.]*)", text or "")
    )
    return found or None


def _attention(text: str | None) -> str | None:
    if not text:
        return None
    if text.startswith("flash"):
        return "flash_attention_2"
    return "sdpa" if text.startswith("sdpa") else text


def _loss(row: Mapping[str, Any]) -> str | None:
    text = row["loss"] or ""
    if text.startswith("liger"):
        return "liger"
    if text.startswith("foak"):
        return "fused"
    # Said where the script is known; elsewhere the collection's word is a default.
    return "full" if row["attention"] else None


def _optimizer(text: str | None) -> str | None:
    if not text:
        return None
    words = {
        "adamw_torch (foreach default)": "adamw_torch",
        "AdamW (torch.optim, states in param dtype)": "adamw_torch",
        # Which of torch's implementations it was decides a temporary: where it is only called AdamW, nothing was said.
        "AdamW fused/foreach fp32": "adamw_torch",
        "DecoupledAdamW/LionW fp32": "adamw_torch",
        "adamw (transformers default of 2022)": "adamw_torch",
        "adamw_8bit": "adamw_bnb_8bit",
        "galore_adamw_8bit": "galore_adamw_8bit",
        "GaLoreAdamW8bit per-layer": "galore_adamw_8bit_layerwise",
        "DeepSpeedCPUAdam": "adamw_torch",
        "AnyPrecisionAdamW/AdamW": "adamw_torch",
    }
    return words.get(text)


def _parallel(row: Mapping[str, Any]) -> dict[str, Any]:
    text, num_gpus, num_nodes = row["framework"] or "", row["n_gpus"] or 1, row["n_nodes"] or 1
    said: dict[str, Any] = {
        "framework": _framework(row, text),
        "gpus_per_node": max(1, num_gpus // num_nodes),
        "nodes": num_nodes,
        "gpu": GPUS.get(row["gpu"] or "", row["gpu"]),
    }
    if text.startswith("FSDP"):
        said |= {"parallel": "fsdp", "fsdp_version": 2 if text.startswith("FSDP2") else 1}
        said["fsdp_strategy"] = "SHARD_GRAD_OP" if "SHARD_GRAD_OP" in text else None
        said["offload_param"] = "cpu" if "offload" in text and "no offload" not in text else None
        said["context_parallel"] = int(match.group(1)) if (match := re.search(r"CP (\d)", text)) else None
        said["rate_limiter"] = "limit_all_gathers=True" in text if "limit_all_gathers" in text else None
        said["outputs_kept"] = False if "logits not kept" in text else None
    elif text.startswith("DeepSpeed"):
        stage = re.search(r"ZeRO-(\d)", text)
        offloads = "offload" in text and "no offload" not in text
        said |= {"parallel": "zero", "zero_stage": int(stage.group(1)) if stage else None}
        said["offload_optimizer"] = "cpu" if offloads else None
        said["offload_param"] = "cpu" if offloads and said["zero_stage"] == 3 else None
        said["pin_memory"] = True if "pin_memory" in text else None
    elif text.startswith("DDP"):
        said["parallel"] = "ddp" if num_gpus > 1 else "single"
    elif text == "single":
        said["parallel"] = "single"
    return said


def _framework(row: Mapping[str, Any], text: str) -> str | None:
    """The stack, as fine as leaving one out makes sense: sharding, quantization and kernels together."""
    if not row["id"].startswith("fms"):
        return None
    configuration = re.search(r"framework_config=([\w-]+)", row["notes"])
    assert configuration is not None
    return configuration.group(1)


def _measured(row: Mapping[str, Any]) -> dict[str, Any]:
    """Bytes on the fullest GPU, and in a node's RAM; `reserved_by` says whose counter it was."""
    said: dict[str, Any] = {}
    what = row["what_was_measured"]
    if row.get("torch_peak_bytes"):
        said["allocated_bytes"] = int(row["torch_peak_bytes"])
        said["resident_bytes"] = int(row["torch_alloc_after_bytes"])
    if row.get("nvidia_smi_mib"):
        said |= {"reserved_bytes": int(row["nvidia_smi_mib"] * MIB), "reserved_by": "driver"}
    measured = row["measured_gpu_gib"] if row["measured_gpu_gib"] is not None else row["measured_gpu_gb"]
    if measured is not None and not said:
        is_gib = row["measured_gpu_gib"] is not None or "TorchTracemalloc" in what or row["unit"] == "GiB?"
        unit = GIB if is_gib else 10**9
        num_bytes = int(float(measured) * unit)
        if "max_memory_reserved" in what or what.startswith(("torch peak reserved", "torch memory")):
            said |= {"reserved_bytes": num_bytes, "reserved_by": "torch"}
        elif "torch peak" in what or "peak active" in what:
            said["allocated_bytes"] = num_bytes
        else:
            said |= {"reserved_bytes": num_bytes, "reserved_by": "driver"}
    if row.get("reserved_gb"):
        said |= {"reserved_bytes": int(row["reserved_gb"] * GIB), "reserved_by": "torch"}
    if row["id"].startswith("fms") and row["outcome"] != "ran":
        said.pop("reserved_bytes", None)  # of a run that broke off
        said.pop("reserved_by", None)
    said |= _host(row)
    return said


def _host(row: Mapping[str, Any]) -> dict[str, Any]:
    value = row["measured_cpu_gb"]
    if value is None or "pinned tensor" in row["model"]:
        return {}
    if isinstance(value, int | float):
        is_gib = "psutil" in row["what_was_measured"]
        return {"host_bytes": int(value * (GIB if is_gib else 10**9))}
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", value)]
    if value.startswith(">"):
        return {"host_capacity_bytes": int(numbers[0] * 10**9)}  # what the machine had
    if "-" in value:
        return {"host_low_bytes": int(numbers[0] * 10**9), "host_high_bytes": int(numbers[1] * 10**9)}
    return {"host_low_bytes": int(numbers[0] * 10**9)}


def main() -> int:
    """Write the file anew."""
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    CASES.write_text("".join(json.dumps(convert(row)) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows)} cases in {CASES}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
