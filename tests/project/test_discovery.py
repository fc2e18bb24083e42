"""What a command line means: named files are always checked or an error, folders are walked with care."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ftlint.project.discovery import Discovered, ProjectRoots, discover, project_root
from ftlint.project.settings import SettingsFinder
from ftlint.project.workspace import Workspace
from ftlint.syntax.document import Format


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")


def found(folder: Path, *arguments: str, **options: int) -> Discovered:
    workspace = Workspace(folder, **options)  # type: ignore[arg-type]  # size_limit_bytes is the only option used here
    return discover([folder / argument for argument in arguments or (".",)], workspace, SettingsFinder(workspace))


def names(folder: Path, discovered: Discovered) -> list[str]:
    return [target.path.relative_to(folder).as_posix() for target in discovered.targets]


def test_a_folder_gives_the_kinds_of_file_we_read_in_order(tmp_path: Path) -> None:
    write(
        tmp_path, "b.json", "a/z.yaml", "a/A.YML", "train.py", "n.ipynb", "README.md", "ftlint.toml.bak", "data.jsonl"
    )
    discovered = found(tmp_path)
    assert names(tmp_path, discovered) == ["a/A.YML", "a/z.yaml", "b.json", "n.ipynb", "train.py"]
    assert discovered.problems == ()


@pytest.mark.parametrize(
    "name", [".git", "node_modules", "__pycache__", ".venv", ".tox", ".ipynb_checkpoints", "site-packages"]
)
def test_folders_that_are_passed_over(name: str, tmp_path: Path) -> None:
    write(tmp_path, f"{name}/a.json", "sub/b.json", f"sub/{name}/deep/c.json")
    assert names(tmp_path, found(tmp_path)) == ["sub/b.json"]


def test_environments_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    write(tmp_path, "env/pyvenv.cfg", "env/lib/a.json", "conda/conda-meta/x.json", "conda/a.json", "venv/mine.json")
    assert names(tmp_path, found(tmp_path)) == ["venv/mine.json"]


def test_what_is_named_is_walked_whatever_it_is(tmp_path: Path) -> None:
    write(tmp_path, "env/pyvenv.cfg", "env/a.json", ".git/b.json")
    assert names(tmp_path, found(tmp_path, "env", ".git/b.json")) == [".git/b.json", "env/a.json"]


def test_special_files_are_passed_over_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "ok.json")
    (tmp_path / "broken.json").symlink_to("gone.json")
    (tmp_path / "loop.json").symlink_to("loop.json")
    (tmp_path / "null.json").symlink_to("/dev/null")
    (tmp_path / "link.json").symlink_to("ok.json")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.json")
    discovered = found(tmp_path)
    assert names(tmp_path, discovered) == ["link.json", "ok.json"]
    assert discovered.problems == ()


def test_named_special_files_are_errors_and_the_others_are_still_checked(tmp_path: Path) -> None:
    write(tmp_path, "ok.json")
    (tmp_path / "broken.json").symlink_to("gone.json")
    (tmp_path / "loop.json").symlink_to("loop.json")
    os.mkfifo(tmp_path / "pipe.json")
    discovered = found(tmp_path, "broken.json", "loop.json", "pipe.json", "gone", "ok.json")
    assert names(tmp_path, discovered) == ["ok.json"]
    reasons = [str(problem).removeprefix(f"{tmp_path}/") for problem in discovered.problems]
    assert reasons == [
        "broken.json: a broken link to gone.json",
        "loop.json: a link that leads back to itself",
        "pipe.json: a named pipe, not a regular file",
        "gone: no such file or folder",
    ]


def test_links_to_folders_are_followed_only_where_they_are_named(tmp_path: Path) -> None:
    write(tmp_path, "real/a.json")
    (tmp_path / "real" / "up").symlink_to("..")
    (tmp_path / "link").symlink_to("real")
    assert names(tmp_path, found(tmp_path)) == ["real/a.json"]
    assert names(tmp_path, found(tmp_path, "link")) == ["link/a.json"]


def test_a_named_file_of_unknown_kind_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "notes.txt", "Makefile")
    discovered = found(tmp_path, "notes.txt", "Makefile")
    assert discovered.targets == ()
    assert all("unknown kind of file" in str(problem) for problem in discovered.problems)
    assert len(discovered.problems) == 2


def test_the_settings_can_say_what_a_file_is(tmp_path: Path) -> None:
    write(tmp_path, "configs/a.conf", "other/b.conf")
    (tmp_path / "configs" / "y.conf").write_text("train_batch_size: 1\n")
    (tmp_path / "ftlint.toml").write_text('[files]\n"configs/*.conf" = "deepspeed"\n')
    discovered = found(tmp_path)
    assert [(target.path.name, target.format) for target in discovered.targets] == [
        ("a.conf", Format.JSON),
        ("y.conf", Format.YAML),
    ]
    assert names(tmp_path, found(tmp_path, "configs/a.conf")) == ["configs/a.conf"]


def test_broken_settings_are_one_problem_and_stop_nothing(tmp_path: Path) -> None:
    write(tmp_path, "a.json", "b.txt", "c.txt")
    (tmp_path / "ftlint.toml").write_text("nope = 1")
    discovered = found(tmp_path)
    assert names(tmp_path, discovered) == ["a.json"]
    assert len(discovered.problems) == 1


def test_a_file_is_checked_once(tmp_path: Path) -> None:
    write(tmp_path, "sub/a.json")
    discovered = found(tmp_path, "sub/a.json", ".", "sub", "./sub/../sub/a.json")
    assert [target.top for target in discovered.targets] == [tmp_path]
    assert names(tmp_path, discovered) == ["sub/a.json"]


def test_data_too_large_to_be_a_setting_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "a.json", "b.json")
    (tmp_path / "data.json").write_text("[" + "0," * 100 + "0]")
    discovered = found(tmp_path, size_limit_bytes=50)
    assert names(tmp_path, discovered) == ["a.json", "b.json"]
    assert discovered.too_large == (tmp_path / "data.json",)
    assert names(tmp_path, found(tmp_path, "data.json", size_limit_bytes=50)) == ["data.json"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_listed_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, "a.json", "locked/b.json")
    (tmp_path / "locked").chmod(0)
    try:
        discovered = found(tmp_path)
    finally:
        (tmp_path / "locked").chmod(0o700)
    assert names(tmp_path, discovered) == ["a.json"]
    assert [str(problem) for problem in discovered.problems] == [f"{tmp_path}/locked: permission denied"]


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.json"))
    try:
        path.write_text("{}")
    except OSError:
        pytest.skip("this file system only takes UTF-8 names")
    assert [target.path for target in found(tmp_path).targets] == [path]


def test_an_open_document_needs_no_file(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.open_overlay(tmp_path / "new.json", b"{}")
    discovered = discover([tmp_path / "new.json"], workspace, SettingsFinder(workspace))
    assert names(tmp_path, discovered) == ["new.json"]


class TestRoots:
    @pytest.mark.parametrize(
        "sign", ["ftlint.toml", "pyproject.toml", "setup.py", "requirements.txt", "requirements-gpu.txt", ".git"]
    )
    def test_signs(self, sign: str, tmp_path: Path) -> None:
        write(tmp_path, f"p/{sign}", "p/configs/deep/a.json")
        assert project_root(tmp_path / "p/configs/deep/a.json", tmp_path) == tmp_path / "p"

    def test_without_a_sign_it_is_the_files_folder(self, tmp_path: Path) -> None:
        write(tmp_path, "p/configs/a.json")
        assert project_root(tmp_path / "p/configs/a.json", tmp_path) == tmp_path / "p/configs"

    def test_not_above_what_is_checked(self, tmp_path: Path) -> None:
        write(tmp_path, "setup.py", "examples/one/a.json")
        path = tmp_path / "examples/one/a.json"
        assert project_root(path, tmp_path / "examples") == path.parent
        assert project_root(path, tmp_path) == tmp_path

    def test_the_nearest(self, tmp_path: Path) -> None:
        write(tmp_path, "setup.py", "sub/requirements.txt", "sub/a/b.json")
        assert project_root(tmp_path / "sub/a/b.json", tmp_path) == tmp_path / "sub"

    def test_a_named_file_below_the_working_directory_stops_there(self, tmp_path: Path) -> None:
        write(tmp_path, "setup.py", "work/sub/a.json")
        discovered = found(tmp_path / "work", "sub/a.json")
        assert [target.top for target in discovered.targets] == [tmp_path / "work"]

    def test_a_named_folder_below_the_working_directory_does_too(self, tmp_path: Path) -> None:
        write(tmp_path, "setup.py", "work/requirements.txt", "work/configs/a.json")
        for named in ("configs", "configs/a.json", "."):
            (target,) = found(tmp_path / "work", named).targets
            assert project_root(target.path, target.top) == tmp_path / "work"

    def test_a_folder_elsewhere_is_all_there_is(self, tmp_path: Path) -> None:
        write(tmp_path, "setup.py", "configs/a.json", "work/b.json")
        (target,) = found(tmp_path / "work", "../configs").targets
        assert project_root(target.path, target.top) == tmp_path / "configs"


def test_thousands_of_small_projects_take_seconds(tmp_path: Path) -> None:
    for number in range(2000):
        write(tmp_path, f"group{number % 20}/p{number}/requirements.txt", f"group{number % 20}/p{number}/ds.json")
    (tmp_path / "group3" / "ftlint.toml").write_text("ignore = ['X']")
    start = time.perf_counter()
    workspace = Workspace(tmp_path)
    finder, roots = SettingsFinder(workspace), ProjectRoots()
    discovered = discover([tmp_path], workspace, finder)
    assert len(discovered.targets) == 2000
    for target in discovered.targets:
        assert roots.root_of(target.path, target.top) == target.path.parent
        assert finder.find(target.path).ignore == (("X",) if "group3/" in str(target.path) else ())
    assert time.perf_counter() - start < 5
