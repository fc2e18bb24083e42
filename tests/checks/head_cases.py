"""Small scripts with and without DTY101, each of which can be run: on CPU, with models made from configurations.

A script that must be found fails when it is run; one that must not be found runs. `tests/checks/test_heads.py` asks
ftlint, and (marked `referee`) Python itself.
"""

from __future__ import annotations

from dataclasses import dataclass

PRELUDE = """\
import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, GPT2Config, LlamaConfig

TINY = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
            vocab_size=64, pad_token_id=0, num_labels=2)
ids = torch.randint(1, 60, (2, 5))
"""

OWN_MODEL = """\
class Block(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.norm = nn.LayerNorm(cfg["dim"], dtype=cfg["dtype"])
        self.ff = nn.Sequential(nn.Linear(cfg["dim"], 32, dtype=cfg["dtype"]), nn.GELU(),
                                nn.Linear(32, cfg["dim"], dtype=cfg["dtype"]))

    def forward(self, x):
        shortcut = x
        return self.ff(self.norm(x)) + shortcut


class GPT(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.tok_emb = nn.Embedding(cfg["vocab"], cfg["dim"], dtype=cfg["dtype"])
        self.blocks = nn.ModuleList([Block(cfg) for _ in range(cfg["layers"])])
        self.out_head = nn.Linear(cfg["dim"], cfg["vocab"], bias=False, dtype=cfg["dtype"])

    def forward(self, ids):
        x = self.tok_emb(ids)
        for block in self.blocks:
            x = block(x)
        return self.out_head(x)


CONFIG = {"dim": 16, "vocab": 64, "layers": 2, "dtype": torch.bfloat16}
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One script; `repaired` is what the fix makes of its line marked `# <-`."""

    name: str
    text: str
    repaired: str | None = None
    runs: bool = True  # it can be run here and tells the truth; False: it loads something, or needs a launcher

    def __str__(self) -> str:
        return self.name

    @property
    def script(self) -> str:
        """The whole script."""
        return PRELUDE + (OWN_MODEL if "GPT(" in self.text else "") + self.text

    @property
    def line(self) -> int | None:
        """The row of the line marked `# <-`, counted from 1."""
        rows = [row for row, line in enumerate(self.script.splitlines(), 1) if line.endswith("# <-")]
        return rows[0] if rows else None


POSITIVES = (
    Case("own-model-config-dict", """\
model = GPT(CONFIG)
model.out_head = torch.nn.Linear(in_features=CONFIG["dim"], out_features=2)  # <-
model(ids)
""", 'model.out_head = torch.nn.Linear(in_features=CONFIG["dim"], out_features=2, dtype=CONFIG["dtype"])'),
    Case("from-config-dtype", """\
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.lm_head = nn.Linear(16, 64, bias=False)  # <-
model(input_ids=ids)
""", "model.lm_head = nn.Linear(16, 64, bias=False, dtype=torch.bfloat16)"),
    Case("cast-before", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY)).to(torch.bfloat16)
model.score = nn.Linear(16, 3)  # <-
model(input_ids=ids)
""", "model.score = nn.Linear(16, 3, dtype=torch.bfloat16)"),
    Case("half", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY))
model = model.half()
model.score = nn.Linear(16, 3)  # <-
model(input_ids=ids)
""", "model.score = nn.Linear(16, 3, dtype=torch.float16)"),
    Case("sequential", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype="bfloat16")
model.score = nn.Sequential(nn.Dropout(0.1), nn.LayerNorm(16), nn.Linear(16, 2))  # <-
model(input_ids=ids)
""", "model.score = nn.Sequential(nn.Dropout(0.1), nn.LayerNorm(16), nn.Linear(16, 2)).to(torch.bfloat16)"),
    Case("class-of-the-file", """\
class Head(nn.Module):
    def __init__(self, width, labels):
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.out = nn.Linear(width, labels)

    def forward(self, hidden):
        return self.out(torch.tanh(self.dense(hidden)))

