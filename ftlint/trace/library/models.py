"""Model classes of known libraries: which names are models, which of their submodules work on hidden states.

Read in transformers 5.23, peft 0.21.2, torchvision and timm by their documented constructors.
"""

from __future__ import annotations

import re

from ftlint.run.fact import Truth

# Model classes end in Model, or say what the model is for.
_MODEL_CLASS = re.compile(r"(Model|LMHead\w*|For[A-Z]\w+|PreTraining|PreTrainedModel|WithHeads)$")
_NO_MODEL = re.compile(
    r"(Config|Tokenizer|TokenizerFast|Processor|FeatureExtractor|Output|Trainer|Arguments|Collator\w*)$"
)
_SETTINGS = re.compile(r"(Config|Arguments|Args)$")
# The head of a model class, by what the class is for: the submodules that are fed the body's hidden states. A name that
# is not here adds a submodule which nothing runs (`score` on a causal model) instead of replacing one.
_HEADS_BY_TASK: dict[str, frozenset[str]] = {
    "ForCausalLM": frozenset({"lm_head"}),
    "LMHeadModel": frozenset({"lm_head"}),
    "ForConditionalGeneration": frozenset({"lm_head"}),
    "ForSeq2SeqLM": frozenset({"lm_head"}),
    "ForCTC": frozenset({"lm_head"}),
    "ForSequenceClassification": frozenset({"score", "classifier", "pre_classifier"}),
    "ForTokenClassification": frozenset({"score", "classifier"}),
    "ForQuestionAnswering": frozenset({"qa_outputs"}),
    "ForMultipleChoice": frozenset({"classifier"}),
    "ForImageClassification": frozenset({"classifier"}),
    "ForAudioClassification": frozenset({"projector", "classifier"}),
}
_VISION_HEADS = frozenset({"fc", "classifier", "head", "heads"})
# Which of `score` and `classifier` a classifier has goes by family, as its modeling file in transformers 5.23 names it.
_SCORE = (
    "llama",
    "mistral",
    "mixtral",
    "qwen",
    "gemma",
    "phi",
    "gpt2",
    "gpt-2",
    "gptneo",
    "gpt-neo",
    "gptj",
    "gpt-j",
    "falcon",
    "bloom",
    "opt",
    "olmo",
    "stablelm",
    "starcoder",
    "granite",
    "cohere",
    "smollm",
    "deepseek",
    "pythia",
    "zephyr",
    "vicuna",
    "yi-",
)
_CLASSIFIER = (
    "bert",
    "electra",
    "deberta",
    "xlm",
    "camembert",
    "albert",
    "longformer",
    "bigbird",
    "mpnet",
    "funnel",
    "fnet",
    "vit",
    "swin",
    "convnext",
    "wav2vec2",
    "hubert",
    "beit",
    "deit",
    "resnet",
)
# Names that models of other files use for their heads, and names of layers inside a model: with these, a replacement is
# meant wherever the class is defined.
HEADS = frozenset(
    {
        "lm_head", "score", "classifier", "qa_outputs", "out_head", "head", "heads", "fc", "embed_out", "proj_out",
        "output_layer", "classification_head", "cls_head", "output_projection", "v_head", "value_head",
        "reward_head",
    }
)  # fmt: skip
LAYERS = frozenset(
    {
        "mlp", "q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "gate_proj", "up_proj", "down_proj", "gate_up_proj",
        "c_attn", "c_proj", "c_fc", "query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h", "fc1", "fc2",
        "query", "key", "value", "W_query", "W_key", "W_value", "ff", "feed_forward",
    }
)  # fmt: skip
EMBEDDINGS = frozenset({"embed_tokens", "tok_emb", "wte", "word_embeddings", "embed_in", "tok_embeddings"})
# Heads that stand deeper in a model, by the submodule that holds them: `cls.predictions.decoder` of BERT,
# `lm_head.decoder` and `classifier.out_proj` of RoBERTa (transformers 5.23 models/bert, models/roberta).
INNER_HEADS = {
    "predictions": frozenset({"decoder"}),
    "lm_head": frozenset({"decoder"}),
    "classifier": frozenset({"out_proj"}),
    "classification_head": frozenset({"out_proj"}),
}
# What `tie_weights` gives a weight of another module.
TIED = EMBEDDINGS | {"lm_head", "decoder", "embed_out", "shared", "output_projection", "proj_out"}

