"""PT102 on small scripts of ours: what must be found and where, what must not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ftlint.checks.replicas import trained_data_parallel
from ftlint.findings import Match
from ftlint.run.fact import NOTHING, written
from ftlint.run.run import ParallelFacts, Run
from ftlint.spans import Location, Span
from ftlint.syntax import parse
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.trace import trace_script

HEAD = """import os
import torch
from torch import nn
from models import BigNet, GPTModel, Net, build_model
from torchvision.models import vgg16
"""
HERE = Location(Path("here"), Span(0, 1))


class Project:
    """One kind of node, and launches that let the script see so many GPUs."""

    def __init__(self, num_gpus: int | None, visible: tuple[int | None, ...]) -> None:
        self._num_gpus = num_gpus
        self._visible = visible

    def node(self) -> Run:
        count = NOTHING if self._num_gpus is None else written(self._num_gpus, HERE)
        return replace(Run(), parallel=ParallelFacts(gpus_per_node=count))

    def launches(self, path: Path) -> tuple[Run, ...]:
        seen = [NOTHING if each is None else written(each, HERE) for each in self._visible]
        return tuple(replace(Run(), parallel=ParallelFacts(num_visible_gpus=each)) for each in seen) or (Run(),)


def replicas(body: str, *, num_gpus: int | None = None, visible: tuple[int | None, ...] = ()) -> list[Match]:
    document = parse(Path("train.py"), (HEAD + body).encode(), Format.PYTHON)
    assert isinstance(document, ScriptDocument)
    return list(trained_data_parallel(trace_script(document), Project(num_gpus, visible)))


def text_at(body: str, match: Match) -> str:
    return (HEAD + body)[match.at.span.start : match.at.span.end]


BRANCHING = """@torch.inference_mode()
def run(m, x):
    if x is None:
        return None
    return m(x)