model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.float16)
model.score = Head(16, 2)  # <-
model(input_ids=ids)
""", "model.score = Head(16, 2).to(torch.float16)"),
    Case("setattr", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
setattr(model, "score", nn.Linear(16, 2))  # <-
model(input_ids=ids)
""", 'setattr(model, "score", nn.Linear(16, 2, dtype=torch.bfloat16))'),
    Case("modules-dict", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model._modules["score"] = nn.Linear(16, 2)  # <-
model(input_ids=ids)
"""),
    Case("set-submodule", """\
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.set_submodule("model.layers.0.mlp", nn.Linear(16, 16))  # <-
model(input_ids=ids)
"""),
    Case("set-output-embeddings", """\
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.set_output_embeddings(nn.Linear(16, 64))  # <-
model(input_ids=ids)
"""),
    Case("inner-layer", """\
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.model.layers[0].mlp = nn.Linear(16, 16)  # <-
model(input_ids=ids)
"""),
    Case("in-functions", """\
def load(dtype):
    return AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=dtype)

def with_new_head(model, labels):
    head = nn.Linear(16, labels)
    model.score = head  # <-
    return model

def main():
    model = with_new_head(load(torch.bfloat16), 4)
    model(input_ids=ids)

if __name__ == "__main__":
    main()
"""),
    Case("alias", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
same = model
same.score = nn.Linear(16, 2)  # <-
model(input_ids=ids)
"""),
    Case("head-built-before-model", """\
head = nn.Linear(16, 2)
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY))
model.bfloat16()
model.score = head  # <-
model(input_ids=ids)
"""),
    Case("cast-back", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2, dtype=torch.bfloat16)
model.score = nn.Linear(16, 2).to("cpu")  # <-
model(input_ids=ids)
"""),
    Case("dataclass-config", """\
from dataclasses import dataclass

@dataclass
class Settings:
    width: int = 16
    dtype: torch.dtype = torch.bfloat16

settings = Settings()
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=settings.dtype)
model.score = nn.Linear(settings.width, 2)  # <-
model(input_ids=ids)
""", "model.score = nn.Linear(settings.width, 2, dtype=settings.dtype)"),
    Case("default-dtype-set-and-reset", """\
torch.set_default_dtype(torch.bfloat16)
model = GPT({**CONFIG, "dtype": None})
torch.set_default_dtype(torch.float32)
model.out_head = nn.Linear(16, 2)  # <-
model(ids)
"""),
    Case("cast-of-body-only", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY))
model.score = nn.Linear(16, 2)  # <-
model.model.to(torch.bfloat16)
model(input_ids=ids)
"""),
    Case("trainer-without-autocast", """\
from transformers import Trainer, TrainingArguments
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)  # <-
rows = [{"input_ids": ids[0], "labels": 1}] * 4
args = TrainingArguments("out", max_steps=1, report_to=[], use_cpu=True, save_strategy="no")
Trainer(model=model, args=args, train_dataset=rows).train()
"""),
    Case("accelerator-without-autocast", """\
from accelerate import Accelerator
accelerator = Accelerator(mixed_precision="no")
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)  # <-
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
model, optimizer = accelerator.prepare(model, optimizer)
for _ in range(2):
    with accelerator.autocast():
        loss = model(input_ids=ids).logits.float().sum()
    accelerator.backward(loss)
"""),
    Case("peft", """\
from peft import LoraConfig, get_peft_model
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)  # <-
model = get_peft_model(model, LoraConfig(target_modules=["q_proj", "v_proj"], modules_to_save=["score"]))
model(input_ids=ids)
"""),
    Case("autocast-only-while-training", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)  # <-
for step in range(2):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(input_ids=ids).logits.sum()
    loss.backward()
with torch.no_grad():
    model(input_ids=ids)
