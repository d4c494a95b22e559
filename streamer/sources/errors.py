"""Why a poll failed. The words are a closed set: they are the label `outcome` of `streamer_polls_total`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

Outcome: TypeAlias = Literal[
    "timeout",
    "unreachable",
    "tls_error",
    "auth_failed",
    "not_enabled",
    "bad_request",
    "not_found",
    "rate_limited",
    "server_busy",
    "server_error",
    "http_error",
    "redirected",
    "truncated",
    "wrong_type",
    "too_large",
    "invalid_body",
    "incomplete",
    "stale",
    "secret_unreadable",
    "clock_behind",
    "internal_error",
]
"""Every way in which a poll can fail; a poll that succeeds has the outcome `ok`."""

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)

ADVICE: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        "timeout": "if it lasts, raise the tenant's timeout or ask the vendor whether the API is slow",
        "unreachable": "check the base_url (or platform), DNS, and that this host may connect to the vendor's",
        "tls_error": "check the base_url, and that this host trusts the issuer of the vendor's certificate",
        "auth_failed": "check username and password; a new token may have been issued, which ends the old one",
        "not_enabled": "ask the vendor to enable this API for the account",
        "bad_request": "check vendor_tenant and base_url; the vendor does not understand the request",
        "not_found": "check base_url (or platform) and vendor_tenant",
        "rate_limited": "poll less often: raise interval, or set rate where tenants share a vendor account",
        "server_busy": "the vendor is overloaded or in maintenance; polling goes on with growing pauses",
        "server_error": "a fault of the vendor's; polling goes on with growing pauses",
        "http_error": "check that the base_url leads to the vendor's API",
        "redirected": "set base_url to where the API is now; redirects are never followed, credentials would go along",
        "truncated": "the connection broke; if it lasts, look at what lies between this host and the vendor's",
        "wrong_type": "check that the base_url leads to the vendor's API and not to a portal, proxy or login page",
        "too_large": "raise max_body if the tenant is really so large",
        "invalid_body": "the answer is not as the vendor documents it; report it to the vendor and to us",
        "incomplete": "a snapshot counts whole or not at all; report it to the vendor if it lasts",
        "stale": "the vendor answers with old data; report it to the vendor if it lasts",
        "secret_unreadable": "put the secret where the config says it is; it is read again at each poll",
        "clock_behind": "synchronise this host's clock (NTP)",
        "internal_error": "please report it",
    }
)
"""What to do about each outcome, in one line for the people who run the service."""


class PollError(Exception):
    """A poll failed and says nothing about agents: an error is not a change.

    `retry_after` is the vendor's wish in seconds, from 1 to 900; None if it has none. `advice` is what to do, by
    default that of the outcome. The message names place and value, never a secret, an agent's name or the text of
    an answer.
    """

    def __init__(
        self, outcome: Outcome, message: str, retry_after: float | None = None, *, advice: str | None = None
    ) -> None:
        """Take the outcome and what happened."""
        super().__init__(message)
        self.outcome: Final = outcome
        self.message: Final = message
        self.retry_after: Final = retry_after
        self.advice: Final = ADVICE[outcome] if advice is None else advice

    def __str__(self) -> str:
        """What happened and what to do, in one line."""
        return f"{self.message} — {self.advice}"
