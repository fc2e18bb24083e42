"""TRL: the settings classes and the trainers' constructors, those of `trl.experimental` too."""

from __future__ import annotations

from tools.harvest.frameworks import Framework
from tools.harvest.histories import Snapshot
from tools.harvest.packages import Plan, Source
from tools.harvest.python_source import Modules, Shapes


def snapshot(source: Source) -> Snapshot:
    """What one release says."""
    modules = Modules(source)
    shapes = Shapes(modules)
    levels = {}
    for reference in shapes.classes.defined.values():
        if reference.name.endswith("Config") and shapes.classes.is_dataclass(reference):
            levels[reference.name] = {
                "x-imports": modules.imports_of(reference),
                "x-positional": shapes.positional(reference),
                "x-values": "unchecked",
                "x-unknown": "error",
                "properties": shapes.fields(shapes.classes.fields(reference)),
            }
    return levels


FRAMEWORK = Framework("TRL", Plan("trl", "0.7"), snapshot)
