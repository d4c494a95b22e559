"""The options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer


class Output(StrEnum):
    """What stdout gets: lines for people, or one JSON document a line."""

    TABLE = "table"
    JSON = "json"


def tenants_in_config(context: typer.Context, incomplete: str) -> list[str]:
    """Return the tenants of `--config` that begin so, for the shell to complete; none where it can't be used."""
    from streamer.config import ConfigError, load  # noqa: PLC0415

    try:
        tenants = load(Path(context.params["config"]), resolve=False).tenants
    except (KeyError, TypeError, ConfigError):  # it is not typed yet, or typed wrong
        return []
    return [tenant.id for tenant in tenants if tenant.id.startswith(incomplete)]


ConfigOption: TypeAlias = Annotated[
    Path, typer.Option("--config", "-c", metavar="FILE", help="The config, streamer.yaml.", show_default=False)
]
OutputOption: TypeAlias = Annotated[
    Output, typer.Option("--output", "-o", help="Lines for people, or one JSON document a line.")
]
