"""JSON and XML: how an agent is written down, and how that is spoilt."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from xml.sax.saxutils import escape

import msgspec

_MARK = "spoilt-here"


class Format(Protocol):
    """A way to write down agents, one item each."""

    @property
    def media_type(self) -> str:
        """The content type."""

    def decode(self, item: bytes) -> dict[str, Any]:
        """Read the fields of an item of ours."""

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Write an item."""

    def with_raw(self, item: bytes, path: Sequence[str], raw: bytes) -> bytes:
        """Put `raw`, a JSON literal of whatever bytes, where `path` leads in the item."""

    def with_more(self, item: bytes) -> bytes:
        """Add fields that no document knows."""

    def broken(self, body: bytes) -> bytes:
        """Make a body ill-formed at its end."""

    def astray(self, items: Sequence[bytes]) -> bytes:
        """Put the items where no document puts them."""


class Json:
    """JSON, UTF-8."""

    def __init__(self, media_type: str = "application/json") -> None:
        self.media_type = media_type

    def decode(self, item: bytes) -> dict[str, Any]:
        """Read an object."""
        fields: dict[str, Any] = msgspec.json.decode(item)
        return fields

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Write an object; null fields stay."""
        return msgspec.json.encode(fields)

    def with_raw(self, item: bytes, path: Sequence[str], raw: bytes) -> bytes:
        """Put `raw` where `path` leads."""
        return self.encode(replaced(self.decode(item), path, _MARK)).replace(f'"{_MARK}"'.encode(), raw)

    def with_more(self, item: bytes) -> bytes:
        """Add an object and a null."""
        return b'{"x-team":{"id":7,"tags":["a","b"]},"x-note":null,' + item[1:]

    def broken(self, body: bytes) -> bytes:
        """Put a comma where none may be."""
        return body[:-1] + b"," + body[-1:]

    def astray(self, items: Sequence[bytes]) -> bytes:
        """Put the list into a field of another name."""
        return b'{"rows":[' + b",".join(items) + b"]}"


class Xml:
    """XML without a declaration, UTF-8, a blank between elements as in 8x8's examples."""

    media_type = "application/xml"

    def __init__(self, tag: str) -> None:
        self._tag = tag

    def decode(self, item: bytes) -> dict[str, Any]:
        """Read an element's children: text, or null where there is none."""
        return {child.tag: child.text for child in ET.fromstring(item)}  # noqa: S314 - it is our own

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Write an element; a null field is an empty element."""
        return _element(self._tag, fields).encode()

    def with_raw(self, item: bytes, path: Sequence[str], raw: bytes) -> bytes:
        """Put `raw`, without its quotes, where `path` leads."""
        return self.encode(replaced(self.decode(item), path, _MARK)).replace(_MARK.encode(), raw.strip(b'"'))

    def with_more(self, item: bytes) -> bytes:
        """Add an element with children and an empty one, with an attribute."""
        start = f"<{self._tag}>".encode()
        return item.replace(start, start + b' <x-team id="7"><x-tag>a</x-tag><x-tag>b</x-tag></x-team> <x-note/>', 1)

    def broken(self, body: bytes) -> bytes:
        """Leave the last end tag open."""
        return body[:-1]

    def astray(self, items: Sequence[bytes]) -> bytes:
        """Put the list into an element of another name."""
        return b"<rows> " + b" ".join(items) + b" </rows>"


def replaced(fields: Mapping[str, Any], path: Sequence[str], value: object) -> dict[str, Any]:
    """Return `fields` with another value where `path` leads; what lacks on the way is made."""
    head, *rest = path
    return {**fields, head: replaced(fields.get(head) or {}, rest, value) if rest else value}


def _element(tag: str, value: object) -> str:
    if isinstance(value, Mapping):
        return f"<{tag}> {' '.join(_element(name, child) for name, child in value.items())} </{tag}>"
    return f"<{tag}/>" if value is None else f"<{tag}>{escape(str(value))}</{tag}>"
