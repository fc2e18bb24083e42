"""The sessions that check ftlint; `nox -l` lists them, docs/architecture.md says how much time each has in CI.

Each session builds the environment it needs. In one that has everything already, `nox --no-venv --no-install -s NAME`
runs the same commands without building anything: that is what `.ci/run` does.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests"]

ROOT = Path(__file__).parent
PINNED = ("-c", "constraints/ci.txt")
# pytest's own exit status for "nothing was collected".
NOTHING_COLLECTED = 5
# Those of constraints/ci.txt, as archives of sources.
RELEASED = ("trl==1.16.0", "peft==0.21.2", "accelerate==1.15.0", "transformers==5.23.0", "deepspeed==0.19.8")
# What a judge imports beside its framework and torch; the framework's own list of dependencies asks for far more.
JUDGES_IMPORT = {
    "llamafactory": ("transformers", "trl", "peft", "accelerate", "omegaconf", "pyyaml"),
    "axolotl": (
        *("transformers", "peft", "accelerate", "datasets", "pydantic", "addict", "PyYAML", "requests", "packaging"),
        *("python-dotenv", "fire", "colorama", "nvidia-ml-py", "posthog", "pillow"),
    ),
}
# DeepSpeed compiles CUDA kernels while it installs unless told not to; the referees need only its Python.
WITHOUT_KERNELS = {"DS_BUILD_OPS": "0", "DS_ACCELERATOR": "cpu"}

# Axolotl and torchtune want far more than their settings need, and other versions of it than we have.
WITHOUT_DEPENDENCIES = (
    *("axolotl==0.21.0", "addict", "pillow"),
    *("torchtune==0.6.1", "torchao==0.9.0", "sentencepiece", "tiktoken"),
)


def install(session: nox.Session, *extras: str) -> None:
    """ftlint, editable, with the pinned versions of these extras."""
    session.install("-e", f".[{','.join(extras)}]", *PINNED)


def run_marked(session: nox.Session, mark: str) -> None:
    """The tests with one mark, each skip with its reason. No such test is no failure; tests/conftest.py says it."""
    session.run(
        *("python", "-m", "pytest", "-m", mark, "-rs", *session.posargs),
        env={**WITHOUT_KERNELS, "TOKENIZERS_PARALLELISM": "false"},
        success_codes=[0, NOTHING_COLLECTED],
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Style, formatting, and which room may import which."""
    install(session, "dev")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Strict types, tests and tools included."""
    install(session, "dev")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """What `pytest` alone runs: offline, without torch or transformers."""
    install(session, "dev")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def referees(session: nox.Session) -> None:
    """Asks the real frameworks whether we read them right."""
    # torch first and alone: the others would otherwise choose its version.
    session.install("torch==2.13.0", *PINNED)
    session.env.update(WITHOUT_KERNELS)
    install(session, "dev", "frameworks")
    run_marked(session, "referee")


def run_referee(session: nox.Session, name: str, release: str) -> None:
    """Asks a framework that cannot live with the others: its judge has an environment of its own.

    `FTLINT_REFEREE_<NAME>` names that environment's Python; where it is not set, it is built here.
    """
    install(session, "dev")
    variable = f"FTLINT_REFEREE_{name.upper()}"
    if variable not in os.environ:
        folder = Path(session.create_tmp(), name).resolve()
        python = folder / "bin" / "python"
        pinned = ("-c", f"constraints/referee_{name}.txt")
        if not python.exists():
            session.run("python", "-m", "venv", str(folder))
            pip = (str(python), "-m", "pip", "install", "--quiet")
            session.run(*pip, "torch==2.13.0", *pinned, external=True)
            session.run(*pip, "--no-deps", release, external=True)
            session.run(*pip, *JUDGES_IMPORT[name], *pinned, external=True)
        session.env[variable] = str(python)
    paths = ("tests/referees", "-k", name)
    session.run("python", "-m", "pytest", "-m", "referee", "-rs", *paths, *session.posargs, env=WITHOUT_KERNELS)


@nox.session
def referee_llamafactory(session: nox.Session) -> None:
    """Asks LLaMA-Factory, whose limits on transformers, trl and peft exclude what the other referees need."""
    run_referee(session, "llamafactory", "llamafactory==0.9.5")


@nox.session
def referee_axolotl(session: nox.Session) -> None:
    """Asks Axolotl's schema, which pins its own transformers."""
    run_referee(session, "axolotl", "axolotl==0.19.0")


