"""Reading XML answers, from vendors who are not to be trusted with our memory, our files or our network.

A document type declaration is refused: entities, bombs of them and external ones among them, can't be declared without
one. Depth, sizes and the growth of entities are bounded by libxml2, which reads the encoding that a document declares.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias

from lxml import etree

from streamer.sources.payload import invalid

Record: TypeAlias = Mapping[str, str]
"""The texts of an element's children, by their names."""

_LOOKED_AT: Final = 64


def records(body: bytes, *, tag: str, fields: Collection[str], lists: Collection[str]) -> Sequence[tuple[str, Record]]:
    """Return the `fields` of each element `tag`, with the path that errors call it.

    The root is one such element, or holds them, whatever its name; further elements are ignored. A root without any
    is an empty list only if it is empty and its name is one of `lists`: an error page would be one otherwise.

    Raises:
        PollError: invalid_body, for anything else.

    """
    root = _root(body)
    if root.tag == tag:
        return [("$", _record(root, fields, "$"))]
    found = [
        (path := f"$.{tag}[{index}]", _record(element, fields, path))
        for index, element in enumerate(root.iterchildren(tag))
    ]
    if not found and (len(root) or (root.text or "").strip() or root.tag not in lists):
        raise invalid("$", f"holds no <{tag}>")
    return found


def _root(body: bytes) -> etree._Element:
    if not body[:_LOOKED_AT].strip() and not body.strip():
        raise invalid("$", "the body is empty")
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


def _record(element: etree._Element, fields: Collection[str], path: str) -> Record:
    record: dict[str, str] = {}
    for child in element.iterchildren(*fields):
        if len(child):
            raise invalid(f"{path}.{child.tag}", "expected text, got elements")
        record[child.tag] = child.text or ""
    return record
