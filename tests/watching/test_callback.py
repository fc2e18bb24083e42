"""The callback inside a real Trainer, on the CPU with a model of a few thousand parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.referee


def train(folder: Path, **arguments: Any) -> list[dict[str, Any]]:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from ftlint.watching.callback import MemoryCallback

    config = transformers.LlamaConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, vocab_size=64
    )
    model = transformers.AutoModelForCausalLM.from_config(config)
    ids = torch.randint(0, 64, (8, 12))
    data = [{"input_ids": row, "labels": row} for row in ids]
    settings = transformers.TrainingArguments(
        output_dir=str(folder / "out"), per_device_train_batch_size=1, use_cpu=True, report_to=[], **arguments
    )
    file = folder / "memory.jsonl"
    callback = MemoryCallback(file)
    trainer = transformers.Trainer(model, settings, train_dataset=data, eval_dataset=data, callbacks=[callback])
    trainer.train()
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_one_line_per_moment(tmp_path: Path) -> None:
    header, *rest = train(tmp_path, max_steps=2, gradient_accumulation_steps=2, save_steps=2)
    assert header["packages"]["transformers"]
    assert [(line["step"], line["moment"]) for line in rest] == [
        (0, "loading"),
        (0, "forward and backward"),
        (0, "optimizer step"),
        (1, "forward and backward"),
        (1, "optimizer step"),
        (2, "saving"),
    ]
    assert all(line["host"]["resident"] > 0 for line in rest)


def test_an_evaluation_belongs_to_no_moment(tmp_path: Path) -> None:
    """It comes before the checkpoint, which begins when it is over."""
    _, *rest = train(tmp_path, max_steps=1, save_steps=1, eval_strategy="steps", eval_steps=1)
    assert [line["moment"] for line in rest] == ["loading", "forward and backward", "optimizer step", "saving"]
    _, *rest = train(tmp_path, max_steps=1, save_strategy="no", eval_strategy="steps", eval_steps=1)
    assert [line["moment"] for line in rest] == ["loading", "forward and backward", "optimizer step"]
