"""Activations by hand: what one layer keeps, byte by byte, and figures that were published."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftlint.memory.activations import activations
from ftlint.memory.blocks import BLOCKS, Order, QueryKeyNorm, find_block
from ftlint.memory.points import Activations
from ftlint.memory.step import Adapters, Attention, Checkpointing, LossKernel, Step
from tests.memory.runs import LLAMA_3_8B, LLAMA_3_70B, TINY, architecture

HIDDEN, FEED, HEADS, KEYS, QUERIES, VOCABULARY = 4096, 14336, 32, 1024, 4096, 128256
TOKENS = 2048
GIB = 2**30

STEP = Step(
    architecture=architecture(LLAMA_3_8B),
    model_class="AutoModelForCausalLM",
    micro_batch=1,
    sequence_length_tokens=TOKENS,
    weight_bytes=2,
    compute_bytes=2,
    is_autocast=False,
    attention=Attention.SDPA,
    checkpointing=Checkpointing.NONE,
    adapters=None,
    is_quantized=False,
    loss=LossKernel.FULL,
    shifts_logits=False,
)
ATTENTION_ONLY = Adapters(("q_proj", "k_proj", "v_proj", "o_proj"), rank=16, has_dropout=True, num_bytes=2)


def found(step: Step) -> Activations:
    result = activations(step)
    assert result is not None
    return result


def per_layer(step: Step) -> int:
    """What one layer more keeps."""
    shallow, deep = (replace(step, architecture=replace(step.architecture, num_layers=n)) for n in (4, 5))
    return found(deep).kept_bytes - found(shallow).kept_bytes


def test_what_a_trained_layer_keeps() -> None:
    norm = 4 * HIDDEN + 4 + 2 * HIDDEN + 2 * HIDDEN  # the float32 copy, one number a row, before and after the weight
    attended = 2 * QUERIES + 2 * KEYS + 2 * KEYS + 2 * QUERIES + 4 * HEADS  # q, k, v, the result, a logarithm a row
    fed = 4 * 2 * FEED  # gate, silu of it, up, and their product
    assert per_layer(STEP) == TOKENS * (2 * norm + attended + fed)


def test_a_frozen_layer_keeps_less() -> None:
    """No weight's gradient needs the norms' results, the attention's input or the product before `down_proj`."""
    norm = 4 * HIDDEN + 4
    attended = 2 * QUERIES + 2 * KEYS + 2 * KEYS + 2 * QUERIES + 4 * HEADS
    adapted = 4 * HIDDEN + 4 * 16  # of q_proj: the float32 copy of its input, and what the first matrix makes of it
    fed = 3 * 2 * FEED
    step = replace(STEP, adapters=Adapters(("q_proj",), rank=16, has_dropout=False, num_bytes=4))
    assert per_layer(step) == TOKENS * (2 * norm + attended + adapted + fed)


def test_eager_attention_keeps_scores() -> None:
    """The softmax in float32, its bfloat16 copy, and keys and values once for every query head."""
    scores = HEADS * TOKENS * (4 + 2)
    repeated = 2 * 2 * (QUERIES - KEYS)
    eager = per_layer(replace(STEP, attention=Attention.EAGER))
    assert eager - per_layer(STEP) == TOKENS * (scores + repeated - 4 * HEADS)


def test_dropout_keeps_a_byte_for_each_element() -> None:
    dry, wet = (replace(ATTENTION_ONLY, has_dropout=is_on) for is_on in (False, True))
    difference = per_layer(replace(STEP, adapters=wet)) - per_layer(replace(STEP, adapters=dry))
    # Four masks; and q, k and v no longer share their input, which the first matrix keeps. o_proj's was kept anyway.
    assert difference == TOKENS * (3 * (HIDDEN + 2 * HIDDEN) + QUERIES + 2 * QUERIES - 2 * HIDDEN)


def test_a_checkpoint_is_the_layers_input() -> None:
    for checkpointing in (Checkpointing.REENTRANT, Checkpointing.NON_REENTRANT):
        assert per_layer(replace(STEP, checkpointing=checkpointing)) == 2 * TOKENS * HIDDEN
    wide = replace(STEP, checkpointing=Checkpointing.REENTRANT, is_quantized=True, adapters=ATTENTION_ONLY)
    assert per_layer(wide) == 4 * TOKENS * HIDDEN  # prepare_model_for_kbit_training makes the stream float32


@pytest.mark.parametrize(
    ("step", "gib"),
    [
        (replace(STEP, attention=Attention.SDPA_MASKED), 14.30),
        (replace(STEP, attention=Attention.EAGER), 38.04),
        (replace(STEP, checkpointing=Checkpointing.REENTRANT), 1.54),
    ],
    ids=("masked", "eager", "checkpointed"),
)
def test_llama_3_8b_as_it_was_traced_elsewhere(step: Step, gib: float) -> None:
    """Traces by another hand, whose masks were materialised."""
    assert found(step).kept_bytes / GIB == pytest.approx(gib, abs=0.005)


