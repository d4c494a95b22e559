"""Generated payloads: whatever a vendor sends is read, or fails as a poll may fail.

`STREAMER_BAD_PAYLOADS` sets how many are tried for each kind; 300 by default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import msgspec
import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamer.model import AgentStatus
from streamer.sources.eight_by_eight_agent_status import Memo, read_agents
from streamer.sources.errors import PollError
from tests.sources.contract import PERSONAL
from tests.sources.vendor import fixture

SOURCE = "8x8-agent-status"
MANY = settings(
    max_examples=int(os.environ.get("STREAMER_BAD_PAYLOADS", "300")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
EXAMPLE = fixture(SOURCE, "vendor-example")
KEYS = ["data", "agent-id", "agent-status", "name", "status-code-list-id", "agent-sub-status", "new"]

ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["5", " 7", "x" * 600]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner),
    max_leaves=12,
)


@st.composite
def edited_bytes(draw: st.DrawFn) -> bytes:
    """The vendor's example with some of its bytes deleted, repeated or replaced."""
    body = bytearray(EXAMPLE)
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 40)))
        piece = draw(
            st.binary(max_size=8) | st.sampled_from([b"", b"null", b"[", b"}", b'"', b"\\u0000", b"-", b"1e9"])
        )
        body[start:end] = draw(st.sampled_from([piece, bytes(body[start:end]) * 2 + piece]))
    return bytes(body)


@st.composite
def edited_values(draw: st.DrawFn) -> bytes:
    """The vendor's example with some of its values replaced by any JSON, or removed."""
    document = json.loads(EXAMPLE)
    for _ in range(draw(st.integers(1, 4))):
        agents = document.get("data")
        target: Any = document
        if isinstance(agents, list) and agents and draw(st.booleans()):
            index = draw(st.integers(0, len(agents) - 1))
            target = agents[index] if isinstance(agents[index], dict) else agents
        if isinstance(target, dict):
            key = draw(st.sampled_from(sorted({*target, *KEYS})))
            if draw(st.booleans()):
                target[key] = draw(ANY_JSON)
            else:
                target.pop(key, None)
        else:
            target.append(draw(ANY_JSON))
    return json.dumps(document, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")


def read(body: bytes, memo: Memo) -> Mapping[str, AgentStatus] | PollError:
    """Read a body, or return why it was refused; anything else that is raised fails the test."""
    try:
        return read_agents(body, memo=memo, names=True)[0]
    except PollError as error:
        return error


def judge(body: bytes) -> None:
    """Fail unless a body is read into statuses that events can hold, or refused without a word of what it says."""
    result = read(body, {})
    if isinstance(result, PollError):
        assert result.outcome in {"invalid_body", "incomplete"}
        assert result.message.startswith("$")
        assert not [part for part in PERSONAL if part in str(result)]
        return
    for agent, status in result.items():
        assert status.agent == agent
        assert 0 < len(agent.encode()) <= 512
        assert orjson.loads(orjson.dumps(status.vendor)) == status.vendor
        assert msgspec.json.decode(msgspec.json.encode(status.vendor)) == status.vendor


@MANY
@given(edited_bytes())
def test_a_payload_with_edited_bytes_is_read_or_refused(body: bytes) -> None:
    """No byte makes the decoder raise anything else."""
    judge(body)


@MANY
@given(edited_values())
def test_a_payload_with_edited_values_is_read_or_refused(body: bytes) -> None:
    """No value makes the decoder raise anything else."""
    judge(body)


@MANY
@given(st.binary(max_size=200) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_a_payload_of_anything_is_read_or_refused(body: bytes) -> None:
    """Nor does a body that never was the vendor's."""
    judge(body)


@MANY
@given(edited_values(), edited_values())
def test_a_memo_never_changes_what_is_read(before: bytes, body: bytes) -> None:
    """The memo saves work; with it or without it the same is read, or the same refused."""
    first = read(before, {})
    memo = read_agents(EXAMPLE if isinstance(first, PollError) else before, memo={}, names=True)[1]
    with_memo, without = read(body, memo), read(body, {})
    assert str(with_memo) == str(without)
    assert isinstance(with_memo, PollError) or with_memo == without
