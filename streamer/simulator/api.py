"""The seam between a vendor's API and the machinery that serves, counts and spoils all of them alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from streamer.simulator.formats import Format
from streamer.simulator.identity import Ids
from streamer.simulator.world import Transition


class Refused(Exception):
    """A request that the vendor turns down: its status code, and its message."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


@dataclass(frozen=True, kw_only=True, slots=True)
class Fields:
    """Where an item has what faults are about: its ids (any of them will do), its status, its name."""

    ids: Sequence[str]
    status: Sequence[str]
    name: Sequence[str]
    numeric: bool = True
    """The status is a number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A request of a tenant that is to be answered as of `at` (ms since the epoch, our clock)."""

    request: web.Request
    tenant: str
    at: int
    up_to: int
    """The moment that the answer claims to be of, where it names one. Only a node that lies names another than `at`."""
    stuck: bool = False
    """The vendor's cache is not refreshed."""
    stir: Callable[[], Awaitable[int]] | None = None
    """Lets agents come and go, to be called between two pages of one scan; returns the moment after."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """A right answer in parts: items (one per agent, as they are written) and what holds them together."""

    items: Sequence[bytes]
    envelope: Callable[[Sequence[bytes]], bytes]
    format: Format
    fields: Fields
    single: bool = False
    """The answer is one bare item."""
    tagged: bool = False
    """The answer has an ETag."""
    refreshed: int | None = None
    """When the cache was refreshed that the answer comes from (ms since the epoch), if it comes from one."""


class Api(Protocol):
    """One vendor API: who may ask what, and what is answered. It follows the true history on its own."""

    @property
    def paths(self) -> Sequence[str]:
        """The routes of its GET requests."""

    @property
    def unauthorized(self) -> Refused:
        """What it says to strangers."""

    def follow(self, ids: Ids, change: Transition) -> None:
        """Learn of a true change."""

    def caller(self, request: web.Request, now: int) -> str | None:
        """Tell which tenant asks, by the credentials of the request; null where they are no good."""

    async def content(self, question: Question) -> Content:
        """Answer a question of a known tenant; raises `Refused`."""


def only_item(items: Sequence[bytes]) -> bytes:
    """Envelope of a single item: none at all."""
    return items[0] if items else b"{}"