"""
OFF = "torch.set_grad_enabled(False)\n"
LOSS = "loss = model(x).sum()\nloss.backward()\n"

TRAINED = [
    "model = nn.DataParallel(Net())\n" + LOSS,
    "model = torch.nn.DataParallel(Net()).cuda()\n" + LOSS,
    "from torch.nn.parallel import DataParallel as DP\nmodel = DP(Net(), device_ids=[0, 1])\n" + LOSS,
    "model = nn.DataParallel(Net(), device_ids=list(range(n)))\n" + LOSS,
    "model = build_model()\nif torch.cuda.device_count() > 1:\n    model = nn.DataParallel(model)\nmodel.to('cuda')\n"
    + LOSS,
    "model = nn.DataParallel(build_model())\n" + LOSS,
    "model = nn.DataParallel(Net())\nfor x in loader:\n    with torch.no_grad():\n        y = teacher(x)\n    "
    + LOSS.replace("\n", "\n    ").rstrip()
    + "\n",
    "model = nn.DataParallel(Net())\nloss = model(x).sum()\nscaler.scale(loss).backward()\n",
    "from transformers import Trainer\nmodel = nn.DataParallel(GPTModel())\nTrainer(model=model).train()\n",
    "model = vgg16()\nmodel.features = nn.DataParallel(model.features)\n" + LOSS,
    "model = nn.DataParallel(Net())\nloss = model(x).sum()\naccelerator.backward(loss)\n",
    "model = nn.DataParallel(Net())\nloss = model(x).sum()\nsaved = model.module\nloss.backward()\n",
    OFF + "model = nn.DataParallel(Net())\nwith torch.enable_grad():\n    model(x).backward()\n",
    "@torch.no_grad()\ndef test(m):\n    m(x)\nmodel = nn.DataParallel(Net())\ntest(model)\n" + LOSS,
    "def step(m):\n    loss = m(x)\n    loss.backward()\nmodel = nn.DataParallel(Net())\nstep(model)\n",
]
RUN = [
    "model = nn.DataParallel(Net())\ny = model(x)\n",
    "model = nn.DataParallel(Net())\nwith torch.no_grad():\n    y = model(x)\nloss = other(y)\nloss.backward()\n",
    "model = nn.DataParallel(Net(), device_ids=[0])\n" + LOSS,
    "model = nn.DataParallel(build_model())\nwith torch.inference_mode():\n    model(x)\nloss.backward()\n",
    "teacher = nn.DataParallel(build_model())\nmodel = Net()\n" + LOSS,
    "model = nn.parallel.DistributedDataParallel(Net())\n" + LOSS,
    "model = nn.DataParallel(Net())\nfit(model)\n",
    "model = nn.DataParallel(Net())\nmodel = model.module\n" + LOSS,
    "model = nn.DataParallel(Net())\nif hasattr(model, 'module'):\n    model = model.module\n" + LOSS,
    "model = nn.DataParallel(Net())\nmodel = model.module if hasattr(model, 'module') else model\n" + LOSS,
    "model = nn.DataParallel(build_model())\nmodel = model.module\n" + LOSS,
    BRANCHING + "model = nn.DataParallel(Net())\nhead(run(model, x)).backward()\n",
    "model = nn.DataParallel(Net())\nwith torch.set_grad_enabled(False):\n    y = model(x)\nhead(y).backward()\n",
    OFF + "model = nn.DataParallel(BigNet())\nhead(model(x)).backward()\n",
    "@torch.no_grad()\ndef run(m):\n    return m(x)\nmodel = nn.DataParallel(Net())\nhead(run(model)).backward()\n",
    "model = nn.DataParallel(BigNet())\nif hasattr(model, 'module'):\n    model = model.module\n" + LOSS,
    "model = nn.DataParallel(BigNet())\nmodel = model.module if hasattr(model, 'module') else model\n" + LOSS,
    "model = nn.DataParallel(BigNet())\nif isinstance(model, nn.DataParallel):\n    model = model.module\n" + LOSS,
]


@pytest.mark.parametrize("body", TRAINED)
def test_trained_in_one_process(body: str) -> None:
    (match,) = replicas(body)
    assert text_at(body, match).startswith(("nn.", "torch.", "DP("))


@pytest.mark.parametrize("body", RUN)
def test_not_trained(body: str) -> None:
    assert replicas(body) == []


GATHERS = {
    "nn.DataParallel(Net())": "GPU 0",
    "nn.DataParallel(Net(), device_ids=[2, 3])": "GPU 2",
    "nn.DataParallel(Net(), [2, 3], 3)": "GPU 3",
    "nn.DataParallel(Net(), device_ids=chosen)": "the first GPU",
    "nn.DataParallel(Net(), device_ids=[first, 3])": "the first GPU",
}


@pytest.mark.parametrize(("call", "main"), GATHERS.items(), ids=list(GATHERS))
def test_which_gpu_gathers(call: str, main: str) -> None:
    (match,) = replicas(f"model = {call}\n" + LOSS)
    assert match.values == {"main": main}


def test_one_gpu_in_the_settings() -> None:
    body = "model = nn.DataParallel(Net())\n" + LOSS
    assert replicas(body, num_gpus=1) == []
    assert len(replicas(body, num_gpus=4)) == 1


def test_gpus_chosen_in_the_script() -> None:
    body = "os.environ['CUDA_VISIBLE_DEVICES'] = {}\nmodel = nn.DataParallel(Net())\n" + LOSS
    assert replicas(body.format("'0'")) == []
    assert len(replicas(body.format("'0,1'"))) == 1
    assert len(replicas(body.format("chosen"))) == 1


def test_gpus_chosen_by_every_launch() -> None:
    body = "model = nn.DataParallel(Net())\n" + LOSS
    assert replicas(body, visible=(1,)) == []
    assert replicas(body, visible=(1, 1)) == []
    assert len(replicas(body, visible=(1, None))) == 1
    assert len(replicas(body, visible=(2,))) == 1
