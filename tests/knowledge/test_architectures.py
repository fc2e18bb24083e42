"""Parameter tables: exact numbers, unknown stays unknown, and the flat and the compact view agree."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.knowledge.architectures import (
    MODEL_TYPES,
    Layout,
    ModelClass,
    ParameterTable,
    Role,
    count_parameters,
    largest_layer,
    linear_modules,
    parameter_table,
    parse_architecture,
    usual_class,
)
from ftlint.knowledge.architectures.reading import defaults_of
from tests.knowledge.variations import VARIATIONS

QWEN_32B: dict[str, object] = {
    "model_type": "qwen2",
    "hidden_size": 5120,
    "intermediate_size": 27648,
    "num_hidden_layers": 64,
    "num_attention_heads": 40,
    "num_key_value_heads": 8,
    "vocab_size": 152064,
    "tie_word_embeddings": False,
}
MIXTRAL: dict[str, object] = {"model_type": "mixtral"}

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = sorted({key for name in MODEL_TYPES for key in (defaults_of(name) or pytest.fail(name)).values})


def table_of(config: dict[str, object], model_class: str = "AutoModelForCausalLM", **options: Any) -> ParameterTable:
    architecture = parse_architecture(config)
    assert architecture is not None
    table = parameter_table(architecture, model_class, **options)
    assert table is not None
    return table


def test_qwen_32b_to_the_digit() -> None:
    causal = table_of(QWEN_32B)
    assert causal.num_params == 32_763_876_352
    assert largest_layer(causal) == 778_567_680
    assert table_of(QWEN_32B, "AutoModel").num_params == 31_985_308_672


def test_classification_heads() -> None:
    body = table_of(QWEN_32B, "AutoModel").num_params
    assert table_of(QWEN_32B, "AutoModelForSequenceClassification", num_labels=5).num_params == body + 5 * 5120
    assert table_of(QWEN_32B, "AutoModelForTokenClassification", num_labels=5).num_params == body + 5 * 5120 + 5


def test_order_and_names() -> None:
    tensors = list(table_of(QWEN_32B))
    assert [tensor.name for tensor in tensors[:3]] == [
        "model.embed_tokens.weight",
        "model.layers.0.self_attn.q_proj.weight",
        "model.layers.0.self_attn.q_proj.bias",
    ]
    assert tensors[-1].name == "lm_head.weight"
    assert tensors[-1].role is Role.HEAD
    assert tensors[-1].shape == (152064, 5120)


def test_tied_head_is_counted_once_and_still_a_module() -> None:
    table = table_of(QWEN_32B | {"tie_word_embeddings": True})
    assert table.num_params == 31_985_308_672
    assert [(tied.tensor.name, tied.owner) for tied in table.tied] == [("lm_head.weight", "model.embed_tokens.weight")]
    head = linear_modules(table)[-1]
    assert (head.name, head.in_features, head.out_features, head.role) == ("lm_head", 5120, 152064, Role.HEAD)


def test_linear_modules_for_lora() -> None:
    modules = {module.name: module for module in linear_modules(table_of(QWEN_32B))}
    key = modules["model.layers.63.self_attn.k_proj"]
    assert (key.in_features, key.out_features, key.has_bias) == (5120, 1024, True)
    assert len([module for module in modules.values() if module.role is Role.LINEAR]) == 64 * 7
    # Conv1D keeps its weight the other way round.
    fused = {module.name: module for module in linear_modules(table_of({"model_type": "gpt2"}))}[
        "transformer.h.0.attn.c_attn"
    ]
    assert (fused.in_features, fused.out_features, fused.role) == (768, 2304, Role.CONV1D)


def test_both_expert_layouts_count_the_same() -> None:
    fused = table_of(MIXTRAL)
    separate = table_of(MIXTRAL, layout=Layout.TRANSFORMERS_4)
    assert fused.num_params == separate.num_params == 46_702_792_704
    assert fused.largest_layer == 8 * 3 * 4096 * 14336
    assert separate.largest_layer == 32000 * 4096
    # What LoRA's target_modules reach: 3 projections of 8 experts in 32 layers, only where they are linear layers.
    assert not any("experts" in module.name for module in linear_modules(fused))
    assert sum("experts" in module.name for module in linear_modules(separate)) == 3 * 8 * 32


@pytest.mark.parametrize("config", VARIATIONS, ids=lambda config: str(config["model_type"]))
def test_generations_lay_out_the_same_parameters(config: dict[str, object]) -> None:
    architecture = parse_architecture(config)
    assert architecture is not None
    new, old = (parameter_table(architecture, "AutoModel", layout=layout) for layout in Layout)
    assert new is not None
    if config["model_type"] == "gemma3n_text":  # whose layers that share keys and values had projections all the same
        assert old is not None
        assert old.num_params > new.num_params
    else:  # a class that generation 4 does not have has no table there
        assert old is None or old.num_params == new.num_params


def test_which_layers_attend() -> None:
    def attending(**changes: object) -> set[str]:
        config = {"model_type": "qwen3_next", "num_hidden_layers": 4, **changes}
        return {tensor.name.split(".")[1] for tensor in table_of(config, "AutoModel") if "self_attn" in tensor.name}

    assert attending() == {"3"}
    assert attending(full_attention_interval=2) == {"1", "3"}
    kinds = ["full_attention", "linear_attention", "linear_attention", "linear_attention"]
    assert attending(layer_types=kinds, full_attention_interval=2) == {"0"}
    for wrong in (kinds[:3], [*kinds[:3], "sliding_attention"], "full_attention", [1, 2, 3, 4]):
        assert parse_architecture({"model_type": "qwen3_next", "num_hidden_layers": 4, "layer_types": wrong}) is None


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "apertus", "hidden_act": "silu"},  # another activation would learn nothing
        {"model_type": "ernie4_5_moe", "use_bias": True},
        {"model_type": "dots1"},  # its class has no number of experts
        {"model_type": "glm4_moe_lite", "num_hidden_layers": 2, "mlp_layer_types": ["sparse", "dense"]},
        {"model_type": "granitemoehybrid", "mamba_d_head": 3},
        {"model_type": "granitemoehybrid", "num_local_experts": None},
        {"model_type": "nemotron_h"},  # nothing says what its layers are
        {"model_type": "nemotron_h", "hybrid_override_pattern": "MX"},
        {"model_type": "nemotron_h", "hybrid_override_pattern": "M*", "mamba_n_groups": 2},
        {"model_type": "lfm2", "block_ffn_dim_multiplier": "1.0"},
        {"model_type": "lfm2_moe"},
        {"model_type": "electra", "add_cross_attention": True},
        {"model_type": "gemma3n_text", "num_hidden_layers": 2, "intermediate_size": [64, 128]},
        {"model_type": "gemma3n_text", "num_hidden_layers": 4},  # of which fifteen share
        {"model_type": "gemma4_text", "per_layer_config": {}},
    ],
    ids=str,
)
def test_unusual_combinations_are_unknown(config: dict[str, object]) -> None:
    assert parse_architecture(config) is None


def test_layers_that_share_their_parameters_count_once() -> None:
    deep, shallow = (table_of({"model_type": "albert", "num_hidden_layers": n}, "AutoModel") for n in (12, 1))
    assert deep == shallow


def test_which_layers_are_sparse() -> None:
    def sparse(**changes: object) -> set[str]:
        table = table_of({"model_type": "qwen3_moe", "num_hidden_layers": 4, "head_dim": 64, **changes}, "AutoModel")
        return {tensor.name.split(".")[1] for tensor in table if tensor.role is Role.EXPERT}

    assert sparse() == {"0", "1", "2", "3"}
    assert sparse(decoder_sparse_step=2) == {"1", "3"}
    assert sparse(mlp_only_layers=[0, 2]) == {"1", "3"}
    assert sparse(decoder_sparse_step=2, mlp_only_layers=[1]) == {"3"}


def test_t5_head_is_tied_since_transformers_5() -> None:
    flan = {"model_type": "t5", "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
    new = table_of(flan, "AutoModelForSeq2SeqLM")
    old = table_of(flan, "AutoModelForSeq2SeqLM", layout=Layout.TRANSFORMERS_4)
    assert old.num_params - new.num_params == 32128 * 512


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "no-such-model"},
        {"model_type": None},
        {"model_type": ["qwen2"]},
        {"hidden_size": "5120"},
        {"hidden_size": 5120.0},
        {"vocab_size": True},
        {"hidden_size": 0},
        {"hidden_size": -1},
        {"hidden_size": None},
        {"hidden_size": 5121},  # does not divide into 40 heads
        {"tie_word_embeddings": "false"},
        {"num_hidden_layers": 10**12},
    ],
    ids=str,
)
def test_unknown_is_none(change: dict[str, object]) -> None:
    assert parse_architecture(QWEN_32B | change) is None


GEMMA3 = next(config for config in VARIATIONS if config["model_type"] == "gemma3")


@pytest.mark.parametrize(
    "change",
    [
        {"text_config": None},
        {"text_config": []},
        {"text_config": {"model_type": "llama"}},
        {"vision_config": {}},  # its class would add a pooling head
        {"vision_config": {"vision_use_head": "no"}},
        {"tie_word_embeddings": False},
    ],
    ids=str,
)
def test_unknown_part_makes_the_whole_unknown(change: dict[str, object]) -> None:
    assert parse_architecture(GEMMA3) is not None
    assert parse_architecture(GEMMA3 | change) is None


def test_vision_tower_is_counted() -> None:
    names = [tensor.name for tensor in table_of(GEMMA3)]
    assert names[0] == "model.vision_tower.embeddings.patch_embedding.weight"
    assert "model.language_model.layers.2.self_attn.k_norm.weight" in names


LLAVA = next(config for config in VARIATIONS if config["model_type"] == "llava")
QWEN_VL = next(config for config in VARIATIONS if config["model_type"] == "qwen2_5_vl")


def test_towers_of_transformers_4_have_one_more_module() -> None:
    old = [tensor.name for tensor in table_of(LLAVA, "AutoModelForImageTextToText", layout=Layout.TRANSFORMERS_4)]
    new = [tensor.name for tensor in table_of(LLAVA, "AutoModelForImageTextToText")]
    assert [name.replace("vision_tower.vision_model.", "vision_tower.") for name in old] == new
    assert old != new


def test_numbers_of_the_language_model_inside_and_outside_a_part_of_its_own() -> None:
    """Files older than `text_config` have them in the whole, and call the tower by the whole's name."""
    text = {key: value for key, value in QWEN_VL.items() if key not in ("model_type", "vision_config")}
    vision = QWEN_VL["vision_config"]
    assert isinstance(vision, dict)
    nested = {
        "model_type": "qwen2_5_vl",
        "text_config": text | {"model_type": "qwen2_5_vl_text"},
        "vision_config": vision | {"model_type": "qwen2_5_vl"},
    }
    assert parse_architecture(nested) == parse_architecture(QWEN_VL)


