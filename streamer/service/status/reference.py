"""Writes what docs/status-page.md says of the API's answer: `python -m streamer.service.status.reference [--check]`."""

from __future__ import annotations

import sys
from typing import Any, Final

import msgspec

from streamer.events.reference import fields
from streamer.generated import keep, with_sections
from streamer.service.status.answer import Answer, Data

PAGE: Final = "docs/status-page.md"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the answer's `data`, its objects in the order in which a reader meets them."""
    _, components = msgspec.json.schema_components([Answer], ref_template="#/$defs/{name}")
    root = components[Data.__name__]
    objects = {name: each for name, each in components.items() if name not in {Answer.__name__, Data.__name__}}
    return {**root, "$defs": objects}


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` tell whether it is out of date (exit code 1)."""
    return keep({PAGE: with_sections(PAGE, {"status": fields(schema())})}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
