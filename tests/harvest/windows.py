"""What a schema says of one release, read as decision 008 describes it; written apart from the harvester."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def at(schema: Mapping[str, Any], thing: Any, release: str, level: Any = None) -> dict[str, Any] | None:
    """A level's or a property's keywords in a release, None where it does not have it. `level`: the property's."""
    if thing is None:
        return None
    place = schema["x-releases"].index
    bounds = level or {}
    first = thing.get("x-since", bounds.get("x-since", schema["x-releases"][0]))
    last = thing.get("x-until", bounds.get("x-until", schema["x-releases"][-1]))
    gaps = [*thing.get("x-absent", []), *bounds.get("x-absent", [])]
    if not place(first) <= place(release) <= place(last):
        return None
    if any(place(start) <= place(release) <= place(end) for start, end in gaps):
        return None
    for was in thing.get("x-was", []):
        if place(release) <= place(was["until"]):
            return {**thing, **was} if "properties" in thing else dict(was)
    return dict(thing)


def keys_at(schemas: Mapping[str, Any], name: str, level: str, releases: Mapping[str, str]) -> dict[str, Any]:
    """Key -> shape of a level with all that it builds on, in these releases of the packages."""
    schema = schemas[name]
    release = releases[schema["x-package"]]
    whole = schema["$defs"][level]
    now = at(schema, whole, release)
    assert now is not None, f"{name} {release} has no {level}"
    found: dict[str, Any] = {}
    for reference in now.get("allOf") or ():
        file, _, target = reference["$ref"].rpartition("#/$defs/")
        above = keys_at(schemas, file.removesuffix(".json") or name, target, releases)
        found = {**above, **found}
    own = {key: at(schema, shape, release, whole) for key, shape in whole["properties"].items()}
    return {**found, **{key: shape for key, shape in own.items() if shape is not None}}