@pytest.mark.parametrize(
    ("whole", "text", "tied"),
    [
        (None, None, False),
        (None, True, True),  # LLaVA takes over what its language model says
        (False, False, False),
        (True, True, True),
        (True, False, None),  # generation 4 follows the one, 5 the other
        (False, True, None),
    ],
)
def test_who_says_that_embeddings_are_tied(whole: bool | None, text: bool | None, tied: bool | None) -> None:
    inner = LLAVA["text_config"]
    assert isinstance(inner, dict)
    config = LLAVA | {"text_config": inner if text is None else inner | {"tie_word_embeddings": text}}
    config = config if whole is None else config | {"tie_word_embeddings": whole}
    found = parse_architecture(config)
    assert (None if found is None else found.tie_word_embeddings) == tied


def test_what_the_checkpoint_holds_twice_is_not_tied() -> None:
    """The class of Mistral 3 would tie by itself; its language model's does not, and so the checkpoints hold both."""
    mistral = next(config for config in VARIATIONS if config["model_type"] == "mistral3")
    unsaid = {key: value for key, value in mistral.items() if key != "tie_word_embeddings"}
    assert parse_architecture(unsaid) == parse_architecture(mistral)


def test_a_tower_of_another_type_is_unknown() -> None:
    vision = LLAVA["vision_config"]
    assert isinstance(vision, dict)
    assert parse_architecture(LLAVA | {"vision_config": vision | {"model_type": "siglip_vision_model"}}) is None
    assert parse_architecture(LLAVA | {"vision_config": vision | {"num_hidden_layers": 10**6}}) is None
    assert parse_architecture(LLAVA | {"text_config": {"model_type": "gpt2"}}) is None


