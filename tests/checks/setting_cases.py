"""Scripts of ours for RUN101. `# <-` marks the line of a finding."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    script: str
    repaired: str | None = None
    """The call's line after the fix; None: no fix."""

    def __str__(self) -> str:
        return self.name


HEAD = "from transformers import Trainer, TrainingArguments\n"
GIVEN = "gradient_checkpointing = True"
BUILT = 'args = TrainingArguments(output_dir="out")'
KBIT = "from peft import prepare_model_for_kbit_training\n"
FIXED = 'args = TrainingArguments(output_dir="out", gradient_checkpointing=gradient_checkpointing)'

POSITIVES = (
    Case("plain", f"{HEAD}{GIVEN}  # <-\n{BUILT}\n", FIXED),
    Case("annotated", f"{HEAD}gradient_checkpointing: bool = True  # <-\n{BUILT}\n", FIXED),
    Case("module", 'import transformers as t\noptim = "lion_8bit"  # <-\na = t.TrainingArguments("out")\n',
         'a = t.TrainingArguments("out", optim=optim)'),
    Case("other-name", 'from transformers import TrainingArguments as TA\nlearning_rate = 2e-4  # <-\na = TA("out")\n',
         'a = TA("out", learning_rate=learning_rate)'),
    Case("submodule", f"from transformers.training_args import TrainingArguments\n{GIVEN}  # <-\n{BUILT}\n", FIXED),
    Case("in-function", f"{HEAD}def f():\n    {GIVEN}  # <-\n    {BUILT}\n", f"    {FIXED}"),
    Case("around-function", f"{HEAD}{GIVEN}  # <-\ndef main():\n    {BUILT}\nmain()\n", f"    {FIXED}"),
    Case("function-first", f"{HEAD}def main():\n    {BUILT}\n{GIVEN}  # <-\nmain()\n"),
    Case("in-branch", f"{HEAD}if True:\n    {GIVEN}  # <-\n{BUILT}\n"),
    Case("guarded", f'{HEAD}if __name__ == "__main__":\n    {GIVEN}  # <-\n    {BUILT}\n', f"    {FIXED}"),
    Case("in-comment", f"{HEAD}# gradient_checkpointing saves memory\n{GIVEN}  # <-\n{BUILT}\n", FIXED),
    Case("in-docstring", f'"""With gradient_checkpointing."""\n{HEAD}{GIVEN}  # <-\n{BUILT}\n', FIXED),
    Case("printed", f'{HEAD}{GIVEN}  # <-\nprint("gradient_checkpointing is on")\n{BUILT}\n', FIXED),
    Case("twice-built", f"{HEAD}{GIVEN}  # <-\n{BUILT}\nagain = TrainingArguments('again')\n"),
    Case("twice-assigned", f"{HEAD}gradient_checkpointing = False\n{GIVEN}  # <-\n{BUILT}\n", FIXED),
    Case("kin-unread", f"{HEAD}max_steps = -1\nnum_train_epochs = 9  # <-\n{BUILT}\n",
         'args = TrainingArguments(output_dir="out", num_train_epochs=num_train_epochs)'),
    Case("both-halves", f"{HEAD}fp16 = False\nbf16 = True  # <-\n{BUILT}\n",
         'args = TrainingArguments(output_dir="out", bf16=bf16)'),
    Case("deepspeed-off", f'{HEAD}{GIVEN}  # <-\nargs = TrainingArguments("out", deepspeed=None)\n',
         'args = TrainingArguments("out", deepspeed=None, gradient_checkpointing=gradient_checkpointing)'),
    Case("dtype", "import torch\nfrom transformers import BitsAndBytesConfig\n"
         "bnb_4bit_compute_dtype = torch.bfloat16  # <-\nb = BitsAndBytesConfig(load_in_4bit=True)\n",
         "b = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=bnb_4bit_compute_dtype)"),
    Case("list", 'from peft import LoraConfig\ntarget_modules = ["q_proj", "o_proj"]  # <-\nc = LoraConfig(r=8)\n',
         "c = LoraConfig(r=8, target_modules=target_modules)"),
    Case("annotation", f"{HEAD}{GIVEN}  # <-\ndef run(args: TrainingArguments): ...\n{BUILT}\nrun(args)\n", FIXED),
    Case("of-method", f"{HEAD}class C:\n    def f(self):\n        {GIVEN}  # <-\n        {BUILT}\n",
         f"        {FIXED}"),
    Case("attribute", f"{HEAD}{GIVEN}  # <-\n{BUILT}\nprint(args.gradient_checkpointing)\n", FIXED),
    Case("not-prepared", f"{HEAD}{KBIT}{GIVEN}  # <-\nm = prepare_model_for_kbit_training(m, use_gradient_checkpointing"
         f"=False)\n{BUILT}\n", FIXED),
    Case("noted-down", f'import wandb\n{HEAD}learning_rate = 1e-3  # <-\nwandb.init(config={{"learning_rate": 1e-3}})\n'
         f"{BUILT}\n", 'args = TrainingArguments(output_dir="out", learning_rate=learning_rate)'),
    Case("own-value", f'{HEAD}optim = "adafactor"  # <-\n{BUILT}\n',
         'args = TrainingArguments(output_dir="out", optim=optim)'),
    Case("chain", f"{HEAD}max_grad_norm = weight_decay = 0.5  # <-\n"
         "TrainingArguments('o', weight_decay=weight_decay)\n",
         "TrainingArguments('o', weight_decay=weight_decay, max_grad_norm=max_grad_norm)"),
    Case("main-never-called", f"{HEAD}{GIVEN}  # <-\ndef main():\n    {BUILT}\n", f"    {FIXED}"),
    Case("called-in-loop", f"{HEAD}{GIVEN}  # <-\ndef run(n):\n    {BUILT}\nfor n in (1, 2):\n    run(n)\n",
         f"    {FIXED}"),
    Case("takes-names-beside", f"{HEAD}{GIVEN}  # <-\nbf16 = True\ndef f():\n"
         "    return TrainingArguments('o', bf16=bf16)\n",
         "    return TrainingArguments('o', bf16=bf16, gradient_checkpointing=gradient_checkpointing)"),
    Case("needs-by-name", "from transformers import BitsAndBytesConfig\nload_in_4bit = True\n"
         'bnb_4bit_quant_type = "nf4"  # <-\n'
         "b = BitsAndBytesConfig(load_in_4bit=load_in_4bit)\n",
         "b = BitsAndBytesConfig(load_in_4bit=load_in_4bit, bnb_4bit_quant_type=bnb_4bit_quant_type)"),
    Case("asked-for-class", f"{HEAD}{GIVEN}  # <-\n{BUILT}\nisinstance(args, TrainingArguments)\n", FIXED),
)  # fmt: skip


