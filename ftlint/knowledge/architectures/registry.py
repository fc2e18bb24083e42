"""Which file describes which model type; only the file that is asked for is imported."""

from __future__ import annotations

from importlib import import_module

from ftlint.knowledge.architectures.family import Family

FAMILY_FILES = {
    "albert": ("albert",),
    "attention_and_mamba": ("bamba", "falcon_h1"),
    "bert": ("bert", "camembert", "roberta", "xlm-roberta"),
    "bloom": ("bloom",),
    "deberta": ("deberta-v2",),
    "deepseek": ("deepseek_v2", "deepseek_v3", "glm4_moe_lite"),
    "distilbert": ("distilbert",),
    "electra": ("electra",),
    "falcon": ("falcon",),
    "gated_delta": ("qwen3_5_moe_text", "qwen3_5_text", "qwen3_next"),
    "gemma_per_layer": ("gemma3n_text", "gemma4_text"),
    "gpt2": ("gpt2", "gpt_bigcode"),
    "gpt_neo": ("gpt_neo",),
    "gpt_neox": ("gpt_neox",),
    "gptj": ("codegen", "gptj"),
    "granite_hybrid": ("granitemoehybrid",),
    "lfm2": ("lfm2", "lfm2_moe"),
    "llama4": ("llama4_text",),
    "llama_like": (
        "apertus", "arcee", "cohere", "cohere2", "ernie4_5", "exaone4", "gemma", "gemma2", "gemma3_text", "glm", "glm4",
        "granite", "hunyuan_v1_dense", "internlm3", "llama", "ministral", "ministral3", "mistral", "nemotron", "olmo",
        "olmo2", "olmo3", "phi3", "qwen2", "qwen2_5_vl_text", "qwen2_vl_text", "qwen3", "qwen3_vl_text", "seed_oss",
        "smollm3", "starcoder2",
    ),
    "mamba": ("falcon_mamba", "jamba", "mamba"),
    "mixture": (
        "dots1", "ernie4_5_moe", "glm4_moe", "gpt_oss", "granitemoe", "minimax_m2", "mixtral", "olmoe", "phimoe",
        "qwen2_moe", "qwen3_moe", "qwen3_vl_moe_text",
    ),
    "mllama": ("mllama_text_model",),
    "modernbert": ("modernbert",),
    "mpt": ("mpt",),
    "multimodal": (
        "gemma3", "gemma4", "idefics3", "internvl", "llama4", "llava", "llava_next", "mistral3", "mllama", "paligemma",
        "qwen2_5_vl", "qwen2_vl", "qwen3_5", "qwen3_5_moe", "qwen3_vl", "qwen3_vl_moe", "smolvlm",
    ),
    "nemotron_h": ("nemotron_h",),
    "opt": ("opt",),
    "phi": ("phi",),
    "stablelm": ("stablelm",),
    "t5": ("mt5", "t5", "umt5"),
}  # fmt: skip

_FILE_OF = {model_type: file for file, model_types in FAMILY_FILES.items() for model_type in model_types}

MODEL_TYPES = frozenset(_FILE_OF)
"""Every `model_type` of a config.json that we can count."""


def find_family(model_type: str) -> Family | None:
    """The family that describes a model type; None where we have none."""
    file = _FILE_OF.get(model_type)
    if file is None:
        return None
    family = import_module(f"ftlint.knowledge.architectures.families.{file}").family(model_type)
    if not isinstance(family, Family):
        raise TypeError(f"families/{file}.py: family() must return a Family")
    return family
