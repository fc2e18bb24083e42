"""What each optimizer of the Trainer keeps per trained parameter, and what it allocates while it steps.

A name that is not here, or an optimizer we cannot see, gets the widest interval: nothing to three states.
"""

from __future__ import annotations

from ftlint.memory.estimate import Interval, exactly
from ftlint.record import record


@record
class Optimizer:
    """What one optimizer keeps. `states`: tensors as large as the parameter, at least, expected, at most.

    8-bit states take one byte and an absmax per block; factored ones a row and a column per matrix; paged ones lie in
    managed memory that may move to host RAM. `num_temporaries`: parameter-sized tensors while stepping, at most.
    """

    states: tuple[int, int, int]
    is_8bit: bool = False
    is_paged: bool = False
    is_factored: bool = False
    num_temporaries: int = 0

    def state_bytes(self, num_params: int, element: Interval, num_factored: int) -> Interval:
        """Bytes of states for that many parameters; `element`: bytes of one element of a full state.

        Source for 8-bit: bitsandbytes 0.4x functional.py, blocks of 256 elements (2048 before 0.43) with a float32
        absmax each; tensors below 4096 elements stay float32, which the high end does not count.
        """
        low, expected, high = self.states
        if self.is_factored:
            return Interval(0, 4 * num_factored, 4 * num_factored + 4 * num_params)  # the high end: a first moment
        if self.is_8bit:
            per_state = Interval(
                num_params + 4 * num_params // 2048,
                num_params + 4 * num_params // 256,
                num_params + 4 * num_params // 64,
            )
        else:
            per_state = element.times(num_params)
        sized = Interval(per_state.low_bytes * low, per_state.expected_bytes * expected, per_state.high_bytes * high)
        return sized.at_least(0) if self.is_paged else sized


ADAM = Optimizer((2, 2, 2))
ADAM_FOREACH = Optimizer((2, 2, 2), num_temporaries=1)
ADAM_8BIT = Optimizer((2, 2, 2), is_8bit=True)
LION = Optimizer((1, 1, 1))
UNSEEN = Optimizer((0, 2, 3), num_temporaries=1)
"""An optimizer we do not know: SGD keeps nothing, AdEMAMix three tensors."""

OPTIMIZERS = {
    "adamw_torch": ADAM_FOREACH,
    "adamw_torch_fused": ADAM,
    "adamw_torch_xla": ADAM_FOREACH,
    "adamw_torch_npu_fused": ADAM,
    "adamw_apex_fused": ADAM,
    "adamw_anyprecision": Optimizer((2, 3, 3)),  # with its Kahan sum, which is on by default
    "adamw_hf": ADAM,
    "adamw_8bit": ADAM_8BIT,
    "adamw_bnb_8bit": ADAM_8BIT,
    "paged_adamw": Optimizer((2, 2, 2), is_paged=True),
    "paged_adamw_32bit": Optimizer((2, 2, 2), is_paged=True),
    "paged_adamw_8bit": Optimizer((2, 2, 2), is_8bit=True, is_paged=True),
    "adafactor": Optimizer((0, 0, 1), is_factored=True),
    "ademamix": Optimizer((3, 3, 3)),
    "ademamix_8bit": Optimizer((3, 3, 3), is_8bit=True),
    "paged_ademamix_32bit": Optimizer((3, 3, 3), is_paged=True),
    "paged_ademamix_8bit": Optimizer((3, 3, 3), is_8bit=True, is_paged=True),
    "lion_32bit": LION,
    "lion_8bit": Optimizer((1, 1, 1), is_8bit=True),
    "paged_lion_32bit": Optimizer((1, 1, 1), is_paged=True),
    "paged_lion_8bit": Optimizer((1, 1, 1), is_8bit=True, is_paged=True),
    "sgd": Optimizer((0, 0, 1), num_temporaries=1),  # one state with momentum, which optim_args may set
    "adagrad": Optimizer((1, 1, 1), num_temporaries=1),
    "rmsprop": Optimizer((1, 1, 3), num_temporaries=1),  # momentum and centered add one each
    "rmsprop_bnb": Optimizer((1, 1, 2)),
    "rmsprop_bnb_8bit": Optimizer((1, 1, 2), is_8bit=True),
    "rmsprop_bnb_32bit": Optimizer((1, 1, 2)),
}
"""By the Trainer's names. Source: transformers 5.23 training_args.py `OptimizerNames`, torch 2.13 optim/*.py (states
and the `foreach` temporaries); measured on foreach AdamW: ten bytes per bf16 parameter, two of them temporary."""

_ADAM_NAMES = {"adamw_torch", "adamw_torch_fused", "adamw_hf", "adamw_apex_fused", "adamw", "adam"}
_ONE_STATE_NAMES = {"lion", "lion_32bit", "adagrad"}


def find_optimizer(name: str) -> Optimizer:
    """What the optimizer of that name keeps; the widest interval for a name we do not know."""
    return OPTIMIZERS.get(name.lower(), UNSEEN)


def cpu_optimizer_states(name: str | None) -> Interval:
    """Float32 tensors per parameter that DeepSpeed's optimizer in host RAM keeps.

    With optimizer offload, accelerate replaces whatever the Trainer made: 32-bit Lion and Adagrad by DeepSpeed's own,
    everything else by DeepSpeedCPUAdam. `zero_force_ds_cpu_optimizer: false` keeps the original, so the low end is 0
    where that would keep less. None: nothing was said, and the default everywhere is Adam.
    Source: accelerate 1.x utils/deepspeed.py, `map_pytorch_optim_to_deepspeed`; deepspeed 0.19.8 ops/adam/cpu_adam.py.
    """
    if name is None or name.lower() in _ADAM_NAMES:
        return exactly(2)
    if name.lower() in _ONE_STATE_NAMES:
        return exactly(1)
    return Interval(0, 2, 2)


WITHOUT_FORMULA = (
    "galore_adamw", "galore_adamw_8bit", "galore_adafactor", "galore_adamw_layerwise", "galore_adamw_8bit_layerwise",
    "galore_adafactor_layerwise", "lomo", "adalomo", "grokadamw", "schedule_free_radam", "schedule_free_adamw",
    "schedule_free_sgd", "apollo_adamw", "apollo_adamw_layerwise", "stable_adamw", "adamw_torch_4bit",
    "adamw_torch_8bit", "muon", "flash_adamw", "flash_adam", "flash_sgd", "flash_sgdw", "flash_lion",
)  # fmt: skip
"""The Trainer's other names: they train, and get the widest interval until they have a formula."""
