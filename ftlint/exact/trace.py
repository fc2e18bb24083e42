"""One real training step of the real model class on fake tensors: what is kept for backward, and the peaks.

The model is built from a config with `AutoModel….from_config`, never from a repository's own code, and its weights are
never allocated. Attention and dropout run as on a CUDA device (`kernels.py`).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from typing import Any
from unittest.mock import patch

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ftlint.errors import InputError
from ftlint.exact.kernels import ATTENTION_KERNELS, EFFICIENT, FLASH, cuda_kernels
from ftlint.exact.live import LiveBytes
from ftlint.memory.step import Attention, Checkpointing, Step
from ftlint.record import record

_DTYPES = {2: torch.bfloat16, 4: torch.float32}

_MEANT: Mapping[Attention, frozenset[str]] = {
    Attention.EAGER: frozenset(),
    Attention.SDPA: frozenset({FLASH}),
    Attention.SDPA_MASKED: frozenset({EFFICIENT}),
    Attention.FLASH_2: frozenset({FLASH}),
}
"""Kernels that may compute attention; flash_attention_2 keeps what SDPA's flash kernel keeps."""


@record
class TracedStep:
    """What one step held, besides weights. Gradients of weights are in `gradient_bytes` alone.

    `parameter_bytes`: the weights themselves; `output_bytes`: the logits, which whoever calls the model may hold until
    the next call. `optimizer_peak_bytes`: states and temporaries of AdamW over many tensors at a time (`foreach`) in a
    step after the first, 0 where it was not asked for.

    `loss_peak_bytes`: highest in forward, and in backward down to the last layer's output; `layer_peak_bytes`: from
    there to the first layer's input; `stem_peak_bytes`: after it. `kernels`: attention's, as they were dispatched;
    `num_attentions`: how often in forward.
    """

    kept_bytes: int
    loss_peak_bytes: int
    layer_peak_bytes: int
    stem_peak_bytes: int
    parameter_bytes: int
    gradient_bytes: int
    output_bytes: int
    optimizer_peak_bytes: int
    num_params: int
    kernels: tuple[str, ...]
    num_attentions: int
    layer_peak_at: str


def trace_step(config: Mapping[str, Any], step: Step, *, has_optimizer: bool = False) -> TracedStep:
    """Trace the step that `step` describes, of a model with this config.json. `has_optimizer`: AdamW's step, too."""
    (traced,) = trace_steps(config, (step,), has_optimizer=has_optimizer)
    return traced


def trace_steps(config: Mapping[str, Any], steps: Sequence[Step], *, has_optimizer: bool = False) -> list[TracedStep]:
    """Trace several steps of one model, which differ in batch, length and checkpointing alone."""
    traced = []
    with _quiet(), torch.device("meta"):
        model = _build(config, steps[0])
    with _quiet(), FakeTensorMode(allow_non_fake_inputs=True), _unpacked():
        _move_to_fake(model)
        for step in steps:
            _set_checkpointing(model, step)
            traced.append(_Trace(model, step, has_optimizer=has_optimizer).run())
    return traced


def count_parameters(config: Mapping[str, Any], model_class: str) -> int:
    """Parameters of the real model, counted on torch's meta device."""
    import transformers

    with _quiet(), torch.device("meta"):
        model = getattr(transformers, model_class).from_config(_parsed(config))
    return sum(parameter.numel() for parameter in model.parameters())


@contextmanager
def _quiet() -> Iterator[None]:
    """What is deprecated, and token ids that lie outside a small vocabulary, is nothing to whoever asks for bytes."""
    import transformers

    logs = (transformers.logging.get_logger("transformers"), logging.getLogger("torch._subclasses.fake_tensor"))
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)


def _parsed(config: Mapping[str, Any]) -> Any:
    import transformers

    written = {key: value for key, value in config.items() if key != "model_type"}
    return transformers.AutoConfig.for_model(config["model_type"], **written)


