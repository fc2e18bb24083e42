"""Training scripts in the words of a run: what is trained, with which engine; and what stays unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.dialects.dialect import PartialRun
from ftlint.dialects.scripts import lower_script
from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN
from ftlint.run.run import Method, OffloadDevice, ParallelKind
from ftlint.run.versions import Admissible, VersionView
from ftlint.syntax import parse_text
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.trace import trace_script

HEAD = "from transformers import AutoModelForCausalLM, Trainer, TrainingArguments\n"
MODEL = 'model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B")\n'
TRAIN = "trainer = Trainer(model=model, args=args, train_dataset=data)\ntrainer.train()\n"


def lowered(text: str) -> tuple[PartialRun, ...]:
    document = parse_text(Path("train.py"), text, Format.PYTHON)
    assert isinstance(document, ScriptDocument)
    versions = VersionView({"deepspeed": Admissible(("0.16.3",), ())})
    return lower_script(trace_script(document), document, versions)


def script(arguments: str, *more: str) -> str:
    return HEAD + f'args = TrainingArguments(output_dir="out", {arguments})\n' + MODEL + "".join(more) + TRAIN


def test_a_reference_to_a_deepspeed_file() -> None:
    text = script('bf16=True, per_device_train_batch_size=2, deepspeed="ds.json"')
    (partial,) = lowered(text)
    run = partial.facts
    assert partial.starts_run
    assert run.model.id.value == "Qwen/Qwen2.5-7B"
    assert run.model.model_class.value == "AutoModelForCausalLM"
    assert run.adapter.method.value is Method.FULL
    assert run.precision.compute.value is DType.BFLOAT16
    assert (run.batch.micro_batch.value, run.batch.gradient_accumulation.value) == (2, 1)
    (reference,) = partial.references
    assert reference.fact.value == "ds.json"
    place = reference.fact.location
    assert place is not None
    assert text[place.span.start : place.span.end] == '"ds.json"'


@pytest.mark.parametrize(
    "name", ["AutoModelForImageTextToText", "AutoModelForVision2Seq", "LlavaForConditionalGeneration"]
)
def test_classes_that_take_images(name: str) -> None:
    (partial,) = lowered(script("bf16=True").replace("AutoModelForCausalLM", name))
    assert partial.facts.model.model_class.value == "AutoModelForImageTextToText"


def test_deepspeeds_settings_as_a_dict_with_their_places() -> None:
    text = script(
        "deepspeed=ds",
    ).replace("args =", 'ds = {"zero_optimization": {"stage": 3, "offload_param": {"device": "cpu"}}}\nargs =', 1)
    (partial,) = lowered(text)
    parallel = partial.facts.parallel
    assert parallel.kind.value is ParallelKind.ZERO
    assert parallel.offload_param.value is OffloadDevice.CPU
    place = parallel.offload_param.location
    assert place is not None
    assert text[place.span.start : place.span.end] == '"cpu"'


@pytest.mark.parametrize(
    "line",
    [
        "for p in model.parameters():\n    p.requires_grad = False\n",
        "freeze(model)\n",
        "model = add_lora(model)\n",
        "setup(model)\n",
        "setup([model])\n",
        "Setup(model).apply()\n",
        "if big:\n    setup(model.model)\n",
    ],
)
def test_what_may_train_less_than_all_weights_is_unknown(line: str) -> None:
    for partial in lowered(script("bf16=True", line)):
        assert partial.facts.adapter.method.value is not Method.FULL


def test_lora() -> None:
    text = script("bf16=True", "model = get_peft_model(model, LoraConfig(r=16, target_modules=['q_proj', 'v_proj']))\n")
    (partial,) = lowered("from peft import LoraConfig, get_peft_model\n" + text)
    adapter = partial.facts.adapter
    assert (adapter.method.value, adapter.lora_rank.value) == (Method.LORA, 16)
    assert adapter.lora_targets.value == ("q_proj", "v_proj")


def test_branches_that_disagree_are_unknown() -> None:
    text = HEAD + (
        'if small:\n    args = TrainingArguments(output_dir="o", per_device_train_batch_size=1)\n'
        'else:\n    args = TrainingArguments(output_dir="o", per_device_train_batch_size=8)\n'
    )
    for partial in lowered(text + MODEL + TRAIN):
        assert partial.facts.batch.micro_batch.value is UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        HEAD + MODEL + 'args = TrainingArguments(output_dir="o")\ntrainer = Trainer(model=model, args=args)\n',
        HEAD + MODEL + "trainer = Trainer(model=model, args=args)\ntrainer.train()\n",
        "import torch\n",
    ],
    ids=["never trained", "settings from elsewhere", "no trainer"],
)
def test_no_run(text: str) -> None:
    assert lowered(text) == ()


def test_settings_that_may_be_hidden_are_unknown() -> None:
    (partial,) = lowered(script("**common"))
    assert partial.facts.parallel.kind.value is UNKNOWN
    assert partial.facts.batch.micro_batch.value is UNKNOWN


SFT = (
    "from trl import SFTConfig, SFTTrainer\n"
    'args = SFTConfig(output_dir="out", {})\n'
    'trainer = SFTTrainer(model="Qwen/Qwen2.5-7B", args=args, train_dataset=data)\ntrainer.train()\n'
)


@pytest.mark.parametrize(
    ("arguments", "releases", "loss"),
    [
        ("", ("1.16.0",), "chunked"),
        ("", ("1.5.0",), "full"),
        ("", ("1.5.0", "1.16.0"), UNKNOWN),
        ('loss_type="chunked_nll"', ("1.5.0",), "chunked"),
        ('loss_type="nll"', ("1.5.0",), "full"),
        ('loss_type="nll"', ("1.16.0",), UNKNOWN),  # later releases chunk it as well
        ("use_liger_kernel=True", ("1.5.0",), "liger"),
    ],
)
def test_the_loss_of_an_sft_trainer_follows_the_release(
    arguments: str, releases: tuple[str, ...], loss: object
) -> None:
    document = parse_text(Path("train.py"), SFT.format(arguments), Format.PYTHON)
    assert isinstance(document, ScriptDocument)
    versions = VersionView({"trl": Admissible(releases, ())})
    (partial,) = lower_script(trace_script(document), document, versions)
    assert partial.facts.training.loss.value == loss
    assert partial.facts.batch.sequence_length_tokens.value == 1024
    assert not versions.undecided  # a doubt about the loss widens an interval and splits nothing
