"""Files are read within limits, and every refusal says which file and why."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from ftlint.errors import InputError
from ftlint.project.workspace import Workspace, absolute, shown
from ftlint.syntax.document import DataDocument, Format


def refusal(workspace: Workspace, path: Path) -> str:
    with pytest.raises(InputError) as caught:
        workspace.read(path)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal(Workspace(tmp_path), tmp_path / "a" / "no.json") == "a/no.json: no such file or folder"


def test_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    assert refusal(Workspace(tmp_path), tmp_path / "f" / "x").endswith("no such file or folder")


def test_folder(tmp_path: Path) -> None:
    assert refusal(Workspace(tmp_path), tmp_path).endswith("a folder, not a regular file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_named_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    assert refusal(Workspace(tmp_path), tmp_path / "pipe.json").endswith("a named pipe, not a regular file")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no such sockets here")
def test_socket() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/s")  # pytest's own folders are too deep for a socket's name
        assert refusal(Workspace(Path(folder)), Path(folder, "s")).endswith("a socket, not a regular file")


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="no devices here")
def test_device() -> None:
    assert refusal(Workspace(), Path("/dev/null")).endswith("a device, not a regular file")


def test_links(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to("gone")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "good").symlink_to("file")
    (tmp_path / "file").write_bytes(b"x")
    workspace = Workspace(tmp_path)
    assert refusal(workspace, tmp_path / "broken").endswith("a broken link to gone")
    assert refusal(workspace, tmp_path / "loop").endswith("a link that leads back to itself")
    assert workspace.read(tmp_path / "good") == b"x"


def test_impossible_names(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for name in ("a\0b", "x" * 5000):
        assert refusal(workspace, tmp_path / name).endswith("not a possible file name")
        assert not workspace.exists(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "a.json").chmod(0)
    assert refusal(Workspace(tmp_path), tmp_path / "a.json").endswith("permission denied")


def test_size_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    assert Workspace(tmp_path, size_limit_bytes=100).read(tmp_path / "a") == b"x" * 100
    assert "too large: 0.0 MB" in refusal(Workspace(tmp_path, size_limit_bytes=99), tmp_path / "a")


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(10**11)  # sparse
    assert refusal(Workspace(tmp_path), tmp_path / "huge.bin").endswith(
        "too large: 100000.0 MB, and ftlint reads up to 10 MB"
    )


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices here")
def test_a_link_to_a_device_is_refused(tmp_path: Path) -> None:
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    assert refusal(Workspace(tmp_path), tmp_path / "zero.json").endswith("a device, not a regular file")


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.json"))
    try:
        path.write_text("{}")
    except OSError:
        pytest.skip("this file system only takes UTF-8 names")
    workspace = Workspace(tmp_path)
    assert workspace.read(path) == b"{}"
    document = workspace.document(path)
    assert document is not None
    assert document.path == path
    assert shown(path).endswith("caf\ufffd.json")


def test_binary_content_is_bytes_for_read_and_a_fault_for_documents(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\x00\xff\x00\x01")
    workspace = Workspace(tmp_path)
    assert workspace.read(tmp_path / "a.json") == b"\x00\xff\x00\x01"
    document = workspace.document(tmp_path / "a.json")
    assert isinstance(document, DataDocument)
    assert document.faults
    with pytest.raises(InputError, match="not UTF-8 text"):
        workspace.text(tmp_path / "a.json")


def test_text_leaves_the_byte_order_mark_out(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfx = 1\r\n")
    assert Workspace(tmp_path).text(tmp_path / "a.toml") == "x = 1\r\n"


class TestDocuments:
    def test_a_document_is_parsed_again_only_after_a_change(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        path.write_text('{"a": 1}')
        workspace = Workspace(tmp_path)
        first = workspace.document(path)
        assert workspace.document(path) is first
        path.write_text('{"a": 1000}')
        second = workspace.document(path)
        assert second is not first
        assert second is not None
        assert second.sources[0].text == '{"a": 1000}'

    def test_the_editors_text_stands_before_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        workspace = Workspace(tmp_path)
        assert not workspace.is_file(path)
        workspace.open_overlay(path, b"[1]", version=1)
        assert workspace.is_file(path)
        assert workspace.read(path) == b"[1]"
        first = workspace.document(path)
        workspace.open_overlay(path, b"[2]", version=2)
        assert workspace.document(path) is not first
        workspace.close_overlay(path)
        with pytest.raises(InputError):
            workspace.document(path)

    def test_the_format_can_be_told(self, tmp_path: Path) -> None:
        path = tmp_path / "ds.conf"
        path.write_text("{}")
        workspace = Workspace(tmp_path)
        assert workspace.document(path) is None
        document = workspace.document(path, Format.JSON)
        assert isinstance(document, DataDocument)
        assert document.format is Format.JSON


class TestTrust:
    def test_without_trust_only_the_open_folders_may_be_read(self, tmp_path: Path) -> None:
        inside, outside = tmp_path / "in", tmp_path / "out"
        inside.mkdir()
        outside.mkdir()
        (inside / "link").symlink_to(outside)
        workspace = Workspace(inside, trusted=False)
        assert workspace.may_read(inside / "a")
        assert not workspace.may_read(outside / "a")
        assert not workspace.may_read(inside / "link" / "a")
        assert Workspace(inside).may_read(outside / "a")


def test_absolute_keeps_links_but_for_what_leaves_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/deep")
    monkeypatch.chdir(tmp_path)
    assert absolute("link/a.json") == tmp_path / "link" / "a.json"
    assert absolute("./x/../a.json") == tmp_path / "a.json"
    assert absolute("link/../a.json") == Path(os.path.realpath(tmp_path)) / "real" / "a.json"
