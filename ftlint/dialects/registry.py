"""All dialects, and the question which of them a document is written in."""

from __future__ import annotations

from ftlint.dialects import accelerate, axolotl, deepspeed, hydra, llamafactory, torchtune, trl, verl
from ftlint.dialects.dialect import Dialect, Recognition
from ftlint.dialects.outline import Outline
from ftlint.record import record
from ftlint.syntax.document import DataDocument

DIALECTS: tuple[Dialect, ...] = (
    accelerate.DIALECT,
    axolotl.DIALECT,
    deepspeed.DIALECT,
    hydra.DIALECT,
    llamafactory.DIALECT,
    torchtune.DIALECT,
    trl.DIALECT,
    verl.DIALECT,
)
BY_NAME = {dialect.name: dialect for dialect in DIALECTS}


@record
class Explained:
    """What a document was taken for; `why` is a sentence for `ftlint check -v`."""

    dialect: Dialect | None
    why: str


def explain(document: DataDocument, named: str | None = None) -> Explained:
    """The dialect of a data document: the one named in the settings, else by its content, else none."""
    if named is not None:
        return Explained(BY_NAME[named], "named in the settings")
    outline = Outline(document)
    if not outline.top:
        return Explained(None, "its top level is no mapping")
    found = [
        (recognition, dialect)
        for dialect in DIALECTS
        if document.format in dialect.formats and (recognition := dialect.recognise(outline)) is not None
    ]
    if not found:
        return Explained(None, "no dialect's keys are in it")
    heaviest = max(recognition.weight for recognition, _ in found)
    best = [(recognition, dialect) for recognition, dialect in found if recognition.weight == heaviest]
    if len(best) > 1:
        names = " or ".join(dialect.name for _, dialect in best)
        return Explained(None, f"it could be {names}; name it under [files] in the settings")
    ((recognition, dialect),) = best
    return Explained(dialect, _sentence(recognition))


def _sentence(recognition: Recognition) -> str:
    return " ".join(recognition.reasons)


def is_referable(name: str | None) -> bool:
    """Whether files of that dialect are read because another file names them."""
    return name is not None and name in BY_NAME and BY_NAME[name].is_referable
