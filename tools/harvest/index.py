"""The package index that pip is configured to use, asked through pip's own session."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from pip._internal.commands import create_command


class Index:
    """Pip's session knows the proxy, the certificates and the index that this machine uses."""

    def __init__(self) -> None:
        command: Any = create_command("index")
        options, _ = command.parse_args(["versions", "pip"])
        self._session: Any = command._build_session(options)
        self._root = options.index_url.rstrip("/").removesuffix("/simple")
        self._described: dict[str, dict[str, Any]] = {}

    def describe(self, package: str) -> dict[str, Any]:
        """The index's JSON answer about a package: its releases and their files."""
        if package not in self._described:
            answer = self._session.get(f"{self._root}/pypi/{package}/json")
            answer.raise_for_status()
            self._described[package] = answer.json()
        return self._described[package]

    def download(self, url: str) -> bytes:
        """The content of a file that the index names, possibly relative to itself."""
        answer = self._session.get(urljoin(self._root + "/", url))
        answer.raise_for_status()
        content: bytes = answer.content
        return content
