"""Fixes become new texts, and new texts files: the only code that writes what belongs to the user."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ftlint.errors import InputError
from ftlint.findings import Applicability, Edit, Finding, Fix
from ftlint.record import record
from ftlint.syntax import parse_text
from ftlint.syntax.document import Document, Format

_LINE_END = re.compile(r"\r\n|\n|\r")
_Place = tuple[Path, int | None]


@record
class FileChange:
    """One file's text before and after, both as decoded: without byte order mark, line ends as they are."""

    path: Path
    format: Format
    old_text: str
    new_text: str


@record
class Plan:
    """What to write. A bundle holds the files that fixes tie together: it is written whole, or not at all.

    `errors` name the files for which no new text could be made.
    """

    bundles: tuple[tuple[FileChange, ...], ...]
    applied: tuple[Finding, ...]
    errors: tuple[InputError, ...] = ()

    @property
    def changes(self) -> tuple[FileChange, ...]:
        """All files that change, in order of path."""
        return tuple(sorted((change for bundle in self.bundles for change in bundle), key=lambda change: change.path))


def read_text(path: Path, format: Format) -> str:
    """The decoded text of a file. Raises InputError where it cannot be read."""
    from ftlint.syntax.text import decode

    return decode(_read_bytes(path), format).text


def plan(
    findings: Iterable[Finding],
    up_to: Applicability,
    documents: Mapping[Path, Document],
    read: Callable[[Path, Format], str] = read_text,
) -> Plan:
    """The fixes that can be made together, at most one for each finding: its first that `up_to` allows.

    A fix that touches what an earlier one changes waits for the next round; so does one after which, together with the
    others, a file would have new faults. `read` gives the whole text of notebooks, which documents do not hold.
    """
    candidates = [(finding, fix) for finding in findings if (fix := _first_fix(finding, up_to)) is not None]
    texts = _Texts(documents, read)
    refused: set[int] = set()
    while True:
        chosen = _Selection(documents)
        for index, (_, fix) in enumerate(candidates):
            if index not in refused:
                chosen.offer(index, fix)
        culprits = {culprit for path in chosen.files() if (culprit := _culprit(chosen, path, texts)) is not None}
        if not culprits:
            break
        refused |= culprits
    bundles = []
    for paths in chosen.tied_files():
        changes = [texts.after(path, chosen.edits(path)) for path in sorted(paths)]
        bundles.append(tuple(change for change in changes if change and change.old_text != change.new_text))
    applied = tuple(candidates[index][0] for index in chosen.accepted)
    return Plan(tuple(bundle for bundle in bundles if bundle), applied, tuple(texts.errors.values()))


def _culprit(chosen: _Selection, path: Path, texts: _Texts) -> int | None:
    """The first fix after which the file would have new faults; None where it is well with all of them."""
    if not texts.is_worse(path, chosen.edits(path)):
        return None
    touching = chosen.touching(path)
    prefixes = ((index, chosen.edits(path, up_to=index)) for index in touching)
    return next((index for index, edits in prefixes if texts.is_worse(path, edits)), touching[-1])


def write(plan: Plan) -> tuple[InputError, ...]:
    """Writes the plan's files, each atomically. The answer says which could not be; their bundles stay as they were."""
    failures = (_write_bundle(bundle) for bundle in plan.bundles)
    return tuple(failure for failure in failures if failure is not None)


def _write_bundle(bundle: Sequence[FileChange]) -> InputError | None:
    written: list[tuple[Path, bytes]] = []
    try:
        prepared = [(change.path, *_old_and_new_bytes(change)) for change in bundle]
        for path, old, new in prepared:
            _replace_file(path, new)
            written.append((path, old))
    except InputError as error:
        for path, old in written:
            with contextlib.suppress(InputError):  # what was written a moment ago can be written again, as a rule
                _replace_file(path, old)
        return error
    return None


