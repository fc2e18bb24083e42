"""Runs scripts one after the other in one process and writes down how each ended; torch is loaded once for all of them.

python head_referee.py scripts.json verdicts.json
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import traceback
from pathlib import Path


def verdict(name: str, text: str, folder: Path) -> str:
    """The last line of the error a script ends with; nothing where it runs through."""
    import torch
    from accelerate.state import AcceleratorState

    script = folder / f"{name.replace(' ', '_')}.py"
    script.write_text(text)
    torch.set_default_dtype(torch.float32)
    AcceleratorState._reset_state(True)  # as if each script were a process of its own
    os.environ.pop("ACCELERATE_MIXED_PRECISION", None)
    try:
        runpy.run_path(str(script), run_name="__main__")
    except Exception:  # noqa: BLE001  # whatever a script ends with is the answer
        return traceback.format_exc().strip().splitlines()[-1]
    return ""


def main() -> None:
    """Judge every script of the first file into the second."""
    source, target = map(Path, sys.argv[1:3])
    sys.argv = sys.argv[:1]
    scripts: dict[str, str] = json.loads(source.read_text())
    target.write_text(json.dumps({name: verdict(name, text, target.parent) for name, text in scripts.items()}))


if __name__ == "__main__":
    main()
