"""The one owner of file reading: limits, open editor documents, and the cache of parsed documents."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from ftlint.errors import InputError
from ftlint.record import record

if TYPE_CHECKING:
    from ftlint.syntax.document import Document, Format

SIZE_LIMIT_BYTES = 10 * 10**6

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def absolute(path: Path | str) -> Path:
    """The path from the root of the file system, without `.` and `..`, with its links as they are.

    `..` after a link to a folder leaves the link's target, so only there are links resolved.
    """
    plain = os.path.abspath(path)
    if ".." in Path(path).parts and os.path.realpath(plain) != os.path.realpath(path):
        return Path(os.path.realpath(path))
    return Path(plain)


def shown(path: Path) -> str:
    """The path for a message: relative to the working directory where it lies below it, always printable."""
    text = str(path)
    folder = working_directory()
    if folder and text.startswith(folder.rstrip(os.sep) + os.sep):
        text = os.path.relpath(text, folder)
    text = os.fsencode(text).decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def working_directory() -> str:
    """The process's working directory; empty where somebody has deleted it."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def is_inside(path: Path, folder: Path) -> bool:
    """Whether the file really lies below the folder, after all links."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


@record
class Overlay:
    """The text of a document that is open in an editor, which stands before the file on disk."""

    data: bytes
    version: int


class Workspace:
    """All files of one check or one editor session.

    `folders`: the working directory of the command, or the folders that an editor has opened. `trusted`: the user
    stands behind what these files say about files elsewhere (`extend`, house rules, references); without it nothing
    outside the folders is read because some file says so. Mutable: it owns the overlays and the caches.
    """

    def __init__(self, *folders: Path, trusted: bool = True, size_limit_bytes: int = SIZE_LIMIT_BYTES) -> None:
        self.folders = tuple(absolute(folder) for folder in folders)
        self.trusted = trusted
        self.size_limit_bytes = size_limit_bytes
        self._overlays: dict[Path, Overlay] = {}
        self._documents: dict[tuple[Path, Format], tuple[object, Document]] = {}

    def open_overlay(self, path: Path, data: bytes, version: int = 0) -> None:
        """From now on `data` is what the file says."""
        self._overlays[absolute(path)] = Overlay(data, version)

    def close_overlay(self, path: Path) -> None:
        """From now on the disk is what the file says."""
        self._overlays.pop(absolute(path), None)

    def is_open(self, path: Path) -> bool:
        """Whether an editor's text stands before the file."""
        return path in self._overlays

    def is_file(self, path: Path) -> bool:
        """Whether there is a regular file (or a link to one) that can be read, or an open document."""
        if path in self._overlays:
            return True
        try:
            return stat.S_ISREG(os.stat(path).st_mode)
        except (OSError, ValueError):  # ValueError: a NUL in the name
            return False

    def is_folder(self, path: Path) -> bool:
        """Whether there is a folder, or a link to one."""
        try:
            return stat.S_ISDIR(os.stat(path).st_mode)
        except (OSError, ValueError):
            return False

    def exists(self, path: Path) -> bool:
        """Whether there is a file or a folder."""
        return self.is_file(path) or self.is_folder(path)

    def may_read(self, path: Path) -> bool:
        """Whether a path that only a file names may be read: always where we trust, else inside the open folders."""
        return self.trusted or any(is_inside(path, folder) for folder in self.folders)

    def read(self, path: Path) -> bytes:
        """The bytes of a file. Raises InputError: which file, and why not."""
        return self._read(path, self.size_limit_bytes)

    def _read(self, path: Path, limit_bytes: int) -> bytes:
        overlay = self._overlays.get(path)
        if overlay is not None:
            return _within_limit(path, overlay.data, len(overlay.data), limit_bytes)
        expect_regular(path)  # before opening: opening a device can already do something
        try:
            descriptor = os.open(path, _OPEN_FLAGS)
            with open(descriptor, "rb") as file:
                state = os.fstat(descriptor)
                _refuse_special(path, state)
                return _within_limit(path, file.read(limit_bytes + 1), state.st_size, limit_bytes)
        except OSError as error:
            raise InputError(f"{shown(path)}: {reason(path, error)}") from None

    def text(self, path: Path, *, limit_bytes: int | None = None) -> str:
        """The text of a file that is no checked document (settings, requirements); raises InputError."""
        data = self._read(path, limit_bytes or self.size_limit_bytes)
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{shown(path)}: not UTF-8 text (byte 0x{data[error.start]:02x} at {error.start})"
            ) from None

    def text_by_mark(self, path: Path, *, limit_bytes: int | None = None) -> str:
        """The text as pip reads it: in the encoding that its byte order mark says, else UTF-8. Raises InputError.

        Bytes that are no text are replaced: they mostly stand in comments, and the rest is as good as ever.
        """
        from ftlint.syntax.text import encoding_by_mark

        data = self._read(path, limit_bytes or self.size_limit_bytes)
        encoding, mark = encoding_by_mark(data)
        text = data[len(mark) :].decode(encoding, "replace")
        if "\0" in text:
            raise InputError(f"{shown(path)}: binary, or UTF-16 without a byte order mark: it contains NUL bytes")
        return text

    def stamp(self, path: Path) -> object:
        """Changes whenever the file's bytes may have changed; None where there is no file."""
        overlay = self._overlays.get(path)
        if overlay is not None:
            return ("open", overlay.version, overlay.data)
        try:
            state = os.stat(path)
        except (OSError, ValueError):
            return None
        return (state.st_size, state.st_mtime_ns, state.st_ino)

    def document(self, path: Path, format: Format | None = None) -> Document | None:
        """The parsed file; `format` where its suffix does not tell. None where neither does. Raises InputError."""
        from ftlint.syntax import format_of, parse
        from ftlint.syntax.limits import MAX_BYTES

        format = format or format_of(path)
        if format is None:
            return None
        stamp = self.stamp(path)
        known = self._documents.get((path, format))
        if known is not None and stamp is not None and known[0] == stamp:
            return known[1]
        document = parse(path, self._read(path, max(self.size_limit_bytes, MAX_BYTES[format])), format)
        self._documents[path, format] = (stamp, document)
        return document


