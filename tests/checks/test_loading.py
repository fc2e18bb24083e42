"""PT101 and PT102 on small scripts of ours: what must be found and where, what must not, what the fix writes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ftlint.checks.loading import AS_SAVED, loaded_beside_model
from ftlint.findings import Match
from ftlint.run.versions import Admissible, VersionView
from ftlint.syntax import parse
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.trace import ScriptTrace, trace_script

HEAD = """import io, os
import torch
from torch import nn
from models import GPTModel, Net, build_model
from transformers import AutoModelForCausalLM
"""
DEVICE = 'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")\n'
ON_GPU = "model = Net().to(device)\n"
ON_CUDA = "model = Net().cuda()\n"


def trace(body: str) -> ScriptTrace:
    document = parse(Path("train.py"), (HEAD + body).encode(), Format.PYTHON)
    assert isinstance(document, ScriptDocument)
    return trace_script(document)


def doubled(body: str, *, torch: str = "2.6.0") -> list[Match]:
    return list(loaded_beside_model(trace(body), VersionView({"torch": Admissible((torch,), ())})))


def text_at(body: str, match: Match) -> str:
    return (HEAD + body)[match.at.span.start : match.at.span.end]


def fixed(body: str, match: Match) -> str:
    text = HEAD + body
    for edit in sorted(match.edits["map"], key=lambda edit: edit.location.span, reverse=True):
        text = text[: edit.location.span.start] + edit.content + text[edit.location.span.end :]
    ast.parse(text)
    assert doubled(text.removeprefix(HEAD)) == []
    return text.removeprefix(HEAD)


# PT101 --------------------------------------------------------------------------------------------------------------

LOADS = {
    "torch.load('a.pt')": "torch.load('a.pt', map_location=\"cpu\", mmap=True, weights_only=True)",
    "torch.load(f'{folder}/a.pt')": "torch.load(f'{folder}/a.pt', map_location=\"cpu\", mmap=True, weights_only=True)",
    "torch.load(folder + '/a.pt')": "torch.load(folder + '/a.pt', map_location=\"cpu\", mmap=True, weights_only=True)",
    "torch.load(os.path.join(*a))": 'torch.load(os.path.join(*a), map_location="cpu", mmap=True, weights_only=True)',
    "torch.load(str(path))": 'torch.load(str(path), map_location="cpu", mmap=True, weights_only=True)',
    "torch.load(path)": 'torch.load(path, map_location="cpu", weights_only=True)',
    "torch.load(folder / 'a.pt')": "torch.load(folder / 'a.pt', map_location=\"cpu\", weights_only=True)",
    "torch.load(io.BytesIO(data))": 'torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)',
    "torch.load(path, map_location=None)": 'torch.load(path, map_location="cpu", weights_only=True)',
    "torch.load('a.pt', device)": "torch.load('a.pt', \"cpu\", mmap=True, weights_only=True)",
    "torch.load('a.pt', device, weights_only=False)": "torch.load('a.pt', \"cpu\", weights_only=False, mmap=True)",
    "torch.load(f=path, map_location=device)": 'torch.load(f=path, map_location="cpu", weights_only=True)',
    "torch.load('a.pt', map_location='cuda:0', mmap=False)": (
        "torch.load('a.pt', map_location=\"cpu\", weights_only=True, mmap=False)"
    ),
    "torch.load(open(path, 'rb'))": "torch.load(open(path, 'rb'), map_location=\"cpu\", weights_only=True)",
    "torch.load(path, map_location=lambda storage, loc: storage.cuda())": (
        'torch.load(path, map_location="cpu", weights_only=True)'
    ),
    "torch.load(path, map_location={'cuda:0': f'cuda:{rank}'})": (
        'torch.load(path, map_location="cpu", weights_only=True)'
    ),
    "torch.load(path, map_location={'cuda:%d' % 0: 'cuda:%d' % rank})": (
        'torch.load(path, map_location="cpu", weights_only=True)'
    ),
    "torch.load(path, map_location='cuda:' + str(rank))": 'torch.load(path, map_location="cpu", weights_only=True)',
    "torch.load(path, map_location=model.device)": 'torch.load(path, map_location="cpu", weights_only=True)',
    "torch.load(path, map_location=torch.device('cuda', 1))": 'torch.load(path, map_location="cpu", weights_only=True)',
    "torch.load('a.safetensors', map_location=device)": (
        "torch.load('a.safetensors', map_location=\"cpu\", mmap=True, weights_only=True)"
    ),
    "torch.hub.load_state_dict_from_url(url, map_location=device)": (
        'torch.hub.load_state_dict_from_url(url, map_location="cpu")'
    ),
}


@pytest.mark.parametrize(("load", "repaired"), LOADS.items(), ids=list(LOADS))
def test_loads(load: str, repaired: str) -> None:
    body = DEVICE + ON_GPU + f"model.load_state_dict({load})\n"
    (match,) = doubled(body)
    assert text_at(body, match) == load
    assert fixed(body, match) == body.replace(load, repaired)
    as_saved = "map_location" not in load.replace("map_location=None", "") and "device" not in load
    assert match.reason == (AS_SAVED if as_saved else "")


def test_release_decides_what_is_added() -> None:
    body = DEVICE + ON_GPU + "model.load_state_dict(torch.load('a.pt'))\n"
    (match,) = doubled(body, torch="1.12.0")
    assert fixed(body, match).endswith("torch.load('a.pt', map_location=\"cpu\"))\n")
    (match,) = doubled(body, torch="2.0.1")
    assert fixed(body, match).endswith("torch.load('a.pt', map_location=\"cpu\", weights_only=True))\n")


def test_weights_that_are_taken_over_get_no_edit() -> None:
    """The model would stay on the CPU."""
    (match,) = doubled(DEVICE + ON_GPU + "model.load_state_dict(torch.load(path, map_location=device), assign=True)\n")
    assert match.edits == {}


def test_one_call_that_reads_and_copies() -> None:
    body = "from safetensors.torch import load_model\n" + DEVICE + ON_GPU
    line = "load_model(model, 'a.safetensors', device='cuda')\n"
    (match,) = doubled(body + line)
    assert fixed(body + line, match).endswith("load_model(model, 'a.safetensors')\n")


def test_cpu_only_without_a_gpu() -> None:
    body = (
        ON_CUDA + "model.load_state_dict(torch.load(path, map_location=None if torch.cuda.is_available() else 'cpu'))\n"
    )
    (match,) = doubled(body)
    assert match.reason == AS_SAVED


OPTION = (
    "import argparse\np = argparse.ArgumentParser()\np.add_argument('--device', default={})\nargs = p.parse_args()\n"
)


def test_default_of_an_option() -> None:
    use = "model = Net().to(args.device)\nmodel.load_state_dict(torch.load(path, map_location=args.device))\n"
    assert len(doubled(OPTION.format("'cuda'") + use)) == 1
    for default in ("'cpu'", "None", "choose()"):
        assert doubled(OPTION.format(default) + use) == []
    twice = OPTION.format("'cuda'") + OPTION.format("'cpu'").replace("p = ", "q = ").replace("p.add", "q.add")
    assert doubled(twice + use) == []


def test_each_process_of_spawn() -> None:
    body = (
        "import torch.multiprocessing as mp\ndef work(rank, path):\n    model = Net().to(rank)\n"
        "    model.load_state_dict(torch.load(path, map_location=f'cuda:{rank}'))\n"
    )
    assert len(doubled(body + "mp.spawn(work, args=('a.pt',), nprocs=2)\n")) == 1


SAVED = [
    "torch.save(model.cpu().state_dict(), 'a.pt')\nmodel.cuda()",
    "torch.save({k: v.cpu() for k, v in model.state_dict().items()}, 'a.pt')",
    "state = {k: v.to('cpu') for k, v in model.state_dict().items()}\ntorch.save(state, 'a.pt')",
    "model.cpu()\ntorch.save({'model': model.state_dict()}, 'a.pt')\nmodel.cuda()",
]


@pytest.mark.parametrize("saved", SAVED)
def test_the_script_itself_saved_it_from_the_cpu(saved: str) -> None:
    load = "\nmodel.load_state_dict(torch.load('a.pt'))\n"
    assert doubled(ON_CUDA + saved + load) == []
    assert len(doubled(ON_CUDA + saved + load.replace("a.pt", "b.pt"))) == 1


def test_the_script_itself_saved_it_from_the_gpu() -> None:
    body = ON_CUDA + "torch.save(model.state_dict(), 'a.pt')\nmodel.load_state_dict(torch.load('a.pt'))\n"
    assert len(doubled(body)) == 1


MODELS = [
    "model = Net().cuda()",
    "model = Net()\nmodel.cuda()",
    "model = Net()\nmodel = model.to(0)",
    "model = nn.Sequential(nn.Linear(2, 2)).to(device='cuda')",
    "model = AutoModelForCausalLM.from_pretrained('gpt2', device_map='cuda')",
    "model = AutoModelForCausalLM.from_pretrained('gpt2', device_map='auto')",
    "with torch.device('cuda'):\n    model = nn.Linear(2, 2)",
    "torch.set_default_device('cuda')\nmodel = nn.Linear(2, 2)",
    "rank = int(os.environ['LOCAL_RANK'])\nmodel = Net().to(rank)",
    "model = build_model(args)\nmodel.to(device)",
    "model = build_model(args).cuda()",
    "model = build_model(args)\nif torch.cuda.is_available():\n    model = model.cuda()",
    "model = Net().to(device)\nmodel = torch.compile(model)",
    "model = Net().cuda()\nmodel = nn.parallel.DistributedDataParallel(model)",
    "with torch.device('meta'):\n    model = nn.Linear(2, 2)\nmodel = model.to_empty(device='cuda')",
    "model = Net().cuda().eval()",
    "model = GPTModel().cuda()\nmodel.to(torch.float16)",
]


@pytest.mark.parametrize("model", MODELS)
def test_models_on_a_gpu(model: str) -> None:
    body = DEVICE + model + "\nmodel.load_state_dict(torch.load('model.pt', map_location='cuda'))\n"
    (match,) = doubled(body)
    assert match.related[0].message == "where the model is put on the GPU"


WAYS = [
    "checkpoint = torch.load(path, map_location=device)\nmodel.load_state_dict(checkpoint['model'])",
    "checkpoint = torch.load(path, map_location=device)\nmodel.load_state_dict(checkpoint['model'], strict=False)",
    "checkpoint = torch.load(path, map_location=device)\nmodel.load_state_dict(checkpoint.get('model', checkpoint))",
    "a = torch.load(path, map_location=device)\nif 'model' in a:\n    a = a['model']\nmodel.load_state_dict(a)",
    "a = torch.load(path, map_location=device)\na = {k[7:]: v for k, v in a.items()}\nmodel.load_state_dict(a)",
    "def read(path):\n    return torch.load(path, map_location=device)\nmodel.load_state_dict(read(path))",
    "def load(model):\n    model.load_state_dict(torch.load(path, map_location=device))\nload(model)",
    "from safetensors.torch import load_file\nmodel.load_state_dict(load_file('a.safetensors', device='cuda'))",
    "model.load_state_dict(torch.load(path, map_location=device), assign=True)",
    "model.load_state_dict(state_dict=torch.load(path, map_location=device))",
    "try:\n    model.load_state_dict(torch.load(path, map_location=device))\nexcept OSError:\n    print('none')",
]


@pytest.mark.parametrize("way", WAYS)
def test_ways_into_the_model(way: str) -> None:
    assert len(doubled(DEVICE + ON_GPU + way + "\n")) == 1


def test_one_load_for_each_branch() -> None:
    """As in torch's ImageNet example."""
    loads = "if gpu is None:\n    a = torch.load(path)\nelse:\n    a = torch.load(path, map_location=f'cuda:{gpu}')\n"
    found = doubled(DEVICE + ON_GPU + loads + "model.load_state_dict(a['state_dict'])\n")
    assert [match.reason for match in found] == [AS_SAVED, ""]


