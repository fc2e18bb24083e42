"""The program's door: `ftlint` and `python -m ftlint`."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line and leaves with its exit status."""
    if sys.argv[1:] == ["--version"]:
        # Answered before click is imported, which takes twice as long as Python's own start.
        from ftlint import __version__

        print(f"ftlint {__version__}")
        return
    import gc

    # What is imported and parsed stays until the end, and looking through it for garbage again and again costs a check
    # of one file 4 ms of 83 (measured on CPython 3.11).
    gc.set_threshold(50_000)
    from ftlint.cli.program import run

    status = run(sys.argv[1:])
    # At exit Python looks through everything twice more for garbage, which is a tenth of the time of a small check.
    gc.freeze()
    sys.exit(status)


if __name__ == "__main__":
    main()