"""),
    Case("autocast-turned-off", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)  # <-
with torch.autocast("cpu", enabled=False):
    model(input_ids=ids)
"""),
    Case("embedding", """\
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.set_input_embeddings(nn.Embedding(64, 16))  # <-
model(input_ids=ids)
"""),
    Case("method", """\
class Experiment:
    def __init__(self, dtype):
        self.model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=dtype)

    def new_head(self, labels):
        self.model.score = nn.Linear(16, labels)  # <-

    def run(self):
        return self.model(input_ids=ids)

experiment = Experiment(torch.bfloat16)
experiment.new_head(3)
experiment.run()
"""),
    Case("cast-in-one-branch", """\
import os
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)  # <-
if os.environ.get("FIX_HEAD"):
    model.score.to(torch.bfloat16)
model(input_ids=ids)
"""),
    Case("keyword-dict", """\
options = {"in_features": 16, "out_features": 2}
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(**options)  # <-
model(input_ids=ids)
""", "model.score = nn.Linear(**options).to(torch.bfloat16)"),
    Case("deepcopy", """\
import copy
base = GPT(CONFIG)
model = copy.deepcopy(base)
model.out_head = nn.Linear(16, 2)  # <-
model(ids)
"""),
    Case("aliased-imports", """\
import torch as t
import torch.nn as layers
from torch import bfloat16 as brain
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=brain)
model.score = layers.Linear(16, 2)  # <-
model(input_ids=ids)
""", "model.score = layers.Linear(16, 2, dtype=brain)"),
    Case("never-run", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)  # <-
""", runs=False),
    Case("from-pretrained", """\
model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B", torch_dtype="auto")
model.lm_head = nn.Linear(4096, 10)  # <-
model.generate(ids)
""", "model.lm_head = nn.Linear(4096, 10, dtype=model.dtype)", runs=False),
    Case("walrus-and-tuple", """\
if (dtype := torch.bfloat16) is not None:
    model, width = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=dtype), 16
model.score = nn.Linear(width, 2)  # <-
model(input_ids=ids)
""", "model.score = nn.Linear(width, 2, dtype=dtype)"),
    Case("reassigned-after-repair", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
head = nn.Linear(16, 2).to(torch.bfloat16)
head = nn.Linear(16, 3)
model.score = head  # <-
model(input_ids=ids)
"""),
    Case("casts-its-input-to-the-wrong-side", """\
class Caster(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(16, 2)

    def forward(self, x):
        return self.out(x.to(torch.bfloat16))

model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = Caster()  # <-
model(input_ids=ids)
"""),
    Case("two-models-one-helper", """\
def new_head(model):
    model.score = nn.Linear(16, 2)  # <-
    return model

new_head(AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY)))(input_ids=ids)
new_head(AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.float16))(input_ids=ids)
"""),
    Case("dtype-by-hardware", """\
if torch.cuda.is_available():
    dtype = torch.float16
else:
    dtype = torch.bfloat16
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=dtype)
model.score = nn.Linear(16, 2)  # <-
model(input_ids=ids)
""", "model.score = nn.Linear(16, 2, dtype=dtype)"),
    Case("try-and-finally", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
try:
    model.score = nn.Linear(16, 2)  # <-
    model(input_ids=ids)
finally:
    print("done")
"""),
    Case("own-subclass-of-module-as-wrapper", """\
class Wrapper(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
        self.body.score = nn.Linear(16, 2)  # <-

    def forward(self, ids):
        return self.body(input_ids=ids).logits

Wrapper()(ids)
"""),
    Case("linear-with-lora-of-ones-own", """\
class WithLoRA(nn.Module):
    def __init__(self, linear, rank):
        super().__init__()
        self.linear = linear
        self.down = nn.Linear(linear.in_features, rank, bias=False)
        self.up = nn.Linear(rank, linear.out_features, bias=False)

    def forward(self, x):
        return self.linear(x) + self.up(self.down(x))

model = GPT(CONFIG)
model.out_head = WithLoRA(model.out_head, 4)  # <-
model(ids)
""", "model.out_head = WithLoRA(model.out_head, 4).to(CONFIG[\"dtype\"])"),
    Case("parameters-of-ones-own", """\
class LoRA(nn.Module):
    def __init__(self, inner, rank):
        super().__init__()
        self.inner = inner
        self.a = nn.Parameter(torch.empty(inner.in_features, rank))
        self.b = nn.Parameter(torch.zeros(rank, inner.out_features))

    def forward(self, x):
        return self.inner(x) + 0.5 * (x @ self.a @ self.b)

model = GPT(CONFIG)
model.out_head = LoRA(model.out_head, 2)  # <-
model(ids)
"""),
    Case("own-block-by-index", """\
model = GPT(CONFIG)
for i in range(1, CONFIG["layers"]):
    model.blocks[i].ff = nn.Sequential(nn.Linear(16, 8), nn.Linear(8, 16))  # <-
model(ids)
""", 'model.blocks[i].ff = nn.Sequential(nn.Linear(16, 8), nn.Linear(8, 16)).to(torch.bfloat16)'),
    Case("configuration-by-its-id", """\
from transformers import AutoConfig
config = AutoConfig.from_pretrained("Qwen/Qwen2.5-1.5B")
model = AutoModelForSequenceClassification.from_config(config, dtype=torch.bfloat16)
with torch.random.fork_rng():
    model._modules["score"] = nn.Linear(config.hidden_size, 1)  # <-
try:
    model(input_ids=ids)
except KeyError as error:
    raise SystemExit("no reward") from error
""", 'model._modules["score"] = nn.Linear(config.hidden_size, 1, dtype=torch.bfloat16)', runs=False),
    Case("converted-weights-thrown-away", """\
from transformers import BertConfig, BertForMaskedLM
model = BertForMaskedLM._from_config(BertConfig(**TINY), dtype=torch.bfloat16)
decoder = nn.Linear(16, 64)
decoder.weight.to(torch.bfloat16)
for parameter in decoder.parameters():
    parameter.data.bfloat16()
model.cls.predictions.decoder = decoder  # <-
model(input_ids=ids)
"""),
    Case("projections-by-name", """\
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
for block in model.model.layers:
    for name in ("gate_proj", "up_proj"):
        setattr(block.mlp, name, nn.Linear(16, 32, bias=False))  # <-
model(input_ids=ids)
""", "setattr(block.mlp, name, nn.Linear(16, 32, bias=False, dtype=torch.bfloat16))"),
    Case("projections-enumerated", """\
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
mlp = model.model.layers[0].mlp
for i, (name, new) in enumerate(zip(["gate_proj", "up_proj"], [nn.Linear(16, 32), nn.Linear(16, 32)])):
    print(i)
    setattr(mlp, name, new)  # <-
model(input_ids=ids)
""", "setattr(mlp, name, new.to(torch.bfloat16))"),
    Case("partial", """\
from functools import partial
Dense = partial(nn.Linear, 16, bias=False)
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Sequential(nn.Dropout(0.1), Dense(3))  # <-
model(input_ids=ids)
"""),
    Case("heads-of-two-branches", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
if torch.cuda.is_available():
    head = nn.Linear(16, 3)
else:
    head = nn.Linear(16, 3, bias=False)
model.score = head  # <-
model(input_ids=ids)
""", "model.score = head.to(torch.bfloat16)"),
)  # fmt: skip

