"""Training scripts on transformers: what the trace of a script says about the run it starts."""

from __future__ import annotations

from ftlint.dialects.dialect import PartialRun
from ftlint.run.versions import VersionView
from ftlint.trace import ScriptTrace


def lower_script(trace: ScriptTrace, versions: VersionView) -> tuple[PartialRun, ...]:
    """The runs that a script starts."""
    del trace, versions
    return ()
