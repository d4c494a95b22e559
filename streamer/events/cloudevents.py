"""An event as one CloudEvents JSON document (structured mode), made from a record in binary mode.

CloudEvents 1.0: the Kafka protocol binding, section 3.2, gives the headers; the JSON event format the document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Raw

if TYPE_CHECKING:
    from streamer.events.record import Record, Stored

_ATTRIBUTE: Final = "ce_"
_REQUIRED: Final = ("ce_specversion", "ce_id", "ce_source", "ce_type")
_EXTENSIONS: Final = frozenset({"traceparent", "tracestate"})
"""Attributes of the distributed tracing extension; W3C's own header names carry them, without the prefix."""

_encode: Final = msgspec.json.Encoder().encode


class NotACloudEventError(ValueError):
    """A record is no CloudEvent in binary mode; the message says what is missing and holds none of its data."""


def attributes(record: Record | Stored) -> dict[str, str]:
    """Return the context attributes that a record's headers carry, by their CloudEvents names, in the headers' order.

    Raises:
        NotACloudEventError: a required attribute is missing, or a header is not UTF-8.

    """
    headers = dict(record.headers)
    if missing := [name for name in _REQUIRED if name not in headers]:
        message = f"the header {missing[0]} is missing"
        raise NotACloudEventError(message)
    found: dict[str, str] = {}
    for name, value in headers.items():
        try:
            text = value.decode()
        except UnicodeDecodeError as error:
            message = f"the header {name} is not UTF-8"
            raise NotACloudEventError(message) from error
        if name.startswith(_ATTRIBUTE):
            found[name.removeprefix(_ATTRIBUTE)] = text
        elif name == "content-type":
            found["datacontenttype"] = text
        elif name in _EXTENSIONS:
            found[name] = text
    return found


def structured(record: Record | Stored) -> bytes:
    """Return the record as one JSON document on one line; its value stands under `data`.

    Raises:
        NotACloudEventError: the headers say that it is none, or the value is not JSON.

    """
    document: dict[str, Any] = attributes(record)
    try:
        document["data"] = Raw(msgspec.json.format(record.value or b"", indent=-1))
    except msgspec.DecodeError as error:
        message = "the value is not JSON"
        raise NotACloudEventError(message) from error
    return _encode(document)