def test_the_usual_class_takes_images() -> None:
    for config in VARIATIONS:
        architecture = parse_architecture(config)
        assert architecture is not None
        if architecture.vision is not None:
            assert usual_class(architecture) is ModelClass.IMAGE_TEXT_TO_TEXT
            assert any(section.reads_images for section in table_of(config, usual_class(architecture).value).sections)


def test_llama_3_2_is_loaded_without_its_tower_by_name() -> None:
    mllama = next(config for config in VARIATIONS if config["model_type"] == "mllama")
    assert not any(section.reads_images for section in table_of(mllama, "AutoModelForCausalLM").sections)


def test_unknown_class_is_none() -> None:
    architecture = parse_architecture(QWEN_32B)
    assert architecture is not None
    assert parameter_table(architecture, "AutoModelForSeq2SeqLM") is None
    assert count_parameters(architecture, "AutoModelForNothing") is None


def test_defaults_are_the_config_class_own() -> None:
    # Llama 2 7B is what LlamaConfig() stands for, GPT-2 small what GPT2Config() does.
    assert table_of({"model_type": "llama"}).num_params == 6_738_415_616
    assert table_of({"model_type": "gpt2"}).num_params == 124_439_808
    # Gemma ties its head unless told otherwise, Qwen 2 does not.
    assert table_of({"model_type": "gemma2"}).tied
    assert not table_of({"model_type": "qwen2"}).tied


