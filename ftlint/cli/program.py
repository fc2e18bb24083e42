"""The command group, and the one place where our own errors become exit statuses.

Commands are imported when they are asked for: `ftlint check` must not pay for what `ftlint server` needs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from ftlint import __version__
from ftlint.cli.streams import discard_stdout, prepare_streams, report_failure
from ftlint.errors import FtlintError, nearest

COULD_NOT = 2
_INTERRUPTED = 130

# Name -> module whose `command` it is, and its line in the help, which must not import the module either.
_COMMANDS = {
    "check": ("ftlint.cli.check", "Say what will go wrong, and where it is written."),
    "estimate": ("ftlint.cli.estimate", "Say how much memory a run will need, and whether it fits."),
    "fit": ("ftlint.cli.fit", "Find what to change so that a run fits, the mildest change first."),
    "show": ("ftlint.cli.show", "Show the runs found, with the origin of every value."),
    "rule": ("ftlint.cli.rule", "Explain a rule."),
    "server": ("ftlint.cli.server", "Serve an editor over stdio (LSP)."),
}


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(_COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            ctx.fail(f"there is no command {args[0]!r}{nearest(args[0], _COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ftlint", message="%(prog)s %(version)s")
def program() -> None:
    """Read fine-tuning configs, scripts and notebooks before the launch, and say what will go wrong.

    Nothing that is read is ever executed. Exit status: 0 nothing at or above --fail-on, 1 findings, 2 something failed.
    """


def run(arguments: Sequence[str]) -> int:
    """Runs the command line `arguments` and returns the exit status; a wrong input is one line on stderr and 2."""
    prepare_streams()
    try:
        status = program.main(list(arguments) or ["--help"], prog_name="ftlint", standalone_mode=False)
        sys.stdout.flush()
        if not arguments:
            return COULD_NOT
    except click.ClickException as error:
        report_failure(error.format_message())
        return COULD_NOT
    except FtlintError as error:
        report_failure(str(error))
        return COULD_NOT
    except (KeyboardInterrupt, click.Abort):
        return _INTERRUPTED
    except BrokenPipeError:
        discard_stdout()
        return 0
    except OSError as error:
        # What a command reads it guards itself; this is stdout on a full disk, or a working directory that is gone.
        discard_stdout()
        report_failure(_what_failed(error))
        return COULD_NOT
    except Exception:  # noqa: BLE001  # the last boundary: a bug of ours must not leave with 1, which means findings
        import traceback

        traceback.print_exc()
        report_failure("this is a bug in ftlint; please report it with the lines above")
        return COULD_NOT
    return status if isinstance(status, int) else 0


def _what_failed(error: OSError) -> str:
    from ftlint.project.workspace import working_directory

    return str(error) if working_directory() else "the working directory is gone: somebody has deleted it"
