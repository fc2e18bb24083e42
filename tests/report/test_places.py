from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ftlint.project.workspace import Workspace
from ftlint.report.places import Places
from ftlint.spans import Location, Span
from tests.report.conftest import Locate


def test_rows_and_columns_count_from_one_in_code_points(project: Path, places: Places) -> None:
    (project / "x.yaml").write_text('a: "😀é"\r\nb: 1\n', newline="")
    text = (project / "x.yaml").read_bytes().decode()
    place = places.place(Location(project / "x.yaml", Span(text.index("é"), text.index("b"))))
    assert (place.start, place.end) == ((1, 6), (2, 1))


def test_a_byte_order_mark_has_no_column(project: Path, places: Places) -> None:
    (project / "x.toml").write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert str(places.place(Location(project / "x.toml", Span(0, 1)))) == "x.toml:1:1"


def test_a_cell_has_rows_of_its_own(places: Places, locate: Locate) -> None:
    assert str(places.place(locate("head.ipynb", "torch.nn.Linear", cell=2))) == "head.ipynb:cell 2:2:17"


def test_a_file_that_is_gone_still_has_a_place(project: Path, places: Places) -> None:
    assert str(places.place(Location(project / "gone.json", Span(40, 50)))) == "gone.json:1:1"


def test_names_are_relative_below_the_working_directory(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = project / "configs"
    below.mkdir()
    monkeypatch.chdir(below)
    places = Places(Workspace())
    assert places.filename(below / "a.json") == "a.json"
    assert places.filename(Path("deep/a.json")) == "deep/a.json"
    assert places.filename(project / "a.json") == str(project / "a.json")
    assert places.filename(below / ".." / "configs" / "a.json") == "a.json"
    # A folder whose name begins alike is not below.
    assert places.filename(project / "configs2" / "a.json") == str(project / "configs2" / "a.json")


def test_a_link_to_the_working_directory_is_seen_through(
    project: Path, places: Places, tmp_path_factory: pytest.TempPathFactory
) -> None:
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(project)
    assert places.filename(link / "ds.json") == "ds.json"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_utf8(project: Path, places: Places) -> None:
    assert places.filename(project / os.fsdecode(b"caf\xe9.json")) == "caf\ufffd.json"
