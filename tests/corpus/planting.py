"""One thing changed in a real file, at a known line; seeded, and no schema of ours is read.

What is changed is drawn from the file's own settings, and written the way a person would: the line changes, everything
around it stays. Whether the change is a fault is not said here: the framework is asked (`confirming.py`).
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# A line that sets one scalar: indent and key with its sign, the value, what follows.
_YAML_LINE = re.compile(r"^(\s*)([A-Za-z_]\w*):[ \t]+([^\s#\[\]{}&*!|>%@`'\"][^\s#]*)([ \t]*(?:#.*)?)$")
_JSON_LINE = re.compile(r'^(\s*)"([A-Za-z_]\w*)":\s*("[^"\\]*"|[\w.+-]+)(\s*,?\s*)$')
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_WORD = re.compile(r'"?[A-Za-z_]{3,}"?')
# Keys whose values come from a list, wherever they occur; most frameworks check the list in code, not by a type.
_WORDS = frozenset(
    (
        *("lr_scheduler_type", "lr_scheduler", "distributed_type", "mixed_precision", "compute_environment", "device"),
        *("finetuning_type", "save_strategy", "eval_strategy", "adapter", "optim", "pref_loss", "rl", "optimizer"),
        *("fsdp_sharding_strategy", "fsdp_state_dict_type", "bnb_4bit_quant_type", "logging_strategy", "loss_type"),
        *("stage", "template", "torch_dtype", "dtype", "attn_implementation", "chat_template", "type"),
    )
)
# A key today, and what it was called once.
_FORMER = {
    "eval_strategy": "evaluation_strategy",
    "max_length": "max_seq_length",
    "stage3_gather_16bit_weights_on_model_save": "stage3_gather_fp16_weights_on_model_save",
    "dtype": "torch_dtype",
}
_OLD_KEYS = Path(__file__).parents[1] / "referees" / "old_keys.json"
# Words of several frameworks: in the others' files they are strangers.
_STRANGERS = (
    *("zero3_init_flag", "zero_stage", "offload_param_device", "per_device_train_batch_size", "lora_r", "base_model"),
    *("sequence_len", "micro_batch_size", "learning_rate", "num_train_epochs", "model_name_or_path", "cutoff_len"),
    *("finetuning_type", "train_micro_batch_size_per_gpu", "fsdp_sharding_strategy", "max_seq_length"),
)
# What a file says, and the line that contradicts it.
_CONTRADICTIONS = (
    *(("bf16", "true", "fp16", "true"), ("fp16", "true", "bf16", "true")),
    *(("load_in_8bit", "true", "load_in_4bit", "true"), ("load_in_4bit", "true", "load_in_8bit", "true")),
    *(("save_strategy", "no", "load_best_model_at_end", "true"), ("eval_strategy", "no", "do_eval", "true")),
    *(("save_steps", "", "load_best_model_at_end", "true"), ("quantization_bit", "", "pissa_init", "true")),
    *(("sample_packing", "true", "chat_template", "null"), ("flash_attention", "true", "sdp_attention", "true")),
    *(("flash_attention", "true", "xformers_attention", "true"), ("warmup_steps", "", "warmup_ratio", "0.1")),
    *(("finetuning_type", "full", "quantization_bit", "4"), ("finetuning_type", "lora", "use_galore", "true")),
)
_NOTES = ("my_note", "experiment_owner", "baseline_run", "author", "todo")
# Two of JSON: sections that exclude each other.
_HALVES = {"fp16": "bf16", "bf16": "fp16"}
KINDS = (
    *("typo", "type", "enum", "removal", "unknown", "number-as-string", "auto", "deprecated"),
    *("duplicate", "cross-field", "misplaced", "letter-case", "comment"),
)


@dataclass(frozen=True)
class Planted:
    """A change: from `row` (counted from 0) on, `takes` lines give way to `line`; without one, something is missing."""

    kind: str
    key: str
    row: int
    takes: int
    line: str | None

    @property
    def named_row(self) -> int | None:
        """The line at which it has to be named; None where something is missing, which no line can show."""
        return None if self.line is None else self.row

    def applied(self, text: str) -> str:
        """The file's text with the change."""
        lines = text.splitlines()
        lines[self.row : self.row + self.takes] = [] if self.line is None else [self.line]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Setting:
    """A line of the file that sets one scalar."""

    row: int
    indent: str
    key: str
    value: str
    rest: str


