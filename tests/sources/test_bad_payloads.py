"""Generated payloads: whatever a vendor sends is read as it stands, or fails as a poll may fail.

`STREAMER_BAD_PAYLOADS` sets how many are tried for each kind and source; 300 by default. What became of them is listed
at the end of a run; `make campaign-payloads` tries 3,400 of three kinds and writes the list to `reports/`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping

import msgspec
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamer.model import AgentStatus
from streamer.sources.errors import PollError
from streamer.sources.registry import SOURCES
from tests.sources.cases import PARSERS
from tests.sources.contract import PERSONAL
from tests.sources.mutated import any_json, edited_bytes
from tests.sources.parser import Memo, Parser
from tests.support.summary import PAYLOADS, Tally

MANY = settings(
    max_examples=int(os.environ.get("STREAMER_BAD_PAYLOADS", "300")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

each_parser = pytest.mark.parametrize("parser", PARSERS, ids=str)


def tally_of(reader: str, request: pytest.FixtureRequest) -> Tally:
    """Return what becomes of a test's payloads: it travels with the test's report, from whichever process."""
    kind = re.sub(r"^test_(a_)?|_(is|are)_read.*", "", request.node.originalname).replace("_", " ")
    counted: Tally = {"of": reader, "kind": kind, "accepted": 0, "refused": 0, "false changes": 0, "crashes": 0}
    request.node.user_properties.append((PAYLOADS, counted))
    return counted


@pytest.fixture
def tally(parser: Parser, request: pytest.FixtureRequest) -> Tally:
    """What becomes of a test's payloads."""
    return tally_of(str(parser), request)


def test_every_source_is_fed_with_spoiled_payloads() -> None:
    """A source that is registered but has no parser here fails the suite."""
    assert {parser.name for parser in PARSERS} == set(SOURCES)


def read(parser: Parser, body: bytes, memo: Memo) -> Mapping[str, AgentStatus] | PollError:
    """Read a body, or return why it was refused; anything else that is raised fails the test."""
    try:
        return parser.read(body, memo)[0]
    except PollError as error:
        return error


def judge(parser: Parser, body: bytes, tally: Tally) -> None:
    """Fail unless a body is read as it stands, into statuses that events can hold, or refused without a word of it."""
    tally["crashes"] += 1  # until it turns out to be none
    result = read(parser, body, {})
    tally["crashes"] -= 1
    if isinstance(result, PollError):
        tally["refused"] += 1
        assert result.outcome in {"invalid_body", "incomplete"}
        assert result.message.startswith("$")
        assert not [part for part in PERSONAL if part in str(result)]
        return
    tally["accepted"] += 1
    for agent, status in result.items():
        assert status.agent == agent
        assert 0 < len(agent.encode()) <= 512
        assert orjson.loads(orjson.dumps(status.vendor)) == status.vendor
        assert msgspec.json.decode(msgspec.json.encode(status.vendor)) == status.vendor
    fault = parser.false_change(body, result)
    tally["false changes"] += fault is not None
    assert fault is None, fault


@each_parser
def test_what_would_be_a_false_change_is_found(parser: Parser) -> None:
    """The judge of what follows can say no: of an agent too many, one too few, and a status that nobody sent."""
    agents = {agent: status for agent, (_, status) in parser.before.items()}
    first, *others = agents
    swapped = [{**agents, first: agents[other]} for other in others]
    assert parser.false_change(parser.example, agents) is None
    assert "was read as" in (parser.false_change(parser.example, {**agents, "invented": agents[first]}) or "")
    assert "was read as" in (parser.false_change(parser.example, {agent: agents[agent] for agent in others}) or "")
    assert any("is as before" in (parser.false_change(parser.example, each) or "") for each in swapped)


@each_parser
@MANY
@given(data=st.data())
def test_a_payload_with_edited_bytes_is_read_or_refused(parser: Parser, tally: Tally, data: st.DataObject) -> None:
    """No byte makes the decoder raise anything else, or read what is not there."""
    judge(parser, data.draw(edited_bytes(parser.example)), tally)


@each_parser
@MANY
@given(data=st.data())
def test_a_payload_with_edited_values_is_read_or_refused(parser: Parser, tally: Tally, data: st.DataObject) -> None:
    """No value makes the decoder raise anything else, or read what is not there."""
    judge(parser, data.draw(parser.edited()), tally)


@each_parser
@MANY
@given(data=st.data())
def test_a_payload_of_anything_is_read_or_refused(parser: Parser, tally: Tally, data: st.DataObject) -> None:
    """Nor does a body that never was the vendor's."""
    anything = any_json(parser.keys).map(lambda value: parser.dressed(json.dumps(value).encode()))
    judge(parser, data.draw(st.binary(max_size=200) | anything), tally)


@pytest.mark.parametrize("parser", [each for each in PARSERS if each.remembers], ids=str)
@MANY
@given(data=st.data())
def test_a_memo_never_changes_what_is_read(parser: Parser, data: st.DataObject) -> None:
    """The memo saves work; with it or without it the same is read, or the same refused."""
    before, body = (data.draw(parser.edited()) for _ in range(2))
    first = read(parser, before, {})
    memo = parser.read(parser.example if isinstance(first, PollError) else before, {})[1]
    with_memo, without = read(parser, body, memo), read(parser, body, {})
    assert str(with_memo) == str(without)
    assert isinstance(with_memo, PollError) or with_memo == without
