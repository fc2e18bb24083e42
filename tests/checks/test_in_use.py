"""A key in the releases in use: where the level has it, where one that it builds on has it, where nobody."""

from __future__ import annotations

from ftlint.checks.schema.in_use import SchemasInUse
from ftlint.knowledge.schemas import Schema
from ftlint.run.versions import Admissible, VersionView

RAW = {
    "x-package": "made-up",
    "x-releases": ["1.0", "2.0", "3.0"],
    "$defs": {
        "Command": {"allOf": [{"$ref": "#/$defs/Config"}, {"$ref": "#/$defs/Later"}], "properties": {"own": {}}},
        "Config": {"properties": {"gone": {"x-until": "1.0"}, "stays": {}}},
        "Later": {"x-since": "3.0", "properties": {"new": {}}},
    },
}


def in_use(*releases: str) -> SchemasInUse:
    return SchemasInUse(VersionView({"made-up": Admissible(releases, ())}))


def test_a_base_that_is_not_there_yet_gives_no_keys() -> None:
    level = Schema("made-up", RAW).level("Command")
    assert level is not None
    found = in_use("2.0").availability(level, "gone")
    assert (found.absent, found.offers, found.unread) == (("2.0",), (), False)
    assert in_use("2.0").availability(level, "new").absent == ("2.0",)
    assert in_use("3.0").availability(level, "new").always
    assert in_use("2.0").availability(level, "stays").always


def test_of_a_level_that_is_not_there_nothing_is_said() -> None:
    level = Schema("made-up", RAW).level("Later")
    assert level is not None
    assert in_use("2.0").availability(level, "new").unread


def test_between_two_releases_in_which_a_base_came_nothing_is_said() -> None:
    level = Schema("made-up", RAW).level("Command")
    assert level is not None
    assert in_use("2.5").availability(level, "new").unread
