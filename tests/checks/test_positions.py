"""MEM108: lengths beyond the model's positions, by what becomes of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftlint.findings import Severity
from tests.checks.memory_projects import FULL, LORA, findings, training

LLAMA_2 = "meta-llama/Llama-2-7b-hf"
CONFIG = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "vocab_size": 256,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096, "architectures": ["X"],
}  # fmt: skip


def one(model: str, **words: object) -> dict[str, str]:
    return {"train.yaml": training(model, LORA, **words)}


@pytest.mark.parametrize(
    ("model", "positions"),
    [("openai-community/gpt2", 1024), ("facebook/opt-1.3b", 2048), ("EleutherAI/gpt-j-6b", 2048)],
)
def test_rows_of_a_table_end(model: str, positions: int, tmp_path: Path) -> None:
    """An error where sequences are filled, a warning where they only may be as long."""
    (sure,) = findings(tmp_path / "a", "MEM108", one(model, cutoff_len=4096, packing=True))
    assert sure.severity is Severity.ERROR
    assert f"has {positions} positions" in sure.message
    (doubtful,) = findings(tmp_path / "b", "MEM108", one(model, cutoff_len=4096))
    assert doubtful.severity is Severity.WARNING
    assert "if a sequence is that long" in doubtful.message
    assert findings(tmp_path / "c", "MEM108", one(model, cutoff_len=positions, packing=True)) == []


def test_rotary_positions_are_a_warning_at_the_length(tmp_path: Path) -> None:
    files = one(LLAMA_2, cutoff_len=4097, packing=True)
    (finding,) = findings(tmp_path, "MEM108", files)
    assert finding.severity is Severity.WARNING
    start = finding.location.span.start
    assert files["train.yaml"][start:].startswith(("cutoff_len", "4097"))


ALIBI: dict[str, dict[str, object]] = {
    "falcon": {"num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4, "vocab_size": 256, "alibi": True},
    "bloom": {"n_layer": 2, "hidden_size": 64, "n_head": 4, "vocab_size": 256, "seq_length": 2048},
}
ROTARY: dict[str, dict[str, object]] = {
    "falcon": {**ALIBI["falcon"], "alibi": False, "new_decoder_architecture": True},
    "glm4": {**CONFIG, "model_type": "glm4", "pad_token_id": 0},
    "stablelm": {**CONFIG, "model_type": "stablelm"},
}
TABLES: dict[str, dict[str, object]] = {
    "codegen": {"n_layer": 2, "n_embd": 64, "n_head": 4, "vocab_size": 256, "n_positions": 2048},
    "gpt_bigcode": {"n_layer": 2, "n_embd": 64, "n_head": 4, "vocab_size": 256, "n_positions": 2048},
    "gpt_neo": {
        "num_layers": 2, "hidden_size": 64, "num_heads": 4, "vocab_size": 256, "max_position_embeddings": 2048,
    },
    "mpt": {"n_layers": 2, "d_model": 64, "n_heads": 4, "vocab_size": 256, "max_seq_len": 2048},
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "model_type"),
    [(kind, model_type) for kind, configs in enumerate((ALIBI, ROTARY, TABLES)) for model_type in configs],
)
def test_what_becomes_of_positions_by_model_type(kind: int, model_type: str, tmp_path: Path) -> None:
    """Alibi has no end, rotary positions were not seen in training, and a table's rows stop the run."""
    config = (ALIBI, ROTARY, TABLES)[kind][model_type]
    written = {**config, "model_type": model_type, "architectures": ["X"]}
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps(written), "utf-8")
    found = findings(tmp_path, "MEM108", {"train.yaml": training("model", FULL, cutoff_len=8192, packing=True)})
    expected = ([], [Severity.WARNING], [Severity.ERROR])[kind]
    assert [finding.severity for finding in found] == expected


@pytest.mark.parametrize("scaling", [None, {"rope_type": "default"}, {"type": "yarn", "factor": 4.0}])
def test_a_config_json_is_asked_for_scaling(scaling: object, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps({**CONFIG, "rope_scaling": scaling}), "utf-8")
    found = findings(tmp_path, "MEM108", {"train.yaml": training("model", FULL, cutoff_len=8192)})
    is_scaled = isinstance(scaling, dict) and scaling.get("type") == "yarn"
    assert len(found) == (0 if is_scaled else 1)


@pytest.mark.parametrize(
    "files",
    [
        one(LLAMA_2, cutoff_len=16384, rope_scaling="linear"),
        one(LLAMA_2, cutoff_len=4096),
        one("openai-community/gpt2", packing=True),
        one("bigscience/bloom-560m", cutoff_len=8192, packing=True),
        one("someone/a-model-of-ones-own", cutoff_len=10**6),
        {"train.py": f"""
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer
model = AutoModelForCausalLM.from_pretrained("{LLAMA_2}")
trainer = SFTTrainer(model=model, args=SFTConfig(output_dir="o", max_length=16384, packing=True))
trainer.train()
"""},
    ],
    ids=["scaled", "as long", "default", "no positions", "unknown", "rotary in a script"],
)  # fmt: skip
def test_silent(files: dict[str, str], tmp_path: Path) -> None:
    assert findings(tmp_path, "MEM108", files) == []


def test_a_script_may_have_changed_the_model(tmp_path: Path) -> None:
    text = """
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer
model = AutoModelForCausalLM.from_pretrained("openai-community/gpt2")
trainer = SFTTrainer(model=model, args=SFTConfig(output_dir="o", max_length=2048, packing=True))
trainer.train()
"""
    (finding,) = findings(tmp_path, "MEM108", {"train.py": text})
    assert finding.severity is Severity.WARNING
