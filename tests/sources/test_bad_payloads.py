"""Generated payloads: whatever a vendor sends is read, or fails as a poll may fail.

`STREAMER_BAD_PAYLOADS` sets how many are tried for each kind and source; 300 by default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import msgspec
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamer.model import AgentStatus, Window
from streamer.sources import eight_by_eight_agent_status, google_ccaip, vonage_payload
from streamer.sources import eight_by_eight_realtime_payload as realtime_payload
from streamer.sources.eight_by_eight_realtime_payload import Format
from streamer.sources.errors import PollError
from streamer.sources.skew import Skew
from tests.sources.contract import PERSONAL
from tests.sources.mutated import any_json, as_xml, edited_bytes, edited_values
from tests.sources.vendor import fixture

MANY = settings(
    max_examples=int(os.environ.get("STREAMER_BAD_PAYLOADS", "300")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

EVERYTHING = google_ccaip.Personal(names=True, emails=True, addresses=True)

Memo = Mapping[bytes, AgentStatus]


@dataclass(frozen=True, kw_only=True)
class Parser:
    """How one source reads an answer: from the body and a memo to the agents and the next memo."""

    name: str
    read: Callable[[bytes, Memo], tuple[Mapping[str, AgentStatus], Memo]]
    keys: tuple[str, ...]
    situation: str = "vendor-example"
    form: str = "json"
    remembers: bool = True

    def __str__(self) -> str:
        """Return what tests call the parser."""
        return f"{self.name} {self.form}"

    @property
    def example(self) -> bytes:
        """A good answer: the vendor's own example."""
        return fixture(self.name, self.situation, self.form)

    def edited(self) -> st.SearchStrategy[bytes]:
        """Good answers with edited values, in this form."""
        return edited_values(fixture(self.name, self.situation), self.keys).map(self.dressed)

    def dressed(self, document: bytes) -> bytes:
        """Write JSON in this form."""
        return as_xml(document) if self.form == "xml" else document


def realtime_stats(form: Format) -> Parser:
    """Return the parser of 8x8's real-time statistics for one form."""
    window = Window(start=1_800_000_000_000, end=1_800_000_010_050)

    def read(body: bytes, memo: Memo) -> tuple[Mapping[str, AgentStatus], Memo]:
        return realtime_payload.statuses_of(
            realtime_payload.read_agents(body, form=form), window=window, names=True
        ), memo

    keys = ("agents", "data", "agent-guid", "agent-id", "agent-status", "agent-name", "time-in-status", "new")
    return Parser(name="8x8-realtime-stats", situation="three-agents", form=form, read=read, keys=keys, remembers=False)


def vonage_page(body: bytes, memo: Memo) -> tuple[Mapping[str, AgentStatus], Memo]:
    """Read a page of Vonage's; the memo holds what it read before."""
    sheet = vonage_payload.read_page(
        body,
        memo=cast("vonage_payload.Memo", memo),
        reading=vonage_payload.Reading(skew=Skew(-500, 500), seen=1_800_000_000_000),
    )
    return sheet.page(Window(0, 0)).items, sheet.memo


PARSERS = (
    Parser(
        name="8x8-agent-status",
        read=lambda body, memo: eight_by_eight_agent_status.read_agents(body, memo=memo, names=True),
        keys=("data", "agent-id", "agent-status", "name", "status-code-list-id", "agent-sub-status", "new"),
    ),
    realtime_stats("json"),
    realtime_stats("xml"),
    Parser(
        name="google-ccaip",
        read=lambda body, memo: google_ccaip.read_agents(body, memo=memo, personal=EVERYTHING),
        keys=("agent_id", "status", "name", "email", "agent_number", "ip_addrs", "new"),
    ),
    Parser(
        name="vonage-agent-status",
        read=vonage_page,
        keys=(
            "meta",
            "items",
            "agentId",
            "presence",
            "workload",
            "interaction",
            "since",
            "guid",
            "state",
            "upTo",
            "new",
        ),
    ),
)

each_parser = pytest.mark.parametrize("parser", PARSERS, ids=str)


def read(parser: Parser, body: bytes, memo: Memo) -> Mapping[str, AgentStatus] | PollError:
    """Read a body, or return why it was refused; anything else that is raised fails the test."""
    try:
        return parser.read(body, memo)[0]
    except PollError as error:
        return error


def judge(parser: Parser, body: bytes) -> None:
    """Fail unless a body is read into statuses that events can hold, or refused without a word of what it says."""
    result = read(parser, body, {})
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


@each_parser
@MANY
@given(data=st.data())
def test_a_payload_with_edited_bytes_is_read_or_refused(parser: Parser, data: st.DataObject) -> None:
    """No byte makes the decoder raise anything else."""
    judge(parser, data.draw(edited_bytes(parser.example)))


@each_parser
@MANY
@given(data=st.data())
def test_a_payload_with_edited_values_is_read_or_refused(parser: Parser, data: st.DataObject) -> None:
    """No value makes the decoder raise anything else."""
    judge(parser, data.draw(parser.edited()))


@each_parser
@MANY
@given(data=st.data())
def test_a_payload_of_anything_is_read_or_refused(parser: Parser, data: st.DataObject) -> None:
    """Nor does a body that never was the vendor's."""
    anything = any_json(parser.keys).map(lambda value: parser.dressed(json.dumps(value).encode()))
    judge(parser, data.draw(st.binary(max_size=200) | anything))


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
