"""The commands, one file each. What takes long to import is imported by the command that needs it, when it runs."""

from __future__ import annotations

from streamer.cli.app import app


def main() -> None:
    """Run the command that the process was called with; ends the process with its exit code."""
    app(prog_name="streamer")
