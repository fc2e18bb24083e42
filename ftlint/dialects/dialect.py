"""What a dialect is: how a document of it is recognised, how its keys are read, how they are lowered to run facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from ftlint.dialects.outline import Outline
from ftlint.record import record
from ftlint.run.fact import Fact
from ftlint.run.key import KeySet
from ftlint.run.run import Run
from ftlint.run.versions import VersionView
from ftlint.syntax.document import DataNode, Format, Scalar
from ftlint.syntax.scalars import ScalarRules, ScalarValue, resolve


@record
class Recognition:
    """That a document is of a dialect, and by which signs; `reasons` are for `ftlint check -v`."""

    dialect: str
    reasons: tuple[str, ...]
    weight: int  # how many signs speak for it; the heavier of two dialects wins


@record
class Markers:
    """The top-level keys by which people's files of one dialect are told from everybody else's.

    `anchors`: groups of keys; one group must be there whole. `typical`: keys that add weight. `foreign`: keys that
    prove the file belongs to another program which happens to use some of the same words. Dots reach below.
    """

    anchors: tuple[frozenset[str], ...]
    typical: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()

    def recognise(self, dialect: str, outline: Outline) -> Recognition | None:
        """The signs found in that outline, or None."""
        if any(outline.has(key) for key in self.foreign):
            return None
        anchors = [group for group in self.anchors if all(outline.has(key) for key in group)]
        if not anchors:
            return None
        best = max(anchors, key=lambda group: (len(group), sorted(group)))
        supporting = sorted(key for key in self.typical if outline.has(key) and key not in best)
        reasons = (f"has {', '.join(sorted(best))}", *((f"and {', '.join(supporting[:5])}",) if supporting else ()))
        return Recognition(dialect, reasons, len(best) * 2 + len(supporting))


@record
class Reference:
    """A path that a document names: of what dialect the file there is, and whether the run needs it to be a file."""

    dialect: str
    fact: Fact[str]


@record
class PartialRun:
    """What one document says about a run: facts, and the files that say the rest.

    `starts_run`: a person launches this file, so a run begins here.
    """

    facts: Run
    references: tuple[Reference, ...] = ()
    starts_run: bool = False
    tags: frozenset[str] = field(default_factory=frozenset)


def as_pyyaml(scalar: Scalar, _versions: VersionView) -> ScalarValue:
    """What PyYAML makes of a scalar, which is what most programs load with."""
    return resolve(scalar, ScalarRules.PYYAML)


def as_omegaconf(scalar: Scalar, _versions: VersionView) -> ScalarValue:
    """What OmegaConf makes of a scalar."""
    return resolve(scalar, ScalarRules.OMEGACONF)


def as_json(scalar: Scalar, _versions: VersionView) -> ScalarValue:
    """What `json.load` makes of a scalar."""
    return resolve(scalar, ScalarRules.JSON)


@record
class Dialect:
    """One dialect. One without `lower` and `schemas` is recognised and named, and left alone till we can read it."""

    name: str
    title: str
    formats: frozenset[Format]
    recognise: Callable[[Outline], Recognition | None]
    scalar: Callable[[Scalar, VersionView], ScalarValue] = as_pyyaml  # its meaning to the program that loads it
    lower: Callable[[KeySet, VersionView], PartialRun] | None = None
    root: Callable[[DataNode], DataNode] | None = None  # where the settings begin, if not at the top
    has_flags_for_keys: bool = False  # flags of the launching command take the place of keys
    is_referable: bool = False  # other files name such a file, and their runs then depend on it
    schemas: tuple[str, ...] = ()  # what the top of a document is: `deepspeed`, its root there, or `trl#SFTConfig`
    beyond_schemas: frozenset[str] = frozenset()  # top-level keys of the kinds of its files that no schema describes
