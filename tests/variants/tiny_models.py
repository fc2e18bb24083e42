"""Tiny random models in place of the hub's, and a process that runs scripts with them.

Run as a program it imports the frameworks once, then takes one job a line from its input, runs the job's script in a
forked child where nothing is downloaded, and answers with one line. Each script has a process of its own.
"""

import contextlib
import importlib
import json
import os
import runpy
import signal
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LIMIT_S = 90.0
VOCABULARY = 384


@dataclass(frozen=True)
class Checkpoint:
    """What of a checkpoint on the hub matters here: its family, the dtype its weights are stored in, its widths."""

    family: str
    dtype: str
    widths: dict[str, Any] = field(default_factory=dict)


def _rope(hidden: int, heads: int, groups: int, *, tied: bool) -> dict[str, Any]:
    return {
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "tie_word_embeddings": tied,
    }


_GPT2 = Checkpoint("gpt2", "float32", {"n_embd": 768, "n_head": 12})
_BERT = {"hidden_size": 768, "num_attention_heads": 12}
CHECKPOINTS = {
    "meta-llama/Llama-3.2-1B": Checkpoint("llama", "bfloat16", _rope(2048, 32, 8, tied=True)),
    "meta-llama/Llama-3.2-1B-Instruct": Checkpoint("llama", "bfloat16", _rope(2048, 32, 8, tied=True)),
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": Checkpoint("llama", "bfloat16", _rope(2048, 32, 4, tied=False)),
    "HuggingFaceTB/SmolLM2-135M": Checkpoint("llama", "bfloat16", _rope(576, 9, 3, tied=True)),
    "Qwen/Qwen2.5-0.5B": Checkpoint("qwen2", "bfloat16", _rope(896, 14, 2, tied=True)),
    "Qwen/Qwen2.5-0.5B-Instruct": Checkpoint("qwen2", "bfloat16", _rope(896, 14, 2, tied=True)),
    "Qwen/Qwen2.5-1.5B": Checkpoint("qwen2", "bfloat16", _rope(1536, 12, 2, tied=True)),
    "mistralai/Mistral-7B-v0.1": Checkpoint("mistral", "bfloat16", _rope(4096, 32, 8, tied=False)),
    "google/gemma-2-2b": Checkpoint("gemma2", "float32", {**_rope(2304, 8, 4, tied=True), "head_dim": 256}),
    "state-spaces/mamba-130m-hf": Checkpoint("mamba", "float32", {"hidden_size": 768}),
    "gpt2": _GPT2,
    "openai-community/gpt2": _GPT2,
    "bert-base-uncased": Checkpoint("bert", "float32", _BERT),
    "google-bert/bert-base-uncased": Checkpoint("bert", "float32", _BERT),
    "distilbert-base-uncased": Checkpoint("distilbert", "float32", {"dim": 768, "n_heads": 12}),
    "DeepChem/ChemBERTa-77M-MTR": Checkpoint("roberta", "float32", {"hidden_size": 384, "num_attention_heads": 12}),
}
_DEEP = {"num_hidden_layers": 2, "intermediate_size": 64, "max_position_embeddings": 128}
SMALL: dict[str, dict[str, Any]] = {
    "llama": _DEEP,
    "qwen2": _DEEP,
    "mistral": _DEEP,
    "gemma2": _DEEP,
    "bert": _DEEP,
    "roberta": _DEEP,
    "gpt2": {"n_layer": 2, "n_positions": 128, "n_inner": 64},
    "distilbert": {"n_layers": 2, "hidden_dim": 64, "max_position_embeddings": 128},
    "mamba": {"num_hidden_layers": 2, "state_size": 4},
}


def tiny_config(name: str, **changes: Any) -> Any:
    """The configuration of the checkpoint `name`, its widths kept, its depth and its vocabulary cut down."""
    transformers = importlib.import_module("transformers")
    checkpoint = CHECKPOINTS[name]
    config = transformers.AutoConfig.for_model(
        checkpoint.family,
        vocab_size=VOCABULARY,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        dtype=checkpoint.dtype,
        **checkpoint.widths,
        **SMALL[checkpoint.family],
    )
    config.name_or_path = name
    for key, value in changes.items():
        setattr(config, key, value)
    return config


def chosen_dtype(name: str, asked: Any, version: tuple[int, ...]) -> Any:
    """The dtype that `from_pretrained` of transformers `version` gives the checkpoint `name` when `asked` for one."""
    torch = importlib.import_module("torch")
    stored = getattr(torch, CHECKPOINTS[name].dtype)
    if asked is None:
        return torch.get_default_dtype() if version < (5,) else stored
    if asked == "auto":
        return stored
    return getattr(torch, asked) if isinstance(asked, str) else asked


CONFIG_ARGUMENTS = set("num_labels id2label label2id problem_type attn_implementation use_cache pad_token_id".split())


def _from_pretrained(original: Any, build: Any, version: tuple[int, ...]) -> Any:
    torch = importlib.import_module("torch")

    def from_pretrained(cls: Any, /, name: Any, *_: Any, config: Any = None, **asked: Any) -> Any:
        wanted = asked.pop("dtype", None)
        wanted = asked.pop("torch_dtype", None) if wanted is None else wanted
        if Path(name).is_dir():
            wanted = torch.float32 if wanted is None and version < (5,) else wanted
            return original(cls, name, config=config, dtype="auto" if wanted is None else wanted, **asked)
        changes = {key: value for key, value in asked.items() if key in CONFIG_ARGUMENTS}
        config = tiny_config(name) if config is None else config
        for key, value in changes.items():
            setattr(config, "_attn_implementation" if key == "attn_implementation" else key, value)
        return build(cls, config, chosen_dtype(name, wanted, version)).eval()

    return classmethod(from_pretrained)


