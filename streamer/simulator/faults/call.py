"""One request that a fault is to spoil, and what a kind of fault is."""

from __future__ import annotations

import enum
import hashlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from streamer.simulator.api import Content
from streamer.simulator.settings import SimulatorSettings

IN_THREAD_FROM = 256 * 1024
"""Bodies larger than this are compressed in a thread; for a smaller one the way there and back costs more."""


class Effect(enum.StrEnum):
    """What a fault does to the data, which is what a test that compares with the truth must know."""

    HARMLESS = "harmless"
    """The answer is odd or late, but whole and right."""
    FAILS = "fails"
    """The answer is no snapshot, and a careful client can tell."""
    LIES = "lies"
    """The answer looks fine and differs from the truth."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request with its right answer, and the means to spoil it."""

    request: web.Request
    content: Content
    tenant: str
    argument: str
    dice: random.Random
    settings: SimulatorSettings

    @property
    def items(self) -> Sequence[bytes]:
        """What the right answer holds: one item per agent."""
        return self.content.items

    def body(self, items: Sequence[bytes] | None = None) -> bytes:
        """The answer's body, with `items` in place of the true ones where given."""
        return self.content.envelope(self.items if items is None else items)

    def ok(self, body: bytes | None = None) -> web.Response:
        """A good answer, with `body` in place of the true one where given; 304 to a client that has it already."""
        sent = self.body() if body is None else body
        headers = {"Vary": "Accept-Encoding"} if self.settings.compression else {}
        if self.content.tagged and self.settings.etags:
            headers["ETag"] = tag = f'W/"{hashlib.blake2b(sent, digest_size=12).hexdigest()}"'
            if tag in self.request.headers.get("If-None-Match", ""):
                return web.Response(status=304, headers=headers)
        response = web.Response(
            body=sent,
            content_type=self.content.format.media_type,
            headers=headers,
            zlib_executor_size=IN_THREAD_FROM,
        )
        if self.settings.compression and "gzip" in self.request.headers.get("Accept-Encoding", ""):
            response.enable_compression(web.ContentCoding.gzip)
        return response


Answer = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: its effect, one line of help, how it answers, and its argument."""

    effect: Effect
    help: str
    answer: Answer
    default: str = ""
    """The argument when none is given."""
    check: Callable[[str], object] = str
    """Raises `ValueError` when the argument is no good."""
    only: str | None = None
    """The source that it is a fault of; null: it strikes all."""


def seconds(limit: int) -> Callable[[str], float]:
    """Make a check for an argument that is a number of seconds, at most `limit`."""

    def check(argument: str) -> float:
        value = float(argument)
        if not 0 <= value <= limit:
            raise ValueError(f"seconds must be from 0 to {limit}")
        return value

    return check