def test_the_published_hump_of_a_recomputed_layer() -> None:
    """Llama-2-70B's shape, rank 16 on q, k, v and o: 70.6 x hidden bytes per token, measured on A100s."""
    step = replace(
        STEP,
        architecture=architecture(LLAMA_3_70B),
        adapters=ATTENTION_ONLY,
        checkpointing=Checkpointing.REENTRANT,
        micro_batch=4,
    )
    hump = max(point.hump_bytes for point in found(step).layers)
    assert hump / step.num_tokens / 8192 == pytest.approx(70.6, rel=0.002)


@pytest.mark.parametrize(
    ("loss", "shifts", "copies"),
    [
        (LossKernel.FULL, True, 14),  # measured with transformers 4.48.1
        (LossKernel.FUSED, True, 10),  # the same release with a fused cross entropy
        (LossKernel.FULL, False, 12),
        (LossKernel.FUSED, False, 6),
    ],
)
def test_the_loss_by_copies_of_the_logits(loss: LossKernel, shifts: bool, copies: int) -> None:
    step = replace(STEP, adapters=ATTENTION_ONLY, loss=loss, shifts_logits=shifts)
    hump = found(step).loss.hump_bytes / TOKENS
    assert copies * VOCABULARY <= hump <= copies * VOCABULARY + 8 * HIDDEN


@pytest.mark.parametrize("loss", [LossKernel.CHUNKED, LossKernel.LIGER])
def test_no_logits_no_hump(loss: LossKernel) -> None:
    step = replace(STEP, adapters=ATTENTION_ONLY, loss=loss, micro_batch=16)
    assert found(step).loss.hump_bytes < found(replace(step, loss=LossKernel.FULL)).loss.hump_bytes / 10


def test_autocast_keeps_the_weights_it_casts() -> None:
    """Full float32 weights: a bfloat16 copy of every linear layer stays in the graph."""
    step = replace(STEP, weight_bytes=4, is_autocast=True)
    linear = 2 * HIDDEN * QUERIES + 2 * HIDDEN * KEYS + 3 * HIDDEN * FEED
    few, many = (per_layer(replace(step, sequence_length_tokens=length)) for length in (1024, 2048))
    assert 2 * few - many == 2 * linear  # what does not grow with the tokens


@pytest.mark.parametrize("checkpointing", list(Checkpointing))
@pytest.mark.parametrize("attention", list(Attention))
@pytest.mark.parametrize("adapters", [None, ATTENTION_ONLY], ids=("full", "lora"))
def test_more_tokens_never_take_less(
    checkpointing: Checkpointing, attention: Attention, adapters: Adapters | None
) -> None:
    small = replace(
        STEP, architecture=architecture(TINY), checkpointing=checkpointing, attention=attention, adapters=adapters
    )
    small = replace(small, sequence_length_tokens=64)
    for larger in (replace(small, micro_batch=2), replace(small, sequence_length_tokens=96)):
        less, more = found(small), found(larger)
        assert less.kept_bytes < more.kept_bytes
        assert less.loss.activation_bytes < more.loss.activation_bytes
        assert less.layer_peak_bytes < more.layer_peak_bytes


def test_gradients_grow_from_the_last_layer_to_the_first() -> None:
    points = found(replace(STEP, checkpointing=Checkpointing.REENTRANT)).layers
    sizes = [point.gradient_bytes for point in points]
    assert sizes == sorted(sizes)
    assert sizes[0] == 2 * (VOCABULARY * HIDDEN + HIDDEN)  # the output layer and the final norm


