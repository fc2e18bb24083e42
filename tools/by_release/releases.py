"""Released archives in a folder, unpacked so that a process can import one of them before what is installed."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

# What DeepSpeed's own build writes, and its import asks for: nothing is built here.
_DEEPSPEED_BUILD = "deepspeed/git_version_info_installed.py"
_BUILT = """version={version!r}
git_hash = git_branch = "sdist"
installed_ops, accelerator_name = {{}}, "cpu"
torch_info = dict(version="0.0", bf16_support=False, cuda_version="0.0", nccl_version="0", hip_version="0.0")
"""


def archives(package: str, folders: Iterable[Path]) -> dict[Version, Path]:
    """Release -> archive, oldest first; of a release's wheel and sdist the wheel."""
    found: dict[Version, Path] = {}
    for path in sorted(
        (each for folder in folders for each in folder.iterdir()), key=lambda each: each.suffix != ".whl"
    ):
        try:
            if path.suffix == ".whl":
                name, version, *_ = parse_wheel_filename(path.name)
            elif path.name.endswith(".tar.gz"):
                name, version = parse_sdist_filename(path.name)
            else:
                continue
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue
        if name == package:
            found.setdefault(version, path)
    return dict(sorted(found.items()))


def unpacked(package: str, version: Version, archive: Path, work: Path) -> Path:
    """The folder from which the release is imported; unpacked below `work` where it is not there yet."""
    target = work / f"{package}-{version}"
    if not target.is_dir():
        partial = work / f"{package}-{version}.partial"
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(partial)
        else:
            with tarfile.open(archive) as sdist:
                sdist.extractall(partial, filter="data")
        partial.rename(target)
    home = target if archive.suffix == ".whl" else next(each for each in target.iterdir() if each.is_dir())
    home = home / "src" if (home / "src" / package).is_dir() else home
    if package == "deepspeed" and not (home / _DEEPSPEED_BUILD).exists():
        (home / _DEEPSPEED_BUILD).write_text(_BUILT.format(version=str(version)), "utf-8")
    return home
