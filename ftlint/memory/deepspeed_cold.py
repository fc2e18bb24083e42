"""DeepSpeed's own cold estimators, reproduced to the byte.

They are what people quote, not what a run takes: model states only, no activations, and a buffer factor of 1.5 on
everything in host RAM. We print them beside our own figures. Integers as DeepSpeed's, floating-point steps included.

Source: deepspeed 0.19.8 runtime/zero/stage3.py, `estimate_zero3_model_states_mem_needs`;
runtime/zero/stage_1_and_2.py, `estimate_zero2_model_states_mem_needs`.
"""

from __future__ import annotations

from ftlint.memory.estimate import DeepSpeedAnswer

BUFFER_FACTOR = 1.5
"""Default of `additional_buffer_factor`."""


def zero3_needs(
    num_params: int,
    largest_layer_num_params: int,
    *,
    gpus_per_node: int = 1,
    num_nodes: int = 1,
    offload_optimizer: bool = True,
    offload_param: bool = True,
    zero_init: bool = True,
    buffer_factor: float = BUFFER_FACTOR,
) -> DeepSpeedAnswer:
    """What `estimate_zero3_model_states_mem_needs` answers, per node and per GPU."""
    num_gpus = num_nodes * gpus_per_node
    per_node = 1 / num_nodes
    layer_bytes = 4 * largest_layer_num_params
    if not offload_optimizer:
        gpu_bytes = layer_bytes + int(18 * num_params / num_gpus)
        loaded = largest_layer_num_params if zero_init else num_params
        return DeepSpeedAnswer(int(loaded * 4 * gpus_per_node * buffer_factor), gpu_bytes)
    bytes_per_param = 18 if offload_param else 16
    gpu_bytes = layer_bytes if offload_param else layer_bytes + int(2 * num_params / num_gpus)
    if zero_init:
        cpu_bytes = num_params * bytes_per_param * per_node * buffer_factor
    else:
        cpu_bytes = num_params * max(4 * gpus_per_node, bytes_per_param * per_node) * buffer_factor
    return DeepSpeedAnswer(int(cpu_bytes), gpu_bytes)


def zero2_needs(
    num_params: int,
    *,
    gpus_per_node: int = 1,
    num_nodes: int = 1,
    offload_optimizer: bool = True,
    buffer_factor: float = BUFFER_FACTOR,
) -> DeepSpeedAnswer:
    """What `estimate_zero2_model_states_mem_needs` answers, per node and per GPU."""
    num_gpus = num_nodes * gpus_per_node
    if offload_optimizer:
        return DeepSpeedAnswer(int(num_params * max(4 * num_gpus, 16) * buffer_factor), 2 * num_params)
    gpu_bytes = 2 * num_params + int(18 * num_params / num_gpus)
    return DeepSpeedAnswer(int(num_params * 4 * gpus_per_node * buffer_factor), gpu_bytes)
