"""ftlint on the sources that trl, peft, accelerate, transformers and deepspeed release: `nox -s sdists` fetches them.

People who write these libraries know what they do, so a finding there is a false one until somebody has judged it:
`verdicts.json` holds the judged ones. FTLINT_SDISTS names the folder of unpacked archives.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ftlint.engine import check
from ftlint.findings import Severity
from ftlint.project.workspace import Workspace
from ftlint.syntax.positions import LineIndex

HERE = Path(__file__).parent
FOLDER = os.environ.get("FTLINT_SDISTS", "")
PACKAGES = ("trl", "peft", "accelerate", "transformers", "deepspeed")
MIN_FILES = {"trl": 100, "peft": 250, "accelerate": 100, "transformers": 2000, "deepspeed": 400}
"""Far fewer would mean that an archive was not unpacked."""

pytestmark = pytest.mark.sdist


@pytest.mark.parametrize("package", PACKAGES)
def test_every_finding_is_judged(package: str) -> None:
    if not FOLDER:
        pytest.skip("FTLINT_SDISTS names no folder of unpacked archives (nox -s sdists fetches them)")
    (root,) = [path for path in Path(FOLDER).resolve().glob(f"{package}-*") if path.is_dir()]
    workspace = Workspace(root)
    result = check(workspace, [root])
    assert len(result.files) > MIN_FILES[package]
    assert not result.unread, result.unread
    verdicts = json.loads((HERE / "verdicts.json").read_text("utf-8"))
    judged = {(row["file"], row["row"], row["code"]): row["verdict"] for row in verdicts if row["package"] == package}
    found = set()
    for finding in result.findings:
        if finding.severity is Severity.INFO:
            continue
        document = workspace.document(finding.location.path)
        assert document is not None
        (source,) = [source for source in document.sources if source.cell == finding.location.cell]
        row = LineIndex(source.text).position(finding.location.span.start).row
        found.add((finding.location.path.relative_to(root).as_posix(), row, finding.code))
    print(f"{root.name}: {len(result.files)} files, {len(found)} findings")
    assert found <= set(judged), found - set(judged)
    assert all(judged[key] == "true" for key in found)
