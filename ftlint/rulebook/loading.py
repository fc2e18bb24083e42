"""Makes rules of the pages of a folder; their YAML is parsed once and then comes from the cache."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ftlint
from ftlint.cache import read_json, write_json
from ftlint.errors import FtlintError, PageError
from ftlint.findings import Applicability, Severity
from ftlint.rulebook.page import FixTemplate, Rule

MAX_PAGES = 5_000
_NOT_PAGES = {"readme.md", "index.md"}


def bundled_rules_folder() -> Path:
    """Where our own pages are: inside the package in a wheel, beside it in a checkout."""
    package = Path(ftlint.__file__).parent
    bundled = package / "_data" / "rules"
    if bundled.is_dir():
        return bundled
    checkout = package.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "rules").is_dir():
        return checkout / "rules"
    raise FtlintError(f"ftlint's own rule pages are missing from {package}: install it again")


def load_pages(folder: Path) -> tuple[Rule, ...]:
    """The rules of all pages below `folder`, by code. A page that is not right is a PageError."""
    found = tuple(sorted(_find_pages(folder)))
    place = os.path.abspath(folder)
    key: list[object] = [_own_state(), place, [list(page) for page in found]]
    cache_name = f"rules-{zlib.crc32(os.fsencode(place)):08x}.json"  # the key tells folders apart; hashlib loads slowly
    cached = _from_cache(read_json(cache_name), key, folder)
    if cached is not None:
        return cached
    fronts = [_read_front_matter(folder / name) for name, _, _ in found]
    write_json(cache_name, {"key": key, "pages": fronts})
    rules = [rule_from(front, folder / name) for (name, _, _), front in zip(found, fronts, strict=True)]
    return in_order(rules)


def in_order(rules: list[Rule]) -> tuple[Rule, ...]:
    """The rules by code; a PageError if two pages share a code or a name."""
    taken: dict[str, Rule] = {}
    for rule in rules:
        for word in (rule.code, rule.name):
            if word in taken:
                raise PageError(f"{rule.path}: {word!r} is already taken by {taken[word].path}")
            taken[word] = rule
    return tuple(sorted(rules, key=lambda rule: rule.code))


def _find_pages(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Relative name, size and time of change of each page; folders behind links are not entered."""
    if not folder.is_dir():
        raise PageError(f"{folder}: there is no such folder of rule pages")
    count = 0
    # Two hundred pages are listed at every start: names stay texts, since a Path for each takes longer than its stat.
    top = os.fspath(folder)
    for place, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = "" if place == top else f"{os.path.relpath(place, top).replace(os.sep, '/')}/"
        for name in names:
            if not name.endswith(".md") or name.lower() in _NOT_PAGES:
                continue
            count += 1
            if count > MAX_PAGES:
                raise PageError(f"{folder}: has more than {MAX_PAGES} pages")
            path = os.path.join(place, name)
            try:
                state = os.stat(path)
            except OSError as error:
                raise PageError(f"{path}: cannot be read: {error.strerror}") from None
            yield below + name, state.st_size, state.st_mtime_ns


def _own_state() -> list[object]:
    """Our release and the state of the code that reads pages, so that working on it never meets a stale cache."""
    state: list[object] = [ftlint.__version__]
    with os.scandir(Path(__file__).parent) as entries:
        state.extend(sorted(entry.stat().st_mtime_ns for entry in entries if entry.name.endswith(".py")))
    return state


def _read_front_matter(path: Path) -> dict[str, Any]:
    """One page read, judged and reduced to what the cache keeps: its front matter and its title."""
    from ftlint.rulebook.body import parse_examples, title_of
    from ftlint.rulebook.front_matter import parse_front_matter
    from ftlint.rulebook.reading import read_page
    from ftlint.rulebook.validation import validate

    page = read_page(path)
    front = parse_front_matter(page.front_matter, path)
    validate(front)
    title = title_of(page.body)
    if title is None:
        raise PageError(f"{path}:{page.body_row}: the text begins with its title, `# …`")
    parse_examples(str(front.values["code"]), page.body, path, page.body_row)
    return {**front.values, "title": title}


def _from_cache(content: object, key: list[object], folder: Path) -> tuple[Rule, ...] | None:
    """The rules of a cached file if it is ours and of just these pages; None for anything else."""
    if not isinstance(content, dict) or content.get("key") != key:
        return None
    try:
        names = [page[0] for page in content["key"][2]]
        rules = [rule_from(front, folder / name) for name, front in zip(names, content["pages"], strict=True)]
        return in_order(rules)
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def rule_from(front: dict[str, Any], path: Path) -> Rule:
    """The rule that a judged front matter (with `title`) describes. Any: what YAML or JSON gave, judged before."""
    dialect, level = front.get("dialect", []), front.get("level", [])
    return Rule(
        code=front["code"],
        name=front["name"],
        severity=Severity(front["severity"]),
        title=front["title"],
        message=front["message"],
        path=path,
        dialects=(dialect,) if isinstance(dialect, str) else tuple(dialect),
        levels=(level,) if isinstance(level, str) else tuple(level),
        versions=front.get("versions", {}),
        when=front.get("when"),
        check=front.get("check"),
        builtin=front.get("builtin", False),
        at=front.get("at"),
        fixes=tuple(_fix_from(fix) for fix in front.get("fixes", ())),
        log=tuple(front.get("log", ())),
        sources=tuple(front.get("sources", ())),
        url=front.get("url", ""),
    )


def _fix_from(fix: dict[str, Any]) -> FixTemplate:
    delete = fix.get("delete", [])
    return FixTemplate(
        title=fix["title"],
        applicability=Applicability(fix["applicability"]),
        name=fix.get("name"),
        set=fix.get("set", {}),
        delete=(delete,) if isinstance(delete, str) else tuple(delete),
        rename=fix.get("rename", {}),
    )
