"""Pydantic models as a whole, and what their validators do with keys before the fields are looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.harvest.releases_made import class_of, shapes
from tools.harvest import compared_before, field_validators, pydantic_models, validators

MODELS = """
    from pydantic import BaseModel, ConfigDict, Extra, Field, field_validator, model_validator, root_validator

    class Plain(BaseModel):
        name: str = "x"

    class New(BaseModel):
        model_config = ConfigDict(extra="forbid", populate_by_name=True)

    class Heir(New):
        model_config = {"strict": True}

    class Old(BaseModel):
        class Config:
            extra = Extra.allow
            allow_population_by_field_name = True

    class Said(BaseModel, extra="forbid"):
        pass
"""


@pytest.mark.parametrize(
    ("name", "values", "unknown", "takes_names"),
    [
        ("Plain", "pydantic", "ignored", False),
        ("New", "pydantic", "error", True),
        ("Heir", "pydantic-strict", "error", True),
        ("Old", "pydantic", "open", True),
        ("Said", "pydantic", "error", False),
    ],
)
def test_how_a_model_is_configured(tmp_path: Path, name: str, values: str, unknown: str, takes_names: bool) -> None:
    made = shapes(tmp_path, settings=MODELS)
    reference = class_of(made, f"demo.settings.{name}")
    assert pydantic_models.keywords(reference, made) == {"x-values": values, "x-unknown": unknown}
    assert pydantic_models.takes_names(reference, made) is takes_names


NULLS = """
    from pydantic import BaseModel, model_validator

    class Given(BaseModel):
        @model_validator(mode="before")
        def given(cls, values):
            if values is None:
                return {}
            return values

    class Asked(BaseModel):
        @model_validator(mode="before")
        def asked(cls, values):
            if values.get("name") is None:
                values["name"] = "x"
            return values

    class Plain(BaseModel):
        name: str = "x"
"""


@pytest.mark.parametrize(("name", "takes_null"), [("Given", True), ("Asked", False), ("Plain", False)])
def test_a_model_that_its_validator_makes_of_null_takes_null(tmp_path: Path, name: str, takes_null: bool) -> None:
    made = shapes(tmp_path, settings=NULLS)
    found = pydantic_models.referred("#/$defs/it", class_of(made, f"demo.settings.{name}"), made)
    reference = {"$ref": "#/$defs/it"}
    assert found == ({"anyOf": [reference, {"type": "null"}]} if takes_null else reference)


VALIDATED = """
    from pydantic import BaseModel, field_validator, model_validator

    class Mixin:
        @model_validator(mode="before")
        @classmethod
        def refuse(cls, data):
            if data.get("gone"):
                raise ValueError("no longer supported")
            removed = ["first", "second"]
            found = [key for key in removed if data.get(key)]
            if found:
                raise ValueError("no longer supported")
            if data.get("mode") != "a":
                return data
            if data.get("only_in_mode_a"):
                raise ValueError("not in this mode")
            return data

    class Settings(Mixin, BaseModel):
        new: int | None = None
        old: int | None = None
        lent: int | None = None
        never: bool | None = None
        ever: bool | None = None

        @model_validator(mode="before")
        @classmethod
        def move(cls, data):
            if data.get("old"):
                data["new"] = data.pop("old")
            if data.get("lent"):
                data["new"] = data.get("lent")
            if "unlisted" in data:
                data["new"] = data["unlisted"]
            return data

        @field_validator("never")
        @classmethod
        def check(cls, value):
            if value:
                raise DeprecationWarning("`never` is no more")
            return value

        @field_validator("ever")
        @classmethod
        def check_ever(cls, value):
            if value is not None:
                raise DeprecationWarning("`ever` is no more")
            return value

        @model_validator(mode="after")
        def later(self):
            if self.new:
                raise ValueError
            return self
