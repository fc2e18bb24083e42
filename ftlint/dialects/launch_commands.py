"""One launch command: which launcher starts the script, in how many processes, and what it is told of sharding.

Source: torch 2.13 distributed/run.py; accelerate 1.15 commands/launch.py; deepspeed 0.19.8 launcher/runner.py;
llamafactory 0.9.5 launcher.py; Slurm's srun (`--ntasks`).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from itertools import pairwise
from typing import Any

from ftlint.dialects.launch_words import (
    CLUSTER,
    as_path,
    is_about_files,
    launcher_at,
    launcher_of,
    name_of,
    without_assignments,
)
from ftlint.dialects.options import Options, read_options
from ftlint.record import record
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, derive, written
from ftlint.run.key import Key, KeyPath, KeySet
from ftlint.run.run import ParallelFacts
from ftlint.spans import How, Origin
from ftlint.syntax.document import Source
from ftlint.syntax.shell import Variables, Word

NOTE = "launch command"

_SWITCHES = {
    "torchrun": frozenset("standalone m module no_python run_path use_env".split()),
    "accelerate": frozenset(
        "cpu multi_gpu tpu ipex use_mps_device use_xpu use_deepspeed use_fsdp use_megatron_lm use_parallelism_config "
        "same_network m module no_python debug quiet q tpu_use_cluster no_tpu_cluster tpu_use_sudo fp16 "
        "enable_cpu_affinity".split()
    ),
    "deepspeed": frozenset(
        "no_python no_local_rank module m save_pid force_multi elastic_training no_ssh no_ssh_check "
        "bind_cores_to_rank".split()
    ),
    "python": frozenset("u O OO B E s S I i v q b d P x".split()),
}
_TYPES = {"use_fsdp": "FSDP", "use_deepspeed": "DEEPSPEED", "multi_gpu": "MULTI_GPU"}
_OTHER_TYPES = frozenset({"cpu", "tpu", "use_megatron_lm"})
_TOP = frozenset({"num_processes", "num_machines", "mixed_precision"})
_ZERO = frozenset({"zero_stage", "offload_optimizer_device", "offload_param_device", "zero3_init_flag"})
_BY_ENVIRONMENT = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")
_TRAINS = re.compile(r"train|tun|sft|dpo|grpo|kto|reward", re.IGNORECASE)


@record
class Launch:
    """What one command says. `flags`: accelerate's, as keys of its configuration file; None for other launchers.

    `program`: the script or module that is launched, and `arguments` what it is given.
    """

    parallel: ParallelFacts
    program: Word
    arguments: tuple[Word, ...] = ()
    config_file: Fact[str] = NOTHING
    flags: KeySet | None = None


@record
class Surroundings:
    """What holds around a command: its text, the text's variables, the numbers of nodes and GPUs said elsewhere."""

    source: Source
    variables: Variables
    numbers: ParallelFacts = field(default_factory=ParallelFacts)
    gpus_of_node: Fact[int] = NOTHING  # as the settings have it, for launchers that take all there are
    num_tasks: Fact[int] = NOTHING  # `#SBATCH --ntasks`
    exported: Mapping[str, Word] = field(default_factory=dict)


def read_launch(words: tuple[Word, ...], leads_to: Callable[[str], bool], around: Surroundings) -> Launch | None:
    """What a command says that launches the file which `leads_to` knows; None for every other command."""
    environment, words = without_assignments(words)
    if not words:
        return None
    targets = [word for word in words if leads_to(word.text)] or [
        module for flag, module in pairwise(words) if flag.text in ("-m", "--module") and leads_to(as_path(module.text))
    ]
    if not targets or (is_about_files(words[0]) and targets[0] is not words[0]):
        return None
    reader = _Reader(around, {**around.exported, **environment}, targets[0])
    return reader.read(words)


