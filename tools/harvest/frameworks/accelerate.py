"""Accelerate: the file and the flags of `accelerate launch`, and the classes that a script passes to `Accelerator`.

The file is checked at its top only. Its nested blocks are poured into the launcher's arguments, each key into the
argument of its name, so a block's keys are the flags of its group and what the questionnaire writes there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from tools.harvest.argparse_flags import Flag, flags
from tools.harvest.frameworks import Framework
from tools.harvest.histories import Snapshot
from tools.harvest.packages import Patches, Plan, Source
from tools.harvest.python_source import ClassRef, FunctionRef, Module, Modules, Shapes
from tools.harvest.python_source.levels import Behaviour, Levels

Level = dict[str, Any]
CLOSED, OPEN = Behaviour("unchecked", "error"), Behaviour("unchecked", "open")

ROOT = "ClusterConfig"
GROUPS = {
    "deepspeed_config": "DeepSpeed Arguments",
    "fsdp_config": "FSDP Arguments",
    "megatron_lm_config": "Megatron-LM Arguments",
    "fp8_config": "FP8 Arguments",
    "mpirun_config": "MPI Arguments",
    "parallelism_config": "ParallelismConfig Arguments",
    "tp_config": "TP Arguments",
    "dynamo_config": "",
    "ipex_config": "",
}
"""Block of the file -> the heading of its flags; two have no heading of their own."""
BY_PREFIX = {"dynamo_config": "dynamo_", "ipex_config": "ipex"}
CLASSES = ("accelerate.utils.dataclasses", "accelerate.parallelism_config", "accelerate.utils.deepspeed")
CALLABLES = (
    "accelerate.Accelerator",
    "accelerate.dispatch_model",
    "accelerate.infer_auto_device_map",
    "accelerate.init_empty_weights",
    "accelerate.load_checkpoint_and_dispatch",
    "accelerate.load_checkpoint_in_model",
    "accelerate.notebook_launcher",
)
CHECKED = {
    "compute_environment": [{"kind": "enum"}, {"kind": "type"}],
    "distributed_type": [{"kind": "enum"}],
    "mixed_precision": [{"kind": "enum", "fold": True}],
}
"""Values of the file that are looked at. Source: BaseConfig.__post_init__, and PrecisionType in utils/launch.py."""
MOVED = {
    "fp16": {"type": "boolean", "x-deprecated": {"by": "mixed_precision", "effect": "moved"}},
    "dynamo_backend": {"type": "string", "x-deprecated": {"by": "dynamo_config", "effect": "moved"}},
}
"""Keys that the loader takes over and deletes before it looks at the rest. Source: `process_config`."""

_WORDS: dict[str, tuple[str, ...]] = {
    "fsdp_sharding_strategy": ("FULL_SHARD", "SHARD_GRAD_OP", "NO_SHARD", "HYBRID_SHARD", "HYBRID_SHARD_ZERO2"),
    "fsdp_backward_prefetch": ("BACKWARD_PRE", "BACKWARD_POST"),
    "fsdp_state_dict_type": ("FULL_STATE_DICT", "LOCAL_STATE_DICT", "SHARDED_STATE_DICT"),
}
"""Members of torch's enumerations, which are taken by name or by number. Source: FullyShardedDataParallelPlugin."""
_FLAG: dict[str, object] = {"type": "boolean", "x-checked": [{"kind": "converted", "by": "bool"}]}
_WHOLE: dict[str, object] = {"type": "integer", "x-checked": [{"kind": "converted", "by": "int"}]}
_FIRST_VERSION: dict[str, object] = {
    "x-read-where": {f"fsdp_config.{key}": [None, 1, "1"] for key in ("fsdp_version", "version")}
}
_ONE_PROCESS: list[object] = ["NO", False, "MULTI_CPU"]
"""Where one process is started by the launcher itself: `launch_command` comes to `simple_launcher`."""
_PLUGIN, _HELPERS = "accelerate.utils.dataclasses", "accelerate.utils.launch"


