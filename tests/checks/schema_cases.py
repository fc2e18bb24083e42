"""A framework made up for tests of the schema rules: its schemas, and a project in which it is used."""

from __future__ import annotations

from typing import Any

RELEASES = ["1.0.0", "1.1.0", "2.0.0"]
"""Of both packages; the middle one is where most things change."""

TRAINING: dict[str, Any] = {
    "title": "transformers",
    "x-package": "transformers",
    "x-releases": RELEASES,
    "$defs": {
        "TrainingArguments": {
            "x-imports": ["transformers.TrainingArguments"],
            "x-positional": ["output_dir"],
            "x-unknown": "error",
            "x-values": "unchecked",
            "properties": {
                "output_dir": {"type": "string", "x-required": True},
                "learning_rate": {"type": "number", "x-checked": [{"kind": "converted"}]},
                "weight_decay": {"type": "number", "x-checked": [{"kind": "number"}]},
                "num_train_epochs": {"type": "number"},
                "bf16": {"type": "boolean"},
                "evaluation_strategy": {
                    "enum": ["no", "steps", "epoch"],
                    "x-until": "1.1.0",
                    "x-deprecated": {"since": "1.1.0", "by": "eval_strategy", "effect": "moved"},
                },
                "eval_strategy": {
                    "enum": ["no", "steps", "epoch"],
                    "x-since": "1.1.0",
                    "x-checked": [{"kind": "enum"}],
                },
                "accelerator_config": {"anyOf": [{"$ref": "#/$defs/AcceleratorConfig"}, {"type": ["string", "null"]}]},
                "deepspeed": {"type": ["object", "string", "null"]},
            },
        },
        "AcceleratorConfig": {
            "x-unknown": "error",
            "x-values": "unchecked",
            "properties": {"split_batches": {"type": "boolean"}},
        },
    },
}
TRL: dict[str, Any] = {
    "title": "TRL",
    "x-package": "trl",
    "x-releases": RELEASES,
    "$defs": {
        "SFTConfig": {
            "x-imports": ["trl.SFTConfig"],
            "x-positional": ["output_dir"],
            "x-unknown": "error",
            "x-values": "unchecked",
            "allOf": [{"$ref": "transformers.json#/$defs/TrainingArguments"}],
            "properties": {
                "max_length": {"type": ["integer", "null"], "x-since": "1.1.0"},
                "max_seq_length": {
                    "type": ["integer", "null"],
                    "x-until": "1.1.0",
                    "x-deprecated": {"since": "1.1.0", "by": "max_length", "effect": "moved"},
                },
                "packing": {"type": "boolean"},
                "neftune": {"type": ["number", "null"], "x-until": "1.0.0"},
                "padding": {"type": "boolean", "x-deprecated": {"since": "1.1.0", "effect": "warns"}},
            },
        }
    },
}
ENGINE: dict[str, Any] = {
    "title": "DeepSpeed",
    "x-package": "deepspeed",
    "x-releases": RELEASES,
    "$ref": "#/$defs/Config",
    "$defs": {
        "Config": {
            "x-unknown": "ignored",
            "x-values": "unchecked",
            "properties": {
                "train_micro_batch_size_per_gpu": {
                    "type": "integer",
                    "x-auto": ["transformers", "accelerate"],
                    "x-checked": [{"kind": "number"}, {"kind": "range", "exclusiveMinimum": 0}],
                },
                "gradient_clipping": {"type": "number"},
                "zero_optimization": {"$ref": "#/$defs/Zero"},
                "optimizer": {"$ref": "#/$defs/optimizer"},
                "half": {"$ref": "#/$defs/Half"},
                "half_old": {"$ref": "#/$defs/Half", "x-unless": {"key": "half", "writers": ["accelerate"]}},
                "mode": {"type": "string"},
                "plugin": {"$ref": "#/$defs/Plugin"},
            },
        },
        "Zero": {
            "x-unknown": "error",
            "x-was": [{"until": "1.0.0", "x-unknown": "ignored"}],
            "x-values": "pydantic",
            "x-auto": "default",
            "properties": {
                "stage": {"enum": [0, 1, 2, 3]},
                "cpu_offload": {"type": "boolean", "x-deprecated": {"by": "offload_param", "effect": "moved"}},
                "overlap_comm": {"type": "boolean"},
                "reduce_bucket_size": {"type": "integer", "minimum": 0},
                "mesh": {
                    "type": ["integer", "array"],
                    "items": False,
                    "prefixItems": [{"type": "integer"}, {"type": "string"}],
                    "minItems": 2,
                },
                "parts": {"type": "integer", "x-checked": [{"kind": "number", "if": {"overlap_comm": True}}]},
                "offload_param": {"$ref": "#/$defs/Offload"},
            },
        },
        "Half": {"x-unknown": "error", "x-values": "pydantic", "properties": {"enabled": {"type": "boolean"}}},
        "Plugin": {
            "x-unknown": "ignored",
            "x-values": "unchecked",
            "x-read-where": {"mode": ["fast"]},
            "properties": {"strategy": {"type": "string", "enum": ["one", "two"], "x-checked": [{"kind": "enum"}]}},
        },
        "Offload": {
            "x-unknown": "error",
            "x-values": "pydantic",
            "properties": {"device": {"enum": ["none", "cpu", "nvme"]}, "nvme_path": {"type": "string"}},
        },
        "optimizer": {
            "x-unknown": "ignored",
            "x-values": "unchecked",
            "properties": {
                "type": {"type": "string", "x-required": True},
                "params": {
                    "type": "object",
                    "x-choose": {"by": "type", "fold": True, "levels": {"adam": "#/$defs/optimizer.params[adam]"}},
                },
            },
        },
        "optimizer.params[adam]": {"x-unknown": "error", "properties": {"lr": {"type": "number"}}},
    },
}
SCHEMAS = {"transformers": TRAINING, "trl": TRL, "deepspeed": ENGINE}
