"""Asking the installed frameworks themselves (`ftlint check --ask-frameworks`): their own parsers, in a process apart.

Off unless a person asks for it, because a framework is a program that does what it reads: it runs on a copy, in an
empty folder, without the network, and may write nowhere else (`confinement.py`).
"""

from __future__ import annotations

from ftlint.asking.frameworks import FrameworkAsker

__all__ = ["FrameworkAsker"]
