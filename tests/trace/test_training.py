"""What `Trained` says of a run: which model, which settings, and where each of them is written."""

from __future__ import annotations

import pytest

from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN
from ftlint.spans import Location
from ftlint.syntax.document import Format
from ftlint.trace import ScriptTrace
from ftlint.trace.events import Adapted, Trained
from ftlint.trace.settings import Setting, Settings
from tests.trace.test_robustness import notebook
from tests.trace.test_values import trace

HEAD = """\
import torch
from peft import IA3Config, LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, Trainer, TrainingArguments
from trl import SFTConfig, SFTTrainer
"""
LOAD = 'model = AutoModelForCausalLM.from_pretrained("gpt2")\n'


def trained(text: str) -> tuple[Trained, ...]:
    return events_of(trace(HEAD + text))


def events_of(found: ScriptTrace) -> tuple[Trained, ...]:
    assert found.complete
    return tuple(dict.fromkeys(event for event in found.events() if isinstance(event, Trained)))


def settings_of(text: str) -> Settings:
    (event,) = trained(text)
    assert event.settings is not None
    return event.settings


def said(text: str, location: Location) -> str:
    return (HEAD + text)[location.span.start : location.span.end]


def entry(settings: Settings, *names: str) -> Setting:
    found = settings.get(names[0])
    assert found is not None
    if len(names) == 1:
        return found
    assert isinstance(found.value, Settings)
    return entry(found.value, *names[1:])


@pytest.mark.parametrize(
    ("text", "names", "value", "place"),
    [
        (LOAD + 'Trainer(model, TrainingArguments("o", bf16=True)).train()', ["bf16"], True, "True"),
        (LOAD + 'Trainer(model=model, args=SFTConfig("o", lr=2e-5)).train()', ["lr"], 2e-5, "2e-5"),
        ('n = 2\nt = SFTTrainer("gpt2", args=SFTConfig("o", steps=n))\nt.train()', ["steps"], 2, "n"),
        (
            'SFTTrainer("gpt2", args=SFTConfig("o", deepspeed={"zero_optimization": {"stage": 3}})).train()',
            ["deepspeed", "zero_optimization", "stage"], 3, "3",
        ),
        (
            ('ds = {"x": 1}\nds["zero_optimization"] = {"stage": 2}\nds["zero_optimization"]["stage"] = 1\n'
             'SFTTrainer("gpt2", args=SFTConfig("o", deepspeed=ds)).train()'),
            ["deepspeed", "zero_optimization", "stage"], 1, "1",
        ),
        ('SFTTrainer("gpt2", args=SFTConfig("o", deepspeed="ds.json")).train()', ["deepspeed"], "ds.json", '"ds.json"'),
        (
            LOAD + 'args = TrainingArguments("o", gradient_accumulation_steps=2)\n'
            "args.gradient_accumulation_steps = 4\nTrainer(model, args).train()",
            ["gradient_accumulation_steps"], 4, "4",
        ),
        (
            LOAD + 'trainer = Trainer(model, TrainingArguments("o", bf16=True))\n'
            "trainer.args.bf16 = False\ntrainer.train()",
            ["bf16"], False, "False",
        ),
        ('common = {"bf16": True}\nSFTTrainer("gpt2", args=SFTConfig("o", **common)).train()', ["bf16"], True, "True"),
        ('common = dict(bf16=True)\nSFTTrainer("gpt2", args=SFTConfig("o", **common)).train()', ["bf16"], True, "True"),
        (
            ('def make(name, **options):\n    return SFTTrainer(name, args=SFTConfig("o", **options))\n'
             'trainer = make("gpt2", bf16=False)\ntrainer.train()'),
            ["bf16"], False, "False",
        ),
        ('def main():\n    SFTTrainer("gpt2", args=SFTConfig("o", bf16=True)).train()', ["bf16"], True, "True"),
        ('SFTTrainer("gpt2", args=SFTConfig("o", targets=["a", "b"])).train()', ["targets"], ("a", "b"), '["a", "b"]'),
        (
            'SFTTrainer("gpt2", args=SFTConfig("o", dtype=torch.bfloat16)).train()',
            ["dtype"], DType.BFLOAT16.value, "torch.bfloat16",
        ),
        # What cannot be seen is there, and unknown.
        ('SFTTrainer("gpt2", args=SFTConfig("o", steps=other())).train()', ["steps"], UNKNOWN, "other()"),
        (
            LOAD + 'Trainer(model, TrainingArguments("o", bf16=1 if flag() else 0)).train()',
            ["bf16"], UNKNOWN, "1 if flag() else 0",
        ),
    ],
)  # fmt: skip
def test_a_setting_and_its_place(text: str, names: list[str], value: object, place: str) -> None:
    found = entry(settings_of(text), *names)
    assert (found.value, said(text, found.location)) == (value, place)


