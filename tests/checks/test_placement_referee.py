"""What really becomes of a model that is partly on the disk, on the CPU: it cannot be moved, and is not trained."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.referee,
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("torch", "transformers", "accelerate", "peft")),
        reason="the referee needs torch, transformers, accelerate and peft",
    ),
]

DEVICE_MAP = {
    "model.embed_tokens": "cpu",
    "model.layers.0": "cpu",
    "model.layers.1": "disk",
    "model.norm": "cpu",
    "model.rotary_emb": "cpu",
    "lm_head": "cpu",
}
ON_CPU, ON_DISK = "model.layers.0.self_attn.q_proj.weight", "model.layers.1.self_attn.q_proj.weight"


@pytest.fixture
def model(tmp_path: Path) -> Any:
    """A model of two layers, of which the second is on the disk."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, vocab_size=32,
        tie_word_embeddings=False,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path / "model")
    return LlamaForCausalLM.from_pretrained(
        tmp_path / "model", device_map=DEVICE_MAP, offload_folder=str(tmp_path / "offload"), dtype=torch.float32
    )


def _train(model: Any, folder: Path) -> None:
    import torch
    from transformers import Trainer, TrainingArguments

    tokens = torch.arange(8)
    rows = [{"input_ids": tokens, "labels": tokens}] * 4
    args = TrainingArguments(
        output_dir=str(folder / "out"), max_steps=2, use_cpu=True, report_to=[], save_strategy="no", learning_rate=0.01
    )
    Trainer(model=model, args=args, train_dataset=rows).train()


@pytest.mark.parametrize("move", ["to", "cuda", "cast"])
def test_it_cannot_be_moved(model: Any, move: str) -> None:
    import torch

    with pytest.raises(RuntimeError, match="offloaded to cpu or disk"):
        {"to": lambda: model.to("cpu"), "cuda": model.cuda, "cast": lambda: model.to(torch.float16)}[move]()


def test_the_trainer_leaves_offloaded_weights_as_they_are(model: Any, tmp_path: Path) -> None:
    from accelerate.utils.modeling import get_state_dict_offloaded_model

    before = {name: tensor.clone() for name, tensor in get_state_dict_offloaded_model(model).items()}
    _train(model, tmp_path)
    after = get_state_dict_offloaded_model(model)
    assert not after[ON_CPU].equal(before[ON_CPU])
    assert after[ON_DISK].equal(before[ON_DISK])


def test_adapters_of_offloaded_layers_fail_in_the_backward_pass(model: Any, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(model, LoraConfig(target_modules=["q_proj"], r=2))
    with pytest.raises(RuntimeError, match="expected device meta"):
        _train(adapted, tmp_path)


def test_several_processes_are_refused(model: Any) -> None:
    from accelerate import Accelerator
    from accelerate.utils import DistributedType

    accelerator = Accelerator(cpu=True)
    assert accelerator.verify_device_map(model)
    assert accelerator.prepare(model) is model  # one process takes it as it is
    accelerator.state.distributed_type = DistributedType.MULTI_CPU
    with pytest.raises(ValueError, match="in any distributed mode"):
        accelerator.prepare(model)


def test_doubled_weights_are_taken_over_by_an_optimizer() -> None:
    """Why PT101 leaves `optimizer.load_state_dict` alone: it shares the loaded tensors, while a model copies them."""
    import torch

    layer = torch.nn.Linear(4, 4)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    loaded = {
        "state": {key: {name: tensor.clone() for name, tensor in state.items()}
                  for key, state in optimizer.state_dict()["state"].items()},
        "param_groups": optimizer.state_dict()["param_groups"],
    }  # fmt: skip
    optimizer.load_state_dict(loaded)
    assert optimizer.state[layer.weight]["exp_avg"].data_ptr() == loaded["state"][0]["exp_avg"].data_ptr()
    weights = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    layer.load_state_dict(weights)
    assert layer.weight.data_ptr() != weights["weight"].data_ptr()
