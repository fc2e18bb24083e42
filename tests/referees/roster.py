"""Which referees there are: who judges, in which environment, and what a project looks like that holds such a file."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

CONFIGS = Path(__file__).with_name("configs")


@dataclass(frozen=True)
class Referee:
    """One judge and its kind of file.

    `form`: "json", "yaml" or "call". `dialect`, `integration`: what ftlint.toml says of the file. `companions`: further
    files of the project, `{root}` filled in. `package`: where a call's class is imported from. `environment`: the
    variable that names the Python of an environment of its own. `judge`: the dotted name of one outside of `judges/`.
    """

    name: str
    form: str
    filename: str
    configs: str
    dialect: str = ""
    integration: str = ""
    companions: tuple[tuple[str, str], ...] = ()
    package: str = ""
    environment: str = ""
    corpus_kinds: tuple[str, ...] = ()
    judge: str = ""

    @property
    def python(self) -> str | None:
        """The interpreter that has the framework; None where its environment has not been built."""
        if not self.environment:
            return sys.executable
        return os.environ.get(self.environment)

    def settings(self, versions: dict[str, str]) -> str:
        """ftlint.toml of one such project: what decides is pinned to what the referee has installed."""
        lines = ["[versions]", *(f'{name} = "{version}"' for name, version in versions.items())]
        if self.dialect:
            lines += ["[files]", f'"{self.filename}" = "{self.dialect}"']
        if self.integration:
            lines += ["[deepspeed]", f'integration = "{self.integration}"']
        return "\n".join(lines) + "\n"


def _deepspeed(name: str, integration: str) -> Referee:
    return Referee(
        name, "json", "ds_config.json", "deepspeed", "deepspeed", integration, corpus_kinds=("deepspeed_json",)
    )


REFEREES: tuple[Referee, ...] = (
    _deepspeed("deepspeed", "deepspeed"),
    _deepspeed("deepspeed_in_transformers", "transformers"),
    _deepspeed("deepspeed_in_accelerate", "accelerate"),
    Referee("training_arguments", "call", "train.py", "training_arguments", package="transformers"),
    Referee("trl", "call", "train.py", "trl", package="trl"),
    Referee(
        "trl_yaml",
        "yaml",
        "config.yaml",
        "trl_yaml",
        "trl",
        companions=(("run.sh", "trl {root} --config config.yaml\n"),),
        corpus_kinds=("trl_recipe_yaml",),
    ),
    Referee(
        "accelerate",
        "yaml",
        "config.yaml",
        "accelerate",
        "accelerate",
        companions=(("run.sh", "accelerate launch --config_file config.yaml train.py\n"),),
        corpus_kinds=("accelerate_yaml",),
    ),
    Referee(
        "axolotl",
        "yaml",
        "config.yaml",
        "axolotl",
        "axolotl",
        environment="FTLINT_REFEREE_AXOLOTL",
        corpus_kinds=("axolotl_yaml",),
    ),
    Referee(
        "llamafactory",
        "yaml",
        "config.yaml",
        "llamafactory",
        "llamafactory",
        environment="FTLINT_REFEREE_LLAMAFACTORY",
        corpus_kinds=("llamafactory_yaml",),
    ),
)
BY_NAME = {referee.name: referee for referee in REFEREES}