def _member(key: str, *others: str) -> dict[str, object]:
    words = _WORDS[key]
    numbers = range(1, len(words) + 1)
    values = [*words, *others, *numbers, *map(str, numbers), None]
    return {"enum": values, "x-checked": [{"kind": "enum", "fold": True}]}


LOOKED_AT: tuple[tuple[str, str, str, dict[str, object]], ...] = (
    ("fsdp_version", _PLUGIN, "int(os.environ.get(env_prefix + 'VERSION'", _WHOLE),
    (
        "fsdp_sharding_strategy",
        _PLUGIN,
        "ShardingStrategy[self.sharding_strategy.upper()]",
        {**_member("fsdp_sharding_strategy"), **_FIRST_VERSION},
    ),
    (
        "fsdp_backward_prefetch",
        _PLUGIN,
        "BackwardPrefetch[self.backward_prefetch.upper()]",
        _member("fsdp_backward_prefetch", "NO_PREFETCH"),
    ),
    (
        "fsdp_state_dict_type",
        _PLUGIN,
        "StateDictType[self.state_dict_type.upper()]",
        _member("fsdp_state_dict_type"),
    ),
    (
        "fsdp_auto_wrap_policy",
        _PLUGIN,
        "self.auto_wrap_policy.upper() not in FSDP_AUTO_WRAP_POLICY",
        {
            "enum": ["TRANSFORMER_BASED_WRAP", "SIZE_BASED_WRAP", "NO_WRAP", None],
            "x-checked": [{"kind": "enum", "fold": True}],
        },
    ),
    (
        "fsdp_reshard_after_forward",
        _PLUGIN,
        "self.reshard_after_forward = str_to_bool(reshard_after_forward.lower(), to_bool=True)",
        {**_FLAG, "x-read-where": {"fsdp_config.fsdp_version": [2, "2"]}},
    ),
    ("fsdp_offload_params", _PLUGIN, "str_to_bool(os.environ.get(env_prefix + 'OFFLOAD_PARAMS'", _FLAG),
    (
        "fsdp_use_orig_params",
        _PLUGIN,
        "str_to_bool(os.environ.get(env_prefix + 'USE_ORIG_PARAMS'",
        {**_FLAG, **_FIRST_VERSION},
    ),
    (
        "fsdp_forward_prefetch",
        _PLUGIN,
        "str_to_bool(os.environ.get(env_prefix + 'FORWARD_PREFETCH'",
        {**_FLAG, **_FIRST_VERSION},
    ),
    (
        "fsdp_activation_checkpointing",
        _PLUGIN,
        "str_to_bool(os.environ.get(env_prefix + 'ACTIVATION_CHECKPOINTING'",
        _FLAG,
    ),
    (
        "fsdp_activation_checkpointing_offload",
        _PLUGIN,
        "str_to_bool(os.environ.get(env_prefix + 'ACTIVATION_CHECKPOINTING_OFFLOAD'",
        _FLAG,
    ),
    ("zero_stage", _PLUGIN, "int(os.environ.get('ACCELERATE_DEEPSPEED_ZERO_STAGE'", _WHOLE),
    ("zero3_init_flag", _PLUGIN, "os.environ.get('ACCELERATE_DEEPSPEED_ZERO3_INIT'", _FLAG),
    (
        "gradient_clipping",
        _PLUGIN,
        "gradient_clipping if gradient_clipping == 'auto' else float(gradient_clipping)",
        {"anyOf": [{"type": "number"}, {"enum": ["auto"]}], "x-checked": [{"kind": "converted", "by": "float"}]},
    ),
    (
        "dynamo_mode",
        _HELPERS,
        "current_env['ACCELERATE_DYNAMO_MODE'] = args.dynamo_mode",
        # `subprocess` refuses an environment whose values are no texts; torchrun is given texts of whatever it is.
        {
            "type": "string",
            "x-checked": [{"kind": "type"}],
            "x-read-where": {"distributed_type": _ONE_PROCESS},
        },
    ),
    ("dynamo_backend", _HELPERS, "DynamoBackend(args.dynamo_backend.upper())", {}),
)
"""Values of blocks that the launcher or a plugin looks at: the key, and the words by which a release does so.

Blocks reach the plugins as variables of the environment, so that a number may be written as a text.
"""
_SEVERAL = [f"MULTI_{kind}" for kind in ("CPU", "GPU", "NPU", "MLU", "SDAA", "MUSA", "XPU", "HPU", "NEURON")]
READ_WHERE: dict[str, list[object]] = {
    "fsdp_config": ["FSDP"],
    "deepspeed_config": ["DEEPSPEED"],
    "dynamo_config": ["NO", False, *_SEVERAL, "FSDP", "MEGATRON_LM"],
}
"""Only under these values of `distributed_type` the launcher or a plugin looks at the block; YAML reads NO as false."""