NEGATIVES = (
    Case("float32-model", """\
model = GPT({**CONFIG, "dtype": torch.float32})
model.out_head = nn.Linear(16, 2)
model(ids)
"""),
    Case("gpt2", """\
model = AutoModelForCausalLM.from_config(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=64))
model.lm_head = nn.Linear(16, 2)
model(input_ids=ids)
"""),
    Case("dtype-given", """\
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2, dtype=CONFIG["dtype"])
model(ids)
"""),
    Case("dtype-positional", """\
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2, True, None, torch.bfloat16)
model(ids)
"""),
    Case("cast-at-once", """\
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2).to(torch.bfloat16)
model(ids)
"""),
    Case("cast-to-models-dtype", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2).to(model.dtype)
model(input_ids=ids)
"""),
    Case("cast-to-old-weights-dtype", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
old = model.score
model.score = nn.Linear(16, 2, dtype=old.weight.dtype)
model(input_ids=ids)
"""),
    Case("first-parameters-dtype", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2, dtype=next(model.parameters()).dtype)
model(input_ids=ids)
"""),
    Case("head-cast-later", """\
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2)
model.out_head.bfloat16()
model(ids)
"""),
    Case("model-cast-later", """\
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2)
model = model.to("cpu", torch.bfloat16)
model(ids)
"""),
    Case("model-cast-to-float32", """\
model = GPT(CONFIG)
model.float()
model.out_head = nn.Linear(16, 2)
model(ids)
"""),
    Case("autocast-around-every-use", """\
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2)
for _ in range(2):
    with torch.autocast(device_type="cpu", dtype=torch.bfloat16):
        model(ids)
