"""By what a script imports it is told whether it is a training script, and of which libraries."""

from __future__ import annotations

import re

from ftlint.record import record
from ftlint.syntax.document import ScriptDocument

# The first one found names the dialect; all of them are read by the same trace.
LIBRARIES = ("trl", "peft", "transformers", "accelerate", "deepspeed", "lightning", "torch")
_IMPORT = re.compile(rf"^[ \t]*(?:from|import)[ \t]+({'|'.join(LIBRARIES)})\b", re.MULTILINE)


@record
class ScriptKind:
    """What a script was taken for: the training libraries it imports, most specific first; none: left alone."""

    libraries: tuple[str, ...]

    @property
    def dialect(self) -> str | None:
        """`transformers` where anything above plain PyTorch is imported, else `torch`, else none."""
        if not self.libraries:
            return None
        return "torch" if self.libraries == ("torch",) else "transformers"

    @property
    def why(self) -> str:
        """A sentence for `ftlint check -v`."""
        return f"imports {', '.join(self.libraries)}" if self.libraries else "imports no training library"


def explain_script(document: ScriptDocument) -> ScriptKind:
    """The libraries a script imports, read off its text, so that a script that does not parse is recognised too."""
    imported = {match[1] for source in document.sources for match in _IMPORT.finditer(source.text)}
    return ScriptKind(tuple(name for name in LIBRARIES if name in imported))