def test_safetensors_has_the_cpu_as_its_default() -> None:
    body = "from safetensors.torch import load_file\n" + DEVICE + ON_GPU
    line = "model.load_state_dict(load_file('a.safetensors', device='cuda'))\n"
    (match,) = doubled(body + line)
    assert fixed(body + line, match).endswith("load_file('a.safetensors'))\n")


def test_related_lines() -> None:
    body = DEVICE + ON_GPU + "state = torch.load(path, map_location=device)\nmodel.load_state_dict(state)\n"
    (match,) = doubled(body)
    assert [related.message for related in match.related] == [
        "where the model is put on the GPU",
        "where they are copied into the model",
    ]


SILENT = [
    DEVICE + ON_GPU + "model.load_state_dict(torch.load(path, map_location='cpu'))",
    DEVICE + ON_GPU + "model.load_state_dict(torch.load(path, map_location=torch.device('cpu')))",
    DEVICE + ON_GPU + "model.load_state_dict(torch.load(path, map_location=lambda storage, loc: storage))",
    DEVICE + ON_GPU + "model.load_state_dict(torch.load(path, map_location=where))",
    DEVICE + ON_GPU + "model.load_state_dict(torch.load(path, **options))",
    DEVICE + "model = Net()\nmodel.load_state_dict(torch.load(path, map_location=device))\nmodel.to(device)",
    DEVICE + "model = build_model()\nmodel.load_state_dict(torch.load(path, map_location=device))\nmodel.to(device)",
    "device = 'cpu'\n" + ON_GPU + "model.load_state_dict(torch.load(path))",
    "model = Net().to(args.device)\nmodel.load_state_dict(torch.load(path, map_location='cuda'))",
    DEVICE + ON_GPU + "model.cpu()\nmodel.load_state_dict(torch.load(path, map_location=device))",
    DEVICE + ON_GPU + "state = torch.load(path, map_location=device)\nother = Net()\nother.load_state_dict(state)",
    DEVICE + ON_GPU + "o = torch.optim.SGD(model.parameters())\no.load_state_dict(torch.load(p, map_location=device))",
    DEVICE + ON_GPU + "vectors = torch.load(path, map_location=device)\nmodel.embed(vectors)",
    "with torch.device('meta'):\n    model = nn.Linear(2, 2)\nmodel.load_state_dict(torch.load(p), assign=True)",
    "with torch.device('cuda'):\n    x = 1\nmodel = nn.Linear(2, 2)\nmodel.load_state_dict(torch.load(p))",
    DEVICE + "from safetensors.torch import load_file\n" + ON_GPU + "model.load_state_dict(load_file('a'))",
    DEVICE + "model = Net()\nbatch.to(device)\nmodel.load_state_dict(torch.load(path, map_location=device))",
    DEVICE + ON_GPU + "model = torch.load(path, map_location=device)",
    ON_CUDA + "model.load_state_dict(torch.load('a.safetensors'))",
    ON_CUDA + "model.load_state_dict(torch.load(os.path.join(folder, 'a.safetensors')))",
    ON_CUDA + "path = f'{folder}/a.safetensors'\nmodel.load_state_dict(torch.load(path))",
    # It raises: safetensors takes texts and numbers.
    DEVICE
    + "from safetensors.torch import load_file\n"
    + ON_GPU
    + "model.load_state_dict(load_file('a', device=device))",
    "from safetensors.torch import load_model\n" + ON_CUDA + "load_model(model, 'a.safetensors')",
    ON_CUDA + "model.load_state_dict(torch.hub.load_state_dict_from_url(url))",
]


@pytest.mark.parametrize("body", SILENT)
def test_silent(body: str) -> None:
    assert doubled(body + "\n") == []