def snapshot(source: Source) -> Snapshot:
    """What one release says."""
    modules = Modules(source)
    shapes = Shapes(modules)
    launch = modules.find("accelerate.commands.launch.launch_command_parser")
    assert isinstance(launch, FunctionRef)
    found = list(flags(launch, shapes))
    blocks = dict(_blocks(found, shapes))
    levels = {**_files(shapes, blocks), **blocks, "launch": _launch(found)}
    makers = Levels(shapes, lambda _base: None)
    for module in (modules.get(name) for name in CLASSES):
        levels |= dict(_classes(module, makers, shapes)) if module is not None else {}
    for dotted in CALLABLES:
        if (level := _callable(dotted, makers, shapes)) is not None:
            levels[dotted.rpartition(".")[2]] = level
    return levels


# The file


def _files(shapes: Shapes, blocks: dict[str, Level]) -> dict[str, Level]:
    loader = shapes.modules.get("accelerate.commands.config.config_args")
    assert loader is not None
    filled = _filled(loader, shapes)
    levels: dict[str, Level] = {}
    for name in ("ClusterConfig", "SageMakerConfig"):
        reference = shapes.modules.find_class(f"{loader.name}.{name}")
        assert reference is not None
        properties = shapes.fields(shapes.classes.fields(reference))
        for key, shape in properties.items():
            if key in filled and shape.pop("x-required", False):
                shape |= filled[key]
            if key in blocks:
                shape["anyOf"] = [{"$ref": f"#/$defs/{key}"}, {"type": "null"}]
                shape.pop("type", None)
            if key in CHECKED:
                shape["x-checked"] = CHECKED[key]
        if name == ROOT and _asks_for_keys(shapes, "deepspeed_config"):
            properties["deepspeed_config"] |= {
                "x-checked": [{"kind": "type"}],
                "x-read-where": {"distributed_type": READ_WHERE["deepspeed_config"]},
            }
        properties["compute_environment"]["default"] = "LOCAL_MACHINE"
        properties["distributed_type"] |= {"enum": _distributed_types(name, shapes)}
        properties["mixed_precision"] |= {"type": ["string", "null"], "enum": _precisions(shapes)}
        moved = {key: dict(shape) for key, shape in MOVED.items() if key not in properties and _mentions(loader, key)}
        levels[name] = {"x-values": "unchecked", "x-unknown": "error", "properties": {**properties, **moved}}
    levels[ROOT]["x-choose"] = {
        "by": "compute_environment",
        "inside": True,
        "levels": {"AMAZON_SAGEMAKER": "#/$defs/SageMakerConfig"},
    }
    return levels


def _asks_for_keys(shapes: Shapes, block: str) -> bool:
    """Whether the launcher asks a block for its keys, whatever stands there: `defaults.deepspeed_config.keys()`."""
    launcher = shapes.modules.get("accelerate.commands.launch")
    return launcher is not None and f"defaults.{block}.keys()" in ast.unparse(launcher.tree)


