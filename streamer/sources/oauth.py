"""Bearer tokens: one that the config names, or those of an OAuth 2.0 server for client credentials (RFC 6749, 4.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlencode

import msgspec
from msgspec import Struct
from yarl import URL

from streamer.clock import Clock
from streamer.sources import payload
from streamer.sources.authorization import SENDABLE, reveal
from streamer.sources.errors import PollError
from streamer.sources.http import Http, Refusal, Request

if TYPE_CHECKING:
    from streamer.config import OAuth, Secret, Vonage

EARLY: Final = 60.0
"""Seconds before its end from which a token is not used any more; for short-lived ones a tenth of their life."""

MAX_ANSWER: Final = 64 * 1024

_ADVICE: Final = "check token_url, client_id and client_secret, and that the client may have the scope"

REFUSALS: Final[Mapping[int, Refusal]] = MappingProxyType(
    {
        **{status: Refusal("auth_failed", _ADVICE) for status in (400, 401, 403)},  # RFC 6749, 5.2
        404: Refusal("not_found", "check token_url"),
    }
)


class Issued(Struct, frozen=True):
    """The answer of a token endpoint (RFC 6749, 5.1); further fields are ignored."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 - a kind, not a token
    expires_in: float | str | None = None


_ISSUED = msgspec.json.Decoder(Issued)


class Tokens(Protocol):
    """Where a tenant's bearer tokens come from."""

    async def get(self, *, deadline: float) -> str:
        """Return the token to use now, before `deadline` in monotonic seconds.

        Raises:
            PollError: there is none.

        """

    def accepted(self, token: str) -> None:
        """Take note that a token opened the API."""

    def refused(self, token: str) -> bool:
        """Take note that a token did not; tell whether it once did and another one can be had."""


class FixedToken:
    """The one that the config names."""

    def __init__(self, secret: Secret) -> None:
        """Take its place; it is read for each request."""
        self._secret = secret

    async def get(self, *, deadline: float) -> str:  # noqa: ARG002 - nobody is asked
        """Read it.

        Raises:
            PollError: secret_unreadable.

        """
        return reveal(self._secret)

    def accepted(self, token: str) -> None:
        """Do nothing: whatever it is, the next one is the same."""

    def refused(self, token: str) -> bool:  # noqa: ARG002 - there is one only
        """Say that there is no other."""
        return False


class ClientCredentials:
    """Tokens that a server issues. However many want one at the same time, one request is sent."""

    def __init__(self, config: OAuth, *, scope: str, http: Http, clock: Clock) -> None:
        """Take where and as whom to ask, and what for. Nothing is sent yet."""
        self._config = config
        self._scope = scope
        self._http = http
        self._clock = clock
        self._turn = asyncio.Lock()
        self._token: str | None = None
        self._until: float | None = None
        self._good: str | None = None

    async def get(self, *, deadline: float) -> str:
        """Return the token that is good for now, a new one if there is none.

        Raises:
            PollError: auth_failed where the client is refused, secret_unreadable, or whatever else went wrong.

        """
        async with self._turn:
            if self._token is None or (self._until is not None and self._clock.monotonic() >= self._until):
                self._token = None
                asked = self._clock.monotonic()
                issued = await self._ask(deadline)
                self._token, self._until = issued.access_token, _end(asked, issued)
            return self._token

    def accepted(self, token: str) -> None:
        """Remember it as one that was good."""
        self._good = token

    def refused(self, token: str) -> bool:
        """Drop it, so that the next one is new. Only one that was good before is worth asking again at once."""
        was_good, self._good = token == self._good, None
        if token == self._token:
            self._token = None
        return was_good

    async def _ask(self, deadline: float) -> Issued:
        config = self._config
        form = {
            "grant_type": "client_credentials",
            "client_id": config.client_id,
            "client_secret": reveal(config.client_secret),
            "scope": self._scope,
        }
        request = Request(
            method="POST",
            url=URL(config.token_url),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            content=urlencode(form).encode(),
            max_body=MAX_ANSWER,
            refusals=REFUSALS,
        )
        answer = await self._http.fetch(request, deadline=deadline)
        try:
            issued: Issued = payload.decode(_ISSUED, payload.json_text(answer.body))
            if issued.token_type.lower() != "bearer":
                raise payload.invalid("$.token_type", "is not bearer")
            if SENDABLE.fullmatch(issued.access_token) is None:
                raise payload.invalid("$.access_token", "is no token that a request can carry")
        except PollError as error:
            raise PollError(error.outcome, f"{request.place}: {error.message}", advice=_ADVICE) from None
        return issued


def tokens_of(config: Vonage, *, scope: str, http: Http, clock: Clock) -> Tokens:
    """Make what a tenant's config says: it has either a token or a client."""
    if config.oauth is not None:
        return ClientCredentials(config.oauth, scope=scope, http=http, clock=clock)
    if config.token is not None:
        return FixedToken(config.token)
    raise ValueError(f"tenant {config.id} has neither token nor oauth")


def _end(asked: float, issued: Issued) -> float | None:
    """Return from when on, in monotonic seconds, a token is not to be used; None if that was not said."""
    try:
        life = None if issued.expires_in is None else float(issued.expires_in)
    except ValueError:
        return None
    return None if life is None else asked + life - min(EARLY, life / 10)
