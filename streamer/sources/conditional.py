"""Conditional requests (RFC 9110, 13): what was read last time still holds where the vendor answers "not modified"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from streamer.sources import payload
from streamer.sources.http import NOT_MODIFIED, Answer
from streamer.sources.validators import NONE, Validators, validators_of

T = TypeVar("T")

WHOLE_AFTER: Final = 60
"""After so many answers "not modified" in a row the whole is asked for once: what a server that answers so by mistake
can hide is then not hidden for ever."""


class LastRead(Generic[T]):
    """What was last read from one URL, and the condition to ask that URL with.

    A source holds one for each URL that it asks conditionally: it takes the `condition` of each request from here, and
    passes the answer to `take`.
    """

    def __init__(self) -> None:
        """Begin with nothing, so the first request has no condition."""
        self._last: tuple[T, Validators] | None = None
        self._in_a_row = 0
        self._taken = True

    def condition(self) -> Validators:
        """Return what to ask with next.

        None after a request that came to nothing: whatever the reason, the next one must not fail for its condition.
        """
        taken, self._taken = self._taken, False
        return NONE if self._last is None or not taken or self._in_a_row >= WHOLE_AFTER else self._last[1]

    async def take(self, answer: Answer, read: Callable[[bytes], T]) -> T:
        """Return what `read` makes of the answer's body; for "not modified" the identical value as last time.

        Raises:
            PollError: by `read`.

        """
        if answer.status == NOT_MODIFIED and self._last is not None:
            self._in_a_row += 1
        else:
            value = await payload.off_loop(answer.body, read)
            self._last, self._in_a_row = (value, validators_of(answer.headers, date=answer.date)), 0
        self._taken = True
        return self._last[0]
