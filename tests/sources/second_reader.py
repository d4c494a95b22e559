"""The items of an answer as another reader than the product's finds them: by the standard library, and by few words."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

_TAG = re.compile(rb"<[^>]*>")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")

Item: TypeAlias = Mapping[str, Any]
"""One agent's fields, as sent."""


def json_items(body: bytes, *keys: str, alone: str | None = None) -> Sequence[Item]:
    """Return the items of a list that is the document itself, or stands in one of these fields of its objects.

    An object with the field `alone` is one item.
    """
    value: Any = json.loads(body.decode("utf-8-sig"))
    while isinstance(value, dict):
        if alone is not None and alone in value:
            return [value]
        (key,) = value.keys() & set(keys)
        value = value[key]
    return list(value)


def xml_items(body: bytes, tag: str) -> Sequence[Item]:
    """Return the items of elements with this tag: the root itself, or all in it; an empty element is null."""
    # expat knows fewer letters of names (XML 1.0, 4th edition) than libxml2 (5th); the names that count are in ASCII
    plain = _TAG.sub(lambda found: _NOT_ASCII.sub(b"_", found[0]), body)
    root = ET.fromstring(plain)  # noqa: S314 - only what the product accepted is read here
    elements = [root] if root.tag == tag else root.findall(tag)
    return [{child.tag: (child.text or "").strip() or None for child in element} for element in elements]
