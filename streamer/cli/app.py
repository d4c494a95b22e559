"""The list of commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Final

import typer

from streamer import __version__
from streamer.cli.audit import audit
from streamer.cli.check_config import check_config
from streamer.cli.demo import demo
from streamer.cli.endings import ended
from streamer.cli.poll_once import poll_once
from streamer.cli.run import run
from streamer.cli.schemas import schemas
from streamer.cli.simulate import simulate
from streamer.cli.tail import tail

COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "run": run,
    "demo": demo,
    "check-config": check_config,
    "poll-once": poll_once,
    "tail": tail,
    "simulate": simulate,
    "audit": audit,
    "schemas": schemas,
}

app = typer.Typer(
    name="streamer",
    help=(
        "Polls contact-centre vendors for agent status and publishes every change, exactly once.\n\n"
        "What goes to stdout is data, what goes to stderr is for people. Exit codes: 0 ok, 1 failure, 2 usage, "
        "78 bad config."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # it shows the values of variables: secrets are among them
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _command in COMMANDS.items():
    app.command(_name)(ended(_command))


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - the shape of an option's callback
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    pass