"""),
    Case("autocast-as-decorator", """\
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2)

@torch.autocast("cpu", dtype=torch.bfloat16)
def step():
    return model(ids)

step()
"""),
    Case("autocast-in-a-variable", """\
from contextlib import nullcontext
use_amp = True
context = torch.autocast("cpu", dtype=torch.bfloat16) if use_amp else nullcontext()
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2)
with context:
    model(ids)
"""),
    Case("trainer-with-bf16", """\
from transformers import Trainer, TrainingArguments
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)
rows = [{"input_ids": ids[0], "labels": 1}] * 4
args = TrainingArguments("out", max_steps=1, report_to=[], use_cpu=True, save_strategy="no", bf16=True)
Trainer(model=model, args=args, train_dataset=rows).train()
"""),
    Case("accelerator-with-bf16", """\
from accelerate import Accelerator
from accelerate.state import AcceleratorState
AcceleratorState._reset_state(True)
accelerator = Accelerator(mixed_precision="bf16", cpu=True)
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)
model = accelerator.prepare(model)
model(input_ids=ids)
"""),
    Case("default-dtype", """\
torch.set_default_dtype(torch.bfloat16)
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2)
torch.set_default_dtype(torch.float32)
model(ids)
"""),
    Case("identity-and-dropout", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Sequential(nn.Dropout(0.1), nn.Identity())
model(input_ids=ids)
"""),
    Case("norm", """\
model = GPT(CONFIG)
model.blocks[0].norm = nn.LayerNorm(16)
model(ids)
"""),
    Case("forward-casts-input", """\
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(16, 2)

    def forward(self, x):
        return self.out(x.float())

model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = Head()
model(input_ids=ids)
"""),
    Case("forward-casts-to-weight", """\
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(16, 2)

    def forward(self, x):
        return self.out(x.to(self.out.weight.dtype))

model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = Head()
model(input_ids=ids)
"""),
    Case("same-condition-twice", """\
import os
half = os.environ.get("HALF") == "1"
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY))
if half:
    model.to(torch.bfloat16)
model.score = nn.Linear(16, 2)
if half:
    model.score.to(torch.bfloat16)
model(input_ids=ids)
"""),
    Case("dtype-chosen-once-for-both", """\
dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=dtype)
model.score = nn.Linear(16, 2, dtype=dtype)
model(input_ids=ids)
"""),
    Case("cast-through-alias", """\
model = GPT(CONFIG)
head = nn.Linear(16, 2)
model.out_head = head
wrapped = {"head": head}
wrapped["head"].to(dtype=torch.bfloat16)
model(ids)
"""),
    Case("cast-by-function-of-the-file", """\
def align(module, like):
    for parameter in module.parameters():
        parameter.data = parameter.data.to(like.dtype)

model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)
align(model.score, model)
model(input_ids=ids)
"""),
    Case("cast-by-loop-over-modules", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)
for name, module in model.named_modules():
    if "score" in name:
        module.to(torch.bfloat16)
model(input_ids=ids)
"""),
    Case("added-not-replaced", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.extra = nn.Linear(16, 2)
model(input_ids=ids)
"""),
    Case("input-cast-by-hook", """\
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2)
model.out_head.register_forward_pre_hook(lambda module, inputs: (inputs[0].float(),))
model(ids)
"""),
    Case("weights-assigned", """\
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.lm_head = nn.Linear(16, 64, bias=False)
model.lm_head.weight = model.model.embed_tokens.weight
model(input_ids=ids)
"""),
    Case("put-back", """\
model = GPT(CONFIG)
old = model.out_head
model.out_head = nn.Linear(16, 2)
model.out_head = old
model(ids)
"""),
    Case("another-model", """\
body = GPT(CONFIG)
small = GPT({**CONFIG, "dtype": torch.float32})
small.out_head = nn.Linear(16, 2)
body(ids)
small(ids)
"""),
    Case("expected-to-fail", """\
import contextlib
import pytest
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2)
with pytest.raises(RuntimeError):
    model(ids)
"""),
    Case("shadowed-linear", """\
class Linear(nn.Linear):
    def __init__(self, *args):
        super().__init__(*args, dtype=torch.bfloat16)

model = GPT(CONFIG)
model.out_head = Linear(16, 2)
model(ids)
"""),
    Case("forward-replaced", """\
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2)
inner = model.out_head.forward
model.out_head.forward = lambda x: inner(x.float())
model(ids)
"""),
    Case("apply", """\
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2)
model.apply(lambda module: module.to(torch.bfloat16))
model(ids)
"""),
    Case("conditional-on-dtype", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)