def tiny_tokenizer() -> Any:
    """A tokenizer of bytes: an id of every byte after the special tokens, which are 0, 1 and 2."""
    tokenizers = importlib.import_module("tokenizers")
    transformers = importlib.import_module("transformers")
    special = ["<pad>", "<s>", "</s>", "<unk>"]
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(special + letters)}
    bytes_only = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    bytes_only.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = tokenizers.decoders.ByteLevel()
    names = dict(zip(("pad_token", "bos_token", "eos_token", "unk_token"), special, strict=True))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=bytes_only, model_max_length=64, **names)


def patch(version: tuple[int, ...]) -> None:
    """Let transformers, taken for `version`, build tiny random models where it would ask the hub."""
    transformers = importlib.import_module("transformers")
    factories = [
        value
        for name, value in vars(importlib.import_module("transformers.models.auto.modeling_auto")).items()
        if name.startswith("AutoModel") and "from_pretrained" in vars(value)
    ]
    plain = transformers.PreTrainedModel
    config_class = importlib.import_module("transformers.configuration_utils").PreTrainedConfig

    def by_factory(cls: Any, config: Any, dtype: Any) -> Any:
        return cls.from_config(config, dtype=dtype)

    def by_class(cls: Any, config: Any, dtype: Any) -> Any:
        return cls._from_config(config, dtype=dtype)

    def config_of(original: Any) -> Any:
        def from_pretrained(cls: Any, /, name: Any, *_: Any, **changes: Any) -> Any:
            if Path(name).is_dir():
                return original(cls, name, **changes)
            return tiny_config(name, **{key: changes[key] for key in changes if key in CONFIG_ARGUMENTS})

        return classmethod(from_pretrained)

    def tokenizer_of(cls: Any, /, name: Any, *_: Any, **__: Any) -> Any:
        assert Path(name).is_dir() or name in CHECKPOINTS, name
        return tiny_tokenizer()

    for factory in factories:  # each has a copy of its own
        factory.from_pretrained = _from_pretrained(factory.from_pretrained.__func__, by_factory, version)
    plain.from_pretrained = _from_pretrained(plain.from_pretrained.__func__, by_class, version)
    auto_config = transformers.AutoConfig
    auto_config.from_pretrained = config_of(auto_config.from_pretrained.__func__)
    config_class.from_pretrained = config_of(config_class.from_pretrained.__func__)
    transformers.AutoTokenizer.from_pretrained = classmethod(tokenizer_of)


def probe(names: dict[str, Any]) -> str:
    """What one forward pass of the models among `names` ends with: the first error, or nothing."""
    torch = importlib.import_module("torch")
    models = [value for value in names.values() if isinstance(value, torch.nn.Module)]
    parts = {id(part) for model in models for part in model.modules() if part is not model}
    for model in (model for model in models if id(model) not in parts):
        try:
            with torch.no_grad():
                model(torch.tensor([[5, 6, 7, 8]]))
        except Exception as error:  # noqa: BLE001 - whatever a model raises is the answer
            return f"{type(error).__name__}: {error}"
    return ""


def run_script(job: dict[str, Any]) -> dict[str, Any]:
    """Run `job`'s script as a program, in its folder; say how it ended, and how many layers it called."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    os.chdir(job["folder"])
    sys.path.insert(0, job["folder"])
    sys.argv = [job["script"]]
    os.environ.update(job["environment"])
    patch(tuple(job["version"]))
    calls = [0]

    def count(*_: Any) -> None:
        calls[0] += 1

    torch.nn.modules.module.register_module_forward_pre_hook(count)
    names: dict[str, Any] = {}
    try:
        names = runpy.run_path(job["script"], run_name="__main__")
    except SystemExit as left:
        if left.code:
            return {"error": f"SystemExit: {left.code}", "calls": calls[0]}
    except Exception as error:  # noqa: BLE001 - whatever a script raises is the answer
        return {"error": f"{type(error).__name__}: {error}", "calls": calls[0], "trace": traceback.format_exc()}
    return {"error": "", "calls": calls[0], "probe": probe(names) if job["probe"] else ""}


def in_a_child(job: dict[str, Any]) -> dict[str, Any]:
    """`run_script` in a forked child, which is given `LIMIT_S` seconds."""
    answer = Path(job["folder"], "answer.json")
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            log = os.open(str(answer.with_suffix(".log")), os.O_WRONLY | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            ended = run_script(job)
            sys.stdout.flush()
            answer.write_text(json.dumps(ended), encoding="utf-8")
        os._exit(0)
    end = time.monotonic() + LIMIT_S
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return {"error": "it ran past its time", "calls": 0}
        time.sleep(0.01)
    if answer.exists():
        result: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return result
    return {"error": "the child ended without an answer", "calls": 0}


def main() -> None:
    """Answer the jobs of the input, one a line."""
    for name in ("torch", "transformers", "datasets", "accelerate", "peft", "trl"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # transformers imports lazily: once here, and not in each child
    with contextlib.suppress(ImportError, RuntimeError):
        for name in ("Trainer", "AutoModelForCausalLM", "LlamaForCausalLM", "PreTrainedTokenizerFast"):
            getattr(importlib.import_module("transformers"), name)
        for name in ("SFTTrainer", "SFTConfig", "RewardTrainer"):
            getattr(importlib.import_module("trl"), name)
    for line in sys.stdin:
        print(json.dumps(in_a_child(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
