"""Following a mapping through a program that asks it for its keys."""

from __future__ import annotations

from pathlib import Path

from tests.harvest.releases_made import class_of, shapes
from tools.harvest.keys_read import Reader, Reads
from tools.harvest.python_source import FunctionRef

CONSTANTS = """
    ROOT = "fp16"
    ENABLED = '''how it is written'''
    ENABLED = "enabled"
    ENABLED_DEFAULT = False
    TABLE = {"size": 1, "depth": None}
"""


def read(folder: Path, text: str, **modules: str) -> Reads:
    """What `load(config)` of the module `demo.settings` reads."""
    made = shapes(folder, settings=text, constants=CONSTANTS, **modules)
    function = made.modules.find("demo.settings.load")
    assert isinstance(function, FunctionRef)
    reads = Reads()
    Reader(made.modules).call(function, config=reads)
    return reads


def test_keys_are_followed_through_functions_and_modules(tmp_path: Path) -> None:
    text = """
        from .constants import *
        from .helpers import scalar

        def enabled(config):
            if ROOT in config.keys():
                return scalar(config[ROOT], ENABLED, ENABLED_DEFAULT)
            return False

        def load(config):
            return enabled(config), scalar(config, "steps", None)
    """
    reads = read(tmp_path, text, helpers="def scalar(table, name, default):\n    return table.get(name, default)")
    assert list(reads.keys) == ["fp16", "steps"]
    assert reads.keys["steps"].defaults == [None]
    assert reads.at("fp16").keys["enabled"].defaults == [False]


def test_a_key_is_demanded_only_where_no_condition_stands_before_it(tmp_path: Path) -> None:
    text = """
        def load(config):
            first = config["always"]
            if first:
                second = config["sometimes"]
            third = config.get("optional")
            fourth = first or config["perhaps"]
    """
    reads = read(tmp_path, text)
    demanded = {key for key, entry in reads.keys.items() if entry.is_demanded}
    assert demanded == {"always"}
    assert set(reads.keys) == {"always", "sometimes", "optional", "perhaps"}


def test_an_object_keeps_the_mapping(tmp_path: Path) -> None:
    text = """
        class Settings:
            def __init__(self, table):
                self.table = table
                self.inner = None
                self._fill(table["inner"])

            def _fill(self, inner):
                self.inner = inner.get("deep", 1.5)

            @property
            def name(self):
                return self.table["name"]

        def load(config):
            return Settings(config).name
    """
    reads = read(tmp_path, text)
    assert set(reads.keys) == {"inner", "name"}
    assert reads.at("inner").keys["deep"].defaults == [1.5]


def test_constants_are_looped_over(tmp_path: Path) -> None:
    text = """
        from .constants import TABLE

        def load(config):
            found = {key: config.get(key, {}) for key in ("left", "right")}
            for key, default in TABLE.items():
                found[key] = config.get(key, default)
    """
    reads = read(tmp_path, text)
    assert {key: entry.defaults for key, entry in reads.keys.items()} == {
        "left": [{}],
        "right": [{}],
        "size": [1],
        "depth": [None],
    }


def test_what_a_table_had_is_meant_when_a_mapping_is_poured_into_it(tmp_path: Path) -> None:
    text = """
        def load(config):
            table = {"stages": "auto", "seed": False}
            for key, value in config.get("pipeline", {}).items():
                table[key] = value
            return table
    """
    pipeline = read(tmp_path, text).at("pipeline")
    assert pipeline.is_open
    assert {key: entry.defaults for key, entry in pipeline.keys.items()} == {"stages": ["auto"], "seed": [False]}


def test_every_value_of_a_mapping_may_be_read_alike(tmp_path: Path) -> None:
    text = """
        def load(config):
            groups = config["groups"]
            for name in groups.keys():
                groups[name].get("bits", 8)
            for name, group in groups.items():
                group["modules"]
    """
    each = read(tmp_path, text).at("groups").each
    assert each is not None
    assert set(each.keys) == {"bits", "modules"}


def test_what_a_mapping_is_unpacked_into(tmp_path: Path) -> None:
    text = """
        class Model:
            pass

        class Parts:
            pass

        def load(config):
            Model(**config.get("model", {}))
            Parts(**{name: config[name] for name in ("left",)})
    """
    reads = read(tmp_path, text)
    (model,) = reads.at("model").targets
    (left,) = reads.at("left").targets
    assert model.reference is not None
    assert left.reference is not None
    assert (model.reference.node.name, model.parameter) == ("Model", None)
    assert (left.reference.node.name, left.parameter) == ("Parts", "left")


def test_a_key_that_is_asked_for_only_to_raise(tmp_path: Path) -> None:
    text = """
        def load(config):
            for key in ("gone", "lost"):
                if key in config:
                    raise ValueError(key)
            if "kept" in config:
                return config["kept"]
    """
    refused = {key: entry.is_refused for key, entry in read(tmp_path, text).keys.items()}
    assert refused == {"gone": True, "lost": True, "kept": False}


def test_attributes_are_keys_where_the_format_has_it_so(tmp_path: Path) -> None:
    text = """
        import config as makers

        class Recipe:
            def __init__(self, cfg):
                self.device = cfg.device
                self.steps = cfg.get("steps", 10)

            def setup(self, cfg):
                self.model = makers.instantiate(cfg.model, self.device, dtype=1)
                getattr(cfg, "seed", None)
    """
    made = shapes(tmp_path, settings=text)
    reads = Reads()
    reader = Reader(made.modules, by_attribute=True, makers=("makers.instantiate",))
    reader.use(class_of(made, "demo.settings.Recipe"), ("__init__", {"cfg": reads}), ("setup", {"cfg": reads}))
    assert list(reads.keys) == ["device", "steps", "model", "seed"]
    assert [key for key, entry in reads.keys.items() if entry.is_demanded] == ["device", "model"]
    (target,) = reads.at("model").targets
    assert (target.keywords, target.num_positional) == (frozenset({"dtype"}), 1)


def test_programs_that_call_themselves_end(tmp_path: Path) -> None:
    text = """
        def load(config):
            config.get("again")
            load(config)
            other(config.get("below", {}), 0)

        def other(config, depth):
            other(config.get("below", {}), depth + 1)
    """
    assert set(read(tmp_path, text).keys) == {"again", "below"}
