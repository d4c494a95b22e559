"""One request that a fault is to spoil, and what a kind of fault is."""

from __future__ import annotations

import enum
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web


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
    """A request with the items (JSON, one per agent) that its right answer holds, and the means to spoil it."""

    request: web.Request
    items: Sequence[bytes]
    single: bool
    """The request is for one agent: the answer is the bare item instead of a list."""
    tenant: str
    argument: str
    dice: random.Random

    def body(self, items: Sequence[bytes] | None = None) -> bytes:
        """The answer's body, with `items` in place of the true ones where given."""
        shown = self.items if items is None else items
        if self.single:
            return shown[0] if shown else b"{}"
        return b'{"data":[' + b",".join(shown) + b"]}"

    def ok(self, body: bytes | None = None) -> web.Response:
        """A good answer, with `body` in place of the true one where given."""
        return web.Response(body=self.body() if body is None else body, content_type="application/json")


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
