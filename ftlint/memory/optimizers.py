"""What each optimizer of the Trainer keeps per trained parameter, and what it allocates while it steps.

A name that is not here, or an optimizer we cannot see, gets the widest interval: nothing to three states.
"""

from __future__ import annotations

from dataclasses import replace

from ftlint.memory.arithmetic import ceil_div
from ftlint.memory.estimate import Interval, exactly
from ftlint.memory.releases import since
from ftlint.record import record
from ftlint.run.fact import Truth
from ftlint.run.versions import VersionView


@record
class Optimizer:
    """What one optimizer keeps. `states`: tensors as large as the parameter, at least, expected, at most.

    8-bit states take one byte and an absmax per block; factored ones a row and a column per matrix; paged ones lie in
    managed memory that may move to host RAM. While it steps it holds `temporaries` tensors as large as all parameters
    of the rank, and `tensor_temporaries` as large as one, in float32.
    """

    states: tuple[int, int, int]
    bits: int = 0
    """Of a state, where it is quantized; 0: as wide as the parameter."""
    is_paged: bool = False
    is_float32: bool = False
    """Whether states that are not quantized are float32 even for weights in 16 bits."""
    keeps_embeddings: bool = False
    """Whether the Trainer has it keep the states of embeddings in 32 bits while all others are quantized."""
    is_factored: bool = False
    is_low_rank: bool = False
    """Whether it projects the layers' matrices to `LOW_RANK` rows; expected, not sure: the targets are an option."""
    steps_in_backward: bool = False
    """Whether each gradient is used and freed as soon as it is there."""
    temporaries: tuple[int, int, int] = (0, 0, 0)
    tensor_temporaries: tuple[int, int, int] = (0, 0, 0)

    def state_bytes(self, num_params: int, element: Interval, num_factored: int, num_embedded: int = 0) -> Interval:
        """Bytes of states for that many parameters; `element`: bytes of one element of a full state.

        `num_embedded` of them are weights of embedding modules of their own, not parts of a flat buffer.
        Source for 8 bits: bitsandbytes 0.4x functional.py, blocks of 256 elements (2048 before 0.43) with a float32
        absmax each; tensors below 4096 elements stay float32, which the high end does not count. Embeddings:
        transformers 5.23 trainer.py, `create_optimizer`, which 4.x has too. A Trainer of one's own may leave that out.
        """
        low, expected, high = self.states
        if self.is_factored:
            return Interval(0, 4 * num_factored, 4 * num_factored + 4 * num_params)  # the high end: a first moment
        if self.bits:
            kept = num_embedded if self.keeps_embeddings else 0
            per_state = Interval(
                self._quantized_bytes(num_params, 2048),
                self._quantized_bytes(num_params - kept, 256) + 4 * kept,
                self._quantized_bytes(num_params - kept, 64) + 4 * kept,
            )
        else:
            per_state = (exactly(4) if self.is_float32 else element).times(num_params)
        sized = Interval(per_state.low_bytes * low, per_state.expected_bytes * expected, per_state.high_bytes * high)
        return sized.at_least(0) if self.is_paged else sized

    def _quantized_bytes(self, num_params: int, block_size: int) -> int:
        """Of one state, with a float32 absmax per block."""
        return ceil_div(num_params * self.bits, 8) + 4 * num_params // block_size

    def temporary_bytes(self, num_params: int, element: Interval, largest_tensor: int) -> Interval:
        """Bytes that come and go while it steps."""
        low, expected, high = self.temporaries
        each_low, each, each_high = (4 * count * largest_tensor for count in self.tensor_temporaries)
        return Interval(
            low * element.low_bytes * num_params + each_low,
            expected * element.expected_bytes * num_params + each,
            high * element.high_bytes * num_params + each_high,
        )


ADAM = Optimizer((2, 2, 2))
ADAM_FOREACH = Optimizer((2, 2, 2), temporaries=(1, 1, 1))
"""`foreach` takes the root of all second moments at once; torch turns it on where every parameter is on a GPU."""
ADAM_FUSED_OR_FOREACH = Optimizer((2, 2, 2), temporaries=(0, 0, 1))
BITS_8 = Optimizer((2, 2, 2), bits=8, keeps_embeddings=True)
BITS_32 = Optimizer((2, 2, 2), is_float32=True)
"""bitsandbytes' Adam, whose states are bytes or float32 and never the weights' own format.

Source: bitsandbytes 0.49 optim/optimizer.py, `init_state` of both classes.
"""
BY_TENSOR = (0, 2, 3)
"""An update written in Python, tensor by tensor, with two or three intermediate results in float32."""
UNSEEN = Optimizer((0, 2, 3), temporaries=(0, 1, 1))
"""An optimizer we do not know: SGD keeps nothing, AdEMAMix three tensors."""
LOW_RANK = 128
"""GaLore's and APOLLO's default rank in transformers 5.23 trainer_optimizer.py. `optim_args` may give another one, and
`optim_target_modules` names the matrices; all other tensors have full states. So the states are at most Adam's."""
PROJECTED = Optimizer((0, 2, 2), is_low_rank=True, temporaries=(0, 0, 1), tensor_temporaries=BY_TENSOR)
LAYERWISE = Optimizer((0, 2, 2), is_low_rank=True, steps_in_backward=True, tensor_temporaries=BY_TENSOR)
SCHEDULE_FREE = Optimizer((1, 2, 2), temporaries=(0, 0, 2))

