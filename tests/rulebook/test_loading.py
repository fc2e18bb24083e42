"""Pages become rules: what a page may say, how a mistake in it is named, and the cache that nobody has to trust."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ftlint.errors import PageError
from ftlint.findings import Applicability, Severity
from ftlint.rulebook.loading import load_pages
from ftlint.rulebook.page import FixTemplate, Subject
from tests.rulebook.builders import PAGE, write_page


def test_a_page_is_a_rule(tmp_path: Path) -> None:
    path = write_page(tmp_path)
    for _ in ("parsed", "from the cache"):
        (rule,) = load_pages(tmp_path)
        assert (rule.code, rule.area, rule.severity, rule.path) == ("DS201", "DS", Severity.WARNING, path)
        assert rule.subject is Subject.KEYS
        assert rule.reads_dialect("deepspeed")
        assert not rule.reads_dialect("axolotl")
        assert rule.title == "offload_param below ZeRO stage 3"
        assert rule.prose == "Nothing is offloaded.\n"
        assert rule.doc.startswith("# offload_param")
        assert [example.name for example in rule.examples] == ["bad-1", "good-1"]
        assert rule.fixes[0] == FixTemplate(
            "Use ZeRO stage 3", Applicability.UNSAFE, set={"zero_optimization.stage": 3}
        )
        assert rule.fixes[1].delete == ("zero_optimization.offload_param",)
        assert rule.condition is not None
        assert rule.condition.names == ("zero_optimization.stage", "zero_optimization.offload_param.device")


def changed(old: str, new: str) -> str:
    assert old in PAGE
    return PAGE.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "row", "message"),
    [
        (
            changed("severity: warning", "severty: warning"),
            4,
            "severty: there is no such key; did you mean 'severity'?",
        ),
        (changed("severity: warning", "severity: eror"), 4, "found 'eror'; did you mean 'error'?"),
        (changed("severity: warning\n", ""), 1, "the front matter has no 'severity'"),
        (changed("dialect: deepspeed", "dialect: deepsped"), 5, "did you mean 'deepspeed'?"),
        (changed("dialect: deepspeed", "dialect: script"), 5, "use `check`"),
        (changed("dialect: deepspeed\n", ""), 1, "no 'dialect'"),
        (changed("code: DS201", "code: DS202"), 2, "must be called DS202-offload-param-below-stage-3.md"),
        (changed("code: DS201", "code: ds201"), 2, "letters and three digits"),
        (changed("when:", "check: ftlint.checks.x:y\nwhen:"), 6, "found when and check"),
        (changed("stage < 3 and", "stage < and"), 6, "when: is not an expression"),
        (
            changed("{zero_optimization.stage}", "{zero_optimization.stag}"),
            8,
            "did you mean 'zero_optimization.stage'?",
        ),
        (changed("ZeRO stage {", "ZeRO stage { "), 8, "stray '{'"),
        (changed("at: zero_optimization.offload_param", "at: zero optimization"), 7, "expected a key"),
        (changed("applicability: safe", "applicability: sure"), 9, "fix 2: applicability: expected safe or unsafe"),
        (
            changed("set: {zero_optimization.stage: 3}", "sett: {}"),
            9,
            "fix 1: there is no key 'sett'; did you mean 'set'?",
        ),
        (changed("sources:", 'log: ["(a+)+$"]\nsources:'), 12, "could take very long"),
        (changed("sources:", 'versions: {deepspeed: "new"}\nsources:'), 12, "'new' is not a version specifier"),
        (changed("sources:", "versions: {deepspeed: 0.9}\nsources:"), 12, "a specifier is a text"),
        (changed("sources:", "name: again\nsources:"), 12, "name: is written twice"),
        (changed("sources:", "url: 2024-01-01\nsources:"), 12, "put it in quotes"),
        (changed("sources:", "log: *x\nsources:"), 12, "aliases"),
        (changed("sources:", "log: " + "[" * 5000 + "\nsources:"), 12, "nested deeper"),
        (changed("sources:", "log: [\nsources:"), 14, "is not YAML"),
        (changed("# offload_param below", "offload_param below"), 14, "begins with its title"),
        (changed("## Fixed", "## Good\n## Fixed"), 21, "no fence with a file name"),
        ("no front matter\n", 1, "begins with a line `---`"),
        ("---\ncode: DS201\n", 1, "no closing line"),
        ("---\n- DS201\n---\n", 2, "is a mapping"),
    ],
)
def test_a_mistake_is_named_with_its_row(tmp_path: Path, text: str, row: int, message: str) -> None:
    path = write_page(tmp_path, text)
    with pytest.raises(PageError) as caught:
        load_pages(tmp_path)
    assert str(caught.value).startswith(f"{path}:{row}: ")
    assert message in str(caught.value)


def test_checks_live_below_our_package_only(tmp_path: Path) -> None:
    condition = PAGE[PAGE.index("when:") : PAGE.index("message:")]
    for bad in ("os:system", "ftlint.cache:write_json", "ftlint.checks:x", "ftlint.checks.a:__import__"):
        write_page(tmp_path, changed(condition, f"check: {bad}\n"))
        with pytest.raises(PageError, match=r"check: expected a function below ftlint\.checks"):
            load_pages(tmp_path)


def test_run_facts_are_known_by_name(tmp_path: Path) -> None:
    condition = PAGE[PAGE.index("dialect:") : PAGE.index("fixes:")]
    page = "dialect: run\nwhen: {}\nmessage: text\nfixes: []\n"
    fixes = PAGE[PAGE.index("fixes:") : PAGE.index("sources:")]
    text = PAGE.replace(fixes, "")
    write_page(tmp_path, text.replace(condition, page.format("paralel.zero_stage == 3")))
    with pytest.raises(PageError, match=r"no run fact 'paralel\.zero_stage'; did you mean 'parallel\.zero_stage'"):
        load_pages(tmp_path)
    write_page(tmp_path, text.replace(condition, page.format('parallel.zero_stage == 3 and hardware.gpu.name == "T4"')))
    (rule,) = load_pages(tmp_path)
    assert rule.subject is Subject.RUN


def test_codes_and_names_are_unique(tmp_path: Path) -> None:
    write_page(tmp_path)
    write_page(tmp_path, name="other/DS201-offload-param-below-stage-3.md")
    with pytest.raises(PageError, match="'DS201' is already taken by"):
        load_pages(tmp_path)


def test_files_beside_pages_are_left_alone(tmp_path: Path) -> None:
    write_page(tmp_path)
    for name in ("README.md", "deepspeed/notes.txt", ".git/x.md"):
        write_page(tmp_path, "not a page", name)
    assert len(load_pages(tmp_path)) == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_page_is_an_error(tmp_path: Path) -> None:
    write_page(tmp_path).chmod(0)
    with pytest.raises(PageError, match="cannot be read"):
        load_pages(tmp_path)


# The cache.


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("FTLINT_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    write_page(tmp_path / "pages")
    return tmp_path / "pages"


def test_one_json_file_and_no_page_is_parsed_twice(pages: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = load_pages(pages)
    (file,) = cache.iterdir()
    assert isinstance(json.loads(file.read_bytes()), dict)
    monkeypatch.setattr("ftlint.rulebook.front_matter.parse_front_matter", None)
    assert load_pages(pages) == parsed


def test_a_changed_page_is_read_again(pages: Path, cache: Path) -> None:
    load_pages(pages)
    path = write_page(pages, changed("severity: warning", "severity: error  "))
    os.utime(path, ns=(1, 1))
    assert load_pages(pages)[0].severity is Severity.ERROR
    path.unlink()
    assert load_pages(pages) == ()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: "",
        lambda content: "[]",
        lambda content: "\udcff",
        lambda content: "[" * 100_000,
        lambda content: json.dumps({**json.loads(content), "key": ["0.0.0", []]}),
        lambda content: json.dumps({**json.loads(content), "pages": []}),
        lambda content: json.dumps({**json.loads(content), "pages": None}),
        lambda content: json.dumps({**json.loads(content), "pages": [{"code": "DS201"}]}),
        lambda content: json.dumps({**json.loads(content), "pages": [3]}),
        lambda content: content.replace('"warning"', '"terrible"'),
        lambda content: content.replace('"fixes":[', '"fixes":[3,'),
    ],
)
def test_a_damaged_or_foreign_cache_is_rebuilt(pages: Path, cache: Path, damage: object) -> None:
    parsed = load_pages(pages)
    (file,) = cache.iterdir()
    good = file.read_text(encoding="utf-8")
    assert callable(damage)
    file.write_bytes(damage(good).encode("utf-8", "surrogateescape"))
    assert load_pages(pages) == parsed
    assert file.read_text(encoding="utf-8") == good


def test_an_unusable_cache_folder_is_no_matter(pages: Path, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert len(load_pages(pages)) == 1


def test_two_hundred_pages_load_quickly_and_without_yaml(tmp_path: Path, cache: Path) -> None:
    for number in range(200):
        code = f"DS{number:03}"
        text = PAGE.replace("DS201", code).replace("offload-param-below-stage-3", f"rule-{number}")
        write_page(tmp_path / "many", text, f"area/{code}-rule-{number}.md")
    assert len(load_pages(tmp_path / "many")) == 200
    program = (
        "import sys, time; from pathlib import Path; from ftlint.rulebook.loading import load_pages\n"
        "start = time.perf_counter(); rules = load_pages(Path(sys.argv[1])); took = time.perf_counter() - start\n"
        "assert len(rules) == 200\n"
        "for heavy in ('yaml', 'jsonschema', 'packaging', 'hashlib', 'tempfile'):\n"
        "    assert heavy not in sys.modules, heavy\n"
        "print(took)"
    )
    fastest = min(_run(program, tmp_path / "many") for _ in range(3))
    assert fastest < 0.1  # 6 ms on the machine where this was written; a page's YAML alone would take ten times that


def _run(program: str, folder: Path) -> float:
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_a_cached_load_is_much_faster_than_parsing(pages: Path, cache: Path) -> None:
    start = time.perf_counter()
    load_pages(pages)
    middle = time.perf_counter()
    load_pages(pages)
    assert time.perf_counter() - middle < middle - start
