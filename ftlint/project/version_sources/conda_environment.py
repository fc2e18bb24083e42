"""environment.yml: conda's specifications, and the list under `pip:`, which is read as a requirements file is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from ftlint.project.version_sources.conda_spec import conda_demands, told_apart
from ftlint.project.version_sources.requirement_text import demanded, mention_of, parsed_line
from ftlint.project.version_sources.requirements import demands_in, with_includes
from ftlint.project.version_sources.source import (
    LONGEST_LINE,
    MOST_MENTIONS,
    NOTHING_SAID,
    Answer,
    Demand,
    Group,
    Problem,
    SourceFile,
)
from ftlint.syntax.document import DataDocument, DataNode, Format, MappingNode, Scalar, SequenceNode

_MOST_ITEMS = 5_000


def answer(file: SourceFile, package: str) -> Answer:
    """What conda and pip are asked for; pip comes second and may replace what conda has installed."""
    document = file.once(_document)
    is_mentioned = mention_of(package).search(file.text) is not None
    if not is_mentioned and "-r" not in file.text:
        return NOTHING_SAID
    problems: tuple[Problem, ...] = ()
    if document.faults and "dependencies" in file.text:
        fault = document.faults[0]
        problems = (Problem(fault.location, f"cannot be read: {fault.message}"),)
    conda, pip = _dependencies(document)
    groups: list[Group] = []
    for items in (
        (item for node in conda for item in _of_conda(file, node, package)),
        (item for node in pip for item in _of_pip(file, node, package)),
    ):
        demands, found = told_apart(islice(items, MOST_MENTIONS))
        problems += found
        groups += [Group(demands)] if demands else []
    return Answer(tuple(groups), tuple(dict.fromkeys(problems)))


def _document(file: SourceFile) -> DataDocument:
    from ftlint.syntax import parse_text

    document = parse_text(file.path, file.text, Format.YAML)
    assert isinstance(document, DataDocument), "YAML is data"
    return document


def _dependencies(document: DataDocument) -> tuple[list[Scalar], list[Scalar]]:
    """The texts for conda and those for pip."""
    from ftlint.syntax.walk import entry_of, node_at

    conda: list[Scalar] = []
    pip: list[Scalar] = []
    root = document.roots[0] if document.roots else None
    listed = node_at(root, ["dependencies"]) if root is not None else None
    for item in _items(listed):
        if isinstance(item, Scalar):
            conda.append(item)
        elif isinstance(item, MappingNode) and (entry := entry_of(item, "pip")) is not None:
            pip += [node for node in _items(entry.value) if isinstance(node, Scalar)]
    return conda, pip


def _items(node: DataNode | None) -> tuple[DataNode, ...]:
    from ftlint.syntax.walk import target_of

    node = target_of(node) if node is not None else None
    return tuple(target_of(item) for item in node.items[:_MOST_ITEMS]) if isinstance(node, SequenceNode) else ()


def _of_conda(file: SourceFile, node: Scalar, package: str) -> tuple[Demand | Problem, ...]:
    return conda_demands(node.text, package, file.location(node.span.start, node.span.end))


def _of_pip(file: SourceFile, node: Scalar, package: str) -> Iterator[Demand | Problem]:
    place = file.location(node.span.start, node.span.end)
    words = node.text.split()
    if len(words) > 1 and words[0] in ("-r", "-c", "--requirement", "--constraint"):
        included = file.included(words[1], place)
        if isinstance(included, Problem):
            yield included
        elif included is not None:
            demands, problems = demands_in(included.once(with_includes).files, package)
            yield from demands
            yield from problems
    elif len(node.text) <= LONGEST_LINE and mention_of(package).search(node.text):
        read = demanded(parsed_line(node.text), node.text, package, place)
        if read is not None:
            yield read