def silent(name: str, *lines: str, head: str = HEAD) -> Case:
    return Case(name, head + "\n".join(lines) + "\n")


NEGATIVES = (
    silent("passed", GIVEN, 'TrainingArguments("out", gradient_checkpointing=gradient_checkpointing)'),
    silent("passed-otherwise", GIVEN, 'TrainingArguments("out", gradient_checkpointing=False)'),
    silent("one-of-two-passes", GIVEN, BUILT, 'TrainingArguments("b", gradient_checkpointing=True)'),
    silent("options", GIVEN, 'TrainingArguments("out", **options)'),
    silent("starred", GIVEN, "TrainingArguments(*arguments)"),
    silent("positional", GIVEN, 'TrainingArguments("out", True)'),
    silent("set-later", GIVEN, BUILT, "args.gradient_checkpointing = True"),
    silent("setattr", GIVEN, BUILT, "for k, v in options: setattr(args, k, v)"),
    silent("replace", GIVEN, BUILT, "args = dataclasses.replace(args, **options)"),
    silent("method", "per_device_train_batch_size = 4", BUILT, "args.set_training(learning_rate=1e-4, batch_size=4)"),
    silent("parser", GIVEN, BUILT, "HfArgumentParser(TrainingArguments)"),
    silent("subclass", GIVEN, BUILT, "class Mine(TrainingArguments): ..."),
    silent("handed-on", GIVEN, BUILT, "make(TrainingArguments)"),
    silent("class-method", GIVEN, BUILT, "TrainingArguments.from_dict(options)"),
    silent("enabled", GIVEN, BUILT, "model.gradient_checkpointing_enable()"),
    silent("prepared", GIVEN, BUILT, "model = prepare_model_for_kbit_training(model)"),
    silent("prepared-by-variable", KBIT, GIVEN, "m = prepare_model_for_kbit_training(m, use_gradient_checkpointing=x)",
           BUILT),
    silent("prepared-by-other-name", GIVEN, "from peft import prepare_model_for_kbit_training as prepare", BUILT),
    silent("prepared-twice", KBIT, GIVEN, "m = prepare_model_for_kbit_training(m, use_gradient_checkpointing=False)",
           "m = prepare_model_for_kbit_training(m)", BUILT),
    silent("new-name", GIVEN, 'TrainingArguments("out", activation_checkpointing=True)'),
    silent("new-method", GIVEN, "model.activation_checkpointing_enable()", BUILT),
    silent("copied", "learning_rate = 1e-4", BUILT, "args = dataclasses.replace(args, learning_rate=1e-5)"),
    silent("set-by-dunder", GIVEN, BUILT, "object.__setattr__(args, name, value)"),
    silent("set-by-vars", GIVEN, BUILT, "vars(args).update(options)"),
    silent("attribute-of-other", GIVEN, BUILT, "print(other.gradient_checkpointing)"),
    silent("attribute-of-parameter", GIVEN, BUILT, "def f(args):\n    return args.gradient_checkpointing"),
    silent("attribute-of-rebound", GIVEN, BUILT, "args = other", "print(args.gradient_checkpointing)"),
    silent("attribute-of-list", 'target_modules = ["v_proj"]', "c = LoraConfig(r=8)", "c.target_modules.append(1)",
           head="from peft import LoraConfig\n"),
    silent("attribute-in-text", GIVEN, BUILT, 'print(f"{args.gradient_checkpointing}")'),
    silent("dict-of-options", "learning_rate = 1e-3", 'cfg = {"learning_rate": 1e-3}', BUILT, "use(cfg)"),
    silent("dict-passed-on", "learning_rate = 1e-3", BUILT, 'configure(args, config={"learning_rate": 1e-3})'),
    silent("read-back", "import wandb", "learning_rate = 1e-3", 'wandb.init(config={"learning_rate": 1e-3})',
           "use(wandb.config.learning_rate)", BUILT),
    silent("getattr", GIVEN, BUILT, 'getattr(module, "gradient_checkpointing")'),
    silent("percent", GIVEN, BUILT, '"%(gradient_checkpointing)s" % values'),
    silent("keyword-elsewhere", "learning_rate = 1e-3", BUILT, "configure(learning_rate=1e-3)"),
    silent("steps-for-ratio", "warmup_ratio = 0.1", 'TrainingArguments("out", warmup_steps=200)'),
    silent("no-warmup", "warmup_ratio = 0.1", 'TrainingArguments("out", lr_scheduler_type="constant")'),
    silent("by-epoch", "save_steps = 50", 'TrainingArguments("out", save_strategy="epoch")'),
    *(silent(f"own-optimizer-{line[:6]}", line, "Trainer(args=TrainingArguments('out'), optimizers=(a, b))")
      for line in ("learning_rate = 1e-3", "weight_decay = 0.1", 'lr_scheduler_type = "cosine"', "warmup_steps = 9")),
    silent("own-create-optimizer", "learning_rate = 1e-3", BUILT,
           "class T(Trainer):\n    def create_optimizer(self): ..."),
    silent("no-tf32", "tf32 = False", BUILT),
    silent("no-evaluation", "per_device_eval_batch_size = 1", BUILT),
    silent("perhaps-4-bit", "load_in_4bit = False", 'bnb_4bit_quant_type = "nf4"', "B(load_in_4bit=load_in_4bit)",
           head="from transformers import BitsAndBytesConfig as B\n"),
    silent("perhaps-4-bit-later", "load_in_4bit = True", "load_in_4bit = ask()", 'bnb_4bit_quant_type = "nf4"',
           "B(load_in_4bit=load_in_4bit)", head="from transformers import BitsAndBytesConfig as B\n"),
    silent("4-bit-by-option", 'bnb_4bit_quant_type = "nf4"', "B(load_in_4bit=options.four)",
           head="from transformers import BitsAndBytesConfig as B\n"),
    silent("chain-of-others", "fast = max_grad_norm = 0.5", BUILT, "use(fast)"),
    silent("default", "gradient_checkpointing = False", BUILT),
    silent("default-number", "num_train_epochs = 3", "learning_rate = 5e-5", BUILT),
    silent("default-optimizer", 'optim = "adamw_torch"', BUILT),
    silent("last-is-default", GIVEN, "gradient_checkpointing = False", BUILT),
    silent("none", "gradient_checkpointing = None", BUILT),
    silent("other-kind", 'gradient_checkpointing = "full"', 'learning_rate = "fast"', BUILT),
    silent("computed", "gradient_checkpointing = is_large(model)", BUILT),
    silent("f-string", GIVEN, 'print(f"{gradient_checkpointing}")', BUILT),
    silent("in-text", GIVEN, 'os.system("train --gradient_checkpointing")', BUILT),
    silent("read-in-function", GIVEN, "def f():\n    return gradient_checkpointing", BUILT),
    silent("global", GIVEN, "def f():\n    global gradient_checkpointing", BUILT),
    silent("parameter", GIVEN, "def f(gradient_checkpointing=True): ...", BUILT),
    silent("in-class", "class C:", f"    {GIVEN}", BUILT),
    silent("read-of-class", "class C:", f"    {GIVEN}", f"    def f(self):\n        {BUILT}"),
    silent("exported", '__all__ = ["gradient_checkpointing"]', GIVEN, BUILT),
    silent("deleted", GIVEN, BUILT, "del gradient_checkpointing"),
    silent("globals", GIVEN, BUILT, "use(globals())"),
    silent("locals", "def f():", f"    {GIVEN}", "    use(locals())", f"    {BUILT}"),
    silent("vars", GIVEN, BUILT, "use(vars())"),
    silent("exec", GIVEN, 'exec(open("overrides.py").read())', BUILT),
    silent("eval", GIVEN, "eval(text)", BUILT),
    silent("commented-out-argument", GIVEN, "TrainingArguments(", "    # gradient_checkpointing=True,", ")"),
    silent("commented-out-call", GIVEN, BUILT, "# f(checkpoint=gradient_checkpointing)"),
    silent("generic", "seed = 1", 'output_dir = "o"', 'run_name = "r"', BUILT),
    silent("other-function", "def f():", f"    {GIVEN}", "def g():", f"    {BUILT}"),
    silent("inner-function", "def f():", f"    {GIVEN}", BUILT),
    silent("call-first", BUILT, GIVEN),
    silent("module-of-settings", GIVEN, "def arguments():", f"    return {BUILT[7:]}"),
    silent("deepspeed", GIVEN, 'TrainingArguments("out", deepspeed="ds.json")'),
    silent("other-half", "bf16 = True", 'TrainingArguments("out", fp16=True)'),
    silent("steps-for-epochs", "num_train_epochs = 9", 'TrainingArguments("out", max_steps=100)'),
    silent("own-optimizer", 'optim = "lion_8bit"', "Trainer(args=TrainingArguments('out'), optimizers=(a, b))"),
    silent("rebound", GIVEN, "class TrainingArguments: ...", BUILT),
    silent("fallback", GIVEN, "if new:\n    from trl import SFTConfig as TrainingArguments", BUILT),
    silent("not-theirs", GIVEN, BUILT, head="from mine import TrainingArguments\n"),
    silent("relative", GIVEN, BUILT, head="from .transformers import TrainingArguments\n"),
    silent("not-imported", GIVEN, BUILT, head=""),
    silent("not-built", GIVEN),
    silent("not-an-argument", "packing = True", BUILT),
    silent("unsloth", GIVEN, BUILT, head=f"from unsloth import FastLanguageModel\n{HEAD}"),
    silent("tuple", "gradient_checkpointing, other = True, 1", BUILT),
    silent("chain", "a = gradient_checkpointing = True", BUILT),
    silent("augmented", "save_steps = 5", "save_steps += 1", BUILT),
    silent("8-bit", 'bnb_4bit_quant_type = "nf4"', "B(load_in_8bit=True)",
           head="from transformers import BitsAndBytesConfig as B\n"),
    silent("other-bits", "load_in_8bit = True", "B(load_in_4bit=True)",
           head="from transformers import BitsAndBytesConfig as B\n"),
    silent("same-modules", 'target_modules = ["v_proj", "q_proj"]', "LoraConfig(r=8)",
           head="from peft import LoraConfig\n"),
)  # fmt: skip