class _Reader:
    """Reads one command; it holds what all of its readings need."""

    def __init__(self, around: Surroundings, environment: Mapping[str, Word], target: Word) -> None:
        self._around = around
        self._environment = environment
        self._target = target

    def read(self, words: tuple[Word, ...]) -> Launch:
        start = launcher_at(words, self._target)
        if start is None:
            return self._unseen(words[0])
        # A file that is a program of its own is one process.
        is_own = words[start] is self._target
        launcher, rest = ("python", words[start:]) if is_own else launcher_of(words[start:])
        script = self._script(launcher, rest)
        before = rest[:script]
        program = rest[script] if script < len(rest) else self._target
        # A script that is handed to another script is started by that one, in ways of its own.
        # One that is handed a configuration file may do anything else with it.
        is_sure = program is self._target or (not self._target.text.endswith(".py") and self._trains(launcher, program))
        if launcher is None or not is_sure:
            return self._unseen(words[start])
        options = read_options(before, _SWITCHES.get(launcher, frozenset()), self._around.variables)
        launch = Launch(ParallelFacts(), program, rest[script + 1 :])
        word = words[start]
        if launcher == "accelerate":
            launch = self._accelerate(launch, word, options)
        else:
            launch = replace(launch, parallel=self._ranks(launcher, word, options, words[:start]))
        if options.is_open is not None:
            launch = _blurred(launch, self._origin(options.is_open))
        parallel = self._with_environment(launch.parallel, launcher)
        return replace(launch, parallel=replace(parallel, launcher=self._fact(word, launcher)))

    # What is launched ------------------------------------------------------------------------------------------------

    def _script(self, launcher: str | None, words: tuple[Word, ...]) -> int:
        """Where the launched script or module stands; behind it are its own arguments."""
        for at, word in enumerate(words):
            if word is self._target or word.text.endswith(".py") or (launcher == "llamafactory-cli" and at == 0):
                return at
            if at > 0 and words[at - 1].text in ("-m", "--module"):
                return at
        return len(words)

    def _trains(self, launcher: str | None, program: Word) -> bool:
        return program.text == "train" if launcher == "llamafactory-cli" else _TRAINS.search(program.text) is not None

    # How many processes ----------------------------------------------------------------------------------------------

    def _ranks(self, launcher: str, word: Word, options: Options, before: tuple[Word, ...]) -> ParallelFacts:
        if launcher == "torchrun":
            per_node, nodes = self._torchrun(word, options)
        elif launcher == "deepspeed":
            per_node, nodes = self._deepspeed(word, options)
        elif launcher == "llamafactory-cli":
            per_node, nodes = self._llamafactory(word)
        else:
            return ParallelFacts(num_processes=self._tasks(word, before))
        return ParallelFacts(
            num_processes=derive(operator.mul, per_node, nodes),
            gpus_per_node=per_node if _is_written(per_node) else NOTHING,
            num_nodes=nodes if _is_written(nodes) else NOTHING,
        )

    def _torchrun(self, word: Word, options: Options) -> tuple[Fact[int], Fact[int]]:
        numbers = self._around.numbers
        per_node = self._number(options, ("nproc_per_node",), numbers.gpus_per_node)
        if options.text("nproc_per_node") in ("gpu", "auto"):
            per_node = self._all_gpus(options.value("nproc_per_node") or word)
        return (
            per_node if per_node.said else self._preset(word, "torchrun's default for --nproc-per-node"),
            (nodes if (nodes := self._number(options, ("nnodes",), numbers.num_nodes)).said else self._preset(word)),
        )

    def _deepspeed(self, word: Word, options: Options) -> tuple[Fact[int], Fact[int]]:
        numbers = self._around.numbers
        for name in ("include", "i"):
            if (chosen := options.value(name)) is not None:
                count = _num_slots(options.text(name))
                return self._fact(chosen, count), self._preset(word)
        if (other := options.value("exclude") or options.value("e")) is not None:
            return self._unknown(other), self._preset(word)
        per_node = self._number(options, ("num_gpus",), numbers.gpus_per_node)
        nodes = self._number(options, ("num_nodes",), numbers.num_nodes)
        hosts = options.value("hostfile") or options.value("H")
        if hosts is not None and not nodes.said:
            nodes = self._unknown(hosts)
        return (per_node if per_node.said else self._all_gpus(word), nodes if nodes.said else self._preset(word))

    def _llamafactory(self, word: Word) -> tuple[Fact[int], Fact[int]]:
        """It calls torchrun where it sees several GPUs, or where it is forced to."""
        per_node = self._environment.get("NPROC_PER_NODE")
        if per_node is None or "FORCE_TORCHRUN" not in self._environment:
            return self._unknown(word), self._preset(word)
        nodes = self._environment.get("NNODES")
        return self._integer(per_node), self._preset(word) if nodes is None else self._integer(nodes)

    def _tasks(self, word: Word, before: tuple[Word, ...]) -> Fact[int]:
        """One process for each task of the cluster's launcher; one where there is none."""
        cluster = next((wrapper for wrapper in before if name_of(wrapper) in CLUSTER), None)
        if cluster is None:
            return self._preset(word, "one process")
        options = read_options(before[before.index(cluster) + 1 :], frozenset(), self._around.variables)
        tasks = self._number(options, ("ntasks", "n", "np"), NOTHING)
        if tasks.said:
            return tasks
        return self._around.num_tasks if self._around.num_tasks.said else self._unknown(cluster)

    # Accelerate ------------------------------------------------------------------------------------------------------

    def _accelerate(self, launch: Launch, word: Word, options: Options) -> Launch:
        """The flags as keys; the configuration file is somebody else's to find, and without one it may be in a home."""
        keys: dict[KeyPath, Key] = {}
        for name, flag, value in options:
            path = _path_of(name)
            if path is not None:
                keys[path] = self._key(path, name, flag, value)
        named = options.value("config_file")
        config = NOTHING if named is None else self._fact(named, self._around.variables.text(named))
        unseen = self._unknown(options.value("config_file") or word)
        return replace(
            launch,
            parallel=ParallelFacts(kind=unseen, num_processes=unseen),
            config_file=config,
            flags=KeySet("accelerate", keys, {}, (), complete=False),
        )

    def _key(self, path: KeyPath, name: str, flag: Word, value: Word | None) -> Key:
        place = self._around.source.location
        fact: Fact[Any]
        if name in _TYPES or name in _OTHER_TYPES:
            fact, at = self._fact(flag, _TYPES.get(name, name)), flag
        else:
            at = value or flag
            text = self._around.variables.text(at)
            number = int(text) if text is not None and text.isdecimal() and path[-1] in _TOP else None
            fact = self._fact(at, text if number is None else number)
        return Key("accelerate", path, fact, at.raw, place(at.span), place(flag.span), place(at.span))

    # Facts -----------------------------------------------------------------------------------------------------------

    def _number(self, options: Options, names: Iterable[str], beside: Fact[int]) -> Fact[int]:
        """The number behind one of those flags; behind a variable, the one that is said elsewhere in the file."""
        value = next((found for name in names if (found := options.value(name)) is not None), None)
        if value is None:
            return NOTHING
        number = self._integer(value)
        return beside if not number.known and not value.is_plain and beside.said else number

    def _integer(self, word: Word) -> Fact[int]:
        text = self._around.variables.text(word)
        return self._fact(word, int(text) if text is not None and text.isdecimal() else None)

    def _all_gpus(self, word: Word) -> Fact[int]:
        visible = self._environment.get("CUDA_VISIBLE_DEVICES")
        if visible is not None:
            return self._visible(visible)
        found = self._around.gpus_of_node
        return Fact(found.value, (self._origin(word), *found.origins))

    def _visible(self, word: Word) -> Fact[int]:
        text = self._around.variables.text(word)
        return self._fact(word, text.count(",") + 1 if text else None)

    def _with_environment(self, parallel: ParallelFacts, launcher: str) -> ParallelFacts:
        """Accelerate may be switched on by variables, whose settings are not read; `accelerate launch` sets its own."""
        visible = self._environment.get("CUDA_VISIBLE_DEVICES")
        if visible is not None:
            parallel = replace(parallel, num_visible_gpus=self._visible(visible))
        bypass = self._environment.get("ACCELERATE_BYPASS_DEVICE_MAP")
        if bypass is not None:
            parallel = replace(parallel, checks_device_map=self._unknown(bypass))
        word = next((word for name, word in self._environment.items() if name in _BY_ENVIRONMENT), None)
        return parallel if word is None or launcher == "accelerate" else replace(parallel, kind=self._unknown(word))

    def _unseen(self, word: Word) -> Launch:
        return Launch(ParallelFacts(num_processes=self._unknown(word), launcher=self._unknown(word)), self._target)

    def _preset(self, word: Word, note: str = NOTE) -> Fact[int]:
        return Fact(1, (Origin(How.DEFAULT, self._around.source.location(word.span), note),))

    def _fact(self, word: Word, value: str | int | None) -> Fact[Any]:
        return written(UNKNOWN if value is None else value, self._around.source.location(word.span), NOTE)

    def _unknown(self, word: Word) -> Fact[Any]:
        return Fact(UNKNOWN, (self._origin(word),))

    def _origin(self, word: Word) -> Origin:
        return Origin(How.WRITTEN, self._around.source.location(word.span), NOTE)


