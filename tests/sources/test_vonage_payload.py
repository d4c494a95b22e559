"""Vonage: the vendor's own example, field by field, and payloads that are off in one way each."""

from __future__ import annotations

import pytest

from streamer.clock import parse_rfc3339
from streamer.model import Interval, Window
from streamer.sources.documented import UnknownFields
from streamer.sources.errors import PollError
from streamer.sources.skew import Skew
from streamer.sources.vonage_components import VonageStatus, moment
from streamer.sources.vonage_payload import Reading, Sheet, read_page
from tests.sources.contract import PERSONAL
from tests.sources.vendor import FIXTURES, fixture

SOURCE = "vonage-agent-status"
SEEN = parse_rfc3339("2019-12-23T09:40:00Z")
SYNCHRONOUS = Reading(skew=Skew(0, 0), seen=SEEN)

BAD = {
    "bad-agent-id-is-a-number": "$.items[0].agentId: Expected `str`, got `int`",
    "bad-agent-id-is-blank": "$.items[0].agentId: the id is blank",
    "bad-agent-id-is-null": "$.items[0].agentId: Expected `str`, got `null`",
    "bad-agent-id-is-too-long": "$.items[0].agentId: the id has 514 bytes, more than 512",
    "bad-agent-id-missing": "$.items[0].agentId: is missing",
    "bad-agent-id-with-control-character": "$.items[0].agentId: the id holds a control character",
    "bad-agent-is-text": "$.items[0]: Expected `object`, got `str`",
    "bad-agent-listed-twice": "$.items[1]: an agent that was listed before",
    "bad-calls-is-a-fraction": "$.items[0].workload.calls: Expected `int | str | null`, got `float`",
    "bad-calls-is-a-word": "$.items[0].workload.calls: expected a number, got text that is none",
    "bad-calls-is-enormous": "$.items[0].workload.calls: the number does not fit into 64 bits",
    "bad-eligible-is-text": "$.items[0].presence.eligibleForRouting: Expected `bool | null`, got `str`",
    "bad-interaction-guid-missing": "$.items[0].interaction[0].guid: is missing",
    "bad-interaction-is-an-object": "$.items[0].interaction: Expected `array | null`, got `object`",
    "bad-interaction-reason-is-an-object": "$.items[0].interaction[0].reason: Expected `str | null`, got `object`",
    "bad-interaction-state-is-null": "$.items[0].interaction[0].state: Expected `str`, got `null`",
    "bad-items-is-null": "$.items: Expected `array`, got `null`",
    "bad-items-missing": "$.items: is missing",
    "bad-list-without-envelope": "$: Expected `object`, got `array`",
    "bad-message-instead-of-agents": "$.meta: is missing",
    "bad-meta-missing": "$.meta: is missing",
    "bad-page-is-a-word": "$.meta.page: expected a number, got text that is none",
    "bad-presence-is-text": "$.items[0].presence: Expected `object`, got `str`",
    "bad-presence-missing": "$.items[0].presence: is missing",
    "bad-presence-name-is-blank": "$.items[0].presence.name: the name is blank",
    "bad-presence-name-is-null": "$.items[0].presence.name: Expected `str`, got `null`",
    "bad-presence-name-missing": "$.items[0].presence.name: is missing",
    "bad-presence-since-is-a-number": "$.items[0].presence.since: Expected `str | null`, got `int`",
    "bad-total-missing": "$.meta.totalCount: is missing",
    "bad-up-to-is-a-number": "$.upTo: Expected `str | null`, got `int`",
    "bad-workload-is-a-list": "$.items[0].workload: Expected `object | null`, got `array`",
}


def sheet(name: str, reading: Reading = SYNCHRONOUS) -> Sheet:
    return read_page(fixture(SOURCE, name), memo={}, reading=reading, unknown=UnknownFields())


def read(name: str) -> dict[str, VonageStatus]:
    return dict(sheet(name).agents)


def test_the_example_of_the_vendors_document_is_read_field_by_field() -> None:
    """What events publish under `vendor` is the document's fields under the document's names."""
    busy, idle = read("vendor-example").values()
    assert (busy.agent, busy.name) == ("002", None)
    assert busy.vendor == {
        "code": "Ready",
        "label": "Ready",
        "presence": {
            "since": "2019-12-19T16:00:23.249Z",
            "name": "Ready",
            "description": "Ready",
            "eligibleForRouting": False,
        },
        "workload": {"since": "2019-12-19T16:05:30.212Z", "calls": 1, "semiLive": 0, "nonLive": 0},
        "interactions": [
            {
                "guid": "b6c01065-a5fa-432f-981b-649f98518878",
                "channelGuid": None,
                "since": "2019-12-19T16:05:30.212Z",
                "medium": "Phone",
                "mediumManager": "CC",
                "direction": "Outbound",
                "state": "Connected",
                "reason": None,
            }
        ],
    }
    assert busy.significant == frozenset(
        {
            ("presence", ("Ready", "Ready")),
            ("workload", (1, 0, 0)),
            ("interactions/b6c01065-a5fa-432f-981b-649f98518878", ("Phone", "CC", "Outbound", "Connected", None)),
        }
    )
    assert (idle.agent, idle.name) == ("003", None)
    assert idle.vendor == {
        "code": "Ready",
        "label": "Ready",
        "presence": {
            "since": "2019-12-19T16:00:30.145Z",
            "name": "Ready",
            "description": "Ready",
            "eligibleForRouting": True,
        },
        "workload": {"since": "2019-12-19T15:49:00.512Z", "calls": 0, "semiLive": 0, "nonLive": 0},
        "interactions": [],
    }
    assert idle.significant == frozenset({("presence", ("Ready", "Ready")), ("workload", (0, 0, 0))})
    assert {(each.skew, each.seen, each.basis) for each in (busy, idle)} == {(Skew(0, 0), SEEN, "vendor_since")}


