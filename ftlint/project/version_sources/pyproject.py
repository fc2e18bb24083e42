"""pyproject.toml: the project's dependencies, extras and groups, and the tables of poetry, uv, PDM and Hatch.

Source: PEP 621, PEP 735; the manuals of poetry 2, uv 0.9, PDM 2 and Hatch 1 for their `[tool]` tables.
"""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.project.specifiers import normalised_name
from ftlint.project.version_sources.lists import answer_of_lists, demands_of
from ftlint.project.version_sources.poetry import demands_in_table
from ftlint.project.version_sources.requirement_text import mention_of
from ftlint.project.version_sources.source import NOTHING_SAID, Answer, Demand, Problem, SourceFile
from ftlint.project.version_sources.toml_file import TomlTable, read_toml

_MOST_INCLUDED_GROUPS = 50


def answer(file: SourceFile, package: str) -> Answer:
    """What the project asks for in any case, and what its extras and groups add."""
    if not mention_of(package).search(file.text):
        return NOTHING_SAID
    top = file.once(read_toml)
    if isinstance(top, Problem):
        return Answer(problems=(top,))
    return answer_of_lists(_always(top, package), _optional(top, package))


def _always(top: TomlTable, package: str) -> Iterator[Demand | Problem]:
    tools = top.table("tool")
    overriding = tuple(demands_of(tools.texts("uv", "override-dependencies"), package))
    if overriding:  # uv then forgets what everybody else asks for
        yield from overriding
        return
    sourced = _sourced(tools, package)
    if sourced is not None:
        yield sourced
        return
    yield from demands_of(top.texts("project", "dependencies"), package)
    yield from demands_in_table(tools.table("poetry", "dependencies"), package)
    yield from demands_of(tools.texts("uv", "constraint-dependencies"), package)


def _optional(top: TomlTable, package: str) -> Iterator[Iterator[Demand | Problem]]:
    extras = top.table("project", "optional-dependencies")
    yield from (demands_of(extras.texts(name), package) for name in extras.values)
    groups = top.table("dependency-groups")
    yield from (_in_group(groups, name, package) for name in groups.values)
    poetry = top.table("tool", "poetry")
    yield demands_in_table(poetry.table("dev-dependencies"), package)
    yield from (demands_in_table(group.table("dependencies"), package) for group in poetry.table("group").tables())
    yield demands_of(top.texts("tool", "uv", "dev-dependencies"), package)
    pdm = top.table("tool", "pdm", "dev-dependencies")
    yield from (demands_of(pdm.texts(name), package) for name in pdm.values)
    for environment in top.table("tool", "hatch", "envs").tables():
        yield from (demands_of(environment.texts(name), package) for name in ("dependencies", "extra-dependencies"))


def _in_group(groups: TomlTable, name: str, package: str) -> Iterator[Demand | Problem]:
    """A dependency group with those it includes. Names are compared as PEP 735 compares them."""
    names = {normalised_name(written): written for written in groups.values}
    waiting, seen = [normalised_name(name)], set[str]()
    while waiting and len(seen) < _MOST_INCLUDED_GROUPS:
        current = waiting.pop()
        if current in seen or current not in names:
            continue
        seen.add(current)
        written = names[current]
        yield from demands_of(groups.texts(written), package)
        items = groups.values[written]
        for item in items if isinstance(items, list) else ():
            included = item.get("include-group") if isinstance(item, dict) else None
            if isinstance(included, str):
                waiting.append(normalised_name(included))


def _sourced(tools: TomlTable, package: str) -> Demand | None:
    """`[tool.uv.sources]` with a repository or archive, from which uv takes the package whatever release is asked."""
    sources = tools.table("uv", "sources")
    for name, value in sources.values.items():
        if normalised_name(name) != package or not isinstance(value, dict):
            continue
        address = address_of(value)
        if address is not None:
            return Demand(package, "", address, False, False, sources.location(name), name)
    return None


def address_of(value: dict[str, object]) -> str | None:
    """The address that a table with `git` and `tag`, or with `url`, means to pip."""
    git, url = value.get("git"), value.get("url")
    if isinstance(git, str):
        revision = next((value[key] for key in ("tag", "rev", "branch", "ref") if isinstance(value.get(key), str)), "")
        return f"git+{git.removeprefix('git+')}" + (f"@{revision}" if revision else "")
    return url if isinstance(url, str) else None
