"""How a command ends: exit codes, and what people read about a failure."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, Final

import typer

OK: Final = 0
FAILURE: Final = 1
BAD_CONFIG: Final = 78
"""EX_CONFIG of sysexits.h."""


class FailureError(Exception):
    """A command did not do what it was asked to; the message is for people."""


def ended(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with its errors turned into a line on stderr and an exit code.

    A reader of our stdout that went away (`streamer tail | head`) is no failure. What is not known here is a fault of
    ours, and ends in Python's traceback, which shows no values.
    """

    @wraps(command)
    def run(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
            sys.stdout.flush()
        except KeyboardInterrupt:
            say("interrupted")
            raise typer.Exit(FAILURE) from None
        except Exception as error:
            code = _explain(list(_leaves(error)))
            if code is None:
                raise
            raise typer.Exit(code) from None

    return run


def say(line: str) -> None:
    """Tell people something, on stderr."""
    sys.stderr.write(f"streamer: {line}\n")
    sys.stderr.flush()


def _explain(causes: Sequence[BaseException]) -> int | None:
    """Say what went wrong and return the exit code; None for a fault of ours, and for the framework's own errors."""
    if any(isinstance(each, BrokenPipeError) for each in causes):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at exit is quiet too
        return OK
    from streamer.config import ConfigError, SecretError  # noqa: PLC0415 - only a failure needs them
    from streamer.sources.errors import PollError  # noqa: PLC0415
    from streamer.store.engine import ShardLost, StoreError  # noqa: PLC0415

    expected = (FailureError, ConfigError, SecretError, PollError, StoreError, ShardLost, OSError)
    if not all(isinstance(each, expected) for each in causes):
        return None
    for text, each in {str(each) or type(each).__name__: each for each in causes}.items():  # of many shards, once
        if isinstance(each, ConfigError):
            sys.stderr.write(f"{text}\n")  # one line a problem, each with its place
        else:
            say(text)
    return BAD_CONFIG if any(isinstance(each, ConfigError) for each in causes) else FAILURE


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
