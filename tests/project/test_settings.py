"""Settings are found, joined and refused as contracts.md says, and as schemas/settings.json says."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ftlint.errors import SettingsError
from ftlint.findings import Severity
from ftlint.knowledge.gpus import gpu_names
from ftlint.project.settings import Settings, SettingsFinder, find_settings
from ftlint.project.toml_places import load_toml
from ftlint.project.workspace import Workspace
from ftlint.run.fact import Fact
from ftlint.spans import How

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "settings.json").read_text(encoding="utf-8"))

FULL = """\
select = ["ALL"]
ignore = ["DS201"]
rulebook = ["rules"]
[hardware]
gpu = "H100-80GB"
gpus-per-node = 8
nodes = 2
host-ram = "744GB"
[versions]
transformers = "4.46.1"
Deep_Speed = ">=0.16,<0.17"
[severity]
MEM101 = "warning"
[per-file-ignores]
"configs/legacy/*" = ["DS201", "offload-param-below-stage-3"]
[files]
"configs/*.conf" = "deepspeed"
[deepspeed]
integration = "accelerate"
"""


def settings_of(folder: Path, text: str, name: str = "ftlint.toml", **options: Any) -> Settings:
    (folder / name).write_text(text, encoding="utf-8")
    return find_settings(folder / "run.json", Workspace(folder, **options))


def complaint_of(folder: Path, text: str, name: str = "ftlint.toml", **options: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        settings_of(folder, text, name, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{folder}{os.sep}")


def note_and_text(fact: Fact[Any]) -> tuple[str, str]:
    assert fact.location is not None
    text = fact.location.path.read_text(encoding="utf-8")
    return fact.origins[0].note, text[fact.location.span.start : fact.location.span.end]


def test_everything_that_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    settings = settings_of(tmp_path, FULL)
    assert settings.root == tmp_path
    assert settings.select == ("ALL",)
    assert settings.ignore == ("DS201",)
    assert settings.rulebook == (tmp_path / "rules",)
    assert settings.hardware.gpus_per_node.value == 8
    assert settings.hardware.num_nodes.value == 2
    assert settings.hardware.host_ram_bytes.value == 744 * 10**9
    assert {package: fact.value for package, fact in settings.versions.items()} == {
        "transformers": "4.46.1",
        "deep-speed": ">=0.16,<0.17",
    }
    assert settings.severity == {"MEM101": Severity.WARNING}
    assert settings.ignored_for(tmp_path / "configs/legacy/a/b.json") == ("DS201", "offload-param-below-stage-3")
    assert settings.ignored_for(tmp_path / "configs/b.json") == ()
    assert settings.dialect_of(tmp_path / "configs/a.conf") == "deepspeed"
    assert settings.dialect_of(tmp_path / "configs/deep/a.conf") is None
    assert settings.integration.value == "accelerate"


def test_every_value_knows_its_line(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    settings = settings_of(tmp_path, FULL)
    assert note_and_text(settings.hardware.host_ram_bytes) == ("hardware.host-ram", 'host-ram = "744GB"')
    assert note_and_text(settings.versions["transformers"]) == ("versions.transformers", 'transformers = "4.46.1"')
    place = settings.place("per-file-ignores", "configs/legacy/*", "0")
    assert place is not None
    assert FULL[place.span.start : place.span.end] == '"DS201"'
    assert settings.place("hardware", "profile") is None


def test_the_rulebooks_complaint_has_the_same_form(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, 'select = ["ALL", "DS99"]\n')
    error = settings.complaint(("select", "1"), "DS99", "a rule; did you mean 'DS'?", Workspace(tmp_path))
    assert str(error).endswith("""ftlint.toml:1: select[1] = "DS99": expected a rule; did you mean 'DS'?""")


def test_without_a_file_nothing_is_said(tmp_path: Path) -> None:
    settings = find_settings(tmp_path / "a.json", Workspace(tmp_path))
    assert settings.path is None
    assert settings.select is None
    assert not settings.hardware.host_ram_bytes.said
    assert not settings.integration.said


def test_the_nearest_file_wins_and_is_not_mixed_with_those_above(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "ftlint.toml").write_text('ignore = ["OUTER"]')
    (tmp_path / "a" / "pyproject.toml").write_text('[tool.ftlint]\nignore = ["INNER"]')
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'")
    finder = SettingsFinder(Workspace(tmp_path))
    assert finder.find(inner / "x.json").ignore == ("INNER",)
    assert finder.find(tmp_path / "a" / "x.json").ignore == ("INNER",)
    assert finder.find(tmp_path / "x.json").ignore == ("OUTER",)


def test_ftlint_toml_wins_over_pyproject_beside_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.ftlint]\nignore = ["P"]')
    assert settings_of(tmp_path, 'ignore = ["F"]').ignore == ("F",)


def test_pyproject_keys_are_named_in_full(tmp_path: Path) -> None:
    message = complaint_of(tmp_path, "[tool.ftlint.hardware]\nnodes = 0\n", "pyproject.toml")
    assert message == "pyproject.toml:2: tool.ftlint.hardware.nodes = 0: expected a whole number of at least 1"


def test_somebody_elses_broken_pyproject_is_not_our_business(tmp_path: Path) -> None:
    assert settings_of(tmp_path, "[tool.black\n", "pyproject.toml").path is None
    assert "not TOML" in complaint_of(tmp_path, "[tool.ftlint\n", "pyproject.toml")


def test_an_open_editor_stands_before_the_disk(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.open_overlay(tmp_path / "ftlint.toml", b'ignore = ["EDITED"]')
    assert find_settings(tmp_path / "a.json", workspace).ignore == ("EDITED",)


class TestExtend:
    def test_adds_to_another(self, tmp_path: Path) -> None:
        (tmp_path / "rules").mkdir()
        (tmp_path / "base.toml").write_text(FULL)
        settings = settings_of(
            tmp_path,
            'extend = "base.toml"\nselect = ["MEM"]\nignore = ["X"]\n[hardware]\nnodes = 4\n[severity]\nDS1 = "info"\n',
        )
        assert settings.select == ("MEM",)
        assert settings.ignore == ("DS201", "X")
        assert settings.hardware.num_nodes.value == 4
        assert settings.hardware.gpus_per_node.value == 8
        assert settings.severity == {"MEM101": Severity.WARNING, "DS1": Severity.INFO}
        assert settings.read_from == (tmp_path / "ftlint.toml", tmp_path / "base.toml")
        places = [settings.place("ignore", str(index)) for index in range(2)]
        assert [place and place.path.name for place in places] == ["base.toml", "ftlint.toml"]

    def test_a_pyproject_can_be_extended(self, tmp_path: Path) -> None:
        (tmp_path / "up").mkdir()
        (tmp_path / "up" / "pyproject.toml").write_text('[tool.ftlint]\nignore = ["UP"]')
        assert settings_of(tmp_path, 'extend = "up/pyproject.toml"').ignore == ("UP",)

    def test_a_circle(self, tmp_path: Path) -> None:
        (tmp_path / "b.toml").write_text('extend = "ftlint.toml"')
        message = complaint_of(tmp_path, 'extend = "b.toml"')
        assert message.startswith('b.toml:1: extend = "ftlint.toml": expected another file')

    def test_a_missing_file(self, tmp_path: Path) -> None:
        assert complaint_of(tmp_path, 'extend = "no.toml"').startswith('ftlint.toml:1: extend = "no.toml": expected')

    def test_a_broken_base_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "b.toml").write_text("select = 3")
        assert complaint_of(tmp_path, 'extend = "b.toml"').startswith("b.toml:1: select = 3: expected a list")

    def test_outside_the_project_needs_trust(self, tmp_path: Path) -> None:
        project = tmp_path / "project"
        project.mkdir()
        (tmp_path / "base.toml").write_text('ignore = ["BASE"]')
        text = 'extend = "../base.toml"'
        assert settings_of(project, text).ignore == ("BASE",)
        assert "not trusted" in complaint_of(project, text, trusted=False)

    def test_a_link_does_not_lead_out(self, tmp_path: Path) -> None:
        project = tmp_path / "project"
        project.mkdir()
        (tmp_path / "base.toml").write_text('ignore = ["BASE"]')
        (project / "inside.toml").symlink_to(tmp_path / "base.toml")
        assert "not trusted" in complaint_of(project, 'extend = "inside.toml"', trusted=False)

    def test_rulebook_outside_the_project_needs_trust(self, tmp_path: Path) -> None:
        project = tmp_path / "project"
        project.mkdir()
        (tmp_path / "rules").mkdir()
        text = 'rulebook = ["../rules"]'
        assert settings_of(project, text).rulebook == (tmp_path / "rules",)
        assert "not trusted" in complaint_of(project, text, trusted=False)


class TestProfile:
    def test_an_instance(self, tmp_path: Path) -> None:
        hardware = settings_of(tmp_path, '[hardware]\nprofile = "aws:p4d.24xlarge"\nhost-ram = "1TB"').hardware
        assert hardware.gpus_per_node.value == 8
        assert hardware.host_ram_bytes.value == 10**12  # a key beside the profile wins
        assert note_and_text(hardware.gpu)[1] == 'profile = "aws:p4d.24xlarge"'

    def test_an_unknown_instance(self, tmp_path: Path) -> None:
        message = complaint_of(tmp_path, '[hardware]\nprofile = "aws:p4d.24xlarg"')
        assert message.endswith("did you mean 'aws:p4d.24xlarge'?")

    def test_this_machine(self, tmp_path: Path) -> None:
        psutil = pytest.importorskip("psutil")
        hardware = settings_of(tmp_path, '[hardware]\nprofile = "local"').hardware
        ram_bytes = hardware.host_ram_bytes.value
        assert isinstance(ram_bytes, int)
        assert 0 < ram_bytes <= psutil.virtual_memory().total
        assert hardware.host_ram_bytes.origins[0].how is How.DETECTED

    def test_a_container_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ftlint.project.this_machine.host_ram_bytes", lambda: (64 << 30, True))
        host_ram = settings_of(tmp_path, '[hardware]\nprofile = "local"').hardware.host_ram_bytes
        assert host_ram.value == 64 << 30
        assert host_ram.origins[0].note == "the limit of this container, because of hardware.profile = local"

    def test_this_machine_without_psutil(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psutil", None)
        assert "ftlint[gpu]" in complaint_of(tmp_path, '[hardware]\nprofile = "local"')


COMPLAINTS = [
    ("selct = []", "ftlint.toml:1: selct = []: expected another key; did you mean 'select'?"),
    ("zzz = 1", "ftlint.toml:1: zzz = 1: expected one of the keys extend, select, "),
    (
        "\n[hardware]\nhost_ram = '1GB'",
        "ftlint.toml:3: hardware.host_ram = \"1GB\": expected another key; did you mean 'host-ram'?",
    ),
    ('select = "ALL"', 'ftlint.toml:1: select = "ALL": expected a list of rule codes, prefixes or names'),
    ('ignore = ["A", 3]', "ftlint.toml:1: ignore[1] = 3: expected text in quotes"),
    ("hardware = 3", "ftlint.toml:1: hardware = 3: expected a table"),
    ('[hardware]\nhost-ram = "744"', 'ftlint.toml:2: hardware.host-ram = "744": expected a size with its unit'),
    ("[hardware]\nhost-ram = 744", "ftlint.toml:2: hardware.host-ram = 744: expected a size with its unit"),
    ("[hardware]\nnodes = true", "ftlint.toml:2: hardware.nodes = true: expected a whole number of at least 1"),
    ("[hardware]\ngpus-per-node = 1.5", "ftlint.toml:2: hardware.gpus-per-node = 1.5: expected a whole number"),
    ('[hardware]\ngpu = "H100-80G"', 'ftlint.toml:2: hardware.gpu = "H100-80G": expected a GPU that ftlint knows'),
    (
        '[severity]\nX = "warn"',
        "ftlint.toml:2: severity.X = \"warn\": expected one of info, warning, error; did you mean 'warning'?",
    ),
    ('[versions]\ntorch = ">=abc"', 'ftlint.toml:2: versions.torch = ">=abc": expected an exact version'),
    ("[versions]\ntorch = 2.5", "ftlint.toml:2: versions.torch = 2.5: expected text in quotes"),
    (
        '[per-file-ignores]\n"a/*" = "DS1"',
        'ftlint.toml:2: per-file-ignores."a/*" = "DS1": expected a list of rule codes',
    ),
    ('[files]\n"*.x" = "deepsped"', 'ftlint.toml:2: files."*.x" = "deepsped": expected one of '),
    ('[deepspeed]\nintegration = "hf"', 'ftlint.toml:2: deepspeed.integration = "hf": expected one of auto, '),
    ("[deepspeed]\nintegration = [1979-05-27]", "ftlint.toml:2: deepspeed.integration = "),
    ('rulebook = ["nowhere"]', 'ftlint.toml:1: rulebook[0] = "nowhere": expected a folder, and there is none at '),
    ('extend = ""', 'ftlint.toml:1: extend = "": expected text in quotes'),
    ("a = 1\nx = = 3", "ftlint.toml:2:5: not TOML: Invalid value"),
    ("x = [1,", "ftlint.toml:1:8: not TOML: "),
    ("x = 1\nx = 2", "ftlint.toml:2:6: not TOML: Cannot overwrite a value"),
    ("ignore = " + "[" * 3000 + "]" * 3000, "ftlint.toml: nested too deeply"),
    ("[hardware]\nnodes = " + "9" * 5000, "ftlint.toml: not TOML: "),
    ('select = ["' + "x" * 500 + '", 1]\nignore = "' + "y" * 500 + '"', "ftlint.toml:1: select[1] = 1"),
]


@pytest.mark.parametrize(("text", "expected"), COMPLAINTS)
def test_one_line_names_file_key_value_and_what_was_expected(text: str, expected: str, tmp_path: Path) -> None:
    message = complaint_of(tmp_path, text)
    assert message.startswith(expected)
    assert len(message) < 300 + len(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_settings_file_that_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ftlint.toml")
    with pytest.raises(SettingsError, match="named pipe"):
        find_settings(tmp_path / "a.json", Workspace(tmp_path))


def test_a_broken_link_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "ftlint.toml").symlink_to("gone.toml")
    with pytest.raises(SettingsError, match=r"a broken link to gone\.toml"):
        find_settings(tmp_path / "a.json", Workspace(tmp_path))


def test_settings_that_are_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "ftlint.toml").write_bytes(b'ignore = ["\xff"]')
    with pytest.raises(SettingsError, match="not UTF-8"):
        find_settings(tmp_path / "a.json", Workspace(tmp_path))


def test_an_error_is_found_once_and_told_for_every_file(tmp_path: Path) -> None:
    (tmp_path / "ftlint.toml").write_text("nope = 1")
    finder = SettingsFinder(Workspace(tmp_path))
    errors = []
    for name in ("a.json", "sub/b.json"):
        with pytest.raises(SettingsError) as caught:
            finder.find(tmp_path / name)
        errors.append(caught.value)
    assert errors[0] is errors[1]


WORDS = '[hardware]\n|[versions]\n|gpu|nodes|host-ram|torch| = |"744GB"|1|[|]|{|}|,|\n|#|select|extend|files|"""|.|\\|é'


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(WORDS.split("|")), max_size=12).map("".join))
def test_whatever_is_written_it_is_settings_or_one_line(tmp_path: Path, text: str) -> None:
    try:
        settings_of(tmp_path, text)
        message = ""
    except SettingsError as error:
        message = str(error)
    assert message.isprintable()