def test_null_and_absent_heads() -> None:
    explicit = {"model_type": "llama", "num_key_value_heads": 32, "head_dim": 128}
    for config in ({"model_type": "llama"}, {"model_type": "llama", "num_key_value_heads": None, "head_dim": None}):
        assert parse_architecture(config) == parse_architecture(explicit)


def test_other_spelling_of_a_key() -> None:
    own = {"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 4}
    public = {"model_type": "gpt2", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    assert parse_architecture(own) == parse_architecture(public)
    assert parse_architecture(own | {"hidden_size": 128}) is None


@pytest.mark.parametrize("config", VARIATIONS, ids=lambda config: str(config["model_type"]))
def test_views_agree(config: dict[str, object]) -> None:
    architecture = parse_architecture(config)
    assert architecture is not None
    for model_class in ModelClass:
        table = parameter_table(architecture, model_class)
        if table is None:
            continue
        tensors = list(table)
        assert len(table) == len(tensors) == len({tensor.name for tensor in tensors})
        assert table.num_params == sum(tensor.num_params for tensor in tensors) == sum(table.sizes())
        assert list(table.sizes()) == [tensor.num_params for tensor in tensors]
        assert table.num_params == table.num_params_of(*Role)
        assert 0 < table.largest_layer <= table.num_params


@given(
    st.sampled_from(sorted(MODEL_TYPES)),
    st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), JSON_VALUES, max_size=6),
)
def test_any_json_gives_an_answer(model_type: str, config: dict[str, object]) -> None:
    architecture = parse_architecture(config | {"model_type": model_type})
    if architecture is not None:
        for model_class in ModelClass:
            parameter_table(architecture, model_class)


@given(JSON_VALUES)
def test_any_model_type(value: object) -> None:
    is_known = isinstance(value, str) and value in MODEL_TYPES
    assert is_known or parse_architecture({"model_type": value}) is None


def test_importing_is_light() -> None:
    code = (
        "import sys, ftlint.knowledge.behaviours; from ftlint.knowledge.gpus import find_gpu; find_gpu('T4');"
        "heavy = ('ftlint.knowledge.architectures', 'ftlint.knowledge.models', 'torch', 'packaging', 'difflib');"
        "sys.exit(any(name.startswith(heavy) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
