"""Records a model's modules on a tape: weights from the parameter table, trained, frozen, adapted or quantized."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from ftlint.knowledge.architectures import LinearModule, ParameterTensor, Role
from ftlint.memory.adapting import NOTHING, ExpertAdapters, Targets, is_target
from ftlint.memory.autograd import Flow, Tape, Tensor, ops
from ftlint.memory.step import Step
from ftlint.record import record

_LINEAR = (Role.LINEAR, Role.CONV1D)


@record
class Updated:
    """A weight as a module reads it, and what is held until that module returns."""

    read: Callable[[], Tensor]
    held: tuple[Tensor, ...] = ()


class Recorder:
    """One stretch of a model while it is recorded: the tape, and the weights by name. Owned by who records it.

    `tensors`: of the parameter table, under their names inside the stretch, such as `self_attn.q_proj.weight`;
    `prefix`: what stands before them in the whole model, by which LoRA finds its `targets`.
    """

    def __init__(
        self,
        step: Step,
        tensors: Sequence[ParameterTensor],
        prefix: str = "",
        targets: Targets = NOTHING,
        *,
        transposes_weights: bool = False,
    ) -> None:
        self.step = step
        self._targets = targets
        self._transposes_weights = transposes_weights
        self._prefix = prefix
        self.tape = Tape(compute_bytes=step.compute_bytes, is_autocast=step.is_autocast)
        self._tensors = {tensor.name: tensor for tensor in tensors}
        self._made: dict[str, Tensor] = {}

    def has(self, name: str) -> bool:
        """Whether this stretch holds the module or parameter."""
        return name in self._tensors or f"{name}.weight" in self._tensors

    def size(self, name: str) -> int:
        """Elements of a parameter."""
        return self._tensors[name].num_params

    def in_features(self, module: str) -> int:
        """What an `nn.Linear` reads of each token."""
        return self._tensors[f"{module}.weight"].shape[1]

    def parameter(self, name: str) -> Tensor:
        """A weight; the same one each time it is asked for."""
        if name not in self._made:
            step = self.step
            width = 4 if step.is_quantized else step.weight_bytes
            size = self._tensors[name].num_params
            self._made[name] = self.tape.parameter(size, width, is_trained=step.adapters is None)
        return self._made[name]

    def weights(self, module: str) -> tuple[Tensor, ...]:
        """Weight and bias of a norm, as many of them as there are."""
        names = (f"{module}.weight", f"{module}.bias")
        return tuple(self.parameter(name) for name in names if name in self._tensors)

    def linear(self, module: str, x: Tensor) -> Tensor:
        """An `nn.Linear` or GPT-2's `Conv1D`, with its adapter where LoRA targets it."""
        tensor = self._tensors[f"{module}.weight"]
        out_features, in_features = tensor.shape
        if tensor.role is Role.CONV1D:
            out_features, in_features = in_features, out_features
        step = self.step
        if step.is_quantized and tensor.role in _LINEAR:
            result = self.quantized(x, in_features, out_features)
        else:
            weight = self.parameter(f"{module}.weight")
            if self._transposes_weights:
                weight = self.tape.view("transpose", weight, weight.num_elements)
            bias = self.parameter(f"{module}.bias") if f"{module}.bias" in self._tensors else None
            result = ops.linear(self.tape, x, ops.Linear(in_features, out_features, weight, bias))
        wrapped = LinearModule(self._prefix + module, in_features, out_features, False, tensor.role)
        if step.adapters is None or not is_target(wrapped, self._targets.modules):
            return result
        return self._adapted(x, result, in_features, out_features)

    def is_linear(self, module: str) -> bool:
        """Whether it is an `nn.Linear`, and no module that holds a parameter itself."""
        tensor = self._tensors.get(f"{module}.weight")
        return tensor is not None and tensor.role in _LINEAR

    def one_of_many(self, module: str, x: Tensor, num_shared: int) -> Tensor:
        """As `linear`, for one of several equal modules; it has the weights of `num_shared` of them."""
        step, tape = self.step, self.tape
        out_features, in_features = self._tensors[f"{module}.weight"].shape
        if step.is_quantized:
            result = self.quantized(x, in_features, out_features)
        else:
            size = num_shared * in_features * out_features
            weight = tape.parameter(size, step.weight_bytes, is_trained=step.adapters is None)
            result = ops.linear(tape, x, ops.Linear(in_features, out_features, weight, None))
        wrapped = LinearModule(self._prefix + module, in_features, out_features, False, Role.LINEAR)
        if step.adapters is None or not is_target(wrapped, self._targets.modules):
            return result
        return self._adapted(x, result, in_features, out_features, num_shared)

    def _adapted(self, x: Tensor, result: Tensor, in_features: int, out_features: int, num_shared: int = 1) -> Tensor:
        """`result + lora_B(lora_A(dropout(x))) * scaling`. Source: peft 0.21 tuners/lora/layer.py, `Linear.forward`."""
        adapters, tape = self.step.adapters, self.tape
        assert adapters is not None
        width, rank = adapters.num_bytes, adapters.rank
        down = tape.parameter(num_shared * in_features * rank, width, is_trained=True)
        up = tape.parameter(num_shared * rank * out_features, width, is_trained=True)
        wide = ops.cast(tape, x, width)
        dropped = ops.dropout(tape, wide, adapters.has_dropout)
        if adapters.use_dora:
            self._weight_norm(in_features, out_features)
        low = ops.linear(tape, dropped, ops.Linear(in_features, rank, down, None))
        update = ops.linear(tape, low, ops.Linear(rank, out_features, up, None))
        if adapters.use_dora:
            base = self._in_full(dropped, in_features, out_features) if adapters.has_dropout else result
            update = self._scaled_by_magnitude(base, update, out_features)
        else:
            update = ops.scale(tape, update)
        total = ops.cast(tape, ops.add(tape, result, update), result.num_bytes)
        tape.hold(x, wide)
        return total

    def _weight_norm(self, in_features: int, out_features: int) -> None:
        """The norm of each row of the adapted weight: of a copy in the adapter's format, the adapters' product, that
        scaled, and the sum; and the identity that the product is made with. Nothing of it stays.

        Source: peft 0.21 tuners/lora/dora.py, `get_lora_weight`, `get_weight_norm`; traced: 17 bytes per element.
        """
        step, adapters = self.step, self.step.adapters
        assert adapters is not None
        width = adapters.num_bytes
        is_copied = step.is_quantized or step.weight_bytes != width
        whole = (3 + is_copied) * (in_features * out_features * width,)
        scratch = ((*whole, in_features * in_features * width), ())
        self.tape.make("norm of the adapted weight", (), out_features, width, scratch=scratch)

    def _in_full(self, x: Tensor, in_features: int, out_features: int) -> Tensor:
        """What the frozen weight makes of the adapter's input, which dropout has changed: of a copy as wide as it."""
        size, width = in_features * out_features, x.num_bytes
        copy = self.tape.make("weight in the adapter's format", (), size, width)
        return ops.linear(self.tape, x, ops.Linear(in_features, out_features, copy, None))

    def _scaled_by_magnitude(self, base: Tensor, update: Tensor, out_features: int) -> Tensor:
        """`(magnitude / norm - 1) * base + magnitude / norm * update * scaling`, whose norm is a constant.

        Source: peft 0.21 tuners/lora/dora.py, `DoraLinearLayer.forward`.
        """
        tape, adapters = self.tape, self.step.adapters
        assert adapters is not None
        magnitude = ops.scale(tape, tape.parameter(out_features, adapters.num_bytes, is_trained=True))
        own = ops.mul(tape, ops.shift(tape, magnitude), base)
        return ops.add(tape, own, ops.scale(tape, ops.mul(tape, magnitude, update)))

    def updated(self, name: str) -> Updated:
        """A parameter that a module holds itself, with what LoRA adds to it.

        PEFT parametrizes it while the module computes: the low-rank factors are cast to the weights' format at once,
        or multiplied; the sum is tried out then, and made again when the module reads its weight.
        Source: peft 0.20, 0.21 tuners/lora/layer.py, `ParamWrapper`; torch 2.13 nn/utils/parametrize.py,
        `ParametrizationList`.
        """
        weight, adapters = self.parameter(name), self.step.adapters
        parts = self._targets.num_parts(name)
        if adapters is None or not parts:
            return Updated(lambda: weight)
        tape = self.tape
        *experts, out_features, in_features = self._tensors[name].shape
        ranks = adapters.rank * parts * prod(experts)
        down = tape.parameter(in_features * ranks, adapters.num_bytes, is_trained=True)
        up = tape.parameter(ranks * out_features, adapters.num_bytes, is_trained=True)
        if experts:
            down, up = (tape.view("view", factor, factor.num_elements) for factor in (down, up))
        if experts and adapters.experts is ExpertAdapters.FOLDED:
            left, right = (ops.cast(tape, factor, weight.num_bytes) for factor in (up, down))
            ops.fold(tape, weight, left, right)
            return Updated(lambda: ops.fold(tape, weight, left, right), (left, right))
        update = ops.cast(tape, ops.scale(tape, ops.matmul(tape, up, down, weight.num_elements)), weight.num_bytes)
        ops.add(tape, weight, update)
        return Updated(lambda: ops.add(tape, weight, update), (update,))

    def quantized(self, x: Tensor, in_features: int, out_features: int) -> Tensor:
        """bitsandbytes' `Linear4bit`: the weight is dequantized in forward and again in backward, and nothing is kept.

        Source: bitsandbytes nn/modules.py, `Linear4bit.forward`; autograd/_functions.py, `MatMul4Bit`.
        """
        step, tape = self.step, self.tape
        inner = ops.cast(tape, x, step.compute_bytes)
        whole = in_features * out_features * step.compute_bytes
        size = x.num_elements // in_features * out_features
        flows = ((inner, Flow.NEW),)
        made = tape.make("4-bit linear", (inner,), size, step.compute_bytes, flows=flows, scratch=((whole,), (whole,)))
        return ops.cast(tape, made, x.num_bytes)
