"""Which releases are read, and the files of a wheel and of an archive of sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.knowledge.releases import releases
from tests.harvest.releases_made import source_archive, wheel
from tools.harvest.packages import Patches, Plan, archive

FILES = {"demo/__init__.py": "A = 1\n", "demo/deep/module.py": "B = 2\n"}


@pytest.mark.parametrize("make", [wheel, source_archive])
def test_files_have_their_installed_paths(make: object, tmp_path: Path) -> None:
    assert callable(make)
    source = make(tmp_path, FILES)
    assert source.names == set(FILES)
    assert source.read("demo/deep/module.py") == b"B = 2\n"
    with pytest.raises(KeyError):
        source.read("demo/absent.py")


def test_a_wheel_is_preferred_and_nothing_is_downloaded_twice(tmp_path: Path) -> None:
    source_archive(tmp_path, FILES)
    wheel(tmp_path, FILES)
    assert archive("demo", "1.0", tmp_path).suffix == ".whl"


@pytest.mark.parametrize("patches", Patches)
def test_releases_of_a_plan(patches: Patches) -> None:
    read = Plan("transformers", "4.46", patches).versions()
    withdrawn = {release.version for release in releases("transformers") if release.is_withdrawn}
    assert not withdrawn & set(read)
    assert [version for version in read if version.startswith("4.46.")] == {
        Patches.NEWEST: ["4.46.3"],
        Patches.ENDS: ["4.46.1", "4.46.3"],  # 4.46.0 was withdrawn
        Patches.ALL: ["4.46.1", "4.46.2", "4.46.3"],
    }[patches]
    assert not any(version.startswith("4.45.") for version in read)
