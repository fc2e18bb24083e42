"""Releases and behaviours: ordered, dated, and independent of today's date."""

from __future__ import annotations

import re

import pytest
from packaging.version import InvalidVersion, Version

from ftlint.knowledge.behaviours import behaviour, behaviour_names
from ftlint.knowledge.releases import admissible_default, newest_date, newest_known, packages, releases


@pytest.mark.parametrize("package", packages())
def test_releases_are_ordered_and_dated(package: str) -> None:
    known = releases(package)
    versions = [Version(release.version) for release in known]
    assert versions == sorted(set(versions))
    assert not any(version.is_prerelease for version in versions)
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d", release.date) for release in known)


@pytest.mark.parametrize("package", packages())
def test_admissible_by_default(package: str) -> None:
    admissible = admissible_default(package)
    assert admissible
    assert not any(release.is_withdrawn for release in admissible)
    assert newest_known(package) in admissible


def test_window_is_24_months_of_our_data() -> None:
    year, rest = newest_date().split("-", 1)
    start = f"{int(year) - 2}-{rest}"
    recent = [release for release in releases("transformers") if release.date >= start and not release.is_withdrawn]
    assert admissible_default("transformers") == tuple(recent)
    assert len(recent) > 50


def test_unknown_package() -> None:
    assert releases("no-such-package") == ()
    assert admissible_default("no-such-package") == ()
    assert newest_known("no-such-package") is None


def test_withdrawn_release_is_known_but_not_assumed() -> None:
    known = {release.version: release for release in releases("transformers")}
    assert known["4.57.0"].is_withdrawn
    assert "4.57.0" not in {release.version for release in admissible_default("transformers")}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("from_pretrained_default_dtype", ("4.57.6", "float32"), ("5.0.0", "checkpoint")),
        ("dtype_argument", ("4.55.4", "torch_dtype"), ("4.56.0", "dtype or torch_dtype")),
        ("offload_optimizer_pin_memory_default", ("0.19.4", "false"), ("0.19.5", "true")),
        ("offload_param_pin_memory_default", ("0.19.4", "false"), ("0.19.5", "true")),
        ("yaml_loader", ("0.9.3", "pyyaml"), ("0.9.4", "omegaconf")),
        ("trainer_device_map_offload", ("4.56.2", "RuntimeError"), ("4.57.0", "skipped")),
        (
            "trainer_default_optimizer",
            ("4.53.3", "adamw_torch"),
            ("4.54.0", "adamw_torch_fused with torch >= 2.8, else adamw_torch"),
        ),
    ],
)
def test_behaviours_on_both_sides(name: str, before: tuple[str, str], after: tuple[str, str]) -> None:
    row = behaviour(name)
    assert row.value_for(before[0]) == before[1]
    assert row.value_for(after[0]) == after[1]
    assert after[0] in row.breakpoints


def test_versions_compare_as_versions() -> None:
    row = behaviour("offload_param_pin_memory_default")
    assert row.value_for("0.9.0") == "false"
    assert row.value_for("0.19.10") == "true"
    with pytest.raises(InvalidVersion):
        row.value_for("latest")


def test_no_breakpoint_where_nothing_changed() -> None:
    assert behaviour("overlap_comm_default").breakpoints == ()


@pytest.mark.parametrize("name", behaviour_names())
def test_rows_are_whole(name: str) -> None:
    row = behaviour(name)
    assert row.source
    known = {release.version for release in releases(row.package)}
    # Every change happened in a release that exists.
    assert set(row.breakpoints) <= known
    versions = [Version(change.since) for change in row.history]
    assert versions == sorted(set(versions))


def test_unknown_behaviour() -> None:
    with pytest.raises(KeyError):
        behaviour("no_such_behaviour")