def _filled(loader: Module, shapes: Shapes) -> dict[str, dict[str, object]]:
    """Keys that the loader sets where they are missing, `config_dict["debug"] = False`, with what it sets."""
    return {
        target.slice.value: shapes.default(node.value, loader) if isinstance(node.value, ast.Constant) else {}
        for node in ast.walk(loader.tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Subscript) and ast.unparse(target.value) == "config_dict"
        if isinstance(target.slice, ast.Constant) and isinstance(target.slice.value, str)
    }


def _mentions(loader: Module, key: str) -> bool:
    return any(isinstance(node, ast.Constant) and node.value == key for node in ast.walk(loader.tree))


def _distributed_types(name: str, shapes: Shapes) -> list[object]:
    if name == "SageMakerConfig":
        return _members("accelerate.utils.dataclasses.SageMakerDistributedType", shapes)
    # YAML reads NO as false; texts alone are looked up, and the launcher asks only whether it is one of the others.
    return [*_members("accelerate.utils.dataclasses.DistributedType", shapes), False]


def _precisions(shapes: Shapes) -> list[object]:
    return [*_members("accelerate.utils.dataclasses.PrecisionType", shapes), None]


def _members(dotted: str, shapes: Shapes) -> list[object]:
    reference = shapes.modules.find_class(dotted)
    members = shapes.values.enum(reference) if reference is not None else None
    assert members is not None
    return list(members.values())


# Its blocks


def _blocks(found: list[Flag], shapes: Shapes) -> Iterator[tuple[str, Level]]:
    modules, looked_at = shapes.modules, _looked_at(shapes)
    launcher, questions = modules.get("accelerate.commands.launch"), modules.get("accelerate.commands.config.cluster")
    assert launcher is not None
    assert questions is not None
    text = ast.unparse(launcher.tree)
    helpers = modules.get("accelerate.utils.launch")
    read = _read(launcher.tree) | (_read(helpers.tree) if helpers is not None else set())
    prefixed = set(re.findall(r"""["'](\w+_)["'] \+ (?:key|arg_to_set)""", text))
    for block, written in _written(questions).items():
        # Up to 1.3 each block was poured by its own loop, and not all were.
        is_poured = "in attr.items()" in text or f"in defaults.{block}" in text
        group, prefix = GROUPS[block], BY_PREFIX.get(block)
        own = [flag for flag in found if (flag.dest.startswith(prefix) if prefix else flag.group == group)]
        properties: Level = {flag.dest: _unparsed(flag) if is_poured else {"x-unread": True} for flag in own}
        added = block.removesuffix("config")
        if added in prefixed:
            aliases = {key.removeprefix(added): key for key in properties if key.startswith(added)}
            properties |= {alias: {"x-alias-of": key} for alias, key in aliases.items() if is_poured}
        read |= {flag.dest for flag in found}
        for key in sorted(written | {key for key in read if key.startswith(added) and is_poured}):
            properties.setdefault(key, {} if is_poured and key in read else {"x-unread": True})
        for key, shape in looked_at.items():
            if "x-unread" not in properties.get(key, {"x-unread": True}):
                said = (
                    ("examples", "type") if "anyOf" in shape else () if shape.get("type") == "string" else ("examples",)
                )
                properties[key] = {word: entry for word, entry in properties[key].items() if word not in said} | shape
        where = {"x-read-where": {"distributed_type": READ_WHERE[block]}} if block in READ_WHERE else {}
        yield block, {"x-values": "unchecked", "x-unknown": "ignored", **where, "properties": properties}


def _looked_at(shapes: Shapes) -> dict[str, dict[str, object]]:
    """The keys of blocks that this release looks at, with what it takes."""
    found: dict[str, dict[str, object]] = {}
    for key, name, words, shape in LOOKED_AT:
        module = shapes.modules.get(name)
        if module is not None and words in ast.unparse(module.tree):
            found[key] = shape
    if "dynamo_backend" in found:
        backends = _members("accelerate.utils.dataclasses.DynamoBackend", shapes)
        found["dynamo_backend"] = {"enum": [*backends, None], "x-checked": [{"kind": "enum", "fold": True}]}
    return found


