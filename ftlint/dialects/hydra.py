"""A root or group file of a Hydra tree (`defaults:` lists, `_target_` blocks, `hydra:` settings).

Its keys are held against the schema; what it means for a run is not read yet.
"""

from __future__ import annotations

from ftlint.dialects.dialect import Dialect, Markers, Recognition, as_omegaconf
from ftlint.dialects.outline import Outline
from ftlint.syntax.document import Format

_MARKERS = Markers(
    anchors=(
        frozenset({"defaults"}),
        frozenset({"hydra"}),
        frozenset({"_target_"}),
        frozenset({"actor_rollout_ref"}),
    ),
    typical=frozenset("trainer data algorithm critic reward_model ray_kwargs".split()),
    foreign=frozenset(
        {
            "jobs",
            "on",
            "runs-on",
            "compute_environment",
            "model_name_or_path",
            "services",
            "base_model",
            "version",
            "updates",
        }
    ),
)


def _recognise(outline: Outline) -> Recognition | None:
    return _MARKERS.recognise("hydra", outline)


DIALECT = Dialect(
    name="hydra",
    title="Hydra config",
    formats=frozenset({Format.YAML}),
    recognise=_recognise,
    scalar=as_omegaconf,
    schemas=("hydra",),
)
