"""An event as one CloudEvents JSON document (structured mode), made from a record in binary mode.

CloudEvents 1.0: the Kafka protocol binding, section 3.2, gives the headers; the JSON event format the document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Raw

from streamer.events.damaged import DAMAGED

if TYPE_CHECKING:
    from streamer.events.record import Record, Stored

_PREFIX: Final = "ce_"
_REQUIRED: Final = ("ce_specversion", "ce_id", "ce_source", "ce_type")
_EXTENSIONS: Final = frozenset({"traceparent", "tracestate"})
"""Attributes of the distributed tracing extension; W3C's own header names carry them, without the prefix."""

_encode: Final = msgspec.json.Encoder().encode


class NotACloudEventError(ValueError):
    """A record is no CloudEvent in binary mode; the message says what is missing and holds none of its data."""


def attributes(record: Record | Stored) -> dict[str, str]:
    """Return the context attributes that a record's headers carry, by their CloudEvents names, in the headers' order.

    Raises:
        NotACloudEventError: a required attribute is missing, or one is not UTF-8.

    """
    headers = dict(record.headers)
    if missing := [name for name in _REQUIRED if name not in headers]:
        message = f"the header {missing[0]} is missing"
        raise NotACloudEventError(message)
    found = {}
    for name, value in headers.items():
        if (attribute := _attribute(name)) is not None:
            try:
                found[attribute] = value.decode()
            except UnicodeDecodeError as error:
                message = f"the header {name} is not UTF-8"
                raise NotACloudEventError(message) from error
    return found


def structured(record: Record | Stored) -> bytes:
    """Return the record as one JSON document on one line; its value stands under `data`.

    Raises:
        NotACloudEventError: the headers say that it is none, or the value is not JSON.

    """
    document: dict[str, Any] = attributes(record)
    try:
        document["data"] = Raw(msgspec.json.format(record.value or b"", indent=-1))
    except DAMAGED as error:
        message = "the value is not JSON"
        raise NotACloudEventError(message) from error
    return _encode(document)


def _attribute(header: str) -> str | None:
    """Return the attribute that a header carries, None for a header of somebody else's."""
    if header.startswith(_PREFIX):
        return header.removeprefix(_PREFIX)
    return "datacontenttype" if header == "content-type" else header if header in _EXTENSIONS else None
