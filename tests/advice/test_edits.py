"""Advice as text: in the file that says a fact, whole or not at all, comments kept."""

from __future__ import annotations

from pathlib import Path

from ftlint.advice import Change, Spelled, spell
from ftlint.advice.change import Effect, Pace
from ftlint.dialects.imports import explain_script
from ftlint.dialects.registry import explain
from ftlint.dialects.spelling import BY_DIALECT, TRAINING_ARGUMENTS
from ftlint.run.fact import written
from ftlint.run.run import Input, Method, OffloadDevice, ParallelFacts, ParallelKind, Run
from ftlint.spans import Location, Span
from ftlint.syntax import parse_text
from ftlint.syntax.document import DataDocument, Document, Format

YAML = """\
model_name_or_path: Qwen/Qwen2.5-7B  # the base
stage: sft
do_train: true
finetuning_type: full
disable_gradient_checkpointing: true
per_device_train_batch_size: 8   # fits on the big ones
deepspeed: ds.json
"""
JSON = '{\n  "zero_optimization": {"stage": 2},\n  "train_micro_batch_size_per_gpu": "auto"\n}\n'
SCRIPT = """\
from transformers import Trainer, TrainingArguments

args = TrainingArguments(
    output_dir="out",
    per_device_train_batch_size=8,  # as much as there is
)
Trainer(model, args).train()
"""


def change(**facts: object) -> Change:
    named = {name.replace("__", "."): value for name, value in facts.items()}
    return Change("d", "Do it", Effect.NONE, Pace.NONE, named, "")


def spelled(files: dict[str, tuple[str, Format]], *changes: Change, run: Run | None = None) -> Spelled:
    documents: dict[Path, Document] = {
        Path(name): parse_text(Path(name), text, format) for name, (text, format) in files.items()
    }
    root, *others = documents
    here = Location(root, Span(0, 0))
    subject = run or Run(name="r", root=here, inputs=tuple(Input(path, True) for path in others))

    def dialect(document: Document) -> str | None:
        if isinstance(document, DataDocument):
            found = explain(document, None).dialect
            return found.name if found is not None else None
        return explain_script(document).dialect

    return spell(changes, subject, documents.get, dialect)


def only(found: Spelled) -> str:
    assert found.unspelled == ()
    (patch,) = found.patches
    return patch.after


def test_keys_are_replaced_added_and_taken_out() -> None:
    after = only(
        spelled(
            {"train.yaml": (YAML, Format.YAML)},
            change(training__gradient_checkpointing=True),
            change(batch__micro_batch=2, batch__gradient_accumulation=4),
        )
    )
    assert "disable_gradient_checkpointing" not in after
    assert "per_device_train_batch_size: 2   # fits on the big ones\n" in after
    assert "gradient_accumulation_steps: 4\n" in after
    assert "# the base" in after


def test_each_fact_goes_to_the_file_that_has_words_for_it() -> None:
    found = spelled(
        {"train.yaml": (YAML, Format.YAML), "ds.json": (JSON, Format.JSON)},
        change(
            adapter__method=Method.LORA, adapter__lora_rank=16, adapter__lora_targets=("all-linear",),
            parallel__kind=ParallelKind.ZERO, parallel__zero_stage=3, parallel__offload_param=OffloadDevice.CPU,
        ),
    )  # fmt: skip
    yaml, json = found.patches
    assert "finetuning_type: lora\n" in yaml.after
    assert "lora_rank: 16\n" in yaml.after
    assert "lora_target: all\n" in yaml.after
    assert '"stage": 3' in json.after
    assert '"offload_param": {"device": "cpu"}' in json.after


def test_a_change_is_written_whole_or_not_at_all() -> None:
    found = spelled({"train.yaml": (YAML, Format.YAML)}, change(batch__micro_batch=1, parallel__zero_stage=3))
    assert found == Spelled((), ("Do it",))


def test_a_script_s_call() -> None:
    after = only(spelled({"train.py": (SCRIPT, Format.PYTHON)}, change(training__gradient_checkpointing=True)))
    assert "    gradient_checkpointing=True,\n)" in after
    after = only(spelled({"train.py": (SCRIPT, Format.PYTHON)}, change(batch__micro_batch=1)))
    assert "per_device_train_batch_size=1,  # as much as there is" in after


def test_two_calls_are_not_chosen_between() -> None:
    twice = SCRIPT + SCRIPT
    assert spelled({"t.py": (twice, Format.PYTHON)}, change(batch__micro_batch=1)).unspelled == ("Do it",)


def test_a_broken_file_has_no_words() -> None:
    assert spelled({"t.yaml": (YAML + "x: [", Format.YAML)}, change(batch__micro_batch=1)).unspelled == ("Do it",)


def test_a_run_without_files() -> None:
    assert spell((change(batch__micro_batch=1),), Run(), lambda _path: None, lambda _document: None).patches == ()


def test_what_is_written_is_what_is_read() -> None:
    """Every fact that a dialect spells is one that a run has."""
    run = Run()
    for spelling in (*BY_DIALECT.values(), TRAINING_ARGUMENTS):
        assert all(run.fact(name) is not None for name in spelling)


def test_the_file_that_says_it_now_comes_first() -> None:
    """The stage stands in ds.json, whatever other files could say it."""
    files = {"other.json": (JSON, Format.JSON), "ds.json": (JSON, Format.JSON)}
    place = Location(Path("ds.json"), Span(4, 8))
    run = Run(
        root=Location(Path("other.json"), Span(0, 0)),
        parallel=ParallelFacts(zero_stage=written(2, place)),
        inputs=(Input(Path("ds.json"), True),),
    )
    found = spelled(files, change(parallel__zero_stage=3), run=run)
    assert [patch.path.name for patch in found.patches] == ["ds.json"]


def test_axolotl_s_words() -> None:
    text = "base_model: a  # the base\ndatasets: [{path: x}]\nmicro_batch_size: 8\nsequence_len: 4096\n"
    after = only(
        spelled(
            {"train.yaml": (text, Format.YAML)},
            change(training__gradient_checkpointing=True, batch__micro_batch=2, batch__gradient_accumulation=4),
        )
    )
    assert "gradient_checkpointing: true\n" in after
    assert "micro_batch_size: 2\n" in after
    assert "gradient_accumulation_steps: 4\n" in after
    found = spelled({"train.yaml": (text, Format.YAML)}, change(training__loss="liger"))
    assert found == Spelled((), ("Do it",))  # the plugin has to be listed as well
