"""One fault planted in a real file, at a known line; seeded, and no schema of ours is read.

What is changed is drawn from the file's own settings. A fault is written the way a person would make it: the line
changes, everything around it stays. Which values are words of a fixed list, which keys had another name once, and where
a stranger's key is refused is said in the reviewed tables below, each taken from the frameworks' sources.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A line that sets one scalar: indent and key with its sign, the value, what follows.
_YAML_LINE = re.compile(r"^(\s*)([A-Za-z_]\w*):[ \t]+([^\s#\[\]{}&*!|>%@`'\"][^\s#]*)([ \t]*(?:#.*)?)$")
_JSON_LINE = re.compile(r'^(\s*)"([A-Za-z_]\w*)":\s*("[^"\\]*"|[\w.+-]+)(\s*,?\s*)$')
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
# Values that come from a closed list wherever this key occurs.
_WORDS = frozenset(
    (
        *("lr_scheduler_type", "lr_scheduler", "distributed_type", "mixed_precision", "compute_environment", "device"),
        *("finetuning_type", "save_strategy", "eval_strategy", "adapter", "optim", "pref_loss", "rl", "optimizer"),
        *("fsdp_sharding_strategy", "fsdp_state_dict_type", "bnb_4bit_quant_type", "logging_strategy"),
    )
)
# A key today, and what it was called before the newest releases.
_FORMER = {
    "eval_strategy": "evaluation_strategy",
    "max_length": "max_seq_length",
    "stage3_gather_16bit_weights_on_model_save": "stage3_gather_fp16_weights_on_model_save",
    "dtype": "torch_dtype",
}
# A stranger's key that each kind of file does not know: another framework's word for something it has.
_STRANGERS = {
    "deepspeed_json": ("zero3_init_flag", "zero_stage", "offload_param_device", "per_device_train_batch_size"),
    "llamafactory_yaml": ("lora_r", "sequence_len", "micro_batch_size", "zero_stage", "base_model"),
    "accelerate_yaml": ("zero_stage", "offload_param_device", "learning_rate", "fsdp_sharding_strategy"),
    "axolotl_yaml": ("per_device_train_batch_size", "num_train_epochs", "model_name_or_path", "cutoff_len"),
    "trl_recipe_yaml": ("sequence_len", "micro_batch_size", "finetuning_type", "cutoff_len"),
}
# Files whose own reader refuses a key that it does not know; elsewhere such a key is a person's note.
_REFUSING = ("llamafactory_yaml", "accelerate_yaml", "trl_recipe_yaml")
# Without this nothing starts.
_NEEDED = {
    "accelerate_yaml": ("distributed_type",),
    "axolotl_yaml": ("base_model", "learning_rate"),
    "deepspeed_json": ("train_micro_batch_size_per_gpu", "train_batch_size"),
}
_COUNTS = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps", "stage")
KINDS = (
    *("typo", "type", "enum", "removal", "unknown", "number-as-string", "auto", "deprecated"),
    *("duplicate", "cross-field", "misplaced", "letter-case", "comment"),
)


@dataclass(frozen=True)
class Planted:
    """A text with one fault. `row` from 0; None where something is missing, which no line can show."""

    kind: str
    key: str
    text: str
    row: int | None


@dataclass(frozen=True)
class _Setting:
    """A line of the file that sets one scalar."""

    row: int
    indent: str
    key: str
    value: str
    rest: str

    def line(self, form: str, key: str | None = None, value: str | None = None) -> str:
        """The line with another key or value."""
        key, value = key or self.key, self.value if value is None else value
        named = f'"{key}": {value}' if form == "json" else f"{key}: {value}"
        return f"{self.indent}{named}{self.rest}"


class Planter:
    """Plants faults in one file."""

    def __init__(self, text: str, kind_of_file: str, choice: random.Random) -> None:
        self.form = "json" if kind_of_file.endswith("_json") else "yaml"
        self._lines = text.splitlines()
        self._file, self._choice = kind_of_file, choice
        shape = _JSON_LINE if self.form == "json" else _YAML_LINE
        self._settings = [
            _Setting(row, *match.groups()) for row, line in enumerate(self._lines) if (match := shape.match(line))
        ]

    def plant(self, kind: str) -> Planted | None:
        """That fault, or None where the file has no place for it."""
        makers: dict[str, Callable[[], Planted | None]] = {
            each: getattr(self, "_" + each.replace("-", "_")) for each in KINDS
        }
        return makers[kind]()

    def _typo(self) -> Planted | None:
        # Below five letters a slip is as likely another word.
        setting = self._one(lambda each: len(each.key) > 5)
        if setting is None:
            return None
        at = self._choice.randrange(1, len(setting.key) - 1)
        key = setting.key[:at] + setting.key[at + 1 :]
        if key == setting.key or key in {each.key for each in self._settings}:
            return None
        return self._changed("typo", setting, setting.line(self.form, key=key))

    def _type(self) -> Planted | None:
        setting = self._one(lambda each: bool(_NUMBER.fullmatch(each.value)))
        return None if setting is None else self._changed("type", setting, setting.line(self.form, value='{"a": 1}'))

    def _enum(self) -> Planted | None:
        setting = self._word()
        if setting is None:
            return None
        value = setting.value[:-1] + 'x"' if setting.value.endswith('"') else setting.value + "x"
        return self._changed("enum", setting, setting.line(self.form, value=value))

    def _letter_case(self) -> Planted | None:
        setting = self._word()
        if setting is None or setting.value.swapcase() == setting.value:
            return None
        return self._changed("letter-case", setting, setting.line(self.form, value=setting.value.swapcase()))

    def _removal(self) -> Planted | None:
        needed = [each for each in self._top() if each.key in _NEEDED.get(self._file, ())]
        if len(needed) != 1 or (self.form == "json" and not needed[0].rest.strip()):
            return None
        lines = [line for row, line in enumerate(self._lines) if row != needed[0].row]
        return Planted("removal", needed[0].key, "\n".join(lines) + "\n", None)

    def _unknown(self) -> Planted | None:
        if self._file not in _REFUSING:
            return None
        name = self._choice.choice(("my_note", "experiment_owner", "baseline_run"))
        return self._inserted("unknown", name, self._choice.choice(("text", "1", "true")))

    def _number_as_string(self) -> Planted | None:
        if self.form == "yaml":
            # pydantic, which reads Axolotl's files, turns such a text into a number.
            counts = ("num_processes", "num_machines", "save_steps", "warmup_steps")
            if self._file == "axolotl_yaml":
                return None
            setting = self._one(lambda each: each.key in counts)
        else:
            setting = self._one(lambda each: each.key in _COUNTS and bool(_NUMBER.fullmatch(each.value)))
        return (
            None
            if setting is None
            else self._changed("number-as-string", setting, setting.line(self.form, value=f'"{setting.value}"'))
        )

    def _auto(self) -> Planted | None:
        if self.form == "json":
            return None  # the integrations fill many keys; which, is a table of theirs
        setting = self._one(lambda each: bool(_NUMBER.fullmatch(each.value)))
        return None if setting is None else self._changed("auto", setting, setting.line(self.form, value="auto"))

    def _deprecated(self) -> Planted | None:
        setting = self._one(lambda each: each.key in _FORMER)
        return (
            None
            if setting is None
            else self._changed("deprecated", setting, setting.line(self.form, key=_FORMER[setting.key]))
        )

    def _duplicate(self) -> Planted | None:
        setting = self._one(lambda each: self.form == "yaml" or each.rest.strip() == ",")
        if setting is None:
            return None
        lines = self._lines[: setting.row + 1] + self._lines[setting.row :]
        return Planted("duplicate", setting.key, "\n".join(lines) + "\n", setting.row + 1)

    def _cross_field(self) -> Planted | None:
        setting = next((each for each in self._top() if each.key in ("bf16", "fp16") and each.value == "true"), None)
        other = "fp16" if setting is not None and setting.key == "bf16" else "bf16"
        if setting is None or self.form == "json" or any(each.key == other for each in self._settings):
            return None
        lines = [*self._lines[: setting.row + 1], f"{setting.indent}{other}: true", *self._lines[setting.row + 1 :]]
        return Planted("cross-field", other, "\n".join(lines) + "\n", setting.row + 1)

    def _misplaced(self) -> Planted | None:
        strangers = [name for name in _STRANGERS.get(self._file, ()) if name not in {each.key for each in self._top()}]
        return self._inserted("misplaced", self._choice.choice(strangers), "2") if strangers else None

    def _comment(self) -> Planted | None:
        if self.form == "yaml":
            return None
        setting = self._one(lambda _: True)
        return (
            None
            if setting is None
            else self._changed("comment", setting, self._lines[setting.row] + "  // as in the paper")
        )

    def _word(self) -> _Setting | None:
        return self._one(lambda each: each.key in _WORDS and bool(re.fullmatch(r'"?[A-Za-z_]{3,}"?', each.value)))

    def _top(self) -> list[_Setting]:
        least = min((len(each.indent) for each in self._settings), default=0)
        return [each for each in self._settings if len(each.indent) == least]

    def _one(self, fits: Callable[[_Setting], bool]) -> _Setting | None:
        fitting = [each for each in self._settings if fits(each)]
        return self._choice.choice(fitting) if fitting else None

    def _inserted(self, kind: str, key: str, value: str) -> Planted | None:
        places = [each for each in self._top() if self.form == "yaml" or each.rest.strip() == ","]
        if not places or key in {each.key for each in self._settings}:
            return None
        place = self._choice.choice(places)
        line = f'{place.indent}"{key}": {value},' if self.form == "json" else f"{place.indent}{key}: {value}"
        lines = [*self._lines[: place.row + 1], line, *self._lines[place.row + 1 :]]
        return Planted(kind, key, "\n".join(lines) + "\n", place.row + 1)

    def _changed(self, kind: str, setting: _Setting, line: str) -> Planted:
        lines = [line if row == setting.row else each for row, each in enumerate(self._lines)]
        return Planted(kind, setting.key, "\n".join(lines) + "\n", setting.row)


def planted(corpus: Path, count: int, seed: int) -> Iterator[tuple[dict[str, Any], Planted]]:
    """So many files of the corpus with a fault each, the kinds in turn; every file at most once."""
    choice = random.Random(seed)
    rows = [row for row in json.loads((corpus / "index.json").read_text("utf-8")) if row["kind"] in _STRANGERS]
    choice.shuffle(rows)
    used: Counter[str] = Counter()
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        # Kinds of files that had few faults yet come first: one framework's files are most of the corpus.
        for row in sorted(rows, key=lambda row: used[row["kind"]]):
            fault = Planter((corpus / row["file"]).read_text("utf-8"), row["kind"], choice).plant(kind)
            if fault is not None:
                rows.remove(row)
                used[row["kind"]] += 1
                yield row, fault
                break
        else:
            raise LookupError(f"the corpus has room for {number} faults, not {count}: none is left for {kind}")
