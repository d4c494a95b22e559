"""8x8 agent status: the vendor's own examples, field by field, and payloads that are off in one way each."""

from __future__ import annotations

import json

import pytest

from streamer.model import AgentStatus
from streamer.sources.documented import UnknownFields
from streamer.sources.eight_by_eight_agent_status import read_agents
from streamer.sources.errors import PollError
from tests.sources.cases import CASES
from tests.sources.conftest import MakeSource
from tests.sources.contract import PERSONAL, SECRET, SECRET_VARIABLE
from tests.sources.vendor import FIXTURES, Vendor, answer, fixture

SOURCE = "8x8-agent-status"

BAD = {
    "bad-agent-id-missing": "$.data[1].agent-id: is missing",
    "bad-agent-id-is-a-number": "$.data[1].agent-id: Expected `str`, got `int`",
    "bad-agent-id-is-null": "$.data[0].agent-id: Expected `str`, got `null`",
    "bad-agent-id-is-blank": "$.data[0].agent-id: the id is blank",
    "bad-agent-id-is-too-long": "$.data[0].agent-id: the id has 514 bytes, more than 512",
    "bad-agent-id-with-control-character": "$.data[1].agent-id: the id holds a control character",
    "bad-agent-status-missing": "$.data[3].agent-status: is missing",
    "bad-agent-status-is-null": "$.data[1].agent-status: Expected `int | str`, got `null`",
    "bad-agent-status-is-a-word": "$.data[1].agent-status: expected a number, got text that is none",
    "bad-agent-status-is-a-fraction": "$.data[0].agent-status: Expected `int | str`, got `float`",
    "bad-agent-status-is-a-flag": "$.data[0].agent-status: Expected `int | str`, got `bool`",
    "bad-agent-status-is-enormous": "$.data[0].agent-status: the number does not fit into 64 bits",
    "bad-list-id-is-a-list": "$.data[0].status-code-list-id: Expected `int | str | null`, got `array`",
    "bad-list-id-is-a-word": "$.data[0].status-code-list-id: expected a number, got text that is none",
    "bad-short-code-is-a-number": "$.data[0].status-code-item-short-code: Expected `str | null`, got `int`",
    "bad-name-is-an-object": "$.data[0].name: Expected `str | null`, got `object`",
    "bad-agent-is-text": "$.data[1]: Expected `object`, got `str`",
    "bad-data-missing": "$.data: is missing",
    "bad-data-is-an-object": "$.data: Expected `array`, got `object`",
    "bad-data-is-null": "$.data: Expected `array`, got `null`",
    "bad-list-without-data": "$: Expected `object`, got `array`",
    "bad-agent-listed-twice": "$.data[2]: an agent that was listed before",
    "bad-agent-listed-twice-alike": "$.data[2]: an agent that was listed before",
}


def read(name: str, *, names: bool = True) -> dict[str, AgentStatus]:
    return dict(read_agents(fixture(SOURCE, name), memo={}, names=names, unknown=UnknownFields())[0])


def test_the_example_of_the_vendors_document_is_read_field_by_field() -> None:
    """What events publish under `vendor` is the document's fields under the document's names."""
    ilya, jane, paul, padma = read("vendor-example").values()
    assert (ilya.agent, ilya.name) == ("ag0VYyLh0YTsymdbtYIaaaa", "Ilya Workshard")
    assert ilya.vendor == {"code": 1, "label": "LOGGED_OUT"}
    assert (jane.agent, jane.name) == ("ag0XgxWZr7TzqWFhxboBGj1g", "Jane Smith")
    assert jane.vendor == {
        "code": 1,
        "label": "LOGGED_OUT",
        "status-code-list-id": -1,
        "status-code-item-id": 1,
    }
    assert (paul.agent, paul.name) == ("ag1LmqEeEYRoOti9KjIi_Dng", "Paul Neverhere")
    assert paul.vendor == {"code": 0, "label": "UNKNOWN"}
    assert (padma.agent, padma.name) == ("ag64oyEUb_Sk6bxVB9P5ye5w", "Padma Othertask")
    assert padma.vendor == {
        "code": 5,
        "label": "WORK_OFFLINE",
        "status-code-list-id": 801,
        "status-code-item-id": 1726,
        "status-code-item-short-code": "Train",
        "agent-sub-status": "none",
    }
    assert [each.significant for each in (ilya, jane, paul, padma)] == [
        (1, None, None, None, None),
        (1, -1, 1, None, None),
        (0, None, None, None, None),
        (5, 801, 1726, "Train", "none"),
    ]


