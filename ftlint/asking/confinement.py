"""What a framework may not do while it reads somebody's file: reach the network, start programs, write elsewhere.

Two fences. Where the kernel lets us, the process gets a network of its own that has no links. In any case an audit hook
(PEP 578) refuses what Python is about to do; code in C that asks nobody is not held by it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # linux/sched.h
_REFUSED = frozenset(
    """
    socket.connect socket.sendto socket.sendmsg socket.bind socket.getaddrinfo socket.gethostbyname
    subprocess.Popen os.system os.exec os.fork os.forkpty os.posix_spawn os.spawn os.startfile pty.spawn
    """.split()
)
# Events whose first argument (and for some the second) is a path that will be changed.
_CHANGES = frozenset(
    """
    os.mkdir os.remove os.rmdir os.rename os.link os.symlink os.truncate os.chmod os.chown os.utime os.setxattr
    os.removexattr shutil.rmtree shutil.move shutil.copyfile shutil.copytree shutil.make_archive
    """.split()
)
_WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class ConfinedError(PermissionError):
    """Something a framework tried to do and may not."""


def leave_network() -> bool:
    """Give this process a network without links; whether the kernel allowed it. Before any thread is started."""
    if sys.platform != "linux":
        return False
    import ctypes

    user, group = os.getuid(), os.getgid()
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_USER | _NEW_NETWORK) != 0:
        return False
    with contextlib.suppress(OSError):  # without a map we are nobody, who may still read
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return True


def confine(folder: Path) -> Callable[[], None]:
    """From now on refuse, with ConfinedError; the result lifts it again, so that the answer can be written.

    A hook cannot be taken out, so this is for a process that does nothing else. `folder` is where it may write.
    """
    state = {"is_on": True}
    allowed = (os.path.realpath(folder), os.devnull)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not state["is_on"]:
            return
        if event in _REFUSED:
            raise ConfinedError(f"{event} is not allowed while a file is looked at")
        if event == "open" and _is_writing(arguments):
            _check(event, arguments[0])
        elif event in _CHANGES:
            for argument in arguments[: 2 if event in ("os.rename", "os.link", "shutil.move") else 1]:
                _check(event, argument)

    def _check(event: str, path: object) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return  # an open file
        real = os.path.realpath(os.fsdecode(path))
        if not any(real == each or real.startswith(each + os.sep) for each in allowed):
            raise ConfinedError(f"{event} of {real} is not allowed while a file is looked at")

    def lift() -> None:
        state["is_on"] = False

    sys.addaudithook(hook)
    return lift


def _is_writing(arguments: tuple[Any, ...]) -> bool:
    """`open(path, mode, flags)`: Python's own files say a mode, `os.open` only flags."""
    mode, flags = arguments[1], arguments[2]
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & _WRITING_FLAGS)