if model.dtype == torch.bfloat16:
    model.score = model.score.to(torch.bfloat16)
model(input_ids=ids)
"""),
    Case("head-called-by-hand", """\
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2)
hidden = model.blocks[0](model.tok_emb(ids))
model.out_head(hidden.float())
"""),
    Case("helper-of-another-file", """\
from helpers import prepare
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)
model = prepare(model)
model(input_ids=ids)
""", runs=False),
    Case("unknown-dtype", """\
import sys
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=getattr(torch, sys.argv[1]))
model.score = nn.Linear(16, 2)
model(input_ids=ids)
""", runs=False),
    Case("mamba", """\
model = AutoModelForCausalLM.from_pretrained("state-spaces/mamba-130m-hf", dtype=torch.bfloat16)
model.lm_head = nn.Linear(768, 10)
model(input_ids=ids)
""", runs=False),
    Case("sft-defaults-to-bf16", """\
from trl import SFTConfig, SFTTrainer
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.lm_head = nn.Linear(16, 64)
SFTTrainer(model=model, args=SFTConfig("out")).train()
""", runs=False),
    Case("fabric", """\
from lightning.fabric import Fabric
fabric = Fabric(precision="bf16-mixed")
model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2)
model = fabric.setup(model)
model(ids)
""", runs=False),
    Case("hasattr", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
if not hasattr(model, "score"):
    model.score = nn.Linear(16, 2)
model(input_ids=ids)
"""),
    Case("name-of-another-class", """\
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)
model(input_ids=ids)
"""),
    Case("name-of-another-family", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.classifier = nn.Linear(16, 2)
model(input_ids=ids)
"""),
    Case("data-assigned", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2, bias=False)
model.score.weight.data = model.score.weight.data.to(torch.bfloat16)
model(input_ids=ids)
"""),
    Case("to-another-tensor", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
old = model.score.weight
model.score = nn.Linear(16, 2).to(old)
model(input_ids=ids)
"""),
    Case("long-function-that-repairs", """\
def report(a, b, c, d, e, f, g, h, i, j, k, m):
    align()
    return a, b, c, d, e, f, g, h, i, j, k, m

def align():
    model.out_head.bfloat16()

model = GPT(CONFIG)
model.out_head = nn.Linear(16, 2)
report(*range(12))
model(ids)
"""),
    Case("bfloat16-head-on-float32-path", """\
import os
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY))
if os.environ.get("HALF"):
    model = model.half()
    model.score = nn.Linear(16, 2).half()
else:
    model.score = nn.Linear(16, 2)
model(input_ids=ids)
"""),
    Case("closure-casts", """\
def make(model):
    def finish():
        model.score.to(model.dtype)
    return finish

model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 2)
make(model)()
model(input_ids=ids)
"""),
    Case("float32-autocast-disabled-inside-head", """\
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(16, 2)

    def forward(self, x):
        with torch.autocast("cpu", enabled=False):
            return self.out(x.to(torch.float32))

model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = Head()
with torch.autocast("cpu", dtype=torch.bfloat16):
    model(input_ids=ids)
"""),
    Case("pickled-settings", """\
import argparse
arguments = argparse.ArgumentParser()
arguments.add_argument("--bf16", action="store_true")
options = arguments.parse_args([])
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY))
if options.bf16:
    model = model.to(torch.bfloat16)
