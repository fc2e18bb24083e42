"""A YAML file as `axolotl train` reads it, as far as `validate_config`.

The command asks the machine for its GPU's capabilities and passes the answer to `validate_config`; here the answer is
that of an H100. `normalize_config` behind it needs the model's files and is left out.
"""

from __future__ import annotations

import logging
from typing import Any

PACKAGES = ("axolotl", "transformers", "pydantic")
H100 = {"bf16": True, "fp8": True, "tf32": True, "n_gpu": 1, "compute_capability": "sm_90"}


def prepare() -> None:
    """Imports axolotl's schema."""
    import axolotl.utils.config  # noqa: F401

    logging.disable(logging.CRITICAL)


def judge(root: str, text: str) -> None:
    """As axolotl.cli.config.load_cfg, without its telemetry."""
    import yaml
    from axolotl.utils.config import validate_config
    from axolotl.utils.dict import DictDefault

    cfg: Any = DictDefault(yaml.safe_load(text))
    cfg.axolotl_config_path = "config.yaml"
    validate_config(cfg, capabilities=dict(H100), env_capabilities={"torch_version": "2.13.0"})
