"""Pydantic models as a whole, and what their validators do with keys before the fields are looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harvest.releases_made import class_of, shapes
from tools.harvest import pydantic_models, validators

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


VALIDATED = """
    from pydantic import BaseModel, field_validator, model_validator

    class Mixin:
        @model_validator(mode="before")
        @classmethod
        def refuse(cls, data):
            if data.get("gone"):
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

        @model_validator(mode="after")
        def later(self):
            if self.new:
                raise ValueError
            return self
"""


def test_what_validators_move_and_refuse(tmp_path: Path) -> None:
    made = shapes(tmp_path, settings=VALIDATED)
    assert validators.deprecations(class_of(made, "demo.settings.Settings"), made) == {
        "gone": {"effect": "error"},
        "old": {"by": "new", "effect": "moved"},
        "unlisted": {"by": "new", "effect": "moved"},
        "never": {"effect": "error"},
    }


def test_only_validators_before_the_fields_are_followed(tmp_path: Path) -> None:
    made = shapes(tmp_path, settings=VALIDATED)
    found = validators.before(class_of(made, "demo.settings.Settings"), made)
    assert {function.node.name: validators.values_of(function) for function in found} == {
        "move": "data",
        "refuse": "data",
    }
