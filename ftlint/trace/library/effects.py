"""What calls of other people's functions do to a model that is passed to them, as tables."""

from __future__ import annotations

# Packages whose functions never change the dtype of a module they are given.
HARMLESS_PACKAGES = frozenset(
    {
        "builtins", "os", "sys", "re", "json", "math", "time", "random", "logging", "pathlib", "argparse",
        "datetime", "typing", "collections", "itertools", "functools", "dataclasses", "warnings", "gc", "pprint",
        "string", "shutil", "subprocess", "numpy", "pandas", "datasets", "evaluate", "tqdm", "wandb", "mlflow",
        "tensorboard", "matplotlib", "sklearn", "scipy", "tokenizers", "tiktoken", "sentencepiece",
        "huggingface_hub", "safetensors", "torchinfo", "torchsummary", "psutil", "yaml", "tabulate", "rich",
        "loguru", "bitsandbytes", "torchmetrics", "requests", "urllib", "zipfile", "csv", "hashlib",
    }
)  # fmt: skip
# torch is harmless but for these, which rebuild, wrap or convert what they are given.
TORCH_HARMFUL = (
    "torch.ao", "torch.quantization", "torch.distributed", "torch.jit", "torch.fx", "torch.export",
    "torch.nn.utils.parametrize", "torch.nn.utils.fusion", "torch.utils.mobile", "torch.package", "torch.func",
    "torch.nn.parallel", "torch.nn.utils.prune", "torch.nn.utils.parametrizations", "torch.nn.utils.weight_norm",
    "torch.nn.utils.spectral_norm",
)  # fmt: skip
# Of transformers, these leave a model they are given alone.
TRANSFORMERS_HARMLESS = frozenset({"set_seed", "get_scheduler", "pipeline", "TextStreamer", "GenerationConfig"})

# Wrappers that run the wrapped model as it is, with the position of the model among their arguments.
TRANSPARENT = {
    "torch.compile": 0,
    "torch.nn.DataParallel": 0,
    "torch.nn.parallel.DataParallel": 0,
    "torch.nn.parallel.DistributedDataParallel": 0,
    "torch.nn.parallel.distributed.DistributedDataParallel": 0,
    # PEFT leaves the base weights as they are and converts only what its own layers read: a float32 head on a bfloat16
    # base raises, also in modules_to_save or as a LoRA target (tried with peft 0.21.2).
    "peft.get_peft_model": 0,
    "peft.PeftModel.from_pretrained": 0,
    "peft.PeftModel": 0,
    "peft.PeftModelForCausalLM": 0,
    "peft.PeftModelForSequenceClassification": 0,
}

# Context managers: what holds inside them.
HARMLESS_CONTEXTS = (
    "torch.no_grad", "torch.inference_mode", "torch.enable_grad", "torch.set_grad_enabled", "torch.device",
    "torch.cuda.device", "torch.cuda.stream", "torch.profiler", "torch.autograd", "torch.random", "torch.backends",
    "torch.nn.attention", "contextlib.suppress", "contextlib.nullcontext", "builtins.open",
    "warnings.catch_warnings", "tqdm", "time", "tempfile", "os", "transformers.modeling_utils.no_init_weights",
    "accelerate.init_empty_weights", "accelerate.init_on_device", "accelerate.big_modeling", "mlflow", "wandb",
    "zipfile", "pathlib", "io", "logging", "unittest.mock", "json", "threading",
)  # fmt: skip
AUTOCAST_CONTEXTS = frozenset(
    {
        "torch.autocast", "torch.cuda.amp.autocast", "torch.amp.autocast", "torch.cpu.amp.autocast",
        "torch.amp.autocast_mode.autocast", "torch.cuda.amp.autocast_mode.autocast",
    }
)  # fmt: skip
# Inside these a failure is what the author wants to see.
EXPECTED_FAILURES = frozenset({"raises", "assertRaises", "assertRaisesRegex", "warns"})

# Methods of tensors that keep the number format.
KEEPS_DTYPE = frozenset(
    {
        "view", "reshape", "transpose", "permute", "contiguous", "squeeze", "unsqueeze", "flatten", "expand",
        "clone", "detach", "cuda", "cpu", "repeat", "mean", "sum", "max", "min", "softmax", "relu", "tanh",
        "masked_fill", "masked_fill_", "mul", "div", "add", "sub", "unbind", "t", "chunk", "split", "narrow",
        "select", "pow", "rsqrt", "sqrt", "exp", "log", "abs", "clamp", "gather", "index_select", "view_as",
        "expand_as", "normal_", "zero_", "uniform_", "fill_", "requires_grad_", "copy_", "add_", "mul_", "div_",
        "clamp_", "numpy", "movedim", "swapaxes", "roll", "flip", "cumsum", "repeat_interleave", "new_zeros",
    }
)  # fmt: skip
SAME_DTYPE_FUNCTIONS = frozenset(
    {
        "relu", "gelu", "silu", "softmax", "log_softmax", "dropout", "tanh", "sigmoid", "transpose", "reshape",
        "flatten", "squeeze", "unsqueeze", "mean", "sum", "rsqrt", "sqrt", "exp", "layer_norm", "rms_norm",
        "scaled_dot_product_attention", "leaky_relu", "normalize", "zeros_like", "ones_like", "empty_like",
        "rand_like", "randn_like", "clone", "triu", "tril", "masked_fill", "adaptive_avg_pool1d", "adaptive_avg_pool2d",
        "adaptive_max_pool2d", "avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d", "pad", "interpolate", "elu",
        "hardswish", "mish", "relu6",
    }
)  # fmt: skip

# A function with one of these in its name may change what new tensors are made of.
DEFAULT_DTYPE_HINTS = ("dtype", "precision", "default_tensor", "bf16", "fp16", "half")
# External calls that give the same answer whenever they are asked.
PURE = (
    "torch.cuda.is_", "torch.cuda.device_count", "torch.cuda.get_device_capability", "os.environ", "os.getenv",
    "torch.backends", "torch.distributed.is_", "os.path.exists", "transformers.utils.is_", "torch.mps", "torch.xpu",
)  # fmt: skip
EXITS = frozenset({"sys.exit", "builtins.exit", "builtins.quit", "os._exit", "pytest.skip", "os.abort"})
