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


ConfigOption: TypeAlias = Annotated[
    Path, typer.Option("--config", "-c", metavar="FILE", help="The config, streamer.yaml.", show_default=False)
]
OutputOption: TypeAlias = Annotated[
    Output, typer.Option("--output", "-o", help="Lines for people, or one JSON document a line.")
]
