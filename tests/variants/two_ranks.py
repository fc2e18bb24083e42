"""Runs scripts as two ranks on the CPU: one process imports the frameworks once, and forks both ranks of each job.

Reads one job a line, `{"folder", "script", "output", "loads_with"}`, and answers with one line: how each rank ended,
what they printed, and whether what they left is the model: `whole`, or what is wrong with it. The reference is gathered
from the models under FSDP or DDP just before the process group is destroyed.
"""

from __future__ import annotations

import gc
import json
import os
import re
import runpy
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

LIMIT_SECONDS = 90
REFERENCE = "reference.pt"


def main() -> None:
    """Answer jobs until the input ends."""
    import torch
    import transformers

    torch.set_num_threads(1)
    # Lazy imports would otherwise be paid by every fork.
    for name in ("LlamaForCausalLM", "GPT2LMHeadModel", "AutoModelForCausalLM"):
        getattr(transformers, name)
    import torch.distributed.checkpoint.state_dict
    import torch.distributed.fsdp

    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(_answer(job)), flush=True)


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    folder = Path(job["folder"])
    port = _free_port()
    ranks = [_fork(folder, job["script"], rank, port) for rank in range(2)]
    codes = _wait(ranks)
    log = "".join((folder / f"rank{rank}.log").read_text(errors="replace") for rank in range(2))
    judge = os.fork()
    if not judge:
        _leave(lambda: (folder / "verdict.txt").write_text(_verdict(folder, job)))
    os.waitpid(judge, 0)
    verdict = folder / "verdict.txt"
    return {"codes": codes, "log": log[-6000:], "checkpoint": verdict.read_text() if verdict.exists() else "no verdict"}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _fork(folder: Path, script: str, rank: int, port: int) -> int:
    child = os.fork()
    if child:
        return child
    os.setsid()
    out = os.open(folder / f"rank{rank}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", LOCAL_WORLD_SIZE="2", MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port), OUT="out",
    )  # fmt: skip
    os.chdir(folder)
    sys.argv = [script, "out"]
    sys.path.insert(0, str(folder))
    _keep_reference(folder)
    _leave(lambda: runpy.run_path(script, run_name="__main__"))
    return 0


def _leave(action: Any) -> None:
    """Do it, and end this process without whatever the parent still has to clean up."""
    code = 0
    try:
        action()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except BaseException:  # noqa: BLE001  # whatever a script may raise
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _wait(ranks: list[int]) -> list[int]:
    """The exit codes; a rank that does not end is killed (-9)."""
    codes: dict[int, int] = {}
    deadline = time.monotonic() + LIMIT_SECONDS
    while len(codes) < len(ranks):
        for rank in ranks:
            if rank in codes:
                continue
            done, status = os.waitpid(rank, os.WNOHANG)
            if done:
                codes[rank] = os.waitstatus_to_exitcode(status)
                if codes[rank]:
                    # The other one waits for a rank that is gone: a launcher would end it.
                    deadline = min(deadline, time.monotonic() + 3)
        if time.monotonic() > deadline:
            for rank in ranks:
                if rank not in codes:
                    os.kill(rank, signal.SIGKILL)
                    os.waitpid(rank, 0)
                    codes[rank] = -9
        time.sleep(0.02)
    return [codes[rank] for rank in ranks]


def _keep_reference(folder: Path) -> None:
    """Before the process group goes, every model that FSDP or DDP wraps is gathered."""
    import torch
    import torch.distributed as dist
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor
    from torch.nn.parallel import DistributedDataParallel

    destroy = dist.destroy_process_group

    def gathered(module: Any) -> dict[str, Any]:
        inner = module.module if isinstance(module, DistributedDataParallel) else module
        pairs = inner.state_dict().items()
        return {k: (v.full_tensor() if isinstance(v, DTensor) else v).detach().clone() for k, v in pairs}

    def keeping(*args: Any, **kwargs: Any) -> None:
        wrapped = [each for each in gc.get_objects() if isinstance(each, (FSDPModule, DistributedDataParallel))]
        nested = {id(part) for each in wrapped for part in each.modules() if part is not each}
        roots = [each for each in wrapped if id(each) not in nested]
        # Both ranks have to gather in one order.
        roots.sort(key=lambda each: (type(each).__name__, sum(p.numel() for p in each.parameters())))
        references = [gathered(each) for each in roots]
        if dist.get_rank() == 0:
            torch.save(references, folder / REFERENCE)
        destroy(*args, **kwargs)

    dist.destroy_process_group = keeping


def _verdict(folder: Path, job: dict[str, Any]) -> str:
    """Whether the checkpoint is one of the models as it was at the end."""
    import torch

    output = folder / "out" / job["output"]
    if not output.exists():
        return "nothing is there"
    try:
        found = _load(output, job["loads_with"])
    except Exception as error:  # noqa: BLE001  # that it cannot be loaded is an answer
        return f"cannot be loaded: {error!r}"
    if not (folder / REFERENCE).exists():
        return "no reference: the ranks did not get to their end"
    references = torch.load(folder / REFERENCE, weights_only=False)
    reasons = [_differs(found, reference) for reference in references]
    return "whole" if "" in reasons else f"differs: {reasons}"


def _load(output: Path, how: str) -> dict[str, Any]:
    import torch
    import transformers
    from safetensors.torch import load_file  # type: ignore[import-not-found]  # a framework's

    if how == "from_pretrained":
        config = json.loads((output / "config.json").read_text())
        if config.get("architectures"):
            loaded = getattr(transformers, config["architectures"][0]).from_pretrained(output, dtype="auto")
            return dict(loaded.state_dict())
        how = "safetensors"  # a folder whose config was saved by hand
    if how == "safetensors":
        files = sorted(output.glob("*.safetensors")) if output.is_dir() else [output]
        loaded = {name: weight for file in files for name, weight in load_file(file).items()}
        # PEFT leaves the adapter's name out.
        return {re.sub(r"(lora_[AB])\.weight$", r"\1.default.weight", name): w for name, w in loaded.items()}
    found = torch.load(output, weights_only=False)
    return dict(found) if isinstance(found, dict) else dict(found.state_dict())


def _differs(found: dict[str, Any], reference: dict[str, Any]) -> str:
    """Where a state dict, or one inside it, is not the reference; empty where it is."""
    import torch
    from torch.distributed.tensor import DTensor

    inside = [value for value in found.values() if isinstance(value, dict)]
    for state in (found, *inside):
        state = {name.removeprefix("module.").removeprefix("_orig_mod."): value for name, value in state.items()}
        if state and all("lora_" in name for name in state):
            reference = {name: weight for name, weight in reference.items() if "lora_" in name}
        missing = [name for name in reference if name not in state]
        if missing:
            continue
        for name, weight in reference.items():
            other = state[name]
            if isinstance(other, DTensor):
                return f"{name} is a DTensor"
            if other.shape != weight.shape:
                return f"{name}: {tuple(other.shape)}, not {tuple(weight.shape)}"
            if not torch.equal(other, weight.to(other.dtype)):
                return f"{name} has other values"
        return ""
    return f"keys are missing, such as {[name for name in reference if name not in found][:2]}"


if __name__ == "__main__":
    main()
