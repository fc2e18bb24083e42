"""What a framework can be installed with narrows what may be in use."""

from __future__ import annotations

from ftlint.knowledge.releases import releases
from ftlint.knowledge.required import _rows, compatible

RELEASES = ("4.46.1", "4.49.0", "4.57.1", "5.6.0", "5.23.0")


def test_only_what_some_release_of_the_owner_lets_in() -> None:
    assert compatible("transformers", RELEASES, "llamafactory", ("0.9.5",)) == ("4.57.1", "5.6.0")
    assert compatible("transformers", RELEASES, "llamafactory", ("0.9.2", "0.9.4")) == ("4.49.0", "4.57.1")


def test_all_where_it_is_not_known() -> None:
    assert compatible("transformers", RELEASES, "trl", ("1.16.0",)) == RELEASES
    assert compatible("transformers", RELEASES, "llamafactory", ("0.9.5", "99.0")) == RELEASES
    assert compatible("transformers", ("1.0",), "llamafactory", ("0.9.5",)) == ("1.0",)
    assert compatible("transformers", RELEASES, "llamafactory", ()) == RELEASES


def test_every_row_is_a_release_we_know() -> None:
    for owner, rows in _rows().items():
        known = {release.version for release in releases(owner)}
        assert set(rows) <= known
