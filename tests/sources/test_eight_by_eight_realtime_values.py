"""Values of 8x8's real-time statistics that come as they please: what consumers get of them, whatever they read JSON with."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.sources.documented import UnknownFields
from streamer.sources.eight_by_eight_realtime_payload import read_agents
from streamer.sources.eight_by_eight_realtime_queues import read_queues
from streamer.sources.eight_by_eight_realtime_values import LARGEST, Value, plain


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (0, 0),
        (-3, -3),
        (12.5, 12.5),
        (" 7 ", 7),
        ("-1", -1),
        ("", None),
        (" ", None),
        (None, None),
        ("Sales", "Sales"),
        ("1e3", "1e3"),
        ("12.5", "12.5"),
        (2**53 - 1, 9007199254740991),
        (2**53, "9007199254740992"),
        (-(2**53), "-9007199254740992"),
        ("9007199254740991", 9007199254740991),
        ("9007199254740993", "9007199254740993"),
        ("-9007199254740993", "-9007199254740993"),
        (10**30, "1" + "0" * 30),
    ],
)
def test_a_number_is_one_as_far_as_all_readers_of_json_agree(value: Value, read: Value) -> None:
    """Beyond that it is text with all its digits: 2^53 + 1 as a number is 2^53 to JavaScript."""
    found = plain(value)
    assert (found, type(found)) == (read, type(read))


@given(st.integers() | st.integers(LARGEST - 2, LARGEST + 2).map(str) | st.integers().map(str))
def test_no_digit_of_a_number_is_lost_to_who_reads_numbers_as_floats(value: Value) -> None:
    """As JavaScript and jq do: what they read is what the vendor said."""
    read = json.loads(json.dumps(plain(value)), parse_int=float)
    assert str(int(read) if isinstance(read, float) else read) == str(value)


@pytest.mark.parametrize("value", [LARGEST, LARGEST + 1, "41", "x", 10**18, str(2**63)])
def test_agents_and_queues_read_such_values_alike(value: Value) -> None:
    """What an agent's `group-id` is, a queue's `day-accepted` would be."""
    agents = json.dumps([{"agent-id": "a", "agent-status": 0, "group-id": value}]).encode()
    [agent] = read_agents(agents, form="json", names=False, unknown=UnknownFields())
    queues = json.dumps([{"queue-id": "q", "day-accepted": value}]).encode()
    [queue] = read_queues(queues, form="json", unknown=UnknownFields()).values()
    assert agent.status.vendor["group-id"] == queue.counters["day-accepted"] == plain(value)
