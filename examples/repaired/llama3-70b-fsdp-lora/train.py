"""LoRA on Llama-3-70B over four GPUs of 80 GB, sharded with FullyShardedDataParallel."""

import functools
import os

import torch
import torch.distributed as dist
from peft import LoraConfig, get_peft_model
from torch.distributed.fsdp import FullyShardedDataParallel as FSDP
from torch.distributed.fsdp import FullStateDictConfig, MixedPrecision, StateDictType
from torch.distributed.fsdp.wrap import transformer_auto_wrap_policy
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

from data import batches

MODEL = "meta-llama/Meta-Llama-3-70B"
OUTPUT = "checkpoints/llama3-70b-lora"


def save(model, rank):
    """Gather the weights, and write them once."""
    policy = FullStateDictConfig(offload_to_cpu=True, rank0_only=True)
    with FSDP.state_dict_type(model, StateDictType.FULL_STATE_DICT, policy):
        state = model.state_dict()
    if rank == 0:
        # The adapter is small; what is gathered to get it goes through the RAM of one node.
        torch.save({name: weight for name, weight in state.items() if "lora_" in name}, f"{OUTPUT}/adapter.pt")


def main():
    dist.init_process_group("nccl")
    rank, local_rank = dist.get_rank(), int(os.environ["LOCAL_RANK"])
    torch.cuda.set_device(local_rank)

    model = AutoModelForCausalLM.from_pretrained(MODEL, torch_dtype=torch.bfloat16)
    model.gradient_checkpointing_enable()
    adapter = LoraConfig(r=16, lora_alpha=32, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"])
    model = get_peft_model(model, adapter, autocast_adapter_dtype=False)
    model = FSDP(
        model,
        auto_wrap_policy=functools.partial(transformer_auto_wrap_policy, transformer_layer_cls={LlamaDecoderLayer}),
        mixed_precision=MixedPrecision(param_dtype=torch.bfloat16, reduce_dtype=torch.bfloat16),
        use_orig_params=True,
        device_id=local_rank,
    )

    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-4)
    loader = DataLoader(batches("train.jsonl", MODEL), batch_size=None)
    for step, batch in enumerate(loader):
        loss = model(**{name: value.to(local_rank) for name, value in batch.items()}).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step and step % 500 == 0:
            save(model, rank)
    save(model, rank)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