class Planter:
    """Plants in one file. `form`: "json" or "yaml"; `framework`: whose keys of old releases may be written."""

    def __init__(self, text: str, form: str, framework: str, choice: random.Random) -> None:
        self._form, self._framework, self._choice = form, framework, choice
        self._lines = text.splitlines()
        shape = _JSON_LINE if form == "json" else _YAML_LINE
        self._settings = [
            _Setting(row, *match.groups()) for row, line in enumerate(self._lines) if (match := shape.match(line))
        ]
        self._names = {each.key for each in self._settings}

    def plant(self, kind: str) -> Planted | None:
        """That change somewhere, or None where the file has no place for it."""
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
        return None if key in self._names else self._changed("typo", setting, key=key)

    def _type(self) -> Planted | None:
        setting = self._one(_is_number)
        return None if setting is None else self._changed("type", setting, value='{"a": 1}')

    def _enum(self) -> Planted | None:
        setting = self._one(_is_word)
        if setting is None:
            return None
        value = setting.value[:-1] + 'x"' if setting.value.endswith('"') else setting.value + "x"
        return self._changed("enum", setting, value=value)

    def _letter_case(self) -> Planted | None:
        setting = self._one(_is_word) if self._choice.random() < 0.8 else None
        if setting is not None and setting.value.swapcase() != setting.value:
            return self._changed("letter-case", setting, value=setting.value.swapcase())
        setting = self._one(lambda each: len(each.key) > 3)
        return None if setting is None else self._changed("letter-case", setting, key=setting.key.swapcase())

    def _removal(self) -> Planted | None:
        setting = self._one(lambda each: self._form == "yaml" or each.rest.strip() == ",")
        return None if setting is None else Planted("removal", setting.key, setting.row, 1, None)

    def _unknown(self) -> Planted | None:
        # A text: where a section's names are free, its values mostly are texts, and then the name is no fault.
        return self._inserted("unknown", self._choice.choice(_NOTES), self._text("text"), anywhere=True)

    def _number_as_string(self) -> Planted | None:
        setting = self._one(_is_number)
        if setting is None:
            return None
        if self._form == "yaml" and "." in setting.value and self._choice.random() < 0.5:
            # YAML 1.1 reads an exponent without a point as text.
            return self._changed("number-as-string", setting, value="2e-5")
        return self._changed("number-as-string", setting, value=f'"{setting.value}"')

    def _auto(self) -> Planted | None:
        setting = self._one(_is_number)
        return None if setting is None else self._changed("auto", setting, value=self._text("auto"))

    def _deprecated(self) -> Planted | None:
        setting = self._one(lambda each: each.key in _FORMER and _FORMER[each.key] not in self._names)
        if setting is not None and self._choice.random() < 0.5:
            return self._changed("deprecated", setting, key=_FORMER[setting.key])
        rows = json.loads(_OLD_KEYS.read_text("utf-8")).get(self._framework, ())
        rows = [row for row in rows if len(row["path"]) == 1]
        if not rows:
            return None
        row = self._choice.choice(rows)
        return self._inserted("deprecated", row["path"][0], json.dumps(row["value"]))

    def _duplicate(self) -> Planted | None:
        setting = self._one(lambda each: self._form == "yaml" or each.rest.strip() == ",")
        if setting is None:
            return None
        value = setting.value
        if _is_number(setting):
            value += "0"  # two equal lines would do no harm
        line = self._line(setting.indent, setting.key, value, setting.rest)
        return Planted("duplicate", setting.key, setting.row + 1, 0, line)

    def _cross_field(self) -> Planted | None:
        if self._form == "json":
            return self._other_half()
        top = {each.key: each for each in self._top()}
        fitting = [
            (top[key], other, value)
            for key, said, other, value in _CONTRADICTIONS
            if key in top and other not in self._names and (not said or top[key].value.lower() == said)
        ]
        if not fitting:
            return None
        setting, other, value = self._choice.choice(fitting)
        return Planted("cross-field", other, setting.row + 1, 0, self._line(setting.indent, other, value, ""))

    def _other_half(self) -> Planted | None:
        """Both half precisions on, or another batch size than its factors say."""
        batch = [each for each in self._top() if each.key == "train_batch_size" and each.value.isdigit()]
        if batch and self._choice.random() < 0.5:
            return self._changed("cross-field", batch[0], value=str(int(batch[0].value) * 2 + 1))
        written = "\n".join(self._lines)
        for section, other in _HALVES.items():
            if re.search(rf'"{section}"\s*:\s*\{{', written) and f'"{other}"' not in written:
                return self._inserted("cross-field", other, '{"enabled": true}')
        return None

    def _misplaced(self) -> Planted | None:
        """Another framework's key, or one of the file's own in another section."""
        top = {each.key for each in self._top()}
        own = [each for each in self._settings if each.key not in top]
        if own and self._choice.random() < 0.5:
            moved = self._choice.choice(own)
            return self._inserted("misplaced", moved.key, moved.value, known=True)
        return self._inserted("misplaced", self._choice.choice(_STRANGERS), "2")

    def _comment(self) -> Planted | None:
        setting = self._one(lambda each: self._form == "json")
        if setting is None:
            return None
        line = self._lines[setting.row]
        if not setting.rest.strip() and self._choice.random() < 0.5:
            return Planted("comment", setting.key, setting.row, 1, line.rstrip() + ",")
        return Planted("comment", setting.key, setting.row, 1, line + "  // as in the paper")

    def _top(self) -> list[_Setting]:
        least = min((len(each.indent) for each in self._settings), default=0)
        return [each for each in self._settings if len(each.indent) == least]

    def _one(self, fits: Callable[[_Setting], bool]) -> _Setting | None:
        fitting = [each for each in self._settings if fits(each)]
        return self._choice.choice(fitting) if fitting else None

    def _inserted(self, kind: str, key: str, value: str, known: bool = False, anywhere: bool = False) -> Planted | None:
        around = self._settings if anywhere else self._top()
        places = [each for each in around if self._form == "yaml" or each.rest.strip() == ","]
        if not places or (key in self._names and not known):
            return None
        place = self._choice.choice(places)
        return Planted(kind, key, place.row + 1, 0, self._line(place.indent, key, value, ","))

    def _changed(self, kind: str, setting: _Setting, key: str = "", value: str = "") -> Planted:
        line = self._line(setting.indent, key or setting.key, value or setting.value, setting.rest)
        return Planted(kind, key or setting.key, setting.row, 1, line)

    def _line(self, indent: str, key: str, value: str, rest: str) -> str:
        if self._form == "json":
            return f'{indent}"{key}": {value}{rest}'
        return f"{indent}{key}: {value}{'' if rest == ',' else rest}"

    def _text(self, value: str) -> str:
        return f'"{value}"' if self._form == "json" else value


def _is_number(setting: _Setting) -> bool:
    return bool(_NUMBER.fullmatch(setting.value))


def _is_word(setting: _Setting) -> bool:
    return setting.key in _WORDS and bool(_WORD.fullmatch(setting.value))
