"""Who reads a DeepSpeed file, by what refers to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.project.deepspeed_readers import EVERYONE, DeepSpeedReaders
from ftlint.project.settings import SettingsFinder
from ftlint.project.workspace import Workspace

SAYS = {
    "run.sh": "python train.py --deepspeed ds.json\n",
    "llama.yaml": "deepspeed: examples/ds.json\n",
    "train.py": 'args = TrainingArguments("out", deepspeed="ds.json")\n',
    "own.py": 'engine = deepspeed.initialize(model=m, config="ds.json")\n',
    "own.sh": "deepspeed train.py --deepspeed_config ds.json\n",
    "accelerate.yaml": "deepspeed_config:\n  deepspeed_config_file: ds.json\n",
}


class CountingWorkspace(Workspace):
    """Remembers what was read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.num_reads: dict[str, int] = {}

    def read(self, path: Path) -> bytes:
        self.num_reads[path.name] = self.num_reads.get(path.name, 0) + 1
        return super().read(path)


def readers(root: Path, *names: str, **files: str) -> tuple[DeepSpeedReaders, CountingWorkspace]:
    texts = {name: SAYS[name] for name in names} | {name.replace("_", "."): text for name, text in files.items()}
    for name, text in {"ds.json": "{}", "other.json": "{}", **texts}.items():
        (root / name).write_text(text, "utf-8")
    workspace = CountingWorkspace(root)
    return DeepSpeedReaders(root, SettingsFinder(workspace).find(root / "ds.json"), workspace), workspace


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("run.sh",), {"transformers"}),
        (("llama.yaml",), {"transformers"}),
        (("train.py",), {"transformers"}),
        (("own.py",), {"deepspeed"}),
        (("own.sh",), {"deepspeed"}),
        (("accelerate.yaml",), {"accelerate"}),
        (("run.sh", "own.py"), {"transformers", "deepspeed"}),
        ((), EVERYONE),
    ],
)
def test_what_refers_to_the_file_says_who_reads_it(names: tuple[str, ...], expected: set[str], tmp_path: Path) -> None:
    found, _ = readers(tmp_path, *names)
    assert found.of(tmp_path / "ds.json") == expected


def test_a_mention_that_says_nothing_leaves_everyone(tmp_path: Path) -> None:
    found, _ = readers(tmp_path, "run.sh", notes_py='PATHS = ["ds.json"]\n')
    assert found.of(tmp_path / "ds.json") == EVERYONE


def test_the_settings_decide(tmp_path: Path) -> None:
    found, _ = readers(tmp_path, "own.py", ftlint_toml='[deepspeed]\nintegration = "accelerate"\n')
    assert found.of(tmp_path / "ds.json") == {"accelerate"}


def test_a_project_is_read_once_for_all_its_files(tmp_path: Path) -> None:
    found, workspace = readers(tmp_path, "run.sh", "own.py")
    for _ in range(3):
        found.of(tmp_path / "ds.json")
        found.of(tmp_path / "other.json")
    assert set(workspace.num_reads.values()) == {1}
    assert {"run.sh", "own.py"} <= set(workspace.num_reads)