"""


def test_what_validators_move_and_refuse(tmp_path: Path) -> None:
    made = shapes(tmp_path, settings=VALIDATED)
    assert validators.deprecations(class_of(made, "demo.settings.Settings"), made) == {
        "gone": {"effect": "error", "unless": "falsy"},
        "first": {"effect": "error", "unless": "falsy"},
        "second": {"effect": "error", "unless": "falsy"},
        "old": {"by": "new", "effect": "moved"},
        "unlisted": {"by": "new", "effect": "moved"},
        "never": {"effect": "error", "unless": "falsy"},
        "ever": {"effect": "error"},
    }


def test_only_validators_before_the_fields_are_followed(tmp_path: Path) -> None:
    made = shapes(tmp_path, settings=VALIDATED)
    found = validators.before(class_of(made, "demo.settings.Settings"), made)
    assert {function.node.name: validators.values_of(function) for function in found} == {
        "move": "data",
        "refuse": "data",
    }


CHECKED = """
    from pydantic import BaseModel, field_validator

    KERNELS = frozenset({"eager", "sdpa"})

    def as_dtype(v):
        if v is None:
            return None
        if v == "int4":
            return 4
        if v in ["fp8", "float8"]:
            return 8
        raise ValueError("no dtype")

    class Settings(BaseModel):
        dtype: str | None = None
        kernel: str | None = None
        policy: str | None = None
        resize: int | str | None = None
        alpha: float | None = None
        free: str | None = None

        @field_validator("dtype", mode="before")
        @classmethod
        def check_dtype(cls, v):
            return as_dtype(v)

        @field_validator("kernel", mode="before")
        @classmethod
        def check_kernel(cls, value):
            if value in KERNELS:
                return value
            if "/" in value:
                return value
            if value in ALIASES:
                raise ValueError("write the long name")
            raise ValueError("no kernel")

        @field_validator("policy", mode="before")
        @classmethod
        def check_policy(cls, value):
            valid = {"auto", "always"}
            if str(value).lower() not in valid:
                raise ValueError("no policy")
            return str(value).lower()

        @field_validator("resize", mode="before")
        @classmethod
        def check_resize(cls, value):
            if isinstance(value, str):
                value = value.lower()
                if value == "linear":
                    value = 1
                elif value == "cubic":
                    value = 2
                else:
                    raise ValueError("no way to resize")
            return value

        @field_validator("alpha")
        @classmethod
        def check_alpha(cls, alpha):
            if alpha is not None and alpha <= 0.0:
                raise ValueError("must be positive")
            return alpha

        @field_validator("free")
        @classmethod
        def check_free(cls, value):
            if value == "x":
                return value
            return value
"""


def test_what_validators_of_single_fields_let_pass(tmp_path: Path) -> None:
    made = shapes(tmp_path, settings=CHECKED)
    keys = ("dtype", "kernel", "policy", "resize", "alpha", "free")
    text = {"type": ["string", "null"], "default": None}
    found = field_validators.demanded(class_of(made, "demo.settings.Settings"), {key: dict(text) for key in keys}, made)
    checked = {key: shape.get("x-checked") for key, shape in found.items()}
    assert checked == {
        "dtype": [{"kind": "enum"}],
        "kernel": [{"kind": "enum"}],
        "policy": [{"kind": "enum", "fold": True}],
        "resize": [{"kind": "enum", "fold": True}],
        "alpha": [{"kind": "range", "exclusiveMinimum": 0.0}],
        "free": None,
    }
    assert found["dtype"]["enum"] == ["int4", "fp8", "float8", None]
    parts: Any = found["kernel"]["anyOf"]
    words, pattern = parts
    assert set(words["enum"]) == {"eager", "sdpa", None}
    assert pattern == {"type": "string", "pattern": "/"}
    assert found["free"] == text


COMPARED = """
    from pydantic import BaseModel, model_validator

    class Sizes(BaseModel):
        @model_validator(mode="before")
        def sizes(cls, data):
            size = data.get("size")
            if size is not None and size > 1:
                data["other"] = size
            if data.get("other") > 1:
                raise ValueError("replaced before it is asked")
            if data.get("flag"):
                if data.get("flagged") > 1:
                    raise ValueError("only where another key is given, whatever it is")
            if data.get("first") is None and data.get("second") is None:
                if data.get("steps") > 0:
                    data["first"] = 1
            if data.get("size") == 3:
                return data
            if data.get("late") > 1:
                raise ValueError("the way may have ended before")
            return data

        @model_validator(mode="before")
        def replaces(cls, data):
            data["elsewhere"] = 1
            return data

        @model_validator(mode="before")
        def asks(cls, data):
            if data.get("elsewhere") > 1:
                raise ValueError("replaced, perhaps")
            return data

        @model_validator(mode="after")
        def later(self):
            if self.converted > 1:
                raise ValueError("a number by now")
            return self
"""


def test_what_validators_compare_before_anything_is_converted(tmp_path: Path) -> None:
    made = shapes(tmp_path, settings=COMPARED)
    assert compared_before.compared(class_of(made, "demo.settings.Sizes"), made) == {
        "size": [{"kind": "number"}],
        "steps": [{"kind": "number", "if": {"first": None, "second": None}}],
    }