def _read(tree: ast.Module) -> set[str]:
    """The arguments that the launcher asks for, flags or not: `args.key`, `getattr(args, "key", None)`."""
    found: set[object] = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and ast.unparse(node.value) == "args"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr" and ast.unparse(node.args[0]) == "args":
            found |= {node.args[1].value} if isinstance(node.args[1], ast.Constant) else set()
    return {str(name) for name in found}


def _written(questions: Module) -> dict[str, set[str]]:
    """The keys that the questionnaire writes into each block: `fsdp_config["fsdp_version"]`, `[prefix + "backend"]`."""
    written: dict[str, set[str]] = {block: set() for block in GROUPS}
    assigned = [node for node in ast.walk(questions.tree) if isinstance(node, ast.Assign)]
    prefix, seen = "", set()
    for node in sorted(assigned, key=lambda node: node.lineno):
        target = node.targets[0]
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant) and target.id.endswith("prefix"):
            prefix = str(node.value.value)
        elif isinstance(target, ast.Name):
            seen.add(target.id)
        elif isinstance(target, ast.Subscript) and ast.unparse(target.value) in GROUPS:
            key = target.slice.right if isinstance(target.slice, ast.BinOp) else target.slice
            if isinstance(key, ast.Constant):
                name = prefix + str(key.value) if isinstance(target.slice, ast.BinOp) else str(key.value)
                written[ast.unparse(target.value)].add(name)
    return {block: keys for block, keys in written.items() if block in seen}


def _unparsed(flag: Flag) -> dict[str, object]:
    """A flag as a key of the file: argparse does not look at its value, and most become texts whatever they are."""
    shape = {keyword: flag.shape[keyword] for keyword in ("type", "default", "x-default") if keyword in flag.shape}
    if shape.get("type") not in ("integer", "number", "boolean"):
        shape.pop("type", None)
    if "enum" in flag.shape:
        shape["examples"] = flag.shape["enum"]
    return shape


# The rest


def _launch(found: list[Flag]) -> Level:
    properties: dict[str, dict[str, object]] = {}
    for flag in found:
        others = {"x-short": list(flag.others)} if flag.others else {}
        filled = {"x-dest": flag.dest} if flag.dest != flag.name else {}
        properties[flag.name] = {**flag.shape, **others, **filled}
    # Everywhere a dash may be written for an underscore.
    return {"x-values": "argparse", "x-unknown": "error", "x-dashes": True, "properties": properties}


def _classes(module: Module, makers: Levels, shapes: Shapes) -> Iterator[tuple[str, Level]]:
    for name, node in module.names.items():
        reference = ClassRef(module, node) if isinstance(node, ast.ClassDef) else None
        if reference is None or name.startswith("_"):
            continue
        if shapes.classes.is_dataclass(reference):
            yield name, makers.of_dataclass(reference, CLOSED)
        elif name.startswith("Dummy") and (level := makers.of_init(reference, OPEN)) is not None:
            yield name, level


def _callable(dotted: str, makers: Levels, shapes: Shapes) -> Level | None:
    found = shapes.modules.find(dotted)
    if isinstance(found, ClassRef):
        init = shapes.classes.method(found, "__init__")
        takes_any = init is not None and shapes.classes.takes_any(init)
        return makers.of_init(found, OPEN if takes_any else CLOSED)
    if isinstance(found, FunctionRef):
        behaviour = OPEN if shapes.classes.takes_any(found) else CLOSED
        return makers.of_function(found, behaviour, shapes.modules.imports_of(found))
    return None


FRAMEWORK = Framework("Accelerate", Plan("accelerate", "0.20", Patches.NEWEST), snapshot, ROOT)