# What only a table of names can know is left out of the schema.
_NAMES = ("gpu =", ">=abc", "deepsped", "nowhere")

GOOD = [
    "",
    FULL.replace('rulebook = ["rules"]\n', ""),
    "select = []",
    "[hardware]",
    "[deepspeed]",
    *(f'[hardware]\nhost-ram = "{size}"' for size in ("1KB", "1.5 TiB", " 744 gb ", "80000MiB")),
    '[hardware]\nprofile = "local"',
    '[hardware]\nprofile = "aws:p4d.24xlarge"',
    "[versions]\ntorch = '2.5.1+cu121'\ndeepspeed = '==0.16.*'",
    '[deepspeed]\nintegration = "auto"',
]
BAD_SIZES = [f'[hardware]\nhost-ram = "{size}"' for size in ("0GB", "744G", "GB", "-1GB", "1e3GB", "1 B", "", "1GB x")]


def _is_about_shape(text: str, complaint: str) -> bool:
    return "not TOML" not in complaint and "nested" not in complaint and not any(name in text for name in _NAMES)


BAD = [text for text, complaint in COMPLAINTS if _is_about_shape(text, complaint)] + BAD_SIZES


@pytest.mark.parametrize("text", GOOD + BAD)
def test_our_validation_and_the_schema_agree(text: str, tmp_path: Path) -> None:
    values = load_toml(text)
    try:
        settings_of(tmp_path, text)
        accepted = True
    except SettingsError:
        accepted = False
    assert Draft202012Validator(SCHEMA).is_valid(values) == accepted == (text in GOOD)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_proposes_the_gpus_we_know() -> None:
    proposed, _ = SCHEMA["properties"]["hardware"]["properties"]["gpu"]["anyOf"]
    assert set(proposed["enum"]) == set(gpu_names())