def _is_written(fact: Fact[int]) -> bool:
    return fact.known and all(origin.how is How.WRITTEN for origin in fact.origins)


def _path_of(name: str) -> KeyPath | None:
    """Where accelerate's configuration file has what a flag of the command says."""
    if name in _TYPES or name in _OTHER_TYPES:
        return ("distributed_type",)
    if name in _TOP:
        return (name,)
    if name.startswith("fsdp_"):
        return ("fsdp_config", name)
    return ("deepspeed_config", name) if name in _ZERO or name == "deepspeed_config_file" else None


def _num_slots(text: str | None) -> int | None:
    """How many GPUs `host1:0,1@host2:0` names; None where a host is taken whole."""
    hosts = text.split("@") if text else []
    slots = [host.partition(":")[2] for host in hosts]
    return sum(slot.count(",") + 1 for slot in slots) if slots and all(slots) else None


def _blurred(launch: Launch, origin: Origin) -> Launch:
    """A word among the launcher's own that may hold any of its flags leaves nothing certain."""
    unseen: Fact[Any] = Fact(UNKNOWN, (origin,))
    flags = None if launch.flags is None else replace(launch.flags, keys={})
    return replace(launch, parallel=ParallelFacts(num_processes=unseen, kind=unseen), flags=flags, config_file=NOTHING)
