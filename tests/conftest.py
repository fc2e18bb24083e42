"""What every test can rely on: no network, a cache of its own, no settings of the machine it runs on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A loaded machine must not fail a property. In CI the examples are the same every time.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

# Read by ftlint, or by the frameworks it is compared with, or by what prints for it.
_NOT_FROM_THIS_MACHINE = (
    "GITHUB_ACTIONS",
    "GITHUB_WORKSPACE",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR_FORCE",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "TRANSFORMERS_CACHE",
)
_MAY_CONNECT = ("slow", "sdist", "editors")


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is imported: caches in a folder of this session, and no variables that change what is found."""
    folder = tempfile.TemporaryDirectory(prefix="ftlint-tests-")
    config.add_cleanup(folder.cleanup)
    for name in _NOT_FROM_THIS_MACHINE:
        os.environ.pop(name, None)
    os.environ["FTLINT_CACHE_DIR"] = str(Path(folder.name, "ftlint"))
    os.environ["HF_HOME"] = str(Path(folder.name, "huggingface"))
    os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(autouse=True)
def _offline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that leaves this machine fails the test that opened it."""
    if any(request.node.get_closest_marker(mark) for mark in _MAY_CONNECT):
        return
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:  # Any: its type depends on the socket's family
        host = address[0] if isinstance(address, tuple) else "localhost"
        if host not in ("localhost", "127.0.0.1", "::1"):
            raise AssertionError(f"a test reached for the network: {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real configuration files that `FTLINT_CORPUS` names; without it the test is skipped."""
    named = os.environ.get("FTLINT_CORPUS")
    if not named:
        pytest.skip("FTLINT_CORPUS is not set: there is no corpus to read")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"FTLINT_CORPUS names no folder: {folder}")
    return folder


@pytest.fixture(scope="session")
def package_index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips the test where pip reaches no index, so that it cannot install anything."""
    folder = str(tmp_path_factory.mktemp("index"))
    pip = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, "hatchling")
    if subprocess.run(pip, check=False, capture_output=True).returncode != 0:
        pytest.skip("no package index can be reached from here")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> Iterator[None]:
    """Says it plainly when a mark has no tests, which pytest's closing line only implies."""
    yield
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and (mark := config.option.markexpr):
        terminalreporter.write_line(f"no test carries the mark asked for: {mark}", yellow=True)
