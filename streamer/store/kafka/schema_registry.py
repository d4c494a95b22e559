"""A schema registry as its clients see it: a schema is given to it, and it says by what id records shall name it.

The API is Confluent's (https://docs.confluent.io/platform/current/schema-registry/develop/api.html), which Apicurio,
Karapace and Redpanda speak too.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import aiohttp
import msgspec
from msgspec import Meta, Struct

from streamer.events.damaged import DAMAGED
from streamer.events.schemas import file_name, schema_text
from streamer.sources.connection_failures import connection_failure

if TYPE_CHECKING:
    from streamer.config import SchemaRegistryConfig

WITHIN: Final = 10.0
"""Seconds that one request may take."""

CONFLICT_PAUSE: Final = 0.3
"""Seconds after which one that refuses a schema for another is asked again."""

_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_OK: Final = 200
_BUSY: Final = 429
_SERVER_ERROR: Final = 500
_LARGEST: Final = 1024 * 1024
_LONGEST: Final = 300

_CONFLICT: Final = "incompatible"
_DIFFERS: Final = (
    "look at its newest version; set the subject's compatibility to FORWARD or NONE, or delete the subject"
)
_REFUSED: Final[Mapping[int, tuple[str, str]]] = {
    401: ("unauthorized", "check username and password in kafka.schema_registry"),
    403: ("forbidden", "let this user read and write this subject"),
    404: (
        "not_found",
        "check kafka.schema_registry.url: it ends where /subjects follows, with Apicurio in /apis/ccompat/v7",
    ),
    409: (_CONFLICT, _DIFFERS),
    422: ("invalid", "does this registry know JSON Schema?"),
}
_OF_ALL: Final = frozenset({401, 404})
"""Statuses that say nothing of the one schema: the next one would get the same."""


class RegistryError(Exception):
    """A schema was not registered; the message says where, what, and what to do. `kind` is one word for it.

    `passing`: it is worth trying again soon. `of_all`: it is no use to try with another schema now.
    """

    def __init__(self, kind: str, message: str, *, passing: bool = False, of_all: bool = False) -> None:
        """Take what the class says."""
        super().__init__(message)
        self.kind = kind
        self.passing = passing
        self.of_all = of_all


class SchemaId(Struct, frozen=True):
    """By what a schema is named: a number that this registry gave, or, from newer ones, an id that any would give."""

    id: Annotated[int, Meta(ge=0, lt=2**32)]
    guid: UUID | None = None

    def __str__(self) -> str:
        return str(self.guid or self.id)

    def __bytes__(self) -> bytes:
        """As Confluent's clients read it in a header (`SchemaId` of confluent-kafka): a magic byte, and the id."""
        return struct.pack(">bI", 0, self.id) if self.guid is None else b"\x01" + self.guid.bytes


class _Complaint(Struct):
    message: str = ""


_read_id: Final = msgspec.json.Decoder(SchemaId).decode
_read_complaint: Final = msgspec.json.Decoder(_Complaint).decode


class SchemaRegistry:
    """A connection to a registry: `async with connected(config) as registry`."""

    def __init__(self, *, session: aiohttp.ClientSession, url: str, within: float) -> None:
        self._session = session
        self._url = url
        self._within = within

    async def register(self, subject: str, schema_id: str) -> SchemaId:
        """Register a published schema, named by its `$id`, under a subject, if it is not there yet; return its id.

        Replicas that start together do so at the same moment, which Apicurio takes for a conflict: one is asked about again.

        Raises:
            RegistryError: it was not registered, or nobody knows.

        """
        try:
            return await self._post(subject, schema_id)
        except RegistryError as error:
            if error.kind != _CONFLICT:
                raise
        await asyncio.sleep(CONFLICT_PAUSE)
        return await self._post(subject, schema_id)

    async def _post(self, subject: str, schema_id: str) -> SchemaId:
        url = f"{self._url}/subjects/{subject}/versions"
        content = msgspec.json.encode({"schema": schema_text(schema_id).decode(), "schemaType": "JSON"})
        body = bytearray()
        try:
            async with (
                asyncio.timeout(self._within),
                self._session.post(url, data=content, allow_redirects=False) as response,
            ):
                status = response.status
                async for piece in response.content.iter_any():
                    body += piece
                    if len(body) > _LARGEST:
                        break
        except TimeoutError:
            raise RegistryError(
                "timeout", f"{self._url} does not answer within {self._within:.0f} s", passing=True, of_all=True
            ) from None
        except aiohttp.ClientError as error:
            kind, what = connection_failure(error, received=len(body))
            advice = "; check kafka.schema_registry.ssl_cafile" if kind == "tls_error" else ""
            raise RegistryError(kind, f"{self._url}: {what}{advice}", passing=True, of_all=True) from None
        except UnicodeError:  # from the resolver's IDNA encoding
            raise RegistryError("unreachable", f"{self._url}: no such host can exist", of_all=True) from None
        if status != _OK:
            raise _refusal(
                status, f"{self._url} does not take {file_name(schema_id)} as subject {subject}", bytes(body)
            )
        try:
            return _read_id(body)
        except DAMAGED:
            raise RegistryError(
                "rubbish", f"{url} answers without an id; is that a schema registry?", passing=True, of_all=True
            ) from None


@asynccontextmanager
async def connected(config: SchemaRegistryConfig, *, within: float = WITHIN) -> AsyncIterator[SchemaRegistry]:
    """Yield a registry, with the secrets and files as they are now; a request may take `within` seconds.

    Raises:
        RegistryError: a secret or a file can't be used.

    """
    headers = {"Content-Type": _MEDIA_TYPE, "Accept": f"{_MEDIA_TYPE}, application/json", "Accept-Encoding": "identity"}
    try:
        tls = await asyncio.to_thread(config.tls)  # it may take as long as some polls
        if config.username is not None and config.password is not None:
            headers["Authorization"] = aiohttp.encode_basic_auth(config.username, config.password.reveal())
    except ValueError as error:
        raise RegistryError("config", f"kafka.schema_registry can't be used: {error}", of_all=True) from None
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=1, ssl=True if tls is None else tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(),  # none: each request has its own
        headers=headers,
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield SchemaRegistry(session=session, url=config.url, within=within)


def _refusal(status: int, what: str, body: bytes) -> RegistryError:
    """Say what a status other than 200 means, with what the registry says of it."""
    passing = status == _BUSY or status >= _SERVER_ERROR
    if passing:
        kind, advice = "server_error", "look into the registry's log"
    else:
        kind, advice = _REFUSED.get(status, ("http_error", "is kafka.schema_registry.url that of a schema registry?"))
    try:
        said = "".join(each for each in _read_complaint(body).message if each.isprintable())[:_LONGEST]
    except DAMAGED:
        said = ""
    words = f"{what}: {status}{f' ({said})' if said else ''}; {advice}"
    return RegistryError(kind, words, passing=passing, of_all=status in _OF_ALL)
