"""Which library turns a settings file into values, where that decides what becomes of duplicates and comments."""

from __future__ import annotations

from enum import Enum

from ftlint.project.view import ProjectView
from ftlint.syntax.document import DataDocument, Format


class Loader(Enum):
    """A library that loads settings. Its value is what a message calls it."""

    JSON = "json.load"
    HJSON = "DeepSpeed's own loader"
    PYYAML = "PyYAML"
    OMEGACONF = "OmegaConf"


_OMEGACONF = frozenset({"torchtune", "hydra", "verl"})
_REFUSES_DUPLICATES = frozenset({Loader.HJSON, Loader.OMEGACONF})


def loaders_of(document: DataDocument, project: ProjectView) -> frozenset[Loader]:
    """The libraries that may load the document; empty where the admissible releases use several in turn."""
    dialect = project.dialect_of(document)
    name = dialect.name if dialect is not None else ""
    if name == "deepspeed" and document.format is Format.JSON:
        readers = project.deepspeed_readers(document.path)
        return frozenset(Loader.HJSON if reader == "deepspeed" else Loader.JSON for reader in readers)
    if document.format is Format.JSON:
        return frozenset({Loader.JSON})
    if name == "llamafactory":
        loader = project.versions.behaviour("yaml_loader").value
        return frozenset(
            {Loader.OMEGACONF if loader == "omegaconf" else Loader.PYYAML} if loader in ("omegaconf", "pyyaml") else ()
        )
    return frozenset({Loader.OMEGACONF if name in _OMEGACONF else Loader.PYYAML})


def refuses_duplicates(loader: Loader) -> bool:
    """Whether that library raises on a key that is written twice; the others keep the last."""
    return loader in _REFUSES_DUPLICATES