def unified_diff(path: str, old: str, new: str) -> str:
    """The change as a patch, empty where there is none."""
    old_lines, new_lines = _diff_lines(old), _diff_lines(new)
    name = _patch_name(path)
    lines = difflib.unified_diff(old_lines, new_lines, fromfile=name, tofile=name)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _patch_name(path: str) -> str:
    """The name as `patch` and git take it: quoted as in C where it would break the line, with a tab after spaces."""
    if not re.search(r'[\x00-\x1f"\\\x7f]', path):
        return f"{path}\t" if " " in path else path
    escapes = re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\{ord(match[0]):03o}", re.sub(r'(["\\])', r"\\\1", path))
    return f'"{escapes}"'


def _diff_lines(text: str) -> list[str]:
    """The lines as `patch` counts them, ended by line feeds only."""
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def _first_fix(finding: Finding, up_to: Applicability) -> Fix | None:
    allowed = {Applicability.SAFE: (Applicability.SAFE,)}.get(up_to, (Applicability.SAFE, Applicability.UNSAFE))
    return next((fix for fix in finding.fixes if fix.applicability in allowed and fix.edits), None)


class _Selection:
    """Fixes accepted so far, by number, and the edits they make."""

    def __init__(self, documents: Mapping[Path, Document]) -> None:
        self.accepted: list[int] = []
        self._texts: dict[_Place, str] = {
            (document.path, source.cell): source.text for document in documents.values() for source in document.sources
        }
        self._edits: dict[_Place, list[tuple[int, Edit]]] = {}
        self._files: dict[int, frozenset[Path]] = {}

    def offer(self, index: int, fix: Fix) -> None:
        """Accepts a fix as a whole, unless one of its edits is in the way of another."""
        new: list[Edit] = []
        for edit in fix.edits:
            place = (edit.location.path, edit.location.cell)
            text = self._texts.get(place)
            if text is None or not 0 <= edit.location.span.start <= edit.location.span.end <= len(text):
                return
            known = [other for _, other in self._edits.get(place, ())]
            if edit in known or edit in new:
                continue  # two findings may ask for the same line; it is written once
            known += [other for other in new if (other.location.path, other.location.cell) == place]
            if any(_collide(edit, other) for other in known):
                return
            new.append(edit)
        for edit in new:
            self._edits.setdefault((edit.location.path, edit.location.cell), []).append((index, edit))
        self.accepted.append(index)
        self._files[index] = frozenset(edit.location.path for edit in fix.edits)

    def files(self) -> list[Path]:
        """The files that change, in order."""
        return sorted({path for path, _ in self._edits})

    def edits(self, path: Path, up_to: int | None = None) -> tuple[Edit, ...]:
        """The edits of one file, of all accepted fixes or of those up to one."""
        places = (edits for (place, _), edits in self._edits.items() if place == path)
        return tuple(edit for edits in places for index, edit in edits if up_to is None or index <= up_to)

    def touching(self, path: Path) -> list[int]:
        """The accepted fixes that change the file, in order."""
        return [index for index in self.accepted if path in self._files[index]]

    def tied_files(self) -> list[set[Path]]:
        """The files in groups, such that no fix touches two of them."""
        groups: list[set[Path]] = []
        for index in self.accepted:
            paths = set(self._files[index])
            apart = [group for group in groups if not group & paths]
            groups = [*apart, paths.union(*(group for group in groups if group & paths))]
        return sorted(groups, key=min)


def _collide(one: Edit, other: Edit) -> bool:
    """Whether two edits overlap. An insertion may not even touch another edit: which comes first is not known."""
    first, second = sorted((one.location.span, other.location.span))
    if first.start == first.end or second.start == second.end:
        return second.start <= first.end
    return second.start < first.end


