"""The page of an estimate: whole by itself, everything in it escaped, nothing in it that acts."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ftlint.memory import Estimate, Moment
from ftlint.project.workspace import Workspace
from ftlint.report.html import render_html
from ftlint.report.places import Places
from tests.memory.runs import QWEN_32B, estimated, make_run


class Reader(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def found() -> Estimate:
    return estimated(make_run(QWEN_32B))


def read(answer: Estimate) -> Reader:
    reader = Reader()
    reader.feed(render_html(answer, Places(Workspace(Path.cwd()))))
    return reader


def test_it_is_whole_by_itself() -> None:
    """Nothing is loaded and nothing runs: no script, no address, no form."""
    reader = read(found())
    assert not {"script", "link", "img", "iframe", "form", "object"} & {tag for tag, _ in reader.tags}
    names = {name for _, attributes in reader.tags for name in attributes}
    assert not {"src", "href", "action"} & names
    assert not any(name.startswith("on") for name in names)
    assert "url(" not in render_html(found(), Places(Workspace(Path.cwd())))


def test_every_term_is_drawn_and_explained() -> None:
    answer = found()
    reader = read(answer)
    bars = [attributes for tag, attributes in reader.tags if tag == "rect"]
    assert len(bars) == sum(len(term.moments) for term in answer.terms)
    assert all(term.name in reader.text and term.formula in reader.text for term in answer.terms)
    assert all(each.why in reader.text for each in answer.assumptions)


def test_the_reasons_stand_under_the_verdict() -> None:
    assert "GPU: not judged, for which GPU it is is not said" in read(found()).text


def test_bars_are_as_long_as_their_sizes() -> None:
    answer = replace(found(), terms=found().host_terms)
    widths = [float(str(attributes["width"])) for tag, attributes in read(answer).tags if tag == "rect"]
    sizes = [term.size.expected_bytes for moment in Moment for term in answer.host_terms if moment in term.moments]
    scale = max(widths) / max(sizes)
    assert widths == pytest.approx([size * scale for size in sizes], abs=0.1)
    assert 0 < max(widths) < 960


def test_names_cannot_act() -> None:
    page = render_html(replace(found(), run_name="<script>alert(1)</script>\x1b[31m"), Places(Workspace(Path.cwd())))
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


def test_capacity_is_marked_where_it_is_known() -> None:
    answer = found()
    assert not re.search(r'class="capacity"', render_html(answer, Places(Workspace(Path.cwd()))))
    known = replace(answer, host_capacity_bytes=10**12)
    assert render_html(known, Places(Workspace(Path.cwd()))).count('class="capacity"') == 1