def test_the_document_knows_no_times() -> None:
    """When a status was entered is left to the bounds of the polls."""
    assert {(each.entered, each.basis) for each in read("vendor-example").values()} == {(None, "poll_bounds")}


async def test_the_example_of_one_agent_is_read_like_one_of_all(vendor: Vendor, source_of: MakeSource) -> None:
    """Both requests of the document give the same kind of status; the ids are two, in the document too."""
    vendor.respond = answer(fixture(SOURCE, "vendor-example-of-one-agent"))
    status = await source_of().agent("ag64oyEUb_Sk6bxVB9P5yaaa")
    assert status == AgentStatus(
        agent="ag64oyEUb_Sk6bxVB9P5yaaa",
        name="Padma Othertask",
        vendor={
            "code": 5,
            "label": "WORK_OFFLINE",
            "status-code-list-id": 801,
            "status-code-item-id": 1726,
            "status-code-item-short-code": "Train",
            "agent-sub-status": "none",
        },
        significant=(5, 801, 1726, "Train", "none"),
        entered=None,
        basis="poll_bounds",
    )
    like = read("vendor-example")["ag64oyEUb_Sk6bxVB9P5ye5w"]
    assert (status.name, status.vendor, status.significant) == (like.name, like.vendor, like.significant)


def test_all_twelve_statuses_have_their_label() -> None:
    """Labels are those of the document's two tables."""
    labels = {each.vendor["code"]: each.vendor["label"] for each in read("all-twelve-statuses").values()}
    assert labels == {
        0: "UNKNOWN",
        1: "LOGGED_OUT",
        2: "LOGGED_IN",
        3: "ON_BREAK",
        4: "WAIT_TRANSACT",
        5: "WORK_OFFLINE",
        6: "TRANSACT_OFFERED",
        7: "PROCESS_TRANSACT",
        8: "POST_PROCESS",
        9: "BUSY",
        10: "DIRECT_CALL",
        11: "ON_EMAIL",
    }


def test_a_tenant_without_agents_is_a_snapshot_without_agents() -> None:
    """Whether to believe it is not for the source to say."""
    assert read("no-agents") == {}


def test_numbers_may_come_as_text() -> None:
    """They are published as the numbers that they are: text and number are no change."""
    (status,) = read("numbers-as-text").values()
    assert status == read("vendor-example")["ag64oyEUb_Sk6bxVB9P5ye5w"]


def test_null_is_as_absent() -> None:
    """A field that comes and goes as null is no change."""
    (status,) = read("nulls-for-absent-fields").values()
    assert (status.name, status.vendor) == (None, {"code": 4, "label": "WAIT_TRANSACT"})


def test_fields_that_nobody_documented_are_ignored() -> None:
    """A new field of the vendor's breaks nothing and is no change."""
    (status,) = read("fields-nobody-documented").values()
    assert status == read("vendor-example")["ag64oyEUb_Sk6bxVB9P5ye5w"]


def test_a_status_that_nobody_documented_has_no_label() -> None:
    """The vendor's code travels on, so that consumers can act on it."""
    (status,) = read("status-nobody-documented").values()
    assert status.vendor == {"code": 12, "label": None}


def test_names_are_stripped() -> None:
    """A blank name is none."""
    assert [each.name for each in read("names-with-blanks").values()] == ["Zoë Ångström", None]


def test_names_can_be_left_out() -> None:
    """With `agent_names: false` no name leaves the source."""
    assert {each.name for each in read("vendor-example", names=False).values()} == {None}


async def test_a_tenant_without_names_gets_none_over_http(vendor: Vendor, source_of: MakeSource) -> None:
    """The config's key reaches the decoder, for all agents and for one."""
    source = source_of(agent_names=False)
    vendor.respond = answer(fixture(SOURCE, "vendor-example"))
    assert {each.name for each in (await source.snapshot()).agents.values()} == {None}
    vendor.respond = answer(fixture(SOURCE, "vendor-example-of-one-agent"))
    assert (await source.agent("ag64oyEUb_Sk6bxVB9P5yaaa")).name is None


def test_every_bad_fixture_is_tested() -> None:
    """A payload that is added to the folder must have its message here."""
    assert {file.stem for file in FIXTURES.joinpath(SOURCE).glob("bad-*.json")} == set(BAD)


