"""A YAML of TrainingArguments and TRL settings (`TrlParser`, alignment-handbook, open-r1 recipes).

Recognised and named, and its keys are held against the schemas of TRL's commands; which of them is meant the file does
not say. What it means for a run is not read yet.
"""

from __future__ import annotations

from ftlint.dialects.dialect import Dialect, Markers, Recognition
from ftlint.dialects.outline import Outline
from ftlint.syntax.document import Format

_MARKERS = Markers(
    anchors=(
        frozenset({"model_name_or_path", "output_dir", "learning_rate"}),
        frozenset({"model_name_or_path", "per_device_train_batch_size"}),
        frozenset({"model_name_or_path", "dataset_name"}),
    ),
    typical=frozenset(
        (
            "torch_dtype dtype dataset_name dataset_mixture dataset_mixer attn_implementation use_peft beta "
            "max_length max_prompt_length max_seq_length num_generations packing "
            "gradient_checkpointing_kwargs hub_model_id push_to_hub report_to eval_strategy logging_strategy "
            "lora_r lora_alpha"
        ).split()
    ),
    foreign=frozenset({"template", "finetuning_type", "base_model", "_component_", "compute_environment"}),
)


def _recognise(outline: Outline) -> Recognition | None:
    return _MARKERS.recognise("trl", outline)


DIALECT = Dialect(
    name="trl",
    title="TRL recipe",
    formats=frozenset({Format.YAML}),
    recognise=_recognise,
    schemas=("trl#sft", "trl#dpo", "trl#grpo", "trl#kto", "trl#reward", "trl#rloo"),
)
