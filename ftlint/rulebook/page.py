"""What a rule page says: its front matter as typed fields, its text and examples read when somebody asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ftlint.findings import Applicability, Severity
from ftlint.record import record

if TYPE_CHECKING:
    from ftlint.rulebook.examples import Example
    from ftlint.rulebook.reading import PageText
    from ftlint.rulebook.when import Condition

SettingValue: TypeAlias = "bool | int | float | str | list[SettingValue] | dict[str, SettingValue] | None"

AREAS = {
    "AC": "Accelerate",
    "AX": "Axolotl",
    "BNB": "bitsandbytes",
    "CFG": "syntax and schema",
    "DEV": "device placement",
    "DS": "DeepSpeed",
    "DTY": "dtype",
    "FSDP": "FSDP",
    "HF": "transformers",
    "HY": "Hydra and OmegaConf",
    "LF": "LLaMA-Factory",
    "LNCH": "launchers",
    "MEM": "memory",
    "PEFT": "PEFT",
    "PT": "plain PyTorch",
    "RUN": "across files",
    "SAVE": "checkpoints",
    "TRL": "TRL",
    "TT": "torchtune",
    "VERL": "verl",
}
"""The letters of our codes and what they stand for; house rules may use others."""

CODE = r"[A-Z]{2,8}[0-9]{3}"
NAME = r"[a-z0-9]+(-[a-z0-9]+)*"


class Subject(Enum):
    """What a rule is asked about."""

    KEYS = "keys"
    LEVEL = "level"
    RUN = "run"
    SCRIPT = "script"
    BUILTIN = "builtin"


ANY_DIALECT = "any"
"""In `dialect`: keys of every dialect, for checks that read schemas."""


@record
class FixTemplate:
    """One fix that a page offers. `set`, `delete`, `rename` speak of keys; a check fills the fix of that `name`."""

    title: str
    applicability: Applicability
    name: str | None = None
    set: Mapping[str, SettingValue] = field(default_factory=dict)
    delete: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)


@record
class Rule:
    """One rule. Exactly one of `when`, `check` and `builtin` (the engine itself finds it) says how it is found."""

    code: str
    name: str
    severity: Severity
    title: str
    message: str
    path: Path
    dialects: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    when: str | None = None
    check: str | None = None
    builtin: bool = False
    at: str | None = None
    fixes: tuple[FixTemplate, ...] = ()
    log: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    url: str = ""

    def __str__(self) -> str:
        return self.code

    @property
    def area(self) -> str:
        """The letters of the code."""
        return area_of(self.code)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """What the rule is asked about: one thing, or the keys of documents and scripts alike."""
        if self.builtin:
            return (Subject.BUILTIN,)
        if self.levels:
            return (Subject.LEVEL,)
        special = {"run": Subject.RUN, "script": Subject.SCRIPT}
        return tuple(dict.fromkeys(special.get(dialect, Subject.KEYS) for dialect in self.dialects))

    @property
    def subject(self) -> Subject:
        """What the rule is asked about first."""
        return self.subjects[0]

    def reads_dialect(self, dialect: str) -> bool:
        """Whether the rule is asked about keys of that dialect."""
        return dialect in self.dialects or ANY_DIALECT in self.dialects

    @property
    def condition(self) -> Condition | None:
        """`when`, compiled when first asked for."""
        if self.when is None:
            return None
        from ftlint.rulebook.when import parse_when

        return parse_when(self.when)

    @property
    def doc(self) -> str:
        """The whole text of the page below its front matter, as Markdown."""
        return self._page().body

    @property
    def prose(self) -> str:
        """The text of the page without title and examples: what hover shows."""
        from ftlint.rulebook.body import prose_of

        return prose_of(self.doc)

    @property
    def examples(self) -> tuple[Example, ...]:
        """The page's examples, in its order."""
        from ftlint.rulebook.body import parse_examples

        page = self._page()
        return parse_examples(self.code, page.body, self.path, page.body_row)

    def _page(self) -> PageText:
        # A check works with cached front matters; it reads no page and needs nothing that can.
        from ftlint.rulebook.reading import read_page

        return read_page(self.path)


def area_of(code: str) -> str:
    """The letters a code begins with."""
    return code.rstrip("0123456789")