class _Texts:
    """New texts of files, each made and read only once for the same edits."""

    def __init__(self, documents: Mapping[Path, Document], read: Callable[[Path, Format], str]) -> None:
        self.errors: dict[Path, InputError] = {}
        self._documents = documents
        self._read = read
        self._changes: dict[tuple[Path, tuple[Edit, ...]], FileChange | None] = {}
        self._verdicts: dict[tuple[Path, tuple[Edit, ...]], bool] = {}

    def after(self, path: Path, edits: tuple[Edit, ...]) -> FileChange | None:
        """The file after the edits; None, with an error kept, where it cannot be read."""
        key = (path, edits)
        if key not in self._changes:
            try:
                self._changes[key] = _change(self._documents[path], edits, self._read)
            except InputError as error:
                self.errors[path] = error
                self._changes[key] = None
        return self._changes[key]

    def is_worse(self, path: Path, edits: tuple[Edit, ...]) -> bool:
        """Whether the new text has more faults than the old one had, or there can be none."""
        key = (path, edits)
        if key not in self._verdicts:
            change = self.after(path, edits)
            num_faults = len(self._documents[path].faults)
            self._verdicts[key] = (
                change is None or len(parse_text(path, change.new_text, change.format).faults) > num_faults
            )
        return self._verdicts[key]


def _change(document: Document, edits: Sequence[Edit], read: Callable[[Path, Format], str]) -> FileChange:
    """The new text of one document. Raises InputError where a notebook's text cannot be read."""
    from ftlint.syntax.editing import apply_to_text

    edited: dict[int | None, str] = {}
    for source in document.sources:
        changes = [
            (edit.location.span, _adapted(edit.content, source.text))
            for edit in edits
            if edit.location.cell == source.cell
        ]
        if changes:
            edited[source.cell] = apply_to_text(source.text, changes)
    if document.format is not Format.NOTEBOOK:
        return FileChange(document.path, document.format, document.sources[0].text, edited[None])
    from ftlint.syntax.notebook_text import with_sources

    text = read(document.path, document.format)
    if parse_text(document.path, text, Format.NOTEBOOK).sources != document.sources:
        raise InputError(f"{document.path}: the notebook was changed while it was checked; nothing was written to it")
    cells = {cell: source for cell, source in edited.items() if cell is not None}
    return FileChange(document.path, document.format, text, with_sources(text, cells))


def _adapted(content: str, text: str) -> str:
    """`content` with the line ends of the text it goes into."""
    first = _LINE_END.search(text)
    return _LINE_END.sub(first[0], content) if first else content


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _old_and_new_bytes(change: FileChange) -> tuple[bytes, bytes]:
    """The bytes on disk and those to write, if the text is still the one checked. Raises InputError."""
    from ftlint.syntax.text import decode

    old = _read_bytes(change.path)
    decoded = decode(old, change.format)
    if decoded.text == change.new_text:
        return old, old  # the same file under another name, which has been fixed a moment ago
    if decoded.text != change.old_text:
        raise InputError(f"{change.path}: the file was changed while it was checked; nothing was written to it")
    try:
        return old, decoded.encode(change.new_text)
    except InputError as error:
        raise InputError(f"{change.path}: {error}") from None


def _replace_file(path: Path, data: bytes) -> None:
    """Puts `data` in the file's place in one step, with its mode and, where we may, its owner. Raises InputError."""
    target = Path(os.path.realpath(path))  # a link stays a link: what it points to is replaced
    try:
        status = target.stat()
        if not os.access(target, os.W_OK):
            raise InputError(f"{path}: the file is read-only")
        with _temporary_file(target) as (descriptor, temporary):
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                with contextlib.suppress(OSError, AttributeError):  # only root may give files away; Windows cannot
                    os.chown(temporary, status.st_uid, status.st_gid)
                os.chmod(temporary, stat.S_IMODE(status.st_mode))  # after chown, which clears set-id bits
                os.fsync(file.fileno())
            os.replace(temporary, target)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


@contextlib.contextmanager
def _temporary_file(target: Path) -> Iterator[tuple[int, Path]]:
    """A new file beside `target`, on the same file system; gone afterwards unless it was moved."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".ftlint")
    try:
        yield descriptor, Path(name)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
