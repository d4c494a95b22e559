"""A body within its limit of bytes may still hold millions of values: it is refused before they are made."""

from __future__ import annotations

import json
import re
import tracemalloc
from pathlib import Path

import pytest

from streamer.sources.documented import UnknownFields
from streamer.sources.eight_by_eight_realtime_payload import AGENTS
from streamer.sources.errors import PollError
from streamer.sources.payload import BYTES_PER_VALUE, IN_THREAD_FROM, json_text
from streamer.sources.xml_payload import BYTES_PER_ATTRIBUTE, BYTES_PER_ELEMENT, records
from tests.sources.vendor import FIXTURES

AWAY = 4
LARGE = IN_THREAD_FROM * 2

JSON = [path for path in sorted(FIXTURES.rglob("*.json")) if not path.name.startswith("bad-")]
XML = [
    path for path in sorted(FIXTURES.rglob("*.xml")) if re.match("vendor-example|two-queues|three-agents", path.name)
]


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


@pytest.mark.parametrize("path", JSON, ids=named)
def test_no_json_of_a_vendor_comes_near(path: Path) -> None:
    """Not even without blanks, with null for each value, has it a quarter of the commas that are refused."""
    compact = json.dumps(json.loads(path.read_bytes()), separators=(",", ":"), ensure_ascii=False).encode()
    assert compact.count(b",") * BYTES_PER_VALUE * AWAY <= len(compact)


@pytest.mark.parametrize("path", XML, ids=named)
def test_no_xml_of_a_vendor_comes_near(path: Path) -> None:
    """Nor has its XML without blanks a quarter of the elements."""
    compact = re.sub(rb">\s+|\s+<", lambda found: found[0].strip(), path.read_bytes())
    assert (compact.count(b"</") + compact.count(b"/>")) * BYTES_PER_ELEMENT * AWAY <= len(compact)
    assert compact.count(b"=") * BYTES_PER_ATTRIBUTE * AWAY <= len(compact)


@pytest.mark.parametrize("value", [b"1,", b"{},", b"[],", b'"",'])
def test_a_large_list_of_tiny_values_is_refused(value: bytes) -> None:
    """By counting, without memory for any of them."""
    body = b"[" + value * (LARGE // len(value)) + b"1]"
    tracemalloc.start()
    try:
        with pytest.raises(PollError, match=r"^\$: has \d+ commas in \d+ bytes") as caught:
            json_text(body)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert caught.value.outcome == "invalid_body"


@pytest.mark.parametrize(
    ("part", "what"),
    [(b"<a/>", "elements"), (b"<a/>b", "elements"), (b"<a></a>", "elements"), (b'<agent a=""/>', "attributes")],
)
def test_large_xml_of_tiny_parts_is_refused(part: bytes, what: str) -> None:
    """Of elements as well as of attributes."""
    body = b"<agents>" + part * (LARGE // len(part)) + b"</agents>"
    with pytest.raises(PollError, match=rf"^\$: has \d+ {what} in \d+ bytes") as caught:
        records(body, AGENTS, UnknownFields())
    assert caught.value.outcome == "invalid_body"


def test_small_bodies_are_not_counted() -> None:
    """They can do no harm, and short lists may be crowded: the decoder says what is wrong with them."""
    body = b"[" + b"1," * 1000 + b"1]"
    assert json_text(body) is body
