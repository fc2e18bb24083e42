"""What the launch commands of a project, and accelerate's files behind them, say of a script and of its run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftlint.project.deepspeed_readers import DeepSpeedReaders
from ftlint.project.launchers import LaunchFiles
from ftlint.project.settings import SettingsFinder
from ftlint.project.view import Place, ProjectView
from ftlint.project.workspace import Workspace
from ftlint.run.fact import UNKNOWN, Fact
from ftlint.run.run import OffloadDevice, ParallelKind, Run, StateDictType
from ftlint.run.versions import Admissible, VersionView
from ftlint.syntax.document import ScriptDocument
from ftlint.trace import trace_script

FSDP = "distributed_type: FSDP\nnum_machines: 2\nnum_processes: 16\nfsdp_config:\n  fsdp_offload_params: true\n"
SCRIPT = """\
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B")
args = TrainingArguments(output_dir="out"{})
Trainer(model=model, args=args).train()
"""


def view_of(root: Path, files: dict[str, str]) -> ProjectView:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    workspace = Workspace(root)
    settings = SettingsFinder(workspace).find(root / "train.py")
    place = Place(
        root,
        settings,
        workspace,
        trace_script,
        lambda: LaunchFiles(root, workspace),
        lambda: DeepSpeedReaders(root, settings, workspace),
    )
    return ProjectView(place, VersionView({"accelerate": Admissible(("1.15.0",), ())}))


def launched(root: Path, **files: str) -> Run:
    """`run_sh="…"` is the file run.sh."""
    view = view_of(root, {"train.py": "", **{name.replace("_", ".", 1): text for name, text in files.items()}})
    return view.launched(root / "train.py")


def run_of(root: Path, settings: str = "", **files: str) -> Run:
    texts = {name.replace("_", ".", 1): text for name, text in files.items()}
    view = view_of(root, {"train.py": SCRIPT.format(settings), **texts})
    document = view._place.workspace.document(root / "train.py")
    assert isinstance(document, ScriptDocument)
    (run,) = view.runs_of_script(document)
    return run


def notebook(*sources: str) -> str:
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def text_at(fact: Fact[int] | Fact[ParallelKind] | Fact[StateDictType]) -> tuple[str, str]:
    """The name of the file and the text in it that a fact stands at."""
    place = fact.location
    assert place is not None
    return place.path.name, place.path.read_text("utf-8")[place.span.start : place.span.end]


def test_the_file_behind_a_command(tmp_path: Path) -> None:
    run = launched(tmp_path, run_sh="accelerate launch --config_file conf.yaml train.py\n", conf_yaml=FSDP)
    assert run.parallel.kind.value is ParallelKind.FSDP
    assert (run.parallel.num_nodes.value, run.parallel.gpus_per_node.value) == (2, 8)
    assert run.parallel.offload_param.value is OffloadDevice.CPU
    assert run.saving.state_dict_type.value is StateDictType.FULL
    assert text_at(run.parallel.num_processes) == ("conf.yaml", "16")
    assert text_at(run.parallel.kind) == ("conf.yaml", "FSDP")
    assert [item.path.name for item in run.inputs if item.found] == ["run.sh", "conf.yaml"]


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    run = launched(
        tmp_path,
        run_sh="accelerate launch --config_file conf.yaml --num_processes 4 --num_machines 1 "
        "--fsdp_state_dict_type SHARDED_STATE_DICT train.py\n",
        conf_yaml=FSDP,
    )
    assert run.parallel.gpus_per_node.value == 4
    assert text_at(run.parallel.num_processes) == ("run.sh", "4")
    assert text_at(run.saving.state_dict_type) == ("run.sh", "SHARDED_STATE_DICT")


def test_another_kind_than_the_files(tmp_path: Path) -> None:
    run = launched(tmp_path, run_sh="accelerate launch --multi_gpu --config_file conf.yaml train.py\n", conf_yaml=FSDP)
    assert run.parallel.kind.value is ParallelKind.DDP
    assert not run.saving.state_dict_type.said


@pytest.mark.parametrize(
    "command", ["accelerate launch --config_file gone.yaml train.py", "accelerate launch train.py"]
)
def test_a_file_that_cannot_be_read(tmp_path: Path, command: str) -> None:
    run = launched(tmp_path, run_sh=command)
    assert run.parallel.kind.value is UNKNOWN
    assert run.parallel.kind.said
    assert run.parallel.num_processes.value is UNKNOWN


def test_a_command_without_a_file_says_what_it_says(tmp_path: Path) -> None:
    run = launched(tmp_path, run_sh="accelerate launch --use_fsdp --num_processes 8 train.py\n")
    assert run.parallel.kind.value is ParallelKind.FSDP
    assert run.parallel.num_processes.value == 8
    # A file in somebody's home may say the rest.
    assert not run.saving.state_dict_type.said
    assert not run.parallel.num_nodes.known


def test_deepspeeds_file_behind_accelerates(tmp_path: Path) -> None:
    text = "distributed_type: DEEPSPEED\nnum_processes: 8\ndeepspeed_config:\n  deepspeed_config_file: ds.json\n"
    engine = {"zero_optimization": {"stage": 3, "offload_optimizer": {"device": "cpu"}}}
    run = launched(
        tmp_path,
        run_sh="accelerate launch --config_file conf.yaml train.py\n",
        conf_yaml=text,
        ds_json=json.dumps(engine),
    )
    assert (run.parallel.kind.value, run.parallel.zero_stage.value) == (ParallelKind.ZERO, 3)
    assert run.parallel.offload_optimizer.value is OffloadDevice.CPU


def test_launch_files_that_disagree(tmp_path: Path) -> None:
    run = launched(
        tmp_path,
        a_sh="torchrun --nproc_per_node 4 train.py\n",
        b_sh="accelerate launch --config_file conf.yaml train.py\n",
        conf_yaml=FSDP,
    )
    processes = run.parallel.num_processes
    assert processes.value is UNKNOWN
    assert {origin.location.path.name for origin in processes.origins if origin.location} == {"a.sh", "conf.yaml"}
    assert run.parallel.kind.value is UNKNOWN  # torchrun says nothing of FSDP, so it may be off


def test_launch_files_that_agree(tmp_path: Path) -> None:
    run = launched(
        tmp_path, a_sh="torchrun --nproc_per_node 4 train.py\n", b_sh="torchrun --nproc_per_node=4 train.py --x\n"
    )
    assert run.parallel.num_processes.value == 4


def test_a_notebook_launches(tmp_path: Path) -> None:
    sources = ["import os\nx = 1\n!torchrun --nproc_per_node 4 train.py\nprint(x)\n", "%%bash\npython other.py\n"]
    run = launched(tmp_path, nb_ipynb=notebook(*sources))
    assert run.parallel.num_processes.value == 4
    place = run.parallel.num_processes.location
    assert place is not None
    assert place.cell == 1
    assert sources[0][place.span.start : place.span.end] == "4"


def test_a_shell_cell_launches(tmp_path: Path) -> None:
    run = launched(tmp_path, nb_ipynb=notebook("%%bash\nN=2\ntorchrun --nproc_per_node $N train.py\n"))
    assert run.parallel.num_processes.value == 2


@pytest.mark.parametrize(
    ("text", "processes"),
    [
        ("bash -c 'cd src && python train.py'\n", 1),
        ("cd src\ntorchrun --nproc_per_node 2 $HERE/train.py\n", None),  # perhaps another file
        ("#SBATCH --ntasks=8\nsrun python train.py\n", 8),
        ("#SBATCH --gpus-per-node=4\ntorchrun --nproc_per_node $SLURM_GPUS_ON_NODE train.py\n", 4),
        ("#SBATCH --nodes=4\ntorchrun --nproc_per_node 2 train.py\n", 2),
    ],
)
def test_what_stands_around_a_command(tmp_path: Path, text: str, processes: int | None) -> None:
    found = launched(tmp_path, run_sh=text).parallel.num_processes
    assert found.said
    assert (found.value if found.known else None) == processes


def test_the_launch_reaches_the_run(tmp_path: Path) -> None:
    run = run_of(tmp_path, run_sh="accelerate launch --config_file conf.yaml train.py\n", conf_yaml=FSDP)
    assert run.parallel.kind.value is ParallelKind.FSDP
    assert run.parallel.num_processes.value == 16
    assert run.saving.state_dict_type.value is StateDictType.FULL


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (', deepspeed="ds.json"', ParallelKind.ZERO),
        (', fsdp="full_shard"', ParallelKind.FSDP),
        (', fsdp="shard_grad_op auto_wrap", fsdp_config={"transformer_layer_cls_to_wrap": "L"}', ParallelKind.FSDP),
        (', fsdp="full_shard", fsdp_config={"cpu_offload": True}', UNKNOWN),
        (', fsdp="full_shard", fsdp_config="fsdp.json"', UNKNOWN),
        (', fsdp="full_shrad"', UNKNOWN),
        (", fsdp=True", UNKNOWN),
    ],
)
def test_a_script_that_chooses_its_kind_wins(tmp_path: Path, settings: str, kind: object) -> None:
    run = run_of(
        tmp_path,
        settings,
        run_sh="accelerate launch --config_file conf.yaml train.py\n",
        conf_yaml=FSDP,
        ds_json='{"zero_optimization": {"stage": 2}}',
    )
    assert run.parallel.kind.value is kind
    assert run.parallel.num_processes.value == 16
    assert run.parallel.offload_param.value is not OffloadDevice.CPU
    assert not run.saving.state_dict_type.said


def test_deepspeed_takes_the_gpus_of_the_settings(tmp_path: Path) -> None:
    run = launched(tmp_path, run_sh="deepspeed train.py\n", ftlint_toml="[hardware]\ngpus-per-node = 8\n")
    assert run.parallel.num_processes.value == 8
    assert text_at(run.parallel.num_processes) == ("run.sh", "deepspeed")
