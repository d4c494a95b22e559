"""Why a broker and we did not come together, in one sentence that says what to do."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from streamer.store.engine import ToldError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamer.config import KafkaConfig

_EXPIRED, _NOT_FOR_HOST, _NOT_FOR_ADDRESS = 10, 62, 64
_UNKNOWN_ISSUERS: Final = (18, 19, 20, 21)
"""`X509_V_ERR_*` of OpenSSL."""


class HandshakeError(KafkaConnectionError, ToldError):  # type: ignore[misc]  # aiokafka has no types
    """A broker does not take our login or certificate, or we do not take its: to try again at once is of no use.

    The message is complete in itself, and holds no secret.
    """

    def __str__(self) -> str:
        return str(self.args[0])


def explained(error: BaseException, place: str, config: KafkaConfig) -> HandshakeError | None:
    """Return what an error at the handshake with the broker at `place` means; None if it is about something else."""
    for link in causes(error):
        why = _why(link, place, config)
        if why is not None:
            return HandshakeError(why)
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it was raised from; what lies behind a `HandshakeError` says nothing more."""
    while error is not None:
        yield error
        error = None if isinstance(error, HandshakeError) else error.__cause__


def described(error: BaseException) -> str:
    """Return the error and its causes on one line. None of aiokafka's messages holds a key, a value or a password."""
    return " <- ".join(_text(link) for link in causes(error))


def _text(error: BaseException) -> str:
    name, text = type(error).__name__, str(error)
    if isinstance(error, HandshakeError) or text.startswith(name):  # aiokafka begins some of them so itself
        return text
    return f"{name}: {text}".rstrip(": ")


def _why(error: BaseException, place: str, config: KafkaConfig) -> str | None:
    mechanism = config.sasl_mechanism
    match error:
        case ssl.SSLCertVerificationError():
            why = f"the certificate of {place} is not accepted: {error.verify_message.rstrip('.')}; {_advice(error.verify_code)}"
        case ssl.SSLError() if "ALERT" in (error.reason or ""):
            alert = (error.reason or "").rpartition("ALERT_")[2].replace("_", " ").lower()
            given = "check ssl_certfile, and that the brokers trust its issuer"
            wanted = given if config.ssl_certfile else "brokers may want one of ours: set kafka.ssl_certfile"
            why = f"{place} refuses the TLS handshake: {alert}; {wanted}"
        case SaslAuthenticationFailed():
            said = error.args[0] if error.args else mechanism
            login = "kafka.sasl_plain_username and kafka.sasl_plain_password"
            why = f"{place} refuses the login of user {config.sasl_plain_username}: {said}; check {login}"
        case UnsupportedSaslMechanismError():
            why = f"{place} does not offer {mechanism}; set kafka.sasl_mechanism to one that it does"
        case IllegalSaslStateError():
            other = config.security_protocol.removeprefix("SASL_")
            why = f"{place} wants no login; set kafka.security_protocol to {other}, or name another port"
        case ValueError() | AssertionError():  # aiokafka about what it was answered; anybody may have answered
            why = f"{place} answered the login wrongly ({mechanism}): {error}; is that a broker of yours?"
        case _:
            return None
    return why


def _advice(code: int) -> str:
    match code:
        case c if c == _EXPIRED:
            return "have it renewed"
        case c if c in (_NOT_FOR_HOST, _NOT_FOR_ADDRESS):
            return (
                "use the names that are in it in kafka.bootstrap_servers and in the brokers' advertised.listeners, or set "
                "kafka.ssl_check_hostname: false"
            )
        case c if c in _UNKNOWN_ISSUERS:
            return "put its issuer's certificate into kafka.ssl_cafile"
        case _:
            return "ask who runs the cluster"
