"""What went wrong with a connection: in words, without a word of what the server sent."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from streamer.sources.errors import Outcome


def connection_failure(error: aiohttp.ClientError, *, received: int) -> tuple[Outcome, str]:
    """Return the outcome and the words for a failure after so many bytes of a body.

    What a server sent is not repeated, reasons of the system are.
    """
    outcome: Outcome = "unreachable"
    match error:
        case aiohttp.InvalidURL():
            what = "no such host can exist"
        case aiohttp.ClientSSLError():
            outcome, what = "tls_error", f"TLS failed: {_tls_reason(error)}"
        case aiohttp.ClientConnectorError():
            what = f"can't connect: {_system_reason(error.os_error)}"
        case aiohttp.ClientResponseError():
            outcome, what = "http_error", f"the answer is not valid HTTP ({type(error).__name__})"
        case _ if received or isinstance(error, aiohttp.ClientPayloadError):
            outcome, what = "truncated", f"the connection broke after {received} bytes of a body"
        case _:
            what = f"the connection broke before an answer ({type(error).__name__})"
    return outcome, what


def _tls_reason(error: aiohttp.ClientSSLError) -> str:
    reason = getattr(error, "certificate_error", None) or error.os_error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return reason.verify_message
    return str(getattr(reason, "reason", None) or type(reason).__name__)


def _system_reason(error: OSError) -> str:
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__