def test_settings_of_two_branches_agree_where_they_do() -> None:
    branch = '    args = TrainingArguments("o", bf16=True, per_device_train_batch_size={})\n'
    text = LOAD + "if flag():\n" + branch.format(1) + "else:\n" + branch.format(2) + "Trainer(model, args).train()"
    settings = settings_of(text)
    assert entry(settings, "bf16").value is True
    assert entry(settings, "per_device_train_batch_size").value is UNKNOWN


def test_settings_of_one_branch_only_leave_the_others_open() -> None:
    text = LOAD + 'args = TrainingArguments("o")\nif flag():\n    args.bf16 = True\nTrainer(model, args).train()'
    settings = settings_of(text)
    assert settings.open
    assert entry(settings, "bf16").value is UNKNOWN


@pytest.mark.parametrize(
    "touch", ["configure(args)", "for k, v in other():\n    setattr(args, k, v)", "patch(trainer)"]
)
def test_settings_that_somebody_may_have_changed_are_unknown(touch: str) -> None:
    text = f'{LOAD}args = TrainingArguments("o", bf16=True)\ntrainer = Trainer(model, args)\n{touch}\ntrainer.train()'
    settings = settings_of(text)
    assert settings.open
    assert entry(settings, "bf16").value is UNKNOWN


@pytest.mark.parametrize("made", ['{"stage": 3, **other()}', "dict(other(), stage=3)"])
def test_a_dict_with_unseen_parts_says_nothing(made: str) -> None:
    settings = settings_of(f'SFTTrainer("gpt2", args=SFTConfig("o", deepspeed={made})).train()')
    assert entry(settings, "deepspeed", "stage").value is UNKNOWN


def test_keywords_beside_unseen_ones_hold() -> None:
    settings = settings_of('SFTTrainer("gpt2", args=SFTConfig("o", bf16=True, **other())).train()')
    assert settings.open
    assert entry(settings, "bf16").value is True  # given twice, it would be an error


def test_the_model_by_its_id() -> None:
    text = 'trainer = SFTTrainer(model="Qwen/Qwen2.5-0.5B", args=SFTConfig("o"))\ntrainer.train()'
    (event,) = trained(text)
    assert event.trainer == "trl.SFTTrainer"
    assert event.model is not None
    assert (event.model.model_id, event.model.class_name, event.model.adapter) == ("Qwen/Qwen2.5-0.5B", "", None)
    assert said(text, event.model.location) == '"Qwen/Qwen2.5-0.5B"'
    assert said(text, event.made_at).startswith("SFTTrainer(")
    assert said(text, event.location) == "trainer.train()"


def test_the_model_by_the_call_that_loads_it() -> None:
    text = (
        'model = AutoModelForCausalLM.from_pretrained("gpt2", load_in_4bit=True, **other())\n'
        'Trainer(model=model, args=TrainingArguments("o")).train()'
    )
    (event,) = trained(text)
    assert event.model is not None
    assert event.model.model_id == "gpt2"
    assert event.model.class_name == "transformers.AutoModelForCausalLM"
    assert said(text, event.model.location) == '"gpt2"'
    assert event.model.loading is not None
    assert event.model.loading.open
    assert entry(event.model.loading, "load_in_4bit").value is True


