"""What Axolotl makes of its files: reads YAML texts as a JSON list from stdin, writes the settings that take effect.

Runs in Axolotl's own environment: `python -m tests.referees.axolotl_settings`. The GPU is one that has bfloat16.
"""

from __future__ import annotations

import json
import sys
from typing import Any

NAMES = (
    "micro_batch_size sequence_len gradient_accumulation_steps optimizer gradient_checkpointing attn_implementation "
    "torch_dtype adapter lora_r lora_dropout pad_to_sequence_len lora_mlp_kernel fsdp_version rl"
).split()


def settings(text: str) -> dict[str, Any]:
    """By name, as text or plain values; None where nothing is set."""
    import yaml
    from axolotl.utils import config
    from axolotl.utils.dict import DictDefault

    read = config.validate_config(DictDefault(yaml.safe_load(text)))
    read.device = "cuda:0"
    config.is_torch_bf16_gpu_available = lambda: True
    config.resolve_dtype(read)
    values = {name: read.get(name) for name in NAMES}
    plain = (bool, int, float, str, type(None))
    return {
        name: value if type(value) in plain else getattr(value, "value", str(value)) for name, value in values.items()
    }


if __name__ == "__main__":
    answers = [settings(text) for text in json.load(sys.stdin)]
    sys.stdout.write("\n" + json.dumps(answers))
