"""PEFT: the settings of every method, and the functions that apply them to a model."""

from __future__ import annotations

from collections.abc import Iterator

from tools.harvest.frameworks import Framework
from tools.harvest.histories import Snapshot
from tools.harvest.packages import Plan, Source
from tools.harvest.python_source import ClassRef, External, FunctionRef, Modules, Shapes
from tools.harvest.python_source.levels import Behaviour, Levels, by_name

CONSTRUCTED = Behaviour("unchecked", "error")
FUNCTIONS = (
    "get_peft_model",
    "inject_adapter_in_model",
    "prepare_model_for_int8_training",
    "prepare_model_for_kbit_training",
)
MODEL = "peft.peft_model.PeftModel"


class _Release:
    """One release, read."""

    def __init__(self, source: Source) -> None:
        self.modules = Modules(source)
        self.shapes = Shapes(self.modules)
        self.levels = Levels(self.shapes, self._above)
        classes = self.shapes.classes
        self.settings = by_name(
            classes,
            (
                reference
                for reference in classes.defined.values()
                if reference.name.endswith("Config") and classes.is_dataclass(reference)
            ),
        )

    def _above(self, base: ClassRef | External) -> str | None:
        is_level = isinstance(base, ClassRef) and base.name in self.settings
        return f"#/$defs/{base.dotted.rpartition('.')[2]}" if is_level else None

    def all_levels(self) -> Iterator[tuple[str, dict[str, object]]]:
        for name, references in self.settings.items():
            # 0.5.0 and 0.6.2 carry an old copy of their classes in `peft.utils.config`, which nothing imports.
            offered = [one for one in references if len(self.modules.imports_of(one)) > 1]
            yield name, self.levels.of_dataclass([*offered, *references][0], CONSTRUCTED)
        for name in FUNCTIONS:
            function = self.modules.find(f"peft.{name}")
            if isinstance(function, FunctionRef):
                behaviour = Behaviour("unchecked", "open") if self.shapes.classes.takes_any(function) else CONSTRUCTED
                yield name, self.levels.of_function(function, behaviour, self.modules.imports_of(function))
        yield from self.loading()

    def loading(self) -> Iterator[tuple[str, dict[str, object]]]:
        """`PeftModel.from_pretrained`, which hands what it does not know to the loaders below it."""
        model = self.modules.find_class(MODEL)
        assert model is not None, f"no {MODEL}"
        function = self.shapes.classes.own_method(model, "from_pretrained")
        assert function is not None
        kinds = by_name(
            self.shapes.classes,
            (one for one in self.shapes.classes.defined.values() if model in self.shapes.classes.order(one)),
        )
        imports = [f"peft.{name}.from_pretrained" for name in kinds if self.modules.find_class(f"peft.{name}")]
        level = self.levels.of_function(function, Behaviour("unchecked", "open"), imports, is_method=True)
        yield "PeftModel.from_pretrained", level


def snapshot(source: Source) -> Snapshot:
    """What one release says."""
    return dict(_Release(source).all_levels())


FRAMEWORK = Framework("PEFT", Plan("peft", "0.4"), snapshot)
