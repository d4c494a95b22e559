"""Making the connections of all of aiokafka's clients: with the login as it is then, and not over and over again.

A client of aiokafka keeps the login that it was made with, tries again some ten times a second whatever the broker says,
and tells its log alone why a connection came to nothing. So no client knows a login here. Whenever one wants a connection
it is made by its cluster's `Connector`, which knows what the broker said last time.

This file reaches into aiokafka (0.14). `tests/store/kafka` shows on a real broker what it relies on.
"""

# ruff: noqa: SLF001

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError, KafkaError
from msgspec import Struct

from streamer.config.files import look
from streamer.store.kafka.closing import let_bootstrap_end
from streamer.store.kafka.handshake import HandshakeError, described, explained

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

    from streamer.clock import Clock
    from streamer.config import KafkaConfig
    from streamer.config.files import Look

PAUSE_FIRST: Final = 1.0
PAUSE_LONGEST: Final = 15.0
"""Seconds until a broker that refused us is asked again. All clients wait together, so that no account gets locked."""


_END_WITHIN: Final = 1.0
_NEWS_FOR: Final = 30.0
"""Seconds for which it is worth telling that nobody asked such a broker again."""


@dataclass(frozen=True, slots=True, repr=False)
class _Login:
    """What a connection shows of us; two are equal when there is no use in trying the one after the other."""

    tls: ssl.SSLContext | None
    password: str | None


class _Refused(Struct):
    """A broker that did not take a login, and when it may be asked again, on the monotonic clock."""

    login: _Login
    error: HandshakeError
    pause: float
    again: float


class Connector:
    """Makes the connections to one cluster, for any number of clients."""

    def __init__(self, *, config: KafkaConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._refused: dict[str, _Refused] = {}
        self._tls: tuple[tuple[Look, ...], ssl.SSLContext | None] | None = None

    @property
    def refusal(self) -> str | None:
        """What a broker said that does not take us, if there is one now."""
        now = self._clock.monotonic()
        return next((str(each.error) for each in self._refused.values() if now < each.again + _NEWS_FOR), None)

    def equip(self, client: Any) -> None:
        """Have an `AIOKafkaClient` make its connections here; its `bootstrap` then says why there is none."""
        plain = client.bootstrap

        async def bootstrap() -> None:
            failures: dict[str, Exception] = {}

            async def connect(host: str, port: int, **options: Any) -> Any:
                try:
                    return await self.connect(host, port, **options)
                except Exception as error:
                    failures[f"{host}:{port}"] = error
                    raise

            try:
                await _using(plain, create_conn=connect)()
            except KafkaConnectionError as error:
                raise self._none([f"{host}:{port}" for host, port, _ in client.hosts], failures) from error

        client.bootstrap = bootstrap
        client._get_conn = _using(client._get_conn, create_conn=self.connect)
        let_bootstrap_end(client)

    async def connect(self, host: str, port: int, **options: Any) -> Any:
        """Make a connection, with the secrets and files as they are now; for `aiokafka.conn.create_conn`.

        Raises:
            HandshakeError: the broker or we did not accept the other, now or when it was last tried with this login.
            OSError, aiokafka.errors.KafkaError: it can't be reached.

        """
        place, config = f"{host}:{port}", self._config
        login = self._login()
        before = self._refused.get(place)
        pause = PAUSE_FIRST
        if before is not None and before.login == login:
            now = self._clock.monotonic()
            if now < before.again:
                raise HandshakeError(str(before.error))
            pause = min(PAUSE_LONGEST, before.pause * 2)
            before.again = now + pause  # the others wait for what this one finds
        options |= {
            "security_protocol": config.security_protocol,
            "ssl_context": login.tls,
            "sasl_mechanism": config.sasl_mechanism,
            "sasl_plain_username": config.sasl_plain_username,
            "sasl_plain_password": login.password,
        }
        connection = AIOKafkaConnection(host, port, **options)
        try:
            await connection.connect()
        except (OSError, KafkaError, ValueError, AssertionError) as error:
            if connection._protocol is not None:  # it closes in the background
                await asyncio.wait({connection._closed_fut}, timeout=_END_WITHIN)
            refusal = explained(error, place, config)
            if refusal is None:
                self._refused.pop(place, None)
                raise
            self._refused[place] = _Refused(login, refusal, pause, self._clock.monotonic() + pause)
            raise refusal from error
        self._refused.pop(place, None)
        return connection

    def _login(self) -> _Login:
        config = self._config
        try:
            password = config.sasl_plain_password.reveal() if config.uses_sasl and config.sasl_plain_password else None
            return _Login(self._context(), password)
        except ValueError as error:
            raise HandshakeError(f"no login can be made: {error}; check kafka.sasl_* and kafka.ssl_*") from None

    def _context(self) -> ssl.SSLContext | None:
        """Make a context when the files are others than those of the last one: that takes longer than a handshake."""
        config = self._config
        looks = tuple(look(each) for each in (config.ssl_cafile, config.ssl_certfile, config.ssl_keyfile) if each)
        if self._tls is None or self._tls[0] != looks:
            self._tls = looks, config.tls()
        return self._tls[1]

    def _none(self, places: Sequence[str], failures: Mapping[str, Exception]) -> KafkaConnectionError:
        """Return why none of these brokers was of use: what one said if any did, else what was seen of each."""
        if refusal := next((each for each in failures.values() if isinstance(each, HandshakeError)), None):
            return refusal
        seen = (f"{place}: {self._seen(failures.get(place))}" for place in sorted(places))
        return KafkaConnectionError("; ".join(seen))

    def _seen(self, failure: Exception | None) -> str:
        if isinstance(failure, OSError) and not isinstance(failure, ConnectionResetError):
            return described(failure)
        return f"it ends the connection; does it want another kafka.security_protocol than {self._config.security_protocol}?"


def _using(method: Any, **names: Any) -> Any:
    """Return a bound method for which these names of its module mean something else."""
    function = method.__func__
    changed = FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    changed.__kwdefaults__ = function.__kwdefaults__
    return MethodType(changed, method.__self__)
