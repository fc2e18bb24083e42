"""Examples: files, marks, notebooks, repaired files, settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftlint.errors import PageError
from ftlint.rulebook.body import parse_examples, prose_of, title_of
from ftlint.rulebook.examples import Example, ExampleKind, Mark

PATH = Path("DS201-x.md")


def examples_of(body: str) -> tuple[Example, ...]:
    return parse_examples("DS201", body, PATH, 10)


def test_title_and_prose() -> None:
    body = "# A title\nWhat.\n\n```json\n## Bad is not here\n```\nMore.\n## Bad\n```json a.json\n{}\n```\n"
    assert title_of(body) == "A title"
    assert prose_of(body) == "What.\n\n```json\n## Bad is not here\n```\nMore.\n"
    assert title_of("No title\n") is None


def test_marks_are_cut_off_and_kept() -> None:
    body = """\
## Bad: two files
```yaml sub/train.yaml
a: 1  # text <- not a mark
b: 2 <- MEM101, DS201
```
Some words, and an unnamed fence.
```text
not a file <- DS201
```
```json ds.json
{}\t <- DS201  \n```
"""
    (example,) = examples_of(body)
    assert example.kind is ExampleKind.BAD
    assert str(example) == "DS201-bad-1-two-files"
    assert dict(example.files) == {"sub/train.yaml": "a: 1  # text <- not a mark\nb: 2\n", "ds.json": "{}\n"}
    assert example.marks == {
        Mark("MEM101", "sub/train.yaml", None, 2),
        Mark("DS201", "sub/train.yaml", None, 2),
        Mark("DS201", "ds.json", None, 1),
    }


def test_notebook_cells_count_among_all_and_rows_inside() -> None:
    body = """\
## Bad
```python run.ipynb
import torch  <- DS201

# %% [markdown]
# Words
# %%
x = 1
y = 2  <- DS201
# %%
z = 3 <- DS201
```
"""
    (example,) = examples_of(body)
    assert sorted(example.marks) == [
        ("DS201", "run.ipynb", 1, 1),
        ("DS201", "run.ipynb", 3, 2),
        ("DS201", "run.ipynb", 4, 1),
    ]
    cells = json.loads(example.files["run.ipynb"])["cells"]
    for mark in example.marks:
        assert mark.cell is not None
        line = cells[mark.cell - 1]["source"][mark.row - 1]
        assert line.split()[0] in ("import", "y", "z")
        assert "<-" not in line


def test_repaired_holds_all_files() -> None:
    body = """\
## Bad
```json a.json
{"x": 1}  <- DS201
```
```json b.json
{}
```
## Fixed
```json a.json
{"x": 2}
```
"""
    (example,) = examples_of(body)
    assert example.repaired == {"a.json": '{"x": 2}\n', "b.json": "{}\n"}


def test_settings_are_a_file_like_others_and_read(tmp_path: Path) -> None:
    body = '## Good\n```toml ftlint.toml\n[versions]\ndeepspeed = "0.16.3"\n```\n```json sub/ds.json\n{}\n```\n'
    (example,) = examples_of(body)
    assert example.settings == {"versions": {"deepspeed": "0.16.3"}}
    assert example.write_to(tmp_path) == tmp_path
    assert (tmp_path / "sub/ds.json").read_bytes() == b"{}\n"
    assert example.texts_in(tmp_path) == example.files
    assert examples_of("## Good\n```json ds.json\n{}\n```\n")[0].settings == {}


def test_a_longer_fence_may_hold_a_shorter_one() -> None:
    (example,) = examples_of("## Good\n````markdown a.md\n```json b.json\n{}\n```\n````\n")
    assert dict(example.files) == {"a.md": "```json b.json\n{}\n```\n"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("## Bad\nwords\n", "10: the example has no fence"),
        ("## Good\n```json a.json\n{} <- DS201\n```\n", "10: a Good example has no findings"),
        ("## Bad\n```json a.json\n{}\n", "11: the fence is not closed"),
        ("## Bad\n```json ../a.json\n{}\n```\n", "is not the name of a file"),
        ("## Bad\n```json /a.json\n{}\n```\n", "is not the name of a file"),
        ("## Bad\n```json a.json\n{}\n```\n```json a.json\n{}\n```\n", "has 'a.json' twice"),
        ("## Fixed\n```json a.json\n{}\n```\n", "directly after its `## Bad`"),
        ("## Bad\n```json a.json\n{}\n```\n## Fixed\n```json b.json\n{}\n```\n", "has 'b.json'"),
        ("## Good\n```toml ftlint.toml\nx =\n```\n", "is not TOML"),
    ],
)
def test_refusals_name_the_row(body: str, message: str) -> None:
    with pytest.raises(PageError, match=r"DS201-x\.md:1\d: ") as caught:
        examples_of(body)
    assert message in str(caught.value)