model.score = nn.Linear(16, 2)
model = model.to(torch.bfloat16 if options.bf16 else torch.float32)
model(input_ids=ids)
"""),
    Case("made-into-a-checkpoint", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 5, bias=False)
model.save_pretrained("checkpoint")
"""),
    Case("parameters-converted", """\
class LoRA(nn.Module):
    def __init__(self, inner, rank):
        super().__init__()
        self.inner = inner
        self.a = nn.Parameter(torch.empty(inner.in_features, rank))
        self.b = nn.Parameter(torch.zeros(rank, inner.out_features))

    def forward(self, x):
        return self.inner(x) + 0.5 * (x @ self.a @ self.b)

model = GPT(CONFIG)
model.out_head = LoRA(model.out_head, 2)
model.bfloat16()
model(ids)
"""),
    Case("sft-computes-the-loss-itself", """\
from trl import SFTConfig, SFTTrainer
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.lm_head = nn.Linear(16, 64, bias=False)
SFTTrainer(model=model, args=SFTConfig("out", bf16=False)).train()
""", runs=False),
    Case("partial-with-the-dtype", """\
from functools import partial
Dense = partial(nn.Linear, 16, dtype=torch.bfloat16)
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = Dense(3)
model(input_ids=ids)
"""),
    Case("partial-that-converts", """\
from functools import partial
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 3)
convert = partial(nn.Module.to, model.score)
list(map(lambda dtype: convert(dtype), [torch.bfloat16]))
model(input_ids=ids)
"""),
    Case("methods-as-values", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Sequential(nn.Linear(16, 16), nn.Linear(16, 3))
nn.Module.to(model.score[0], torch.bfloat16)
convert = model.score[1].bfloat16
convert()
model(input_ids=ids)
"""),
    Case("modules-in-a-tuple", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 3)
for module in (model.model, model.score):
    module.to(torch.bfloat16)
model(input_ids=ids)
"""),
    Case("one-of-several-modules", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 3)
parts = {"head": model.score, "body": model.model}
key = min(["head", "tail"], key=lambda text: text[0])
parts[key].bfloat16()
model(input_ids=ids)
"""),
    Case("one-of-several-modules-by-index", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 3)
parts = [model.model, model.score]
parts[int(torch.ones(()))].bfloat16()
model(input_ids=ids)
"""),
    Case("parameters-in-a-dict", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.score = nn.Linear(16, 3, bias=False)
parameters = dict(model.named_parameters())
parameters["score.weight"].data = parameters["score.weight"].data.bfloat16()
model(input_ids=ids)
"""),
    Case("inner-head-tied", """\
from transformers import BertConfig, BertForMaskedLM
model = BertForMaskedLM._from_config(BertConfig(**TINY), dtype=torch.bfloat16)
decoder = nn.Linear(16, 64)
decoder.bias.data = decoder.bias.data.bfloat16()
model.cls.predictions.decoder = decoder
model.init_weights()
model(input_ids=ids)
"""),
    Case("state-assigned", """\
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
state = model.state_dict()
model.lm_head = nn.Linear(16, 64, bias=False)
model.load_state_dict(state, assign=True)
model(input_ids=ids)
"""),
    Case("norm-and-head-in-float32", """\
from transformers.models.llama.modeling_llama import LlamaRMSNorm
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
model.model.norm = LlamaRMSNorm(16)
model.lm_head = nn.Linear(16, 64)
model(input_ids=ids)
"""),
    Case("t5-converts-its-embeddings", """\
from transformers import T5Config, T5ForConditionalGeneration
config = T5Config(d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, vocab_size=64, decoder_start_token_id=0)
model = T5ForConditionalGeneration._from_config(config, dtype=torch.bfloat16)
model.encoder.embed_tokens = nn.Embedding(64, 16)
model(input_ids=ids, labels=ids)
"""),
    Case("two-names-for-one-head", """\
model = AutoModelForSequenceClassification.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
if torch.cuda.is_available():
    head = spare = nn.Linear(16, 3)
else:
    head, spare = nn.Linear(16, 3), nn.Linear(16, 3)
spare.bfloat16()
model.score = spare
model(input_ids=ids)
"""),
    Case("an-embedding-that-is-handed-its-weights", """\
model = AutoModelForCausalLM.from_config(LlamaConfig(**TINY), dtype=torch.bfloat16)
kept = torch.cat([model.model.embed_tokens.weight.data, model.model.embed_tokens.weight.data])
model.model.embed_tokens = nn.Embedding(128, 16, _weight=kept)
model(input_ids=ids)
"""),
)  # fmt: skip
