"""`streamer schemas`: the published JSON Schemas, as they are shipped."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def schemas(
    name: Annotated[str | None, typer.Argument(help="The schema to print: its file's name or its $id.")] = None,
) -> None:
    """List the published schemas, or print one."""
    from streamer.events.schemas import SCHEMA_IDS, file_name, schema_text  # noqa: PLC0415

    names = {file_name(schema_id): schema_id for schema_id in SCHEMA_IDS}
    if name is None:
        sys.stdout.write("".join(f"{each}\n" for each in names))
        return
    schema_id = names.get(name, name)
    if schema_id not in SCHEMA_IDS:
        raise typer.BadParameter(f"there is no schema {name!r}; there are {', '.join(names)}", param_hint="NAME")
    sys.stdout.write(schema_text(schema_id).decode())