def _move_to_fake(model: Any) -> None:
    """Put fake tensors on the CPU in place of those on the meta device; what is shared stays shared.

    Not built as fake tensors at once: adding adapters moves modules, which torch refuses for those.
    """
    moved: dict[int, Any] = {}

    def fake(tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) not in moved:
            made = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
            is_parameter = isinstance(tensor, torch.nn.Parameter)
            moved[id(tensor)] = torch.nn.Parameter(made, requires_grad=tensor.requires_grad) if is_parameter else made
        return moved[id(tensor)]

    for module in model.modules():
        for held in (module._parameters, module._buffers):
            for name, tensor in held.items():
                if tensor is not None:
                    held[name] = fake(tensor)


def _build(config: Mapping[str, Any], step: Step) -> Any:
    import transformers

    attention = "eager" if step.attention is Attention.EAGER else "sdpa"
    auto_class = getattr(transformers, step.model_class)
    model = auto_class.from_config(
        _parsed(config), attn_implementation=attention, dtype=_DTYPES[step.weight_bytes], trust_remote_code=False
    )
    model.train()
    if step.adapters is not None:
        model = _with_adapters(model, step)
    return model


def _set_checkpointing(model: Any, step: Step) -> None:
    is_on = step.checkpointing is not Checkpointing.NONE
    if not is_on:
        model.gradient_checkpointing_disable()
        if step.adapters is not None:
            with suppress(AttributeError):  # it was never enabled
                model.disable_input_require_grads()
        return
    if step.adapters is not None:
        model.enable_input_require_grads()
    model.gradient_checkpointing_enable({"use_reentrant": step.checkpointing is Checkpointing.REENTRANT})


def _with_adapters(model: Any, step: Step) -> Any:
    import peft

    adapters = step.adapters
    assert adapters is not None
    targets: Any = list(adapters.targets)
    if adapters.targets in (("all-linear",), ("all",)):
        targets = "all-linear"
    lora = peft.LoraConfig(
        r=adapters.rank,
        target_modules=targets,
        lora_dropout=0.1 if adapters.has_dropout else 0.0,
        task_type="CAUSAL_LM" if step.model_class == "AutoModelForCausalLM" else None,
    )
    return peft.get_peft_model(model, lora, autocast_adapter_dtype=adapters.num_bytes == 4)


@contextmanager
def _unpacked() -> Iterator[None]:
    """transformers suspects several sequences in one row where it cannot read positions, and then makes a mask."""
    with ExitStack() as stack:
        try:
            from transformers import masking_utils
        except ImportError:  # releases before 4.53 made masks elsewhere
            pass
        else:
            if hasattr(masking_utils, "find_packed_sequence_indices"):
                stack.enter_context(patch.object(masking_utils, "find_packed_sequence_indices", lambda positions: None))
        yield