def test_the_pages_of_the_example_are_read() -> None:
    """The envelope's five fields say where the page stands and of when it is."""
    page = sheet("vendor-example").page(Window(1, 2))
    assert (page.number, page.count, page.pages, page.total, page.window) == (1, 2, 1, 2, Window(1, 2))
    assert sheet("vendor-example").up_to == parse_rfc3339("2019-12-23T09:39:07.012Z")


def test_the_entry_is_the_latest_of_the_times() -> None:
    """The second agent's presence is younger than its workload; an interaction may have moved on after it began."""
    busy, idle = read("vendor-example").values()
    ready = parse_rfc3339("2019-12-19T16:00:30.145Z")
    assert (idle.entered, idle.basis) == (Interval(ready, ready), "vendor_since")
    assert busy.entered == Interval(parse_rfc3339("2019-12-19T16:05:30.212Z"), SEEN)


def test_times_are_told_in_our_clock() -> None:
    """A vendor whose clock is between 2 and 3 s ahead."""
    idle = sheet("vendor-example", Reading(skew=Skew(2000, 3000), seen=SEEN)).agents["003"]
    ready = parse_rfc3339("2019-12-19T16:00:30.145Z")
    assert idle.entered == Interval(ready - 3000, ready - 2000)


def test_without_the_vendors_clock_its_times_tell_nothing() -> None:
    """They stay in `vendor`, untouched."""
    for status in sheet("vendor-example", Reading(skew=None, seen=SEEN)).agents.values():
        assert (status.entered, status.basis) == (None, "poll_bounds")
        assert status.vendor["presence"]["since"].startswith("2019-12-19T16:00:")


def test_what_is_no_time_counts_as_none_and_the_rest_goes_on() -> None:
    """Garbage, and the year 1 that stands for nothing; fractions of any length and offsets are ISO 8601."""
    none, some = read("times-in-other-forms-and-none").values()
    assert (none.entered, none.basis, none.vendor["presence"]["since"]) == (None, "poll_bounds", "yesterday")
    assert some.entered == read("vendor-example")["003"].entered


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2019-12-19T16:00:23.249Z", "2019-12-19T16:00:23.249Z"),
        ("2019-12-19T16:00:23.2499999Z", "2019-12-19T16:00:23.249Z"),
        ("2019-12-19T16:00:23", "2019-12-19T16:00:23Z"),
        ("2019-12-19T17:30:23+01:30", "2019-12-19T16:00:23Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("1969-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2019-13-19T16:00:23Z", None),
        ("", None),
        (1576771223249, None),
        (None, None),
    ],
)
def test_a_time_is_read_in_utc_or_not_at_all(text: object, at: str | None) -> None:
    """The document speaks of UTC in ISO 8601."""
    assert moment(text) == (None if at is None else parse_rfc3339(at))


@pytest.mark.parametrize("name", ["no-agents", "no-agents-on-one-page"])
def test_a_tenant_without_agents_is_a_snapshot_without_agents(name: str) -> None:
    """Whether to believe it is not for the source to say."""
    assert read(name) == {}


def test_numbers_may_come_as_text() -> None:
    """They are published as the numbers that they are: text and number are no change."""
    assert read("numbers-as-text") == read("vendor-example")


def test_what_must_be_is_an_id_and_a_presence() -> None:
    """All else may be missing or null, which is the same."""
    ready, wrapping = read("only-what-must-be").values()
    assert ready.vendor["presence"] == {"name": "Ready", "since": None, "description": None, "eligibleForRouting": None}
    assert (ready.vendor["workload"], ready.vendor["interactions"]) == (None, [])
    assert [each["state"] for each in wrapping.vendor["interactions"]] == ["Wrap"]
    assert {status.entered for status in read("nulls-for-all-that-may-be").values()} == {None}


def test_fields_that_nobody_documented_are_left_out() -> None:
    """They may be anything, personal data too."""
    assert read("fields-nobody-documented") == read("vendor-example")


def test_the_order_of_interactions_and_agents_is_no_change() -> None:
    """Interactions are published in the order of their guids."""
    one, other = read("several-interactions"), read("several-interactions-in-another-order")
    assert one == other
    assert [each["guid"] for each in one["002"].vendor["interactions"]] == ["a", "b", "c"]


def test_an_interaction_that_is_listed_twice_is_kept_and_has_no_time() -> None:
    """The document calls guids unique; where they are not, nothing is lost and nothing claimed."""
    status = read("one-interaction-listed-twice")["002"]
    assert [each["state"] for each in status.vendor["interactions"]] == ["Connected", "Ringing"]
    assert status.entered == Interval(parse_rfc3339("2019-12-19T16:05:30.212Z"), SEEN)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_payload_is_refused_as_a_whole_and_its_place_is_named(name: str) -> None:
    """The message has the path and what is wrong there, and nothing of what the body says."""
    with pytest.raises(PollError) as caught:
        sheet(name).page(Window(0, 0))
    assert caught.value.message == BAD[name]
    assert caught.value.outcome == ("incomplete" if "twice" in name else "invalid_body")
    assert not [part for part in PERSONAL if part in str(caught.value)]


def test_every_bad_payload_is_tried() -> None:
    """No fixture lies about unused."""
    assert {path.stem for path in (FIXTURES / SOURCE).glob("bad-*")} == set(BAD)
