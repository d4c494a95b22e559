"""The `Authorization` field of a request, made anew for each one: a rotated secret counts from the next poll."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aiohttp import encode_basic_auth

from streamer.config import SecretError
from streamer.sources.errors import PollError

if TYPE_CHECKING:
    from streamer.config import Secret

SENDABLE: Final = re.compile(r"[\x21-\x7e]+")
"""A token that a request can carry, and some that RFC 6750 does not know."""


def reveal(secret: Secret) -> str:
    """Read a secret now.

    Raises:
        PollError: secret_unreadable; names the secret's place.

    """
    try:
        return secret.reveal()
    except SecretError as error:
        raise PollError("secret_unreadable", str(error)) from None


def basic(username: str, password: Secret) -> dict[str, str]:
    """Return the field for Basic authentication (RFC 7617, in UTF-8).

    Raises:
        PollError: secret_unreadable.

    """
    return {"Authorization": encode_basic_auth(username, reveal(password))}


def bearer(token: str) -> dict[str, str]:
    """Return the field for a bearer token (RFC 6750, 2.1), of any visible ASCII characters.

    Raises:
        PollError: secret_unreadable for a token that no field can carry.

    """
    if SENDABLE.fullmatch(token) is None:
        raise PollError("secret_unreadable", "the token holds a blank or a character that no request can carry")
    return {"Authorization": f"bearer {token}"}
