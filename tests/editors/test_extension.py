"""What `editors/vscode/package.json` says fits ftlint, the extension's README and its code. Nothing is started."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import ftlint

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "editors" / "vscode"
PACKAGE: dict[str, Any] = json.loads((EXTENSION / "package.json").read_text("utf-8"))
README = (EXTENSION / "README.md").read_text("utf-8")
CODE = "".join(path.read_text("utf-8") for path in sorted((EXTENSION / "src").glob("*.ts")))


def test_its_version_is_ours() -> None:
    lock = json.loads((EXTENSION / "package-lock.json").read_text("utf-8"))
    assert PACKAGE["version"] == lock["version"] == lock["packages"][""]["version"] == ftlint.__version__
    assert f"version, {ftlint.__version__}." in (EXTENSION / "CHANGELOG.md").read_text("utf-8")


def test_its_license_is_ours() -> None:
    assert (EXTENSION / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_every_setting_and_command_is_in_the_readme() -> None:
    settings = set(PACKAGE["contributes"]["configuration"]["properties"])
    commands = {f"{command['category']}: {command['title']}" for command in PACKAGE["contributes"]["commands"]}
    assert set(re.findall(r"^\| `(ftlint[^`]*)`", README, re.MULTILINE)) == settings | commands


def test_no_setting_lets_an_untrusted_workspace_choose_a_program() -> None:
    """Both settings name programs, and so does whatever is added: then this test is where to say why it need not."""
    properties = PACKAGE["contributes"]["configuration"]["properties"]
    assert PACKAGE["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"] == list(properties)
    assert {setting["scope"] for setting in properties.values()} == {"machine-overridable"}


def test_it_wakes_up_for_the_languages_it_serves() -> None:
    (served,) = re.findall(r"LANGUAGES = \[(.*?)\]", CODE)
    activation = [f"onLanguage:{language}" for language in re.findall(r"'(\w+)'", served)]
    assert PACKAGE["activationEvents"] == [*activation, "onNotebook:jupyter-notebook"]


def test_what_it_is_built_from_is_pinned_and_no_address_is_written_down() -> None:
    """A lock file with addresses would send everybody to one registry, whichever they use."""
    versions = {**PACKAGE["dependencies"], **PACKAGE["devDependencies"]}
    assert [name for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    assert '"resolved"' not in (EXTENSION / "package-lock.json").read_text("utf-8")