def _within_limit(path: Path, data: bytes, size_bytes: int, limit_bytes: int) -> bytes:
    """The data, unless it is more than the limit: then raises InputError."""
    if len(data) <= limit_bytes:
        return data
    size = max(size_bytes, len(data)) / 1e6  # a file in /proc has size 0
    raise InputError(f"{shown(path)}: too large: {size:.1f} MB, and ftlint reads up to {limit_bytes / 1e6:.0f} MB")


def expect_regular(path: Path) -> None:
    """Raises InputError where there is no regular file: which path, and what is there instead."""
    try:
        state = os.stat(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{shown(path)}: {reason(path, error)}") from None
    _refuse_special(path, state)


def _refuse_special(path: Path, state: os.stat_result) -> None:
    """Raises InputError for what is not a regular file."""
    if not stat.S_ISREG(state.st_mode):
        kind = next((kind for test, kind in _KINDS if test(state.st_mode)), "a special file")
        raise InputError(f"{shown(path)}: {kind}, not a regular file")


def reason(path: Path, error: OSError | ValueError) -> str:
    """Why a file or folder could not be read, in a few words."""
    if isinstance(error, ValueError):
        return "not a possible file name"
    if error.errno == errno.ELOOP:
        return "a link that leads back to itself"
    if error.errno == errno.ENOENT and path.is_symlink():
        return f"a broken link to {os.readlink(path)}"
    return {
        errno.ENOENT: "no such file or folder",
        errno.EACCES: "permission denied",
        errno.ENOTDIR: "no such file or folder",
        errno.ENAMETOOLONG: "not a possible file name",
    }.get(error.errno or 0, (error.strerror or str(error)).lower())
