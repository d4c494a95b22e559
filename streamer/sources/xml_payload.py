"""Reading XML answers, from vendors who are not to be trusted with our memory, our files or our network.

A document type declaration is refused: entities, bombs of them and external ones among them, can't be declared without
one. Depth, sizes and the growth of entities are bounded by libxml2, which reads the encoding that a document declares.
How many elements and attributes there are is bounded here, before any is made: each takes some 200 bytes of memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from lxml import etree
from msgspec import Struct

from streamer.sources.documented import UnknownFields
from streamer.sources.payload import IN_THREAD_FROM, invalid

Record: TypeAlias = Mapping[str, str]
"""The texts of an element's children, by their names."""

BYTES_PER_ELEMENT: Final = 8
"""A large answer with more elements than one in so many bytes is none of the vendor's, whose have one in 34."""

BYTES_PER_ATTRIBUTE: Final = 64
"""The same of attributes, of which the vendor's answers have none. Encodings that hide either need more bytes for each."""

_LOOKED_AT: Final = 64


class Shape(Struct, frozen=True, kw_only=True):
    """How items stand in an answer, and the fields that they have: those that are read, and `besides`, documented too.

    In XML as elements `tag`; an empty root must have the name of one of `lists`. In JSON as a list, or in one of the
    fields `lists` of an object, or one alone, known by its field `mark`.
    """

    tag: str
    lists: tuple[str, ...]
    mark: str
    fields: frozenset[str]
    besides: frozenset[str] = frozenset()


def records(body: bytes, shape: Shape, unknown: UnknownFields) -> Sequence[tuple[str, Record]]:
    """Return the fields of each item that are read, with the path that errors call it.

    The root is one such element, or holds them, whatever its name; further elements are told and ignored. A root without
    any is an empty list only if it is empty and its name is one of `lists`: an error page would be one otherwise.

    Raises:
        PollError: invalid_body, for anything else.

    """
    root = _root(body)
    if root.tag == shape.tag:
        return [("$", _record(root, shape, "$", unknown))]
    found = [
        (path := f"$.{shape.tag}[{index}]", _record(element, shape, path, unknown))
        for index, element in enumerate(root.iterchildren(shape.tag))
    ]
    if not found and (len(root) or (root.text or "").strip() or root.tag not in shape.lists):
        raise invalid("$", f"holds no <{shape.tag}>")
    if len(found) != len(root):
        unknown.add("$", {child.tag for child in root} - {shape.tag})
    return found


def _root(body: bytes) -> etree._Element:
    if not body[:_LOOKED_AT].strip() and not body.strip():
        raise invalid("$", "the body is empty")
    if len(body) > IN_THREAD_FROM:
        _refuse_crowds(body)
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:  # its words may repeat what the body says
        line, column = error.position
        raise invalid("$", f"is no well-formed XML, at line {line}, column {column}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise invalid("$", "has a document type declaration, which no answer needs")
    return root


def _refuse_crowds(body: bytes) -> None:
    size = len(body)
    if body.count(b"<") * BYTES_PER_ELEMENT > size:  # ten times as fast as the exact count
        elements = body.count(b"</") + body.count(b"/>")
        if elements * BYTES_PER_ELEMENT > size:
            raise invalid("$", f"has {elements} elements in {size} bytes: such small ones are no answer's")
    if (attributes := body.count(b"=")) * BYTES_PER_ATTRIBUTE > size:
        raise invalid("$", f"has {attributes} attributes in {size} bytes, where an answer has none")


def _record(element: etree._Element, shape: Shape, path: str, unknown: UnknownFields) -> Record:
    record: dict[str, str] = {}
    more: set[str] = set()
    fields, besides = shape.fields, shape.besides
    for child in element:
        tag = child.tag
        if tag in fields:
            if len(child):
                raise invalid(f"{path}.{tag}", "expected text, got elements")
            record[tag] = child.text or ""
        elif tag not in besides:
            more.add(tag)
    if more:
        unknown.add(path, more)
    return record
