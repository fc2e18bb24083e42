"""Rebuilds `ftlint/knowledge/data/architectures.json` from an installed transformers.

For each model type that we can count: the defaults of its config class, the other spellings of its keys
(`attribute_map`), and the auto classes that know it. Run as `python -m tools.harvest.architectures`; needs transformers
and torch.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import transformers
from transformers.models.auto import modeling_auto

from ftlint.knowledge.architectures import MODEL_TYPES, ModelClass
from ftlint.knowledge.architectures.families.vision import AUDIO, VISION

PARTS = (*VISION, *AUDIO)
"""Model types that only occur inside others; they have defaults, but no table of their own."""

TARGET = Path(__file__).parents[2] / "ftlint" / "knowledge" / "data" / "architectures.json"

MAPPINGS = {
    ModelClass.MODEL: modeling_auto.MODEL_MAPPING_NAMES,
    ModelClass.CAUSAL_LM: modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    ModelClass.SEQUENCE_CLASSIFICATION: modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    ModelClass.TOKEN_CLASSIFICATION: modeling_auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES,
    ModelClass.MASKED_LM: modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    ModelClass.SEQ2SEQ_LM: modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    ModelClass.IMAGE_TEXT_TO_TEXT: modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
}

# Keys that no parameter's existence or shape depends on.
IRRELEVANT = re.compile(
    r"_token_id$|dropout|drop$|^rope|eps(ilon)?$|initializer|^use_cache$|_act$|activation|^layer_types$|^(?!scale_factor$).*scal(e|ing)"
    r"|logit|router|topk|top_k|^n_group$|softcapping|^sliding_window|pretraining_tp|^summary|^window_size$"
    r"|aux_loss|multiplier|attention_softmax|reorder|^attn_config$|^is_decoder$|max_window|clip_qkv"
    r"|no_rope|^attention_(types|layers)$|^(?!interleave_moe).*interleave|_mtp_|nextn|^legacy$|^n_ctx$|^swiglu"
    r"|^padding_idx$"
)


def defaults_of(model_type: str) -> dict[str, object]:
    """The config class's own keys with their defaults, as declared: before `__post_init__` fills in derived ones."""
    config_class = transformers.CONFIG_MAPPING[model_type]
    # What every config class inherits says nothing about the architecture, except tied embeddings.
    inherited = set(transformers.PretrainedConfig.__dataclass_fields__)
    values: dict[str, object] = {}
    for name, field in config_class.__dataclass_fields__.items():
        if (name in inherited and name not in config_class.__annotations__) or IRRELEVANT.search(name):
            continue
        if field.default is None or isinstance(field.default, (bool, int, str)):
            values[name] = field.default
    tied = getattr(config_class(), "tie_word_embeddings", None)  # language models inside others do not say it
    if tied is not None:
        values.setdefault("tie_word_embeddings", tied)
    return dict(sorted(values.items()))


def entry_of(model_type: str) -> dict[str, object]:
    """What architectures.json says of one model type."""
    config_class = transformers.CONFIG_MAPPING[model_type]
    classes = sorted(member.value for member, mapping in MAPPINGS.items() if model_type in mapping)
    aliases = dict(sorted(config_class.attribute_map.items()))
    return {"aliases": aliases, "classes": classes, "defaults": defaults_of(model_type)}


def main() -> None:
    """Write the file anew."""
    content = {model_type: entry_of(model_type) for model_type in sorted({*MODEL_TYPES, *PARTS})}
    lines = [f"{json.dumps(key)}: {json.dumps(entry)}" for key, entry in content.items()]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
