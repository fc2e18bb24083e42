"""The run that `estimate` and `fit` speak of: the one that begins in a TARGET, or the one that a spec describes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftlint.cli.spec_options import laid_over, spec_of
from ftlint.cli.streams import report_failure, say
from ftlint.errors import InputError, SpecError, UsageError
from ftlint.record import record

if TYPE_CHECKING:
    from ftlint.memory import Assumption
    from ftlint.project.workspace import Workspace
    from ftlint.run.run import Run
    from ftlint.run.versions import VersionView


@record
class Subject:
    """A run under one choice of releases, which `label` names where there are several, and what was assumed of it."""

    run: Run
    versions: VersionView
    label: str = ""
    assumptions: tuple[Assumption, ...] = ()


def subjects_of(
    workspace: Workspace,
    target: Path | None,
    spec_file: str | None,
    run_name: str | None,
    words: Mapping[str, Any],  # Any: options of several types
) -> tuple[Subject, ...]:
    """One run, once for each choice of releases; empty where several runs begin in TARGET, which are then listed.

    Raises UsageError, InputError and SpecError.
    """
    spec = spec_of(words)
    if target is not None:
        if spec_file is not None or spec:
            raise UsageError("TARGET says what the run is: give it alone, or a spec with --spec and options")
        return _of_target(workspace, target, run_name)
    if spec_file is None and not spec:
        raise UsageError("name a file or folder, or describe a run with --spec FILE or --model ID")
    if run_name is not None:
        raise UsageError("--run chooses among the runs of a TARGET, and there is none")
    under = {} if spec_file is None else _read_spec(workspace, spec_file)
    name = "spec" if spec_file in (None, "-") else Path(str(spec_file)).stem
    return _of_spec(_with_folder(workspace, laid_over(under, spec)), name)


def _read_spec(workspace: Workspace, spec_file: str) -> dict[str, Any]:
    """The object in a spec file, as JSON; what it says is judged by the spec's reader."""
    from ftlint.project.workspace import SIZE_LIMIT_BYTES

    name = "stdin" if spec_file == "-" else spec_file
    text = sys.stdin.buffer.read(SIZE_LIMIT_BYTES + 1) if spec_file == "-" else workspace.text(Path(spec_file))
    if len(text) > SIZE_LIMIT_BYTES:
        raise SpecError(f"{name}: too large: ftlint reads up to {SIZE_LIMIT_BYTES // 10**6} MB")
    return _object(text, name, "a run spec")


def _object(text: str | bytes, name: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{name}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise SpecError(f"{name}: {what} is a JSON object, not {type(found).__name__}")
    return found


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: JSON
    """The object; `ValueError` where a key stands twice, for only one of the two can be meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twin = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twin!r} stands twice in one object")
    return found


def _with_folder(workspace: Workspace, spec: dict[str, Any]) -> dict[str, Any]:
    """The spec with the config.json of a model that is a folder here, which `from_pretrained` would take, or is it."""
    model = spec.get("model")
    name = model.get("id") if isinstance(model, dict) else model
    if not isinstance(name, str) or (isinstance(model, dict) and model.keys() & {"config", "parameters"}):
        return spec
    path = Path(name).expanduser()
    if path.is_dir():
        path = path / "config.json"
    elif path.suffix != ".json" or not path.is_file():
        return spec
    return {**spec, "model": {"config": _object(workspace.text(path), str(path), "a model's configuration")}}


def _of_spec(spec: object, name: str) -> tuple[Subject, ...]:
    from ftlint.project.spec import parse_spec

    described = parse_spec(spec, name)
    return (Subject(described.run, described.versions, assumptions=described.assumptions),)


def _of_target(workspace: Workspace, target: Path, run_name: str | None) -> tuple[Subject, ...]:
    from ftlint.engine import runs_of

    variants = runs_of(workspace, (target,))
    names = tuple(dict.fromkeys(variant.run.name for variant in variants))
    if run_name is not None:
        if run_name not in names:
            raise UsageError(f"--run {run_name!r}: the runs here are {', '.join(names) or 'none'}")
        names = (run_name,)
    if not names:
        raise InputError(f"{target}: no training run begins here; `ftlint check -v` says what each file was taken for")
    if len(names) > 1:
        report_failure(f"{target}: {len(names)} runs begin here; choose one with --run NAME:")
        for name in names:
            say(f"  {name}")
        return ()
    return tuple(
        Subject(variant.run, variant.versions, variant.label) for variant in variants if variant.run.name == names[0]
    )


def refusal(target: Path | None, subject: Subject) -> InputError | SpecError:
    """The error for a run that cannot be estimated."""
    from ftlint.memory import why_not

    why = why_not(subject.run, versions=subject.versions)
    if target is None:
        return SpecError(f"there can be no estimate: {why}")
    return InputError(f"{target}: there can be no estimate of run {subject.run.name!r}: {why}")
