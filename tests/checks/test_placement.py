"""DEV101 and DEV102 on small scripts of ours: what must be found, how loudly, what must not, what the fixes write."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ftlint.checks.placement import offloaded_model_trained, spread_model_distributed
from ftlint.findings import Match, Severity
from ftlint.knowledge.architectures import Architecture
from ftlint.knowledge.gpus import find_gpu
from ftlint.knowledge.models import find_model
from ftlint.run.fact import UNKNOWN, Fact, Unknown, written
from ftlint.run.run import HardwareFacts, ParallelFacts, ParallelKind, Run
from ftlint.run.versions import Admissible, VersionView
from ftlint.spans import How, Location, Origin, Span
from ftlint.syntax import parse
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.trace import trace_script

TOML, SHELL = Path("ftlint.toml"), Path("run.sh")
HEAD = """import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, Trainer, TrainingArguments
from trl import SFTConfig, SFTTrainer
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from accelerate import Accelerator
"""
LOAD = (
    'model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-32B", torch_dtype=torch.bfloat16, device_map="auto")\n'
)
TRAIN = "trainer = Trainer(model=model, args=TrainingArguments('out'))\ntrainer.train()\n"
QUANTIZED = LOAD.replace("torch_dtype=torch.bfloat16", "quantization_config=BitsAndBytesConfig(load_in_4bit=True)")


class Project:
    """One kind of node and one launch command."""

    def __init__(
        self, gpu: str | None, num_gpus: int | None, processes: int | Unknown | None, nodes: int | None
    ) -> None:
        here = Location(TOML, Span(0, 1))
        found = find_gpu(gpu) if gpu is not None else None
        self._node = Run(
            hardware=HardwareFacts(gpu=written(found, here) if found is not None else Fact(UNKNOWN)),
            parallel=ParallelFacts(gpus_per_node=written(num_gpus, here) if num_gpus is not None else Fact(UNKNOWN)),
        )
        there = Location(SHELL, Span(0, 1))
        self.others: tuple[ParallelFacts, ...] = ()
        self.launched = ParallelFacts(
            num_processes=written(processes, there) if processes is not None else Fact(UNKNOWN),
            num_nodes=written(nodes, there) if nodes is not None else Fact(UNKNOWN),
        )

    def node(self) -> Run:
        return self._node

    def launches(self, path: Path) -> tuple[Run, ...]:
        return tuple(replace(Run(), parallel=parallel) for parallel in (self.launched, *self.others))

    def architecture_of(self, model_id: str, referrer: Path) -> Architecture | None:
        model = find_model(model_id)
        return model.architecture if model is not None else None


def offloaded(
    body: str, *, gpu: str | None = "RTX-4090", num_gpus: int | None = 1, transformers: str = "5.0.0"
) -> list[Match]:
    versions = VersionView({"transformers": Admissible((transformers,), ())})
    trace = trace_script(_document(body))
    return list(offloaded_model_trained(trace, Project(gpu, num_gpus, None, None), versions))


def spread(
    body: str,
    *,
    processes: int | Unknown | None = 8,
    nodes: int | None = None,
    others: tuple[ParallelFacts, ...] = (),
    **said: Fact[Any],
) -> list[Match]:
    document, project = _document(body), Project(None, None, processes, nodes)
    project.launched, project.others = replace(project.launched, **said), others
    return list(spread_model_distributed(trace_script(document), document, project))


def _document(body: str) -> ScriptDocument:
    document = parse(Path("train.py"), (HEAD + body).encode(), Format.PYTHON)
    assert isinstance(document, ScriptDocument)
    return document


def text_at(body: str, match: Match) -> str:
    return (HEAD + body)[match.at.span.start : match.at.span.end]


def fixed(body: str, match: Match, name: str) -> str:
    text = HEAD + body
    for edit in sorted(match.edits[name], key=lambda edit: edit.location.span, reverse=True):
        text = text[: edit.location.span.start] + edit.content + text[edit.location.span.end :]
    ast.parse(text)
    return text


# DEV101 -------------------------------------------------------------------------------------------------------------


def test_certain_and_fully_trained_is_an_error() -> None:
    (match,) = offloaded(LOAD + TRAIN)
    assert match.severity is None
    assert not match.reason
    assert text_at(LOAD, match) == '"auto"'
    assert match.values["why"] == "65.5 GB of weights, at most 23.2 GB of them on 1 x RTX-4090"
    assert [related.message for related in match.related] == [
        "Trainer gets the model here",
        "GPU RTX-4090",
        "GPUs per node 1",
    ]
    assert "device_map" not in fixed(LOAD + TRAIN, match, "remove")


@pytest.mark.parametrize("num_gpus", [1, 2])
def test_several_gpus(num_gpus: int) -> None:
    assert len(offloaded(LOAD + TRAIN, num_gpus=num_gpus)) == 1
    assert offloaded(LOAD + TRAIN, num_gpus=8) == []


def test_unknown_number_of_gpus_must_fail_on_all_of_them() -> None:
    assert offloaded(LOAD + TRAIN, num_gpus=None) == []  # eight would hold it
    (match,) = offloaded(LOAD.replace("32B", "72B") + TRAIN, gpu="T4", num_gpus=None)
    assert match.severity is Severity.WARNING
    assert "not known" in match.reason


def test_unknown_hardware_is_silent() -> None:
    assert offloaded(LOAD + TRAIN, gpu=None) == []


@pytest.mark.parametrize(
    "line",
    ["model.to('cuda')", "model = model.cuda()", "model.to(torch.float16)", "model.to(device=args.device)",
     "import deepspeed\nengine = deepspeed.initialize(model=model)[0]"],
)  # fmt: skip
def test_moved_is_an_error(line: str) -> None:
    (match,) = offloaded(LOAD + line + "\n")
    assert match.severity is None
    assert "RuntimeError" in match.values["outcome"]


def test_moved_and_then_trained_is_one_finding() -> None:
    assert len(offloaded(LOAD + "model.to('cuda')\n" + TRAIN)) == 1


def test_only_evaluated() -> None:
    body = LOAD + "trainer = Trainer(model=model)\ntrainer.evaluate()\n"
    assert offloaded(body) == []
    (match,) = offloaded(body, transformers="4.56.2")  # the Trainer moves the model when it is made
    assert match.severity is None
    assert offloaded(body, transformers="4.56.2", num_gpus=2) == []  # but not from several GPUs


@pytest.mark.parametrize("transformers", ["4.56.2", "5.0.0"])
def test_adapters(transformers: str) -> None:
    body = LOAD + "model = get_peft_model(model, LoraConfig())\n" + TRAIN
    (match,) = offloaded(body, transformers=transformers)
    assert match.severity is (None if transformers == "4.56.2" else Severity.WARNING)
    in_trainer = "SFTTrainer(model=model, args=SFTConfig('out'), peft_config=LoraConfig()).train()\n"
    (match,) = offloaded(LOAD + in_trainer)
    assert match.severity is Severity.WARNING


def test_frozen_weights_may_be_the_offloaded_ones() -> None:
    freeze = "for parameter in model.model.parameters():\n    parameter.requires_grad = False\n"
    (match,) = offloaded(LOAD + freeze + TRAIN)
    assert match.severity is Severity.WARNING


def test_quantized_fails_while_it_is_loaded() -> None:
    kbit = "model = prepare_model_for_kbit_training(model)\nmodel = get_peft_model(model, LoraConfig())\n"
    (match,) = offloaded(QUANTIZED.replace("32B", "72B") + kbit + TRAIN)
    assert match.severity is None
    assert "ValueError" in match.values["outcome"]
    assert offloaded(QUANTIZED.replace("32B", "7B") + kbit + TRAIN) == []


def test_quantized_or_not_cannot_be_seen() -> None:
    hidden = QUANTIZED.replace("BitsAndBytesConfig(load_in_4bit=True)", "make_config()")
    assert offloaded(hidden + TRAIN) == []
    four_bits = "BitsAndBytesConfig(load_in_4bit=True)"
    some = QUANTIZED.replace(four_bits, f"{four_bits} if args.quantize else None")
    assert offloaded(some.replace("32B", "7B") + TRAIN) == []
    options = LOAD.replace('device_map="auto"', 'device_map="auto", **options')
    assert offloaded(options + TRAIN) == []


def test_default_dtype_goes_by_release() -> None:
    body = LOAD.replace("32B", "7B").replace("torch_dtype=torch.bfloat16, ", "") + TRAIN
    assert len(offloaded(body, transformers="4.57.1")) == 1  # 30 GB in float32
    assert offloaded(body, gpu="L4", transformers="5.0.0") == []


def test_possible_is_a_warning() -> None:
    assert offloaded(LOAD.replace("32B", "14B") + TRAIN, gpu="A100-40GB") == []  # 29.5 GB of 38
    (match,) = offloaded(LOAD.replace("Qwen/Qwen2.5-32B", "Qwen/Qwen2.5-Coder-7B") + TRAIN, gpu="V100-16GB")
    assert match.severity is Severity.WARNING
    assert "what else is on the GPU" in match.reason


def test_own_loop() -> None:
    loop = "accelerator = Accelerator()\nmodel = accelerator.prepare(model)\nloss = model(x).loss\n"
    (match,) = offloaded(LOAD + loop + "accelerator.backward(loss)\n")
    assert match.severity is Severity.WARNING
    assert offloaded(LOAD + loop) == []  # it only runs


def test_some_branches() -> None:
    branch = "if args.big:\n    model = A.from_pretrained('Qwen/Qwen2.5-32B', device_map='auto', dtype=torch.float16)\n"
    other = "else:\n    model = A.from_pretrained('Qwen/Qwen2.5-0.5B', device_map='auto', dtype=torch.float16)\n"
    (match,) = offloaded("A = AutoModelForCausalLM\n" + branch + other + TRAIN)
    assert match.severity is Severity.WARNING
    assert "branches" in match.reason


@pytest.mark.parametrize(
    "device_map",
    ["{'model': 0, 'lm_head': 'cpu'}", "{'model': 'cpu', 'lm_head': 'disk'}", "{'': 'disk'}",
     "{'model': local_rank, 'lm_head': 'cpu'}", "{'model': 'cuda:0', 'lm_head': 'cpu'}",
     "{'model': torch.device('cuda', 0), 'lm_head': 'cpu'}", "dict(model=0, lm_head='cpu')"],
)  # fmt: skip
def test_explicit_maps_need_no_hardware(device_map: str) -> None:
    body = f"model = AutoModelForCausalLM.from_pretrained('me/mine', device_map={device_map})\n"
    (match,) = offloaded(body + TRAIN, gpu=None)
    assert match.severity is None


@pytest.mark.parametrize(
    "device_map",
    ["{'': 0}", "'cuda'", "'cuda:1'", "0", "{'': 'cpu'}", "'cpu'", "{'model': 'cpu', 'lm_head': 'cpu'}", "make_map()",
     "{'model': 0, 'lm_head': 1}", "{'model': where, 'lm_head': 'cpu'}", "None", "torch.device('cuda')",
     "args.device_map",
     "{**base, 'lm_head': 'cpu'}"],
)  # fmt: skip
def test_maps_that_do_not_offload(device_map: str) -> None:
    body = f"model = AutoModelForCausalLM.from_pretrained('Qwen/Qwen2.5-32B', device_map={device_map})\n"
    assert offloaded(body + "model.to('cuda')\n" + TRAIN) == []


@pytest.mark.parametrize(
    ("limits", "found"),
    [("{0: '20GiB', 'cpu': '100GiB'}", 1), ("{0: '70GiB'}", 0), ("{0: '40GiB', 1: '40GiB'}", 0), ("limits", 0),
     ("{0: f'{free}GiB'}", 0), ("{i: '10GiB' for i in range(2)}", 0), ("{0: 20 * 2, 'cpu': '1GB'}", 1)],
)  # fmt: skip
def test_limits_by_hand(limits: str, found: int) -> None:
    body = LOAD.replace('device_map="auto"', f'device_map="auto", max_memory={limits}')
    assert len(offloaded(body + TRAIN, gpu=None)) == found


def test_maps_behind_names() -> None:
    kwargs = "kwargs = {'device_map': 'auto', 'torch_dtype': torch.bfloat16}\n"
    load = "model = AutoModelForCausalLM.from_pretrained('Qwen/Qwen2.5-32B', **kwargs)\n"
    (match,) = offloaded(kwargs + load + TRAIN)
    assert text_at(kwargs, match) == "'auto'"
    assert not match.edits
    named = 'DEVICE_MAP = "auto"\n' + LOAD.replace('"auto"', "DEVICE_MAP")
    (match,) = offloaded(named + TRAIN)
    assert text_at(named, match) == "DEVICE_MAP"


def test_in_functions() -> None:
    body = "def build(name):\n    " + LOAD.replace('"Qwen/Qwen2.5-32B"', "name").replace("model =", "return")
    assert len(offloaded(body + 'model = build("Qwen/Qwen2.5-32B")\n' + TRAIN)) == 1
    assert len(offloaded("def main():\n    " + LOAD + "    " + "    ".join(TRAIN.splitlines(True)))) == 1


@pytest.mark.parametrize(
    "line",
    ["model.generate(x)", "model.eval()", "model = stranger(model)\n" + TRAIN, "stranger(model)\n" + TRAIN,
     "stranger(model)\nmodel.to('cuda')",
     "model = AutoModelForCausalLM.from_pretrained('gpt2')\n" + TRAIN, "model.half()", "batch.to('cuda')",
     "x = model(batch.to(model.device))"],
)  # fmt: skip
def test_silent(line: str) -> None:
    assert offloaded(LOAD + line + "\n") == []


# DEV102 -------------------------------------------------------------------------------------------------------------


def test_spread_over_several_processes() -> None:
    (match,) = spread(LOAD + TRAIN)
    assert match.severity is None
    assert match.values == {"device_map": 'device_map="auto"', "processes": "8 processes"}
    assert match.related[-1].location.path == SHELL
    text = fixed(LOAD + TRAIN, match, "whole")
    assert 'device_map={"": PartialState().local_process_index})' in text
    assert text.startswith(HEAD + "from accelerate import PartialState\n")
    assert "device_map" not in fixed(LOAD + TRAIN, match, "remove")


def test_import_that_is_there() -> None:
    imported = "from accelerate import PartialState\n"
    (match,) = spread(imported + LOAD + TRAIN)
    assert fixed(imported + LOAD + TRAIN, match, "whole").count("import PartialState") == 1


@pytest.mark.parametrize(
    ("processes", "nodes", "found"),
    [(8, None, 1), (2, 1, 1), (1, None, 0), (2, 2, 0), (16, 2, 1), (None, None, 0), (UNKNOWN, 1, 0)],
)
def test_number_of_processes(processes: int | Unknown | None, nodes: int | None, found: int) -> None:
    assert len(spread(LOAD + TRAIN, processes=processes, nodes=nodes)) == found


@pytest.mark.parametrize(
    ("device_map", "severity"),
    [('"auto"', None), ('"balanced"', None), ('"balanced_low_0"', None), ('"sequential"', Severity.WARNING),
     ('{"model": 0, "lm_head": 1}', None)],
)  # fmt: skip
def test_spreading_maps(device_map: str, severity: Severity | None) -> None:
    (match,) = spread(LOAD.replace('"auto"', device_map) + TRAIN)
    assert match.severity is severity


@pytest.mark.parametrize("model", ['"Qwen/Qwen2.5-0.5B"', "sys.argv[1]", '"me/mine"'])
def test_small_or_unknown_models_may_land_on_one_gpu(model: str) -> None:
    (match,) = spread(LOAD.replace('"Qwen/Qwen2.5-32B"', model) + TRAIN)
    assert match.severity is Severity.WARNING


@pytest.mark.parametrize(
    "device_map",
    ['{"": 0}', '{"": Accelerator().process_index}', '{"": Accelerator().local_process_index}', '"cuda"', "local_rank",
     '{"": int(os.environ["LOCAL_RANK"])}', "get_kbit_device_map()", "None", "device_map", "{}",
     "\"auto\" if torch.cuda.device_count() == 1 else None", '{"": torch.cuda.current_device()}'],
)  # fmt: skip
def test_maps_for_one_device(device_map: str) -> None:
    assert spread(LOAD.replace('"auto"', device_map) + TRAIN) == []


@pytest.mark.parametrize(
    "rest",
    ["model.generate(x)\n", "trainer = Trainer(model=model)\n", "stranger(model)\n" + TRAIN,
     "os.environ['ACCELERATE_BYPASS_DEVICE_MAP'] = 'true'\n" + TRAIN],
)  # fmt: skip
def test_distributed_silent(rest: str) -> None:
    assert spread(LOAD + rest) == []


def test_a_map_that_the_launch_decides() -> None:
    """As alpaca-lora and qlora have it."""
    chosen = (
        'device_map = "auto"\nif os.environ.get("LOCAL_RANK"):\n    device_map = {"": int(os.environ["LOCAL_RANK"])}\n'
    )
    assert spread(chosen + LOAD.replace('"auto"', "device_map") + TRAIN) == []


def test_prepare_raises_by_itself() -> None:
    assert len(spread(LOAD + "model = Accelerator().prepare(model)\n")) == 1


HERE = Location(SHELL, Span(0, 1))
ONE = ParallelFacts(num_processes=written(1, HERE))


def test_some_launches() -> None:
    (match,) = spread(LOAD + TRAIN, others=(ONE,))
    assert match.severity is Severity.WARNING
    assert "some of the commands" in match.reason
    (match,) = spread(LOAD + TRAIN, others=(ParallelFacts(num_processes=written(4, HERE)),))
    assert match.severity is None
    assert spread(LOAD + TRAIN, processes=1, others=(ONE,)) == []


def test_fsdp_may_leave_the_map_out() -> None:
    sharded = written(ParallelKind.FSDP, HERE)
    assert spread(LOAD + TRAIN, kind=sharded) == []
    assert spread(LOAD + TRAIN, kind=sharded, fsdp_cpu_ram_efficient_loading=written(True, HERE)) == []
    assert len(spread(LOAD + TRAIN, kind=sharded, fsdp_cpu_ram_efficient_loading=written(False, HERE))) == 1
    assert spread(LOAD + TRAIN.replace("'out'", "'out', fsdp='full_shard'")) == []
    assert spread("accelerator = Accelerator(fsdp_plugin=plugin)\n" + LOAD + "accelerator.prepare(model)\n") == []


def test_a_launch_that_turns_the_check_off() -> None:
    assert spread(LOAD + TRAIN, checks_device_map=Fact(UNKNOWN, (Origin(How.WRITTEN, HERE, ""),))) == []


def test_maps_of_which_more_is_not_seen() -> None:
    start = "split = {'model.norm': 0, 'lm_head': %s}\n"
    rest = "split.update({f'model.layers.{i}': 1 for i in range(9)})\n"
    load = LOAD.replace('"auto"', "split") + TRAIN
    assert len(spread(start % 1 + rest + load)) == 1
    assert spread(start % 0 + rest + load) == []
    assert offloaded(start % "'cpu'" + rest + load, gpu=None) == []


def test_no_import_behind_its_use() -> None:
    (match,) = spread(LOAD + "import json\n" + TRAIN)
    assert "whole" not in match.edits
