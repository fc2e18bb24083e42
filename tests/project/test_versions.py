"""Which releases a project may run with: by settings, notebooks, requirement files, and when nobody says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ftlint.knowledge.releases import admissible_default, newest_known, releases
from ftlint.project.settings import find_settings
from ftlint.project.specifiers import normalised_name
from ftlint.project.version_sources.requirements import answer
from ftlint.project.version_sources.source import SourceFile
from ftlint.project.versions import VersionsFinder, VersionsInUse
from ftlint.project.workspace import Workspace
from ftlint.run.versions import Admissible
from ftlint.spans import How
from ftlint.syntax.document import ScriptDocument
from ftlint.syntax.notebook import percent_to_notebook


def in_use(folder: Path, cells: str | None = None, **files: str) -> VersionsInUse:
    for name, text in files.items():
        (folder / name.replace("__", ".").replace("_", "-")).write_text(text, encoding="utf-8")
    notebook: ScriptDocument | None = None
    workspace = Workspace(folder)
    if cells is not None:
        (folder / "n.ipynb").write_text(percent_to_notebook(f"# %%\n{cells}"), encoding="utf-8")
        document = workspace.document(folder / "n.ipynb")
        assert isinstance(document, ScriptDocument)
        notebook = document
    settings = find_settings(folder / "n.ipynb", workspace)
    return VersionsFinder(workspace).find(settings, folder, folder / "n.ipynb", notebook)


def newest(package: str) -> str:
    release = newest_known(package)
    assert release is not None
    return release.version


def window(package: str) -> tuple[str, ...]:
    return tuple(release.version for release in admissible_default(package))


def places(admissible: Admissible) -> list[tuple[str, str]]:
    found = []
    for origin in admissible.origins:
        if origin.location is not None:
            text = origin.location.path.read_text(encoding="utf-8")
            span = origin.location.span
            found.append((origin.location.path.name, text[span.start : span.end]))
    return found


def test_nothing_found(tmp_path: Path) -> None:
    admissible = in_use(tmp_path)["transformers"]
    assert admissible.releases == window("transformers")
    assert not admissible.beyond_knowledge
    (origin,) = admissible.origins
    assert origin.how is How.DEFAULT
    assert "no version of transformers found" in origin.note


def test_settings_win_over_everything(tmp_path: Path) -> None:
    admissible = in_use(
        tmp_path,
        "!pip install transformers==4.40.0",
        ftlint__toml='[versions]\ntransformers = "4.46.1"',
        requirements__txt="transformers==4.41.0",
    )["transformers"]
    assert admissible.releases == ("4.46.1",)
    assert places(admissible) == [("ftlint.toml", 'transformers = "4.46.1"')]


def test_the_notebooks_own_cells_win_over_the_project(tmp_path: Path) -> None:
    admissible = in_use(tmp_path, "%pip install -q transformers==4.40.0", requirements__txt="transformers==4.41.0")
    assert admissible["transformers"].releases == ("4.40.0",)
    (origin,) = admissible["transformers"].origins
    assert origin.location is not None
    assert origin.location.cell == 1


def test_a_notebook_that_pins_nothing_leaves_the_project_its_word(tmp_path: Path) -> None:
    admissible = in_use(tmp_path, "!pip install transformers", requirements__txt="transformers==4.41.0")
    assert admissible["transformers"].releases == ("4.41.0",)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("transformers==4.46.1", ("4.46.1",)),
        ("transformers == 4.46.1  # why", ("4.46.1",)),
        ("Transformers[torch,deepspeed]==4.46.1 ; python_version >= '3.9'", ("4.46.1",)),
        ("transformers==4.46.1 \\\n    --hash=sha256:" + "0" * 64, ("4.46.1",)),
        ("transformers>=4.46,<4.47", ("4.46.0", "4.46.1", "4.46.2", "4.46.3")),
        ("transformers~=4.46.1", ("4.46.1", "4.46.2", "4.46.3")),
        ("transformers==4.46.*", ("4.46.0", "4.46.1", "4.46.2", "4.46.3")),
        ("transformers===4.46.1", ("4.46.1",)),
        ("transformers @ git+https://github.com/huggingface/transformers@v4.46.1", ("4.46.1",)),
        ("git+https://github.com/huggingface/transformers.git@v4.46.1#egg=transformers", ("4.46.1",)),
        ("git+https://github.com/huggingface/transformers@v4.46.1", ("4.46.1",)),
        ("-e git+https://github.com/huggingface/transformers.git@v4.46.1#egg=transformers", ("4.46.1",)),
        ("https://host.example/transformers-4.46.1-py3-none-any.whl", ("4.46.1",)),
    ],
)
def test_what_a_requirement_allows(line: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    admissible = in_use(tmp_path, requirements__txt=f"# top\ntorch\n{line}\naccelerate\n")["transformers"]
    known = [release.version for release in releases("transformers") if not release.is_withdrawn]
    assert admissible.releases == tuple(release for release in expected if release in known or len(expected) == 1)
    assert not admissible.beyond_knowledge
    ((name, text),) = places(admissible)
    assert name == "requirements.txt"
    assert "#" not in text or "#egg" in text
    assert text == text.strip()
    assert "ransformers" in text
    assert "hash" not in text


def test_an_open_range_is_judged_by_what_we_know(tmp_path: Path) -> None:
    admissible = in_use(tmp_path, requirements__txt="transformers>=4.46")["transformers"]
    assert admissible.releases[0] == "4.46.1"  # 4.46.0 was withdrawn
    assert admissible.releases[-1] == newest("transformers")
    assert not admissible.beyond_knowledge


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("transformers==999.1", ("999.1",)),
        ("transformers>=999.1", ("999.1",)),
        ("transformers==999.0.0.dev0", ("999.0.0.dev0",)),
        ("git+https://github.com/huggingface/transformers", None),
        ("git+https://github.com/huggingface/transformers@main", None),
    ],
)
def test_newer_than_our_data(line: str, expected: tuple[str, ...] | None, tmp_path: Path) -> None:
    admissible = in_use(tmp_path, requirements__txt=line)["transformers"]
    assert admissible.releases == (expected or (newest("transformers"),))
    assert admissible.beyond_knowledge


def test_a_commit_may_be_anything(tmp_path: Path) -> None:
    line = "git+https://github.com/huggingface/transformers@0123456789abcdef"
    admissible = in_use(tmp_path, requirements__txt=line)["transformers"]
    assert admissible.releases == window("transformers")
    assert admissible.beyond_knowledge


def test_local_versions_are_those_they_are_built_from(tmp_path: Path) -> None:
    text = "--find-links wheels\ntorch==2.5.1+cu121\n"
    assert in_use(tmp_path, requirements__txt=text)["torch"].releases == ("2.5.1",)


def test_a_version_that_we_do_not_have_is_believed(tmp_path: Path) -> None:
    admissible = in_use(tmp_path, requirements__txt="transformers==4.46.99")["transformers"]
    assert admissible.releases == ("4.46.99",)
    assert not admissible.beyond_knowledge


def test_a_range_without_releases_is_empty(tmp_path: Path) -> None:
    assert in_use(tmp_path, requirements__txt="transformers>=4.46.1,<4.46.1")["transformers"].releases == ()


def test_sources_that_disagree_are_all_admissible(tmp_path: Path) -> None:
    admissible = in_use(
        tmp_path,
        requirements__txt="transformers==4.46.1",
        requirements_dev__txt="transformers==4.40.0",
        pyproject__toml='[project]\nname = "x"\ndependencies = ["transformers==4.41.0"]\n'
        '[project.optional-dependencies]\ngpu = ["transformers==4.42.0", "torch"]\n'
        '[dependency-groups]\ndev = ["transformers==4.43.0", {include-group = "x"}]\n',
    )["transformers"]
    assert admissible.releases == ("4.40.0", "4.41.0", "4.42.0", "4.43.0", "4.46.1")
    assert ("pyproject.toml", '"transformers==4.42.0"') in places(admissible)


def test_a_mention_without_version_does_not_widen_a_pin(tmp_path: Path) -> None:
    admissible = in_use(tmp_path, requirements__txt="transformers==4.46.1", requirements_dev__txt="transformers")
    assert admissible["transformers"].releases == ("4.46.1",)


def test_a_mention_alone_is_the_default_window_with_its_place(tmp_path: Path) -> None:
    admissible = in_use(tmp_path, requirements__txt="transformers")["transformers"]
    assert admissible.releases == window("transformers")
    assert places(admissible) == [("requirements.txt", "transformers")]


def test_included_files_hold_together_with_the_file_that_includes_them(tmp_path: Path) -> None:
    (tmp_path / "reqs").mkdir()
    (tmp_path / "reqs" / "base.txt").write_text("transformers<4.46.2\n-r ../requirements.txt\n")
    (tmp_path / "limits.txt").write_text("transformers!=4.46.0\n")
    text = (
        "-r reqs/base.txt\n--constraint=limits.txt\ntransformers>=4.46\n-r missing.txt\n-r https://host.example/r.txt\n"
    )
    versions = in_use(tmp_path, requirements__txt=text)
    assert versions["transformers"].releases == ("4.46.1",)
    looked_at = {item.path.relative_to(tmp_path).as_posix(): item.found for item in versions.inputs}
    assert looked_at == {
        "requirements.txt": True,
        "reqs/base.txt": True,
        "limits.txt": True,
        "missing.txt": False,
    }


def test_markers_are_alternatives(tmp_path: Path) -> None:
    text = "transformers==4.40.0; python_version < '3.10'\ntransformers==4.46.1; python_version >= '3.10'\n"
    assert in_use(tmp_path, requirements__txt=text)["transformers"].releases == ("4.40.0", "4.46.1")


def test_lines_with_a_marker_come_on_top_of_those_without(tmp_path: Path) -> None:
    text = "transformers<4.46.2\ntransformers>=4.46.1; python_version >= '3.10'\n"
    assert in_use(tmp_path, requirements__txt=text)["transformers"].releases == ("4.46.1",)


@pytest.mark.parametrize(
    "line",
    [
        "transformers==", "transformers=4.46.1", "transformers==4.46.1 ==", "transformers==abc", "'transformers",
        "transformers @", "--nonsense transformers==4.46.1", "transformers==${VERSION}", "./transformers",
        "-e ./transformers", "-e .",
    ],
)  # fmt: skip
def test_what_pip_would_refuse_is_passed_over(line: str, tmp_path: Path) -> None:
    versions = in_use(tmp_path, requirements__txt=f"{line}\ntorch==2.5.1\n")
    assert versions["transformers"].releases == window("transformers")
    assert versions["torch"].releases == ("2.5.1",)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00binary", b"", b"\x00" * 100, b"\\", b"a \\\n\\\n"])
def test_strange_requirement_files(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(data)
    assert in_use(tmp_path)["transformers"].releases == window("transformers")


def test_a_broken_pyproject_is_passed_over(tmp_path: Path) -> None:
    versions = in_use(tmp_path, pyproject__toml='[project\ndependencies = ["transformers==4.46.1"]')
    assert versions["transformers"].releases == window("transformers")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("!pip install transformers==4.46.1", ("4.46.1",)),
        ("%pip install -qU 'transformers==4.46.1' torch", ("4.46.1",)),
        ("!pip3 install --index-url https://host.example/whl transformers==4.46.1", ("4.46.1",)),
        ("!python -m pip install transformers==4.46.1", ("4.46.1",)),
        ("!uv pip install --system transformers==4.46.1", ("4.46.1",)),
        ("pip install transformers==4.46.1", ("4.46.1",)),
        ("x = 1\n!cd /tmp && pip install transformers==4.46.1; echo done", ("4.46.1",)),
        ("%%bash\nset -e\n# pip install transformers==4.30.0\npip install \\\n  transformers==4.46.1", ("4.46.1",)),
        ("!pip install transformers==4.40.0\n# %%\n!pip install transformers==4.46.1", ("4.40.0", "4.46.1")),
        ('!pip install "transformers>=4.46.1,<4.46.3"', ("4.46.1", "4.46.2")),
        ("!pip install git+https://github.com/huggingface/transformers.git@v4.46.1", ("4.46.1",)),
        ("!pip install git+https://host.example/our-fork@v4.46.1#egg=transformers", ("4.46.1",)),
        ("!pip install transformers>=4.46.1", None),  # the shell makes a file named "=4.46.1"
        ("!pip install transformers=={VERSION}", None),
        ("!pip install 'transformers==4.46.1", None),
        ("!pip uninstall transformers==4.46.1", None),
        ("!echo pip install-ed transformers==4.46.1", None),
        ("%%writefile setup.sh\npip install transformers==4.46.1", None),
        ("!pip install -U transformers", None),
    ],
)
def test_pip_in_notebooks(cell: str, expected: tuple[str, ...] | None, tmp_path: Path) -> None:
    assert in_use(tmp_path, cell)["transformers"].releases == (expected or window("transformers"))


def test_the_place_in_a_notebook_is_the_word_of_the_cell(tmp_path: Path) -> None:
    versions = in_use(
        tmp_path, "x = 1\n# %%\ny = 2\n%%bash_is_not_here = 3\n# %%\n%%bash\nls\npip install transformers==4.46.1  \nls"
    )
    (origin,) = versions["transformers"].origins
    assert origin.location is not None
    assert origin.location.cell == 3
    source = "%%bash\nls\npip install transformers==4.46.1  \nls"
    span = origin.location.span
    assert source[span.start : span.end] == "transformers==4.46.1"


def test_an_upgrade_may_bring_any_recent_release(tmp_path: Path) -> None:
    versions = in_use(tmp_path, "!pip install -U transformers", requirements__txt="transformers==4.40.0")
    assert versions["transformers"].releases == window("transformers")


def test_a_notebook_installs_a_requirements_file(tmp_path: Path) -> None:
    (tmp_path / "reqs").mkdir()
    (tmp_path / "reqs" / "gpu.txt").write_text("transformers==4.46.1")
    versions = in_use(tmp_path, "!pip install -r reqs/gpu.txt -r reqs/missing.txt")
    assert versions["transformers"].releases == ("4.46.1",)
    assert [item.found for item in versions.inputs][:2] == [True, False]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Flash_Attn", "flash-attn"),
        ("LLaMA-Factory", "llamafactory"),
        ("llamafactory", "llamafactory"),
        ("a.-_b", "a-b"),
    ],
)
def test_names(name: str, expected: str) -> None:
    assert normalised_name(name) == expected


def test_aliases_are_found_in_files(tmp_path: Path) -> None:
    assert in_use(tmp_path, requirements__txt="LLaMA_Factory==0.9.1\n")["llamafactory"].releases == ("0.9.1",)


def test_an_unknown_package_has_no_releases(tmp_path: Path) -> None:
    assert in_use(tmp_path)["no-such-package"].releases == ()


def test_it_is_a_mapping_over_what_we_know(tmp_path: Path) -> None:
    versions = in_use(tmp_path)
    assert "transformers" in set(versions)
    assert len(versions) == len(list(versions))
    assert versions.get("Transformers") is not None


@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
@given(st.text(st.sampled_from("transformers==4.6.1<>~!;,[]@#-rec \\\n\t'\"${}:/git+hps.whl"), max_size=40))
def test_no_line_raises(noise: str) -> None:
    for text in (f"transformers{noise}", f"{noise}transformers", f"{noise} transformers\n{noise}"):
        answer(SourceFile(Path("/r.txt"), text, Workspace(), 10**6), "transformers")


def test_a_line_without_end_does_not_hang(tmp_path: Path) -> None:
    text = "transformers" + " " * 500_000 + "x\n-r" + " " * 500_000 + "\ntransformers==4.46.1" + "-" * 500_000
    assert in_use(tmp_path, requirements__txt=text)["transformers"].releases == window("transformers")
    assert in_use(tmp_path, "!pip install transformers==4.46.1 " + "x " * 500_000)["torch"].releases == window("torch")


def test_a_line_that_nobody_wrote_is_passed_over(tmp_path: Path) -> None:
    text = f"transformers==4.46.1; python_version > '{'3' * 5000}'"
    assert in_use(tmp_path, requirements__txt=text)["transformers"].releases == window("transformers")


def test_nothing_heavy_is_imported_before_a_package_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy\n")
    code = f"""
import sys
from pathlib import Path
from ftlint.project.settings import Settings
from ftlint.project.versions import VersionsFinder
from ftlint.project.workspace import Workspace
folder = Path({str(tmp_path)!r})
found = VersionsFinder(Workspace(folder)).find(Settings(root=folder), folder, folder / "train.py")
found["transformers"]
heavy = ("pip_requirements_parser", "packaging.requirements", "jsonschema", "tomllib")
print([name for name in heavy if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