OPTIMIZERS = {
    "adamw_torch": ADAM_FOREACH,
    "adamw_torch_fused": ADAM,
    "adamw_torch_xla": ADAM_FOREACH,
    "adamw_torch_npu_fused": ADAM,
    "adamw_torch_4bit": Optimizer((2, 2, 2), bits=4, tensor_temporaries=BY_TENSOR),  # torchao, blocks of 128
    "adamw_torch_8bit": Optimizer((2, 2, 2), bits=8, tensor_temporaries=BY_TENSOR),  # torchao, blocks of 256
    "adamw_apex_fused": ADAM,
    "adamw_anyprecision": Optimizer((2, 2, 3), is_float32=True, tensor_temporaries=BY_TENSOR),  # a third: its Kahan sum
    "adamw_hf": Optimizer((2, 2, 2), tensor_temporaries=(0, 1, 2)),
    "adamw_8bit": BITS_8,
    "adamw_bnb_8bit": BITS_8,
    "paged_adamw": replace(BITS_32, is_paged=True),
    "paged_adamw_32bit": replace(BITS_32, is_paged=True),
    "paged_adamw_8bit": replace(BITS_8, is_paged=True),
    "adafactor": Optimizer((0, 0, 1), is_factored=True, tensor_temporaries=BY_TENSOR),
    "ademamix": replace(BITS_32, states=(3, 3, 3)),
    "ademamix_8bit": replace(BITS_8, states=(3, 3, 3)),
    "paged_ademamix_32bit": replace(BITS_32, states=(3, 3, 3), is_paged=True),
    "paged_ademamix_8bit": replace(BITS_8, states=(3, 3, 3), is_paged=True),
    "lion_32bit": replace(BITS_32, states=(1, 1, 1)),
    "lion_8bit": replace(BITS_8, states=(1, 1, 1)),
    "paged_lion_32bit": replace(BITS_32, states=(1, 1, 1), is_paged=True),
    "paged_lion_8bit": replace(BITS_8, states=(1, 1, 1), is_paged=True),
    "sgd": Optimizer((0, 0, 1), temporaries=(0, 0, 1)),  # momentum keeps a state, weight decay makes a temporary
    "adagrad": Optimizer((1, 1, 1), temporaries=(0, 1, 2)),
    "rmsprop": Optimizer((1, 1, 3), temporaries=(0, 1, 2)),  # momentum and centered add one each
    "rmsprop_bnb": replace(BITS_32, states=(1, 1, 2)),
    "rmsprop_bnb_8bit": replace(BITS_8, states=(1, 1, 2)),
    "rmsprop_bnb_32bit": replace(BITS_32, states=(1, 1, 2)),
    "galore_adamw": PROJECTED,
    "galore_adamw_8bit": Optimizer(
        (0, 2, 2), bits=8, is_low_rank=True, temporaries=(0, 0, 1), tensor_temporaries=BY_TENSOR
    ),
    "galore_adafactor": Optimizer((0, 0, 1), is_factored=True, tensor_temporaries=BY_TENSOR),
    "galore_adamw_layerwise": LAYERWISE,
    "galore_adamw_8bit_layerwise": Optimizer(
        (0, 2, 2), bits=8, is_low_rank=True, steps_in_backward=True, tensor_temporaries=BY_TENSOR
    ),
    "galore_adafactor_layerwise": Optimizer(
        (0, 0, 1), is_factored=True, steps_in_backward=True, tensor_temporaries=BY_TENSOR
    ),
    "apollo_adamw": PROJECTED,
    "apollo_adamw_layerwise": LAYERWISE,
    "lomo": Optimizer((0, 0, 0), steps_in_backward=True, tensor_temporaries=BY_TENSOR),
    "adalomo": Optimizer((0, 0, 0), is_factored=True, steps_in_backward=True, tensor_temporaries=BY_TENSOR),
    "grokadamw": Optimizer((3, 3, 3), tensor_temporaries=BY_TENSOR),
    "schedule_free_radam": SCHEDULE_FREE,
    "schedule_free_adamw": SCHEDULE_FREE,
    "schedule_free_sgd": Optimizer((1, 1, 1), temporaries=(0, 0, 2)),
    "stable_adamw": Optimizer((2, 2, 3), temporaries=(0, 1, 2)),  # a third one with its Kahan sum
    # One momentum for matrices, Adam's two for embeddings, norms and the output layer.
    "muon": Optimizer((1, 1, 2), tensor_temporaries=(0, 3, 6)),
}
"""By the Trainer's names. Source: transformers 5.23 training_args.py `OptimizerNames`, torch 2.13 optim/*.py (states
and the `foreach` temporaries); measured on foreach AdamW: ten bytes per bf16 parameter, two of them temporary. Of those
that live outside torch and bitsandbytes the papers' states are counted, and their intermediate results are recalled."""


def default_optimizer(versions: VersionView | None) -> Optimizer:
    """The Trainer's AdamW in the releases in use; where they differ, both kinds are covered."""
    answers = versions.possible("trainer_default_optimizer") if versions is not None else ()
    if not answers:
        return ADAM_FUSED_OR_FOREACH
    may_be_fused = {answer.startswith("adamw_torch_fused with torch") for answer in answers}
    torch = since(versions, "torch", (2, 8))
    if may_be_fused == {False} or torch is Truth.NO:
        return ADAM_FOREACH
    return ADAM if may_be_fused == {True} and torch is Truth.YES else ADAM_FUSED_OR_FOREACH


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


WITHOUT_FORMULA = ("flash_adamw", "flash_adam", "flash_sgd", "flash_sgdw", "flash_lion")
"""The Trainer's other names: they train, and get the widest interval until they have a formula."""
