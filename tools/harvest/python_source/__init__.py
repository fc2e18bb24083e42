"""What the Python sources of one release say: names, classes, fields, values and types, read with `ast` alone."""

from tools.harvest.python_source.annotations import Annotations
from tools.harvest.python_source.classes import Classes, Field, Parameter
from tools.harvest.python_source.modules import ClassRef, External, FunctionRef, Module, Modules
from tools.harvest.python_source.shapes import Shapes
from tools.harvest.python_source.values import Expression, NotConstant, Values

__all__ = [
    "Annotations",
    "ClassRef",
    "Classes",
    "Expression",
    "External",
    "Field",
    "FunctionRef",
    "Module",
    "Modules",
    "NotConstant",
    "Parameter",
    "Shapes",
    "Values",
]
