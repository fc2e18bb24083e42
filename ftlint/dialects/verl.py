"""verl's trainer tree, a Hydra tree whose sections have fixed names.

Recognised and named, but not read yet: `ftlint check` leaves such a file alone.
"""

from __future__ import annotations

from ftlint.dialects.dialect import Dialect, Markers, Recognition
from ftlint.dialects.outline import Outline
from ftlint.syntax.document import Format

_MARKERS = Markers(
    anchors=(
        frozenset({"actor_rollout_ref", "data", "trainer"}),
        frozenset({"actor_rollout_ref", "algorithm"}),
        frozenset({"train_files", "val_files", "max_prompt_length"}),
    ),
    typical=frozenset(
        "critic reward_model algorithm ray_kwargs custom_reward_function global_profiler transfer_queue".split()
    ),
)


def _recognise(outline: Outline) -> Recognition | None:
    return _MARKERS.recognise("verl", outline)


DIALECT = Dialect(
    name="verl",
    title="verl config",
    formats=frozenset({Format.YAML}),
    recognise=_recognise,
)
