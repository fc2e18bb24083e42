"""Trains one run spec for a few steps in this process: `python -m benchmarks.one_step SPEC.json RECORD.jsonl`.

The model has random weights and its batches random tokens: what lies in memory does not depend on their values.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers

from ftlint.watching.callback import MemoryCallback

NUM_STEPS = 3
"""The first allocates what later ones keep; the second is the first that has it all; the third shows that it stays."""


def build_model(spec: dict[str, Any]) -> Any:
    """The spec's model from its configuration, adapters put in; no file of weights is read."""
    known = dict(spec["model"]["config"])
    config = transformers.AutoConfig.for_model(known.pop("model_type"), **known)
    config.use_cache = False
    factory = getattr(transformers, spec.get("class", "AutoModelForCausalLM"))
    dtype = getattr(torch, spec.get("dtype", {}).get("weights", "bfloat16"))
    model = factory.from_config(config, dtype=dtype, attn_implementation=spec.get("attention", "sdpa"))
    if spec.get("method", "full") != "lora":
        return model
    import peft

    lora = spec.get("lora", {})
    settings = peft.LoraConfig(
        r=lora.get("rank", 8), target_modules=lora.get("target", "all-linear"), task_type="CAUSAL_LM"
    )
    if spec.get("gradient_checkpointing"):
        model.enable_input_require_grads()
    return peft.get_peft_model(model, settings)


def deepspeed_settings(parallel: dict[str, Any]) -> dict[str, Any] | None:
    """The DeepSpeed configuration that the spec describes; None where it is no ZeRO run."""
    if parallel.get("kind") != "zero":
        return None
    zero: dict[str, Any] = {"stage": parallel["stage"]}
    for name in ("offload_param", "offload_optimizer"):
        if parallel.get(name, "none") != "none":
            zero[name] = {"device": parallel[name], "pin_memory": bool(parallel.get("pin_memory"))}
    return {
        "zero_optimization": zero,
        "bf16": {"enabled": "auto"},
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
    }


def train(spec: dict[str, Any], record: Path, folder: Path) -> None:
    """A few steps of transformers' Trainer, watched."""
    batch, weights = spec.get("batch", {}), spec.get("dtype", {}).get("weights", "bfloat16")
    micro, length, accumulation = batch.get("micro", 1), batch.get("seq_len", 2048), batch.get("accumulation", 1)
    compute = spec.get("dtype", {}).get("compute", weights)
    # With bf16 weights and no AMP the run is pure bf16; DeepSpeed keeps its own masters either way.
    deepspeed = deepspeed_settings(spec.get("parallel", {}))
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=NUM_STEPS,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=accumulation,
        gradient_checkpointing=bool(spec.get("gradient_checkpointing")),
        optim=spec.get("optimizer", "adamw_torch_fused"),
        bf16=deepspeed is not None or (weights == "float32" and compute == "bfloat16"),
        deepspeed=deepspeed,
        save_strategy="no",
        report_to=[],
        logging_steps=1,
        use_cpu=not torch.cuda.is_available(),
    )
    model = build_model(spec)
    vocabulary = model.config.vocab_size
    ids = torch.randint(0, vocabulary, (micro * accumulation * NUM_STEPS, length))
    data = [{"input_ids": row, "labels": row} for row in ids]
    trainer = transformers.Trainer(model, arguments, train_dataset=data, callbacks=[MemoryCallback(record)])
    trainer.train()


def main() -> None:
    """Train the spec named on the command line."""
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="ftlint-steps-") as folder:
        train(spec, Path(sys.argv[2]), Path(folder))


if __name__ == "__main__":
    main()