@pytest.mark.parametrize(
    "made",
    [
        "AutoModelForCausalLM.from_config(AutoConfig.from_pretrained('gpt2'))",
        "AutoModelForCausalLM.from_pretrained(other())",
        "other()",
    ],
)
def test_a_model_that_no_id_names(made: str) -> None:
    (event,) = trained(f'Trainer({made}, TrainingArguments("o")).train()')
    assert event.model is None or event.model.model_id is None


ADAPTED = [
    (LOAD + "model = get_peft_model(model, LoraConfig(r=16))\n" + 'Trainer(model, TrainingArguments("o")).train()', 16),
    ('SFTTrainer("gpt2", args=SFTConfig("o"), peft_config=LoraConfig(r=4)).train()', 4),
    (LOAD + "c = LoraConfig(r=4)\nc.r = 8\n" + 'SFTTrainer(model, SFTConfig("o"), peft_config=c).train()', 8),
]
NOT_SURELY_ADAPTED = [
    LOAD
    + 'if lora():\n    model = get_peft_model(model, LoraConfig())\nTrainer(model, TrainingArguments("o")).train()',
    'SFTTrainer("gpt2", args=SFTConfig("o"), peft_config=LoraConfig() if lora() else None).train()',
    'SFTTrainer("gpt2", args=SFTConfig("o"), peft_config=get_peft_config(args)).train()',
    'SFTTrainer("gpt2", args=SFTConfig("o"), peft_config=None).train()',
    'SFTTrainer("gpt2", args=SFTConfig("o"), peft_config=IA3Config()).train()',
    LOAD + 'Trainer(model, TrainingArguments("o")).train()\nmodel = get_peft_model(model, LoraConfig())',
]


@pytest.mark.parametrize(("text", "lora_rank"), ADAPTED)
def test_adapter(text: str, lora_rank: int) -> None:
    (event,) = trained(text)
    assert event.model is not None
    assert event.model.adapter is not None
    assert entry(event.model.adapter, "r").value == lora_rank


@pytest.mark.parametrize("text", NOT_SURELY_ADAPTED)
def test_an_adapter_that_may_not_be_there(text: str) -> None:
    (event,) = trained(text)
    assert event.model is not None
    assert event.model.adapter is None


def test_adapted_is_an_event_of_its_own() -> None:
    found = trace(HEAD + LOAD + "get_peft_model(model, LoraConfig(r=2))")
    (event,) = [event for event in found.events() if isinstance(event, Adapted)]
    assert event.settings is not None
    assert entry(event.settings, "r").value == 2


@pytest.mark.parametrize(
    "text",
    [
        'SFTTrainer("gpt2", args=SFTConfig("o"))',
        'trainer = SFTTrainer("gpt2", args=SFTConfig("o"))\ntrainer.evaluate()',
        LOAD + "model.train()",
    ],
)
def test_never_trained(text: str) -> None:
    assert trained(text) == ()


def test_a_trainer_of_the_script() -> None:
    text = "class Mine(Trainer):\n    def log(self, logs): print(logs)\n"
    (event,) = trained(text + LOAD + 'Mine(model, TrainingArguments("o")).train()')
    assert (event.trainer, event.own_class) == ("transformers.Trainer", True)


def test_two_trainings() -> None:
    text = LOAD + "".join(f'Trainer(model, TrainingArguments("o", seed={seed})).train()\n' for seed in (1, 2))
    assert [entry(event.settings, "seed").value for event in trained(text) if event.settings is not None] == [1, 2]


def test_over_cells() -> None:
    cells = (HEAD, LOAD + "args = TrainingArguments('o')", "args.bf16 = True", "Trainer(model, args).train()")
    (event,) = events_of(trace(notebook(*cells), Format.NOTEBOOK))
    assert event.settings is not None
    assert event.model is not None
    places = (event.model.location, event.settings.location, entry(event.settings, "bf16").location, event.location)
    assert [place.cell for place in places] == [2, 2, 3, 4]
