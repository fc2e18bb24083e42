"""The exact path: the real model class asked what one training step keeps, without its weights and without a GPU.

    found = exact_step(step)     # seconds; the second time from the cache
    found.kept_bytes, found.layer_peak_bytes, found.loss_peak_bytes

Needs the extra `exact` (torch, transformers, peft), and runs only where a user asks for it. The model comes from
transformers' own classes by model type; code that ships with a model is never loaded.
"""

from __future__ import annotations

from ftlint.exact.extending import ExactStep, exact_step

__all__ = ["ExactStep", "exact_step"]
