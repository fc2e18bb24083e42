"""Axolotl's training YAML: `axolotl train FILE`, or `accelerate launch -m axolotl.cli.train FILE`."""

from __future__ import annotations

from ftlint.dialects.dialect import Dialect, Markers, PartialRun, Recognition
from ftlint.dialects.outline import Outline
from ftlint.run.key import KeySet
from ftlint.run.versions import VersionView
from ftlint.syntax.document import Format

_MARKERS = Markers(
    anchors=(
        frozenset({"base_model", "datasets"}),
        frozenset({"base_model", "micro_batch_size"}),
        frozenset({"base_model", "sequence_len"}),
        frozenset({"base_model", "val_set_size"}),
        frozenset({"datasets", "sequence_len", "micro_batch_size"}),
    ),
    typical=frozenset(
        (
            "sequence_len micro_batch_size num_epochs val_set_size sample_packing pad_to_sequence_len adapter "
            "lora_r dataset_prepared_path wandb_project saves_per_epoch evals_per_epoch special_tokens "
            "load_in_4bit load_in_8bit flash_attention attn_implementation"
        ).split()
    ),
    foreign=frozenset({"model_name_or_path", "merge_method", "_component_"}),
)


def _recognise(outline: Outline) -> Recognition | None:
    return _MARKERS.recognise("axolotl", outline)


def _lower(keys: KeySet, versions: VersionView) -> PartialRun:
    from ftlint.dialects.axolotl_run import lower  # only whoever has such a file pays for reading it

    return lower(keys, versions)


DIALECT = Dialect(
    name="axolotl",
    title="Axolotl config",
    formats=frozenset({Format.YAML}),
    recognise=_recognise,
    lower=_lower,
    has_flags_for_keys=True,
    schemas=("axolotl",),
)