@nox.session
def agreement(session: nox.Session) -> None:
    """The full measurement that docs/accuracy.md quotes: 5,000 configs per referee whose environment there is."""
    session.install("torch==2.13.0", *PINNED)
    session.env.update(WITHOUT_KERNELS)
    install(session, "dev", "frameworks")
    session.run(
        "python", "-m", "tests.referees.run", "all", *(session.posargs or ("--output", str(session.create_tmp())))
    )


@nox.session
def schemas(session: nox.Session) -> None:
    """Asks every framework whether its schema says what it takes, Axolotl and torchtune too."""
    session.install("torch==2.13.0", *PINNED)
    session.env.update(WITHOUT_KERNELS)
    install(session, "dev", "frameworks")
    # Axolotl's settings are read by any Python that we support, though it asks for a newer one.
    session.install("--no-deps", "--ignore-requires-python", *WITHOUT_DEPENDENCIES)
    session.run("python", "-m", "pytest", "tests/harvest", "-m", "referee", "-rs", *session.posargs)


@nox.session
def accuracy(session: nox.Session) -> None:
    """Reckons docs/accuracy.md's figures on published measurements anew, and its pictures."""
    install(session, "dev", "accuracy")
    session.run("python", "-m", "tools.accuracy", *session.posargs)


@nox.session
def editors(session: nox.Session) -> None:
    """Drives the real editors that are installed (Neovim) against `ftlint server`; VS Code has a session of its own."""
    install(session, "dev")
    run_marked(session, "editors")


@nox.session
def vscode(session: nox.Session) -> None:
    """Builds the VS Code extension and drives it in VS Code's own workbench. FTLINT_WORKBENCH names one to reuse."""
    for program in ("npm", "chromium"):
        if shutil.which(program) is None:
            session.skip(f"{program} is not installed")
    install(session, "dev")
    with tempfile.TemporaryDirectory(prefix="ftlint-vscode-") as folder:
        extension = Path(folder, "ftlint.vsix")
        workbench = os.environ.get("FTLINT_WORKBENCH") or str(Path(folder, "workbench"))
        session.env.update({"npm_config_cache": str(Path(folder, "npm")), "npm_config_update_notifier": "false"})
        try:
            session.run("npm", "ping", external=True, silent=True)
        except nox.command.CommandFailed:
            session.skip("npm reaches no registry")
        with session.chdir("editors/vscode"):
            session.run("npm", "ci", "--ignore-scripts", external=True)
            session.run("npm", "run", "types", external=True)
            session.run("npm", "run", "package", "--", "--out", str(extension), external=True)
        if not Path(workbench, "node_modules").is_dir():
            session.run("bash", "tests/editors/vscode/install.sh", workbench, external=True)
        session.env.update({"FTLINT_VSIX": str(extension), "FTLINT_WORKBENCH": workbench})
        tests = ("tests/editors/test_vscode.py", "-m", "editors", "-rs", "--durations=0", *session.posargs)
        session.run("python", "-m", "pytest", *tests)


@nox.session
def sdists(session: nox.Session) -> None:
    """Reads the sources that the frameworks release; every finding in them has to be judged."""
    install(session, "dev")
    folder = Path(session.create_tmp())
    session.run(
        *("python", "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "-d", str(folder)),
        *RELEASED,
        env=WITHOUT_KERNELS,
    )
    for archive in sorted(folder.glob("*.tar.gz")):
        shutil.unpack_archive(archive, folder, filter="data")
    session.env["FTLINT_SDISTS"] = str(folder)
    run_marked(session, "sdist")


@nox.session
def slow(session: nox.Session) -> None:
    """What takes minutes: fresh installs, the real pre-commit."""
    install(session, "dev")
    run_marked(session, "slow")


@nox.session
def bench(session: nox.Session) -> None:
    """Start-up time as a ratio to Python's own."""
    install(session, "dev")
    programs = sorted((ROOT / "tools" / "bench").glob("[!_]*.py"))
    if not programs:
        session.skip("there is nothing in tools/bench")
    for program in programs:
        session.run("python", "-m", f"tools.bench.{program.stem}")


@nox.session
def docs(session: nox.Session) -> None:
    """Links, commands and tables in the documentation."""
    install(session, "dev")
    session.run("python", "-m", "pytest", "tests/test_docs.py", "tests/test_architecture.py", *session.posargs)
