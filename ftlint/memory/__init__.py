"""What a run needs on its GPUs and in its nodes' RAM: pure functions of a run, no files, no clock, no environment.

    found = estimate(run, versions=view)   # None: the model or the way it is trained cannot be seen
    found.verdict, found.host_total, found.terms
    estimate_json(found)                   # the object that `ftlint estimate` prints

Terms live in one module per family; `estimating.py` lists them.
"""

from __future__ import annotations

from ftlint.memory.as_json import estimate_json
from ftlint.memory.estimate import Assumption, Estimate, Interval, Moment, Place, Term, Verdict
from ftlint.memory.estimating import estimate, why_not

__all__ = [
    "Assumption",
    "Estimate",
    "Interval",
    "Moment",
    "Place",
    "Term",
    "Verdict",
    "estimate",
    "estimate_json",
    "why_not",
]
