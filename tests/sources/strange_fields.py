"""Good answers with fields that no document shows, at each place where fields stand."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

PERSONAL_VALUE = {"note": "Padma Othertask", "seen": [1, None]}

HOSTILE = {
    "json": (
        "padma.othertask@nelson.com",
        "Padma Othertask",
        "+44 1256 000000",
        "34.211.11.101",
        "ag64oyEUb_Sk6bxVB9P5yaaa",
        "b6c01065-a5fa-432f-981b-649f98518878",
        "x" * 5000,
        "a\nlevel=error msg=forged",
        "\u001b[2J\u202e",
        'x"}} 1\n# HELP',
        "",
    ),
    "xml": ("padma.othertask", "ag64oyEUb_Sk6bxVB9P5yaaa", "_34.211.11.101", "x" * 5000, "Zoë"),
}
"""Names that are somebody's data, or meant to do harm; XML can't say most of them."""


def with_strange(body: bytes, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield, for each place of an answer where fields stand, its path and the answer with fields of these names there.

    A path has no indexes and ends with a dot, if it is not empty: `data[].`. A list of agents is one place.
    """
    if body.lstrip().startswith(b"<"):
        yield from _with_elements(body, names)
        return
    document = json.loads(body)
    for place, objects in _objects(document).items():
        before = [dict(each) for each in objects]
        for each in objects:
            each.update(dict.fromkeys(names, PERSONAL_VALUE))
        yield place, json.dumps(document).encode()
        for each, fields in zip(objects, before, strict=True):
            each.clear()
            each.update(fields)


def _objects(document: Any) -> Mapping[str, list[dict[str, Any]]]:
    """Return the objects of a document by their place."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            found[f"{path}." if path else ""].append(value)
            for key, inner in value.items():
                walk(inner, f"{path}.{key}" if path else key)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, f"{path}[]")

    walk(document, "")
    return found


def _with_elements(body: bytes, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    tags = {child.tag for child in ET.fromstring(body)}  # noqa: S314 - it is a fixture of ours
    for tag in (None, *sorted(tags)):
        root = ET.fromstring(body)  # noqa: S314
        for element in [root] if tag is None else root.findall(tag):
            for name in names:
                ET.SubElement(ET.SubElement(element, name), "note").text = "Padma Othertask"
        yield "" if tag is None else f"{tag}[].", ET.tostring(root, encoding="utf-8")
