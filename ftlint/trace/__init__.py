"""What a training script does, in order: an abstract interpreter over `ast`. It runs nothing and knows no rule."""

from ftlint.trace.events import Event, Fed, Manner
from ftlint.trace.heap import Replacement, Weights
from ftlint.trace.trace import Path, ReplacedLayer, ScriptTrace, Sighting, Story, trace_script
from ftlint.trace.values import Loaded

__all__ = [
    "Event",
    "Fed",
    "Loaded",
    "Manner",
    "Path",
    "ReplacedLayer",
    "Replacement",
    "ScriptTrace",
    "Sighting",
    "Story",
    "Weights",
    "trace_script",
]
