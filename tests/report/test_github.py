from __future__ import annotations

from pathlib import Path

from ftlint.findings import Finding, Severity
from ftlint.project.workspace import Workspace
from ftlint.report.github import render_github
from ftlint.report.places import Places
from tests.report.conftest import NOTEBOOK, Locate
from tests.report.test_terminal import offload_finding


def test_a_finding_with_all_its_parts(places: Places, locate: Locate) -> None:
    assert render_github([offload_finding(locate)], places) == (
        "::warning file=ds.json,line=4,col=5,endLine=4,endColumn=39,title=DS201 offload-param-below-stage-3::"
        "offload_param has no effect at ZeRO stage 2"
        "%0Ads.json:3:5: stage is 2%0Atrain.yaml:2:12: read by this run"
        "%0Aunsafe fix: Use ZeRO stage 3%0Asafe fix: Remove offload_param%0Adisplay fix: Ask for more nodes\n"
    )


def test_severities_and_escapes(project: Path, places: Places, locate: Locate) -> None:
    (project / "a,b:c%.json").write_text("{}\n")
    where = locate("a,b:c%.json", "{}")
    findings = [
        Finding("X001", "x", Severity.ERROR, "100%, a: b\r\n::stop-commands::x", where),
        Finding("X002", "y", Severity.INFO, "\x1b[31m", where),
    ]
    name = "a%2Cb%3Ac%25.json"
    assert render_github(findings, places).splitlines() == [
        f"::error file={name},line=1,col=1,endLine=1,endColumn=3,title=X001 x::100%25, a: b\\r\\n::stop-commands::x",
        f"::notice file={name},line=1,col=1,endLine=1,endColumn=3,title=X002 y::\\x1b[31m",
    ]


def test_no_columns_over_several_lines(places: Places, locate: Locate) -> None:
    where = locate("ds.json", '"stage": 2,\n    "offload_param"')
    shown = render_github([Finding("X001", "x", Severity.ERROR, "x", where)], places)
    assert shown == "::error file=ds.json,line=3,col=5,endLine=4,title=X001 x::x\n"


def test_a_cell_stands_at_its_line_of_the_file(places: Places, locate: Locate) -> None:
    finding = Finding("DTY101", "x", Severity.ERROR, "x", locate("head.ipynb", "torch.nn.Linear", cell=2))
    row = NOTEBOOK.splitlines().index('    "model.lm_head = torch.nn.Linear(8, 2)"') + 1
    assert render_github([finding], places) == (
        f"::error file=head.ipynb,line={row},title=DTY101 x (cell 2%2C line 2)::x\n"
    )


def test_names_count_from_the_checkout(project: Path, locate: Locate) -> None:
    finding = Finding("X001", "x", Severity.ERROR, "x", locate("ds.json", "{"))
    shown = render_github([finding], Places(Workspace(), folder=project.parent))
    assert f"file={project.name}/ds.json," in shown