@pytest.mark.parametrize("name", BAD)
def test_a_payload_that_is_off_is_an_error_that_names_the_place(name: str) -> None:
    """One bad agent spoils the snapshot: it is complete or it is none. The error holds no value of a person's."""
    with pytest.raises(PollError) as caught:
        read(name)
    assert caught.value.message == BAD[name]
    assert caught.value.outcome == ("incomplete" if "twice" in name else "invalid_body")
    assert not [part for part in PERSONAL if part in str(caught.value)]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"data": [{"agent-id": "a", "agent-status": NaN}]}', "$: JSON is malformed"),
        (b'{"data": [{"agent-id": "a", "agent-status": 1e999}]}', "$.data[0].agent-status: Number out of range"),
        (b'{"data": [{"agent-id": "a", "agent-status": ' + b"9" * 9000 + b"}]}", "$.data[0].agent-status: Integer"),
        (b'{"data": [{"agent-id": "\xff", "agent-status": 1}]}', "$: holds text that is not UTF-8, at byte 24"),
        (b'{"data": [{"agent-id": "\\ud800", "agent-status": 1}]}', "$: JSON is malformed"),
        (b'{"data": [' + b"[" * 9000 + b"]" * 9000 + b"]}", "$: is nested too deeply"),
        (b'{"data": [{"x": ' + b'{"x":' * 9000 + b"1" + b"}" * 9000 + b"}]}", "$: is nested too deeply"),
        (b'{"data": []} Padma', "$: JSON is malformed: trailing characters"),
        (b"\xef\xbb\xbf", "$: the body is empty"),
        (b"\xef\xbb\xbf <html>", "$: the body is HTML or XML, not JSON"),
    ],
)
def test_a_body_that_is_no_json_is_an_error_that_names_the_place(body: bytes, message: str) -> None:
    """Neither depth nor digits nor encoding get past the decoder."""
    with pytest.raises(PollError) as caught:
        read_agents(body, memo={}, names=True, unknown=UnknownFields())
    assert caught.value.message.startswith(message)
    assert (caught.value.outcome, "Padma" in str(caught.value)) == ("invalid_body", False)


async def test_an_unchanged_agent_is_the_identical_object(vendor: Vendor, source_of: MakeSource) -> None:
    """What did not change is neither decoded nor compared again; where it stands in the list does not matter."""
    vendor.respond = answer(fixture(SOURCE, "vendor-example"))
    source = source_of()
    first = (await source.snapshot()).agents
    document = json.loads(fixture(SOURCE, "vendor-example"))
    document["data"].reverse()
    document["data"][0]["agent-status"] = 4
    vendor.respond = answer(json.dumps(document, indent=2).encode())
    second = (await source.snapshot()).agents
    kept = [agent for agent in first if second[agent] is first[agent]]
    assert kept == list(first)[:-1]
    assert second["ag64oyEUb_Sk6bxVB9P5ye5w"].vendor["code"] == 4


async def test_the_memo_holds_the_last_good_snapshot_only(vendor: Vendor, source_of: MakeSource) -> None:
    """A failed poll leaves it as it was; an agent that left is forgotten; so it never grows beyond one snapshot."""
    good, empty = fixture(SOURCE, "vendor-example"), fixture(SOURCE, "no-agents")
    source = source_of()
    vendor.respond = answer(good)
    first = (await source.snapshot()).agents
    vendor.respond = answer(fixture(SOURCE, "bad-agent-status-missing"))
    with pytest.raises(PollError):
        await source.snapshot()
    vendor.respond = answer(good)
    second = (await source.snapshot()).agents
    assert all(second[agent] is first[agent] for agent in first)
    vendor.respond = answer(empty)
    await source.snapshot()
    vendor.respond = answer(good)
    third = (await source.snapshot()).agents
    assert third == first
    assert not any(third[agent] is first[agent] for agent in first)


async def test_a_large_tenant_does_not_stall_the_others(vendor: Vendor, source_of: MakeSource) -> None:
    """More than 512 KiB are decoded in a thread, with the same result and the same identity."""
    agents = [{"agent-id": f"agent-{number}", "agent-status": 4, "name": "x" * 100} for number in range(5000)]
    body = json.dumps({"data": agents}).encode()
    assert len(body) > 600_000
    vendor.respond = answer(body)
    source = source_of(max_body=2**20)
    first, second = (await source.snapshot()).agents, (await source.snapshot()).agents
    assert len(first) == 5000
    assert all(second[agent] is first[agent] for agent in first)


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> object:
    """This source alone."""
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    return next(each for each in CASES if each.name == SOURCE)