class _Trace:
    """One step in the making."""

    def __init__(self, model: Any, step: Step, *, has_optimizer: bool) -> None:
        self.model = model
        self.step = step
        self.has_optimizer = has_optimizer
        self.live = LiveBytes()
        self.num_attentions = self.output_bytes = self.optimizer_peak_bytes = 0
        self.peaks: list[tuple[int, str]] = []

    def run(self) -> TracedStep:
        """Forward, then backward; peaks are noted at the last layer's output and the first one's input."""
        with self._hooks():
            kept = self._play()
            if self.has_optimizer:
                self.optimizer_peak_bytes = self._optimizer_peak_bytes()
        peaks = [*self.peaks, (0, ""), (0, "")][:3]
        tied = self._tied_gradient_bytes()
        return TracedStep(
            kept_bytes=kept,
            loss_peak_bytes=peaks[0][0],
            layer_peak_bytes=peaks[1][0] - tied,
            stem_peak_bytes=peaks[2][0] - tied,
            parameter_bytes=sum(parameter.numel() * parameter.element_size() for parameter in self.model.parameters()),
            gradient_bytes=self.live.gradient_bytes,
            output_bytes=self.output_bytes,
            optimizer_peak_bytes=self.optimizer_peak_bytes,
            num_params=sum(parameter.numel() for parameter in self.model.parameters()),
            kernels=self._kernels(),
            num_attentions=self.num_attentions,
            layer_peak_at=peaks[1][1],
        )

    @contextmanager
    def _hooks(self) -> Iterator[None]:
        """Listen to the weights' gradients and to the layers at both ends; afterwards the model is as before."""
        layers = layer_list(self.model)
        handles = [
            layers[-1].register_forward_hook(self._watch_output),
            layers[0].register_forward_pre_hook(self._watch_input, with_kwargs=True),
        ]
        for parameter in self.model.parameters():
            if parameter.requires_grad:
                hook = parameter.register_post_accumulate_grad_hook
                handles.append(hook(lambda weight: self.live.is_gradient(weight.grad)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
            for parameter in self.model.parameters():
                parameter.grad = None

    def _play(self) -> int:
        live, model = self.live, self.model
        inputs = self._inputs()
        live.ignore([*model.parameters(), *model.buffers(), *inputs.values()])
        with live, cuda_kernels():
            with self._autocast():
                # As transformers' Trainer asks for; a cache would copy keys and values once more.
                outputs = model(**inputs, use_cache=False)
            loss = outputs.loss
            self.output_bytes = outputs.logits.untyped_storage().nbytes()
            del outputs
            kept = live.live_bytes
            self.num_attentions = sum(live.calls[name] for name in ATTENTION_KERNELS)
            torch.autograd.backward([loss])
            self._mark()
        return kept

    def _optimizer_peak_bytes(self) -> int:
        """The second step: the first finds no states."""
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trained, foreach=True)
        live = LiveBytes()  # of its own: what cycles hold of the pass may be freed at any time
        live.ignore([*trained, *(parameter.grad for parameter in trained)])
        with live:
            optimizer.step()
            live.start_peak()
            optimizer.step()
        return live.peak_bytes

    def _kernels(self) -> tuple[str, ...]:
        """Which kernels computed attention. `InputError` where one did that the step does not mean.

        What the model calls is not trusted: it may have taken a function of torch's before it was patched.
        """
        found = {kernel for name, kernel in ATTENTION_KERNELS.items() if self.live.calls[name]}
        if not found <= _MEANT[self.step.attention] or bool(found) != bool(_MEANT[self.step.attention]):
            raise InputError(
                f"--exact: asked for {self.step.attention.value}, the model computed attention with "
                f"{', '.join(sorted(found)) + ' kernels' if found else 'no kernel of its own'}"
                f"{'; a sliding window makes a mask' if EFFICIENT in found else ''}"
            )
        return tuple(sorted(found))

    def _inputs(self) -> dict[str, torch.Tensor]:
        shape = (self.step.micro_batch, self.step.sequence_length_tokens)
        inputs = {name: torch.zeros(shape, dtype=torch.long) for name in ("input_ids", "labels")}
        if self.step.attention is Attention.SDPA_MASKED:
            inputs["attention_mask"] = torch.ones(shape, dtype=torch.long)
        return inputs

    def _tied_gradient_bytes(self) -> int:
        """The gradient that the output layer hands to weights that are the embedding's too.

        The engine holds it until the embedding's own arrives: a weight's gradient that no hook tells us of.
        """
        head, embedding = self.model.get_output_embeddings(), self.model.get_input_embeddings()
        if head is None or head.weight is not embedding.weight or not head.weight.requires_grad:
            return 0
        return int(head.weight.numel() * head.weight.element_size())

    def _autocast(self) -> AbstractContextManager[Any]:
        if not self.step.is_autocast:
            return nullcontext()
        autocast: AbstractContextManager[Any] = torch.autocast("cpu", dtype=_DTYPES[self.step.compute_bytes])
        return autocast

    def _mark(self, *_: object) -> None:
        self.peaks.append((self.live.peak_bytes, self.live.peak_at))
        self.live.start_peak()

    def _watch_output(self, module: Any, args: Any, output: Any) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        if hidden.requires_grad and not self.peaks:
            hidden.register_hook(self._mark)

    def _watch_input(self, module: Any, args: Any, kwargs: Any) -> None:
        hidden = args[0] if args else kwargs["hidden_states"]
        if hidden.requires_grad and not self.peaks and hidden.grad_fn is not None:
            hidden.register_hook(self._mark)


def layer_list(model: Any) -> Any:
    """The model's list of layers: the longest module list, the outermost of equally long ones.

    Of a multimodal model, its language model's.
    """
    inner = model.get_decoder() if hasattr(model.config, "vision_config") else model
    lists = [module for module in inner.modules() if isinstance(module, torch.nn.ModuleList)]
    return max(lists, key=len)
