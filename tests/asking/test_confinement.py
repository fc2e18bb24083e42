"""What a judge's process may not do; each attempt in a process of its own, since the hook cannot be taken out."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ATTEMPTS = {
    "open for writing": "open('/tmp/ftlint-outside', 'w')",
    "open for appending": "open('/tmp/ftlint-outside', 'a')",
    "os.open": "os.open('/tmp/ftlint-outside', os.O_CREAT | os.O_WRONLY)",
    "pathlib": "pathlib.Path('/tmp/ftlint-outside').write_text('x')",
    "mkdir": "os.mkdir('/tmp/ftlint-outside-folder')",
    "remove": "os.remove(TARGET)",
    "rename": "os.rename(TARGET, TARGET + '2')",
    "rename out of the folder": "pathlib.Path('a').write_text('x'); os.rename('a', '/tmp/ftlint-outside')",
    "up and out": "open('../ftlint-outside', 'w')",
    "a link out": "open('link/x', 'w')",
    "rmtree": "shutil.rmtree(os.path.dirname(TARGET))",
    "a program": "subprocess.run(['true'])",
    "a shell": "os.system('true')",
    "fork": "os.fork()",
    "connect": "socket.create_connection(('127.0.0.1', 9))",
    "a name": "socket.getaddrinfo('example.org', 80)",
    "a datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
}


def attempt(statement: str, folder: Path) -> str:
    inside, target = folder / "inside", folder / "target"
    inside.mkdir()
    target.write_text("kept", encoding="utf-8")
    (inside / "link").symlink_to(folder, target_is_directory=True)
    program = textwrap.dedent(
        f"""
        import os, pathlib, shutil, socket, subprocess
        from ftlint.asking.confinement import confine
        TARGET = {str(target)!r}
        os.chdir({str(inside)!r})
        lift = confine(pathlib.Path({str(inside)!r}))
        try:
            {statement}
            print("done")
        except BaseException as error:
            print(type(error).__name__)
        """
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert target.read_text(encoding="utf-8") == "kept", "what is outside was changed"
    return done.stdout.strip()


@pytest.mark.parametrize("statement", ATTEMPTS.values(), ids=ATTEMPTS)
def test_it_is_refused(statement: str, tmp_path: Path) -> None:
    assert attempt(statement, tmp_path) == "ConfinedError"


@pytest.mark.parametrize(
    "statement",
    [
        "pathlib.Path('a').write_text('x'); os.mkdir('b'); os.rename('a', 'b/a'); shutil.rmtree('b')",
        "open(os.devnull, 'w').write('x')",
        "open(TARGET).read()",
        "lift(); os.mkdir('../later')",
    ],
)
def test_the_rest_is_allowed(statement: str, tmp_path: Path) -> None:
    assert attempt(statement, tmp_path) == "done"
