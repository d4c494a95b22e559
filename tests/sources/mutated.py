"""Payloads that a vendor's example might have become: bytes edited, values replaced, or never the vendor's at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from hypothesis import strategies as st

PIECES = (b"", b"null", b"[", b"}", b'"', b"\\u0000", b"-", b"1e9", b"<", b"</agent>", b"&lt;", b"&x;", b"<!DOCTYPE a>")


@cache  # made anew for each value, strategies take longer than what they draw
def any_json(keys: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Any JSON, its objects with a liking for these keys."""
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=20)
        | st.sampled_from(["5", " 7", "x" * 600]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(keys) | st.text(max_size=5), inner),
        max_leaves=12,
    )


@st.composite
def edited_bytes(draw: st.DrawFn, example: bytes) -> bytes:
    """The example with some of its bytes deleted, repeated or replaced."""
    body = bytearray(example)
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 40)))
        piece = draw(st.binary(max_size=8) | st.sampled_from(PIECES))
        body[start:end] = draw(st.sampled_from([piece, bytes(body[start:end]) * 2 + piece]))
    return bytes(body)


@st.composite
def edited_values(draw: st.DrawFn, example: bytes, keys: tuple[str, ...]) -> bytes:
    """The example with some of its values, however deep they stand, replaced by any JSON, added, repeated or removed."""
    document = json.loads(example)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(list(_containers(document))))
        if isinstance(place, dict):
            key = draw(st.sampled_from(sorted({*place, *keys})))
            if draw(st.booleans()):
                place[key] = draw(any_json(keys))
            else:
                place.pop(key, None)
        else:
            index = draw(st.integers(0, len(place)))
            edit = draw(st.sampled_from(["add", "repeat", "remove"])) if place else "add"
            if edit == "remove":
                del place[index - 1]
            else:
                place.insert(index, draw(any_json(keys) if edit == "add" else st.sampled_from(place)))
    return json.dumps(document, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")


def as_xml(document: bytes, root: str = "agents") -> bytes:
    """Write JSON as XML, as vendors do: a list is its items one after the other, null an empty element."""
    value = json.loads(document)
    return _element(root, value.get(root, value) if isinstance(value, dict) else value).encode(errors="surrogatepass")


def _element(name: str, value: Any) -> str:
    match value:
        case dict():
            content = " ".join(_element(str(key), inner) for key, inner in value.items())
        case list():
            content = " ".join(_element(name.removesuffix("s"), inner) for inner in value)
        case _:
            content = "" if value is None else escape(str(value))
    return f"<{name}>{content}</{name}>"


def _containers(value: Any) -> Iterator[Any]:
    """Yield every object and list in a document, itself first."""
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner)
