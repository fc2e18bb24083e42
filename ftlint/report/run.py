"""A run as `ftlint show` prints it: every fact that anything is known about, its value and its origins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from ftlint.report.color import Palette
from ftlint.report.facts import origin_text, value_text
from ftlint.report.places import Places
from ftlint.report.visible import visible
from ftlint.run.run import Run
from ftlint.run.versions import Admissible, VersionView, describe

NO_VERSIONS: Mapping[str, Admissible] = MappingProxyType({})


def render_run(
    run: Run,
    places: Places,
    palette: Palette,
    *,
    label: str = "",
    first: Run | None = None,
    versions: Mapping[str, Admissible] = NO_VERSIONS,
) -> str:
    """The run's name, its facts in the order of the sections, the releases in use, and the files it was assembled from.

    `label`: in which variant the run is so (`transformers 4.46.1 to 4.57.6`), empty where there is only one. `first`:
    a variant that was shown before; then only what differs from it is.
    """
    lines = (
        _title(run, places, palette, label),
        *_facts(run, first, places, palette),
        *_versions(versions, places, palette),
        *_inputs(run, first, places, palette),
    )
    return "\n".join((*lines, "", ""))


def _title(run: Run, places: Places, palette: Palette, label: str) -> str:
    root = f"  {visible(str(places.place(run.root)))}" if run.root is not None else ""
    return f"{palette.strong(visible(run.name) or 'run')}{root}{f'  with {visible(label)}' if label else ''}"


def _facts(run: Run, first: Run | None, places: Places, palette: Palette) -> Iterator[str]:
    before = dict(first.facts()) if first is not None else {}
    said = [(name, fact) for name, fact in run.facts() if (fact.said or fact.known) and fact != before.get(name)]
    width = max((len(name) for name, _ in said), default=0)
    for name, fact in said:
        value = value_text(name, fact.value)
        yield f"  {name:<{width}} = {value if fact.known else palette.quiet(value)}"
        for origin in fact.origins:
            yield f"  {'':<{width}}   {palette.quiet(origin_text(origin, places))}"
    if first is not None:
        yield "  the rest as above" if said else "  as above"


def relevant_versions(view: VersionView, known: Iterable[str]) -> dict[str, Admissible]:
    """The releases of the packages that the run asked about, or of which the project says something.

    `known`: the packages that our data has releases of.
    """
    found = {package: view.admissible[package] for package in sorted({*known, *view.asked})}
    return {
        package: admissible
        for package, admissible in found.items()
        if package in view.asked or any(origin.location is not None for origin in admissible.origins)
    }


def releases_text(admissible: Admissible) -> str:
    """`4.46.1`, or `4.30.0 to 4.57.6 (34 releases)`."""
    if not admissible.releases:
        return "none that we know of"
    number = len(admissible.releases)
    several = f" ({number} releases)" if number > 1 else ""
    beyond = ", perhaps newer than our data" if admissible.beyond_knowledge else ""
    return f"{describe(admissible.releases)}{several}{beyond}"


def _versions(versions: Mapping[str, Admissible], places: Places, palette: Palette) -> Iterator[str]:
    if not versions:
        return
    yield "  versions in use:"
    width = max(map(len, versions))
    for package, admissible in versions.items():
        yield f"    {package:<{width}} = {visible(releases_text(admissible))}"
        for origin in admissible.origins:
            yield f"    {'':<{width}}   {palette.quiet(origin_text(origin, places))}"


def _inputs(run: Run, first: Run | None, places: Places, palette: Palette) -> Iterator[str]:
    if not run.inputs or (first is not None and first.inputs == run.inputs):
        return
    yield "  read:"
    for item in run.inputs:
        missing = "" if item.found else palette.bad("  (not found)")
        named = f"  named in {visible(str(places.place(item.referrer)))}" if item.referrer is not None else ""
        yield f"    {visible(places.filename(item.path))}{palette.quiet(named)}{missing}"
