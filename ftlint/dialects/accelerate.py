"""Accelerate's launch configuration, as `accelerate config` writes it.

Recognised and named, but not read yet: `ftlint check` leaves such a file alone.
"""

from __future__ import annotations

from ftlint.dialects.dialect import Dialect, Markers, Recognition
from ftlint.dialects.outline import Outline
from ftlint.syntax.document import Format

_MARKERS = Markers(
    anchors=(
        frozenset({"compute_environment"}),
        frozenset({"distributed_type"}),
        frozenset({"fsdp_config", "mixed_precision"}),
        frozenset({"deepspeed_config", "num_processes"}),
    ),
    typical=frozenset(
        (
            "num_processes num_machines mixed_precision machine_rank rdzv_backend same_network "
            "main_training_function downcast_bf16 debug use_cpu tpu_env fsdp_config deepspeed_config gpu_ids "
            "main_process_ip main_process_port enable_cpu_affinity"
        ).split()
    ),
    foreign=frozenset({"model_name_or_path", "base_model"}),
)


def _recognise(outline: Outline) -> Recognition | None:
    return _MARKERS.recognise("accelerate", outline)


DIALECT = Dialect(
    name="accelerate",
    title="Accelerate config",
    formats=frozenset({Format.YAML, Format.JSON}),
    recognise=_recognise,
)
