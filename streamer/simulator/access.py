"""Credentials: Basic authentication, fixed bearer tokens, and those of an OAuth endpoint."""

from __future__ import annotations

import base64
import hashlib
import hmac

from aiohttp import web

from streamer.simulator.settings import SHARED_PASSWORD

BASIC = {"WWW-Authenticate": 'Basic realm="simulator"'}
BEARER = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


def token_of(tenant: str) -> str:
    """The tenant's own API token. `SHARED_PASSWORD` is accepted for every tenant beside it, where a user is named."""
    return f"token-{tenant}"


def opens(tenant: str, secret: str) -> bool:
    """Whether `secret` is one of the tenant's."""
    return secret in (token_of(tenant), SHARED_PASSWORD)


def basic_user(request: web.Request) -> str | None:
    """The user of good Basic credentials (RFC 7617), which is the tenant; the scheme's case does not matter."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except ValueError:  # neither base64 nor UTF-8
        return None
    return user if scheme.lower() == "basic" and opens(user, password) else None


def bearer_token(request: web.Request) -> str | None:
    """The token of the Authorization header (RFC 6750), good or not; the scheme's case does not matter."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None


class Tokens:
    """Bearer tokens that end: who holds the same seed can tell whose they are and until when, nobody else can."""

    def __init__(self, *, seed: int, life: float) -> None:
        """Take the life of a token in seconds."""
        self.life = life
        self._key = str(seed).encode()

    def issue(self, tenant: str, *, now: int) -> str:
        """Make a token that is good from `now` (ms) for its life."""
        return self._signed(f"{tenant}.{now + round(self.life * 1000)}")

    def tenant(self, token: str, *, now: int) -> str | None:
        """Whose token it is; null if it is over or none of ours."""
        if not token.isascii():
            return None
        claim, _, _ = token.rpartition(".")
        tenant, _, until = claim.rpartition(".")
        good = hmac.compare_digest(token.encode(), self._signed(claim).encode()) and now < int(until)
        return tenant if good else None

    def _signed(self, claim: str) -> str:
        return f"{claim}.{hashlib.blake2b(claim.encode(), key=self._key, digest_size=16).hexdigest()}"