# These convert the head's input to the head's own dtype, so a float32 head works in them.
# transformers 5.23: modeling_mamba.py, and those of mamba2, falcon_mamba, xlstm and hy_v4.
CASTING_HEADS = ("mamba", "xlstm", "hyv4", "hy_v4", "hy-v4", "hunyuan")

# These convert what the embedding gives to the dtype of their own weights, so a float32 embedding works in them.
# transformers 5.23: T5LayerNorm of modeling_t5.py and its copies; run with T5 and Mamba. 20 other families raise.
CASTING_BODIES = ("t5", "udop", "pop2piano", "switch", *CASTING_HEADS)

# Methods of a model that leave every parameter's dtype alone.
HARMLESS_METHODS = frozenset(
    {
        "train", "eval", "requires_grad_", "zero_grad", "parameters", "named_parameters", "modules", "named_modules",
        "children", "named_children", "buffers", "named_buffers", "state_dict", "save_pretrained", "push_to_hub",
        "generate", "forward", "num_parameters", "get_memory_footprint", "gradient_checkpointing_enable",
        "gradient_checkpointing_disable", "enable_input_require_grads", "disable_input_require_grads",
        "print_trainable_parameters", "get_nb_trainable_parameters", "get_input_embeddings", "get_output_embeddings",
        "cuda", "cpu", "xpu", "share_memory", "get_submodule", "get_parameter", "init_weights", "post_init",
        "can_generate", "extra_repr", "items", "values", "keys", "append", "extend", "insert",
        "set_attn_implementation", "compile", "freeze_feature_encoder", "freeze_base_model",
        "prepare_inputs_for_generation", "no_sync", "get_base_model", "load_adapter", "set_adapter",
        "add_model_tags", "config", "warnings_issued", "reset_parameters",
    }
)  # fmt: skip
RETURNS_SELF = frozenset(
    {"to_empty", "train", "eval", "requires_grad_", "cuda", "cpu", "xpu", "share_memory", "get_base_model"}
)
RETURNS_PARTS = frozenset(
    {
        "parameters", "named_parameters", "modules", "named_modules", "children", "named_children", "buffers",
        "named_buffers", "get_parameter",
    }
)  # fmt: skip
RETURNS_WEIGHTS = frozenset({"parameters", "named_parameters", "buffers", "named_buffers", "get_parameter"})
PARTS_CALLED = frozenset(
    {
        "model",
        "transformer",
        "base_model",
        "bert",
        "roberta",
        "encoder",
        "decoder",
        "backbone",
        "distilbert",
        "gpt_neox",
    }
)


def is_model_class(dotted: str) -> bool:
    """Whether a class of a known library is a model."""
    package, _, rest = dotted.partition(".")
    last = rest.rpartition(".")[2]
    return package in {"transformers", "peft", "trl"} and bool(_MODEL_CLASS.search(last)) and not _NO_MODEL.search(last)


def is_settings(dotted: str) -> bool:
    """Whether a class of a known library holds settings of a training, which anybody may change."""
    return dotted.startswith(("transformers.", "peft.", "trl.")) and bool(_SETTINGS.search(dotted))


def is_auto_class(name: str) -> bool:
    """Whether which model it is depends on the checkpoint."""
    return name.rpartition(".")[2].startswith(("AutoModel", "AutoPeftModel"))


def casts_head_input(*names: str | None) -> bool:
    """Whether one of the names (class, configuration, model id) is of a family that converts the head's input."""
    return any(word in name.lower() for name in names if name for word in CASTING_HEADS)


def casts_embeddings(*names: str | None) -> bool:
    """Whether one of the names is of a family that converts what its embedding gives."""
    return any(word in name.lower() for name in names if name for word in CASTING_BODIES)


def has_head(class_name: str, name: str, *families: str | None) -> Truth:
    """Whether a model class of a library has a submodule of that name which its hidden states go through.

    `families`: whatever else tells which family it is of: the id it is loaded from, the configuration's class.
    """
    if class_name.startswith(("torchvision.", "timm.")):
        return Truth.of(name in _VISION_HEADS)
    heads = next((heads for task, heads in _HEADS_BY_TASK.items() if class_name.endswith(task)), frozenset[str]())
    if name not in heads:
        return Truth.NO
    if heads >= {"score", "classifier"}:
        words = " ".join(word.lower() for word in (class_name, *families) if word)
        bert, decoder = any(word in words for word in _CLASSIFIER), any(word in words for word in _SCORE)
        if bert is decoder:
            return Truth.UNKNOWN
        return Truth.of(decoder is (name == "score"))
    return Truth.YES
