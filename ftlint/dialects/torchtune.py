"""torchtune's recipe YAML, where every block names its class by `_component_`.

Its keys are held against the schema; what it means for a run is not read yet.
"""

from __future__ import annotations

from ftlint.dialects.dialect import Dialect, Markers, Recognition, as_omegaconf
from ftlint.dialects.outline import Outline
from ftlint.syntax.document import Format

_MARKERS = Markers(
    anchors=(
        frozenset({"model._component_"}),
        frozenset({"tokenizer._component_"}),
        frozenset({"checkpointer._component_"}),
        frozenset({"optimizer._component_"}),
        frozenset({"dataset._component_"}),
    ),
    typical=frozenset(
        (
            "checkpointer tokenizer model resume_from_checkpoint metric_logger log_every_n_steps "
            "enable_activation_checkpointing enable_activation_offloading batch_size epochs "
            "max_steps_per_epoch loss dtype device seed profiler log_level"
        ).split()
    ),
    foreign=frozenset({"base_model", "model_name_or_path"}),
)


def _recognise(outline: Outline) -> Recognition | None:
    return _MARKERS.recognise("torchtune", outline)


DIALECT = Dialect(
    name="torchtune",
    title="torchtune config",
    formats=frozenset({Format.YAML}),
    recognise=_recognise,
    scalar=as_omegaconf,
    schemas=("torchtune",),
)