FALCON = {
    "model_type": "falcon",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 256,
}
BLOOM = {"model_type": "bloom", "hidden_size": 64, "n_layer": 2, "n_head": 4, "vocab_size": 256}
GPT_J = {"model_type": "gptj", "n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 256}


def test_a_model_type_without_a_description_is_unknown() -> None:
    assert "lfm2" not in BLOCKS
    assert activations(replace(STEP, architecture=architecture({"model_type": "lfm2"}))) is None


@pytest.mark.parametrize(
    ("config", "is_described"),
    [
        (FALCON, True),
        ({**FALCON, "alibi": True}, False),
        ({**FALCON, "bias": True}, False),
        ({**FALCON, "parallel_attn": False}, False),
        ({**FALCON, "multi_query": False}, False),
        ({**FALCON, "new_decoder_architecture": True, "multi_query": False}, True),
        (BLOOM, True),
        ({**BLOOM, "apply_residual_connection_post_layernorm": True}, False),
        (GPT_J, True),
        ({**GPT_J, "rotary_dim": None}, False),
    ],
)
def test_numbers_decide_which_layer_it_is(config: dict[str, object], is_described: bool) -> None:
    """What is not described is unknown, and not reckoned as something like it."""
    step = replace(STEP, architecture=architecture(config), attention=Attention.EAGER, sequence_length_tokens=32)
    assert (activations(step) is not None) is is_described


@pytest.mark.parametrize(("model_type", "is_described"), [("gpt_bigcode", False), ("llama", True)])
def test_a_class_that_took_its_own_loss_is_unknown(model_type: str, is_described: bool) -> None:
    """Below transformers 4.48.3: published peaks of GPT-BigCode under 4.48.1 are not those of the common loss."""
    config = TINY if model_type == "llama" else {"model_type": model_type, "n_embd": 64, "n_head": 4, "n_layer": 2}
    step = replace(STEP, architecture=architecture(config), sequence_length_tokens=32)
    assert activations(step) is not None
    assert (activations(replace(step, precedes_common_loss=True)) is not None) is is_described


def test_stablelm_and_falcon_are_reckoned_by_their_own_numbers() -> None:
    stablelm = {
        "model_type": "stablelm", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 256,
    }  # fmt: skip
    step = replace(STEP, sequence_length_tokens=32)
    plain, beside, normed = (
        find_block(architecture({**stablelm, **more}))
        for more in ({}, {"use_parallel_residual": True}, {"qk_layernorm": True})
    )
    assert plain is not None
    assert beside is not None
    assert normed is not None
    assert (plain.order, beside.order) == (Order.PRE, Order.PARALLEL)
    assert (plain.qk_norm, normed.qk_norm) == (QueryKeyNorm.NONE, QueryKeyNorm.EACH_HEAD)
    kept = [
        found(replace(step, architecture=architecture({**stablelm, **more}))).kept_bytes
        for more in ({}, {"qk_layernorm": True})
    ]
    assert kept[0] < kept[1]


@pytest.mark.parametrize("config", [BLOOM, GPT_J, {**FALCON, "new_decoder_architecture": True}])
def test_what_a_class_lacks_computes_something_else(config: dict[str, object]) -> None:
    """Without SDPA transformers takes eager attention, whose scores are kept; Falcon's SDPA always has a mask."""
    step = replace(STEP, architecture=architecture(config), sequence_length_tokens=32)
    other = Attention.SDPA_MASKED if config["model_type"] == "falcon" else Attention.EAGER
    assert found(step).kept_bytes == found(replace(step, attention=other)).kept_bytes
    assert activations(replace(step, attention=Attention.FLASH_2)) is None


def test_one_key_head_for_many_is_unknown_under_sdpa() -> None:
    """Which kernel takes it is another on each GPU."""
    step = replace(STEP, architecture=architecture(FALCON), sequence_length_tokens=32)
    assert activations(step) is None
    assert activations(replace(step, attention=Attention.EAGER)) is not None


def test_weights_that_a_layer_returns_have_a_gradient_of_zeros() -> None:
    """A reentrant checkpoint makes them, as large as the weights, and holds both; the model holds a layer's weights."""
    config = {**GPT_J, "n_embd": 64, "n_head": 8}  # scores are most of what there is
    step = replace(STEP, architecture=architecture(config), attention=Attention.EAGER, sequence_length_tokens=256)
    weights = 8 * 256 * 256 * 2
    one, other = (
        found(replace(step, checkpointing=kind)) for kind in (Checkpointing.REENTRANT, Checkpointing.NON_REENTRANT)
    )
    assert one.layer_peak_bytes - other.layer_peak_bytes >= 2 * weights
    assert one.kept_bytes == other.kept_bytes
    assert {layer.returned_bytes for layer in one.played.layers} == {weights}
    alone = replace(step, architecture=replace(step.architecture, num_layers=1), checkpointing=Checkpointing.REENTRANT)
    stream = 256 * 64 * 2
    assert one.forward.activation_bytes - found(alone).forward.activation_bytes == weights + stream


def test_one_head_that_stands_for_all_is_not_copied() -> None:
    """With two heads of keys, eager attention copies them for every query head; with one it reads a view."""
    step = replace(STEP, attention=Attention.EAGER)
    single, double = (architecture({**TINY, "num_key_value_heads": count}) for count in (1, 2))
    kept = [per_layer(replace(step, architecture=numbers)) for numbers in (single, double)]
    # Copies are as wide as the queries; a view keeps the one head itself.
    assert kept[1] - kept[0] == TOKENS * 2 * 2 * (single.query_width - single.head_dim)


@pytest.mark.parametrize(("has_dropout", "copies"), [(False, 0), (True, 1)])
def test_dora_keeps_both_results_of_every_target(has_dropout: bool, copies: int) -> None:
    """What the layer gives in bfloat16, what the adapter gives in float32; with dropout a float32 weight besides."""
    plain = Adapters(("down_proj",), rank=16, has_dropout=has_dropout, num_bytes=4)
    steps = (replace(STEP, adapters=plain), replace(STEP, adapters=replace(plain, use_dora=True)))
    without, with_magnitude = (per_layer(step) for step in steps)
    results = TOKENS * HIDDEN * (4 + (4 if has_dropout else 2))
    small = 4 * 2 * HIDDEN
    assert with_magnitude - without == results + copies * 4 * HIDDEN * FEED + small
