"""8x8 real-time statistics: the vendor's own example, field by field, and payloads that are off in one way each."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import pytest

from streamer.model import AgentStatus, Interval, Window
from streamer.sources.documented import UnknownFields
from streamer.sources.eight_by_eight_realtime_payload import AGENTS, Format, read_agents, statuses_of
from streamer.sources.errors import PollError
from tests.sources.contract import PERSONAL
from tests.sources.vendor import FIXTURES, fixture

SOURCE = "8x8-realtime-stats"
WINDOW = Window(start=1_800_000_000_000, end=1_800_000_010_050)
GUID = "detestacct801-ag3276621-cb1f16ae-d5a8-4658-a467-e1d9c3b8467f"
MISSING_IDS = "agent-id: is missing, and so is agent-guid"
NO_NUMBER = "expected a number, got text that is none"

BAD_IN_BOTH = {
    "bad-agent-without-any-id": f"[1].{MISSING_IDS}",
    "bad-agent-with-blank-ids": f"[0].{MISSING_IDS}",
    "bad-agent-id-is-too-long": "[0].agent-guid: the id has 513 bytes, more than 512",
    "bad-agent-id-with-line-break": "[1].agent-id: the id holds a control character",
    "bad-agent-status-missing": "[1].agent-status: is missing",
    "bad-agent-status-is-empty": "[1].agent-status: is missing",
    "bad-agent-status-is-a-word": f"[1].agent-status: {NO_NUMBER}",
    "bad-agent-status-is-enormous": "[0].agent-status: the number does not fit into 64 bits",
    "bad-list-id-is-a-word": f"[0].status-code-list-id: {NO_NUMBER}",
    "bad-agent-listed-twice": "[2]: an agent that was listed before",
    "bad-two-agents-with-one-guid": "[1]: an agent that was listed before",
}
BAD_JSON = {
    "bad-agent-status-is-null": "$.agents[0].agent-status: is missing",
    "bad-agent-status-is-a-fraction": "$.agents[0].agent-status: Expected `int | str | null`, got `float`",
    "bad-agent-status-is-a-flag": "$.agents[0].agent-status: Expected `int | str | null`, got `bool`",
    "bad-agent-id-is-a-list": "$.agents[0].agent-id: Expected `int | str | null`, got `array`",
    "bad-agent-is-text": "$.agents[1]: Expected `object`, got `str`",
    "bad-list-is-null": "$.agents: Expected `object | array`, got `null`",
    "bad-list-is-text": "$.agents: Expected `object | array`, got `str`",
    "bad-list-under-another-name": "$: holds none of agents, agent, data",
    "bad-two-lists": "$: holds more than one of agents, agent, data",
    "bad-objects-in-objects": "$.data.data.data: expected a list of agents, got one object in another",
    "bad-number": "$: Expected `object | array`, got `int`",
    "bad-xml-instead": "$: the body is HTML or XML, not JSON",
}
NO_AGENT = "$: holds no <agent>"
DECLARES = "$: has a document type declaration, which no answer needs"
ILL_FORMED = "$: is no well-formed XML, at line "
BAD_XML = {
    "bad-list-of-others": NO_AGENT,
    "bad-empty-of-another-name": NO_AGENT,
    "bad-text-only": NO_AGENT,
    "bad-namespace": NO_AGENT,
    "bad-elements-where-text-was-expected": "$.agent[0].agent-status: expected text, got elements",
    "bad-declares-a-type": DECLARES,
    "bad-entity-small": DECLARES,
    "bad-entity-from-a-file": DECLARES,
    "bad-type-hidden-in-utf-7": DECLARES,
    "bad-entity-bomb": ILL_FORMED + "1, column 5",
    "bad-entity-bomb-in-an-attribute": ILL_FORMED,
    "bad-entity-that-grows-quadratically": ILL_FORMED,
    "bad-entity-nobody-declared": ILL_FORMED + "1, column 33",
    "bad-declares-an-encoding-nobody-knows": ILL_FORMED + "1, column 39",
    "bad-declares-an-encoding-it-has-not": ILL_FORMED + "1, column 65",
    "bad-control-character": ILL_FORMED + "1, column 27",
    "bad-end-tag-of-another": ILL_FORMED + "1, column 43",
    "bad-json-instead": ILL_FORMED + "1, column 1",
}
BAD: Mapping[Format, Mapping[str, str]] = {
    "json": {**{name: f"$.agents{words}" for name, words in BAD_IN_BOTH.items()}, **BAD_JSON},
    "xml": {**{name: f"$.agent{words}" for name, words in BAD_IN_BOTH.items()}, **BAD_XML},
}

TABLE = [
    "agent-id",
    "agent-name",
    "agent-status",
    "agent-media-id",
    "assigned-skill-count",
    "day-accepted-count",
    "day-available-time",
    "day-avg-processing-time",
    "day-break-time",
    "day-login-time",
    "day-rejected-count",
    "day-offline-time",
    "day-processing-time",
    "day-wrap-up-time",
    "enabled-skill-count",
    "group-id",
    "last-login-time",
    "phone-line1-status",
    "phone-line1-status-time",
    "phone-line2-status",
    "phone-line2-status-time",
    "status-code-item-id",
    "status-code-item-short-code",
    "status-code-list-id",
    "thirty-min-accepted-count",
    "thirty-min-available-time",
    "thirty-min-avg-handling-time",
    "thirty-min-break-time",
    "thirty-min-offline-time",
    "thirty-min-processing-time",
    "thirty-min-rejected-count",
    "thirty-min-wrap-up-time",
    "time-in-status",
    "Agent-sub-status",
]
"""The fields in the document's table of agents, in its order."""

in_both = pytest.mark.parametrize("form", ["json", "xml"])


def read(body: bytes, form: Format = "json", *, names: bool = True) -> dict[str, AgentStatus]:
    return dict(statuses_of(read_agents(body, form=form, names=names, unknown=UnknownFields()), window=WINDOW))


def read_fixture(name: str, form: Format, *, names: bool = True) -> dict[str, AgentStatus]:
    return read(fixture(SOURCE, name, form), form, names=names)


@in_both
def test_the_example_of_the_vendors_document_is_read_field_by_field(form: Format) -> None:
    """The GUID has blanks around it there and three elements are empty; what moves by itself is left out."""
    (marie,) = read_fixture("vendor-example", form).values()
    assert (marie.agent, marie.name) == (GUID, "Marie Sanders")
    assert marie.vendor == {
        "code": 9,
        "label": "logged out",
        "agent-guid": GUID,
        "agent-id": "ag3276621",
        "agent-media-id": 0,
        "agent-sub-status": "none",
        "group-id": 108,
        "time-in-status": 206526,
    }
    assert marie.significant == (9, None, None, None, "none")
    assert marie.entered == Interval(WINDOW.start - 206_527_000, WINDOW.end - 206_525_000)
    assert marie.basis == "time_in_status"


def test_every_field_of_the_documents_example_is_in_its_json_twin() -> None:
    """The document shows XML only; the JSON fixture is the same agent, number for number."""
    xml = fixture(SOURCE, "vendor-example", "xml").decode()
    twin = json.loads(fixture(SOURCE, "vendor-example"))
    written = "".join(f" <{key}/>" if value is None else f" <{key}>{value}</{key}>" for key, value in twin.items())
    assert xml == f"<agent>{written} </agent>\n"


def test_every_field_of_the_documents_table_and_example_is_known_and_no_other() -> None:
    """Those that are read, and those that are ignored on purpose: the table lacks five, the example one spelling."""
    example = set(json.loads(fixture(SOURCE, "vendor-example")))
    assert AGENTS.fields | AGENTS.besides == set(TABLE) | example
    assert AGENTS.fields & AGENTS.besides == set()
    assert set(TABLE) - example == {"Agent-sub-status"}
    assert len(example - set(TABLE)) == 6


@in_both
def test_nothing_in_the_documents_example_is_unknown(form: Format) -> None:
    """Whatever it holds."""
    unknown = UnknownFields()
    read_agents(fixture(SOURCE, "vendor-example", form), form=form, names=True, unknown=unknown)
    assert unknown.paths == frozenset()


@pytest.mark.parametrize("file", sorted(FIXTURES.joinpath(SOURCE).glob("*.json")), ids=lambda file: file.stem)
def test_json_and_xml_say_the_same(file: object) -> None:
    """Every situation that is there in both forms is read into equal statuses, or refused for the same agent."""
    name = getattr(file, "stem", "")
    if name in BAD_JSON:
        assert not FIXTURES.joinpath(SOURCE, f"{name}.xml").exists()
        return
    if name in BAD_IN_BOTH:
        assert BAD["json"][name].replace("agents[", "agent[") == BAD["xml"][name]
        return
    assert read_fixture(name, "json") == read_fixture(name, "xml")


@in_both
def test_all_seven_statuses_have_the_documents_label(form: Format) -> None:
    """They are not the statuses of the vendor's other API."""
    labels = {each.vendor["code"]: each.vendor["label"] for each in read_fixture("all-seven-statuses", form).values()}
    assert labels == {
        0: "available",
        1: "transaction offered",
        2: "busy",
        3: "post processing",
        4: "on break",
        5: "work offline",
        9: "logged out",
    }


@in_both
def test_an_agent_is_named_by_its_guid_or_else_by_its_login_id(form: Format) -> None:
    """Both are kept; blanks around them are none of theirs."""
    agents = read_fixture("three-agents", form)
    assert list(agents) == [GUID, "acme-jdoe-0f1e", "padma"]
    assert [each.vendor.get("agent-guid") for each in agents.values()] == [GUID, "acme-jdoe-0f1e", None]
    assert [each.vendor["agent-id"] for each in agents.values()] == ["ag3276621", "jdoe", "padma"]


@in_both
def test_numbers_may_come_as_text_and_text_as_numbers(form: Format) -> None:
    """Nobody says what the vendor's JSON does: `801` is one number and one text, however it is written."""
    (jdoe,) = read_fixture("numbers-as-text", form).values()
    assert jdoe == read_fixture("three-agents", form)["acme-jdoe-0f1e"]
    (other,) = read_fixture("text-as-numbers", form).values()
    assert (other.agent, other.name) == ("801", "42")
    assert other.significant == (4, None, 1, "7", "3")


@in_both
def test_an_empty_value_is_as_absent(form: Format) -> None:
    """Empty elements, empty texts, blanks and nulls are one."""
    (status,) = read_fixture("empty-values", form).values()
    assert (status.name, status.vendor) == (None, {"code": 0, "label": "available", "agent-id": "a"})
    assert (status.entered, status.basis) == (None, "poll_bounds")


@in_both
def test_a_time_that_is_none_fails_nothing(form: Format) -> None:
    """-1, a negative, an absurd or no number: when the status was entered is left to the polls; it travels as it came."""
    agents = read_fixture("times-that-are-none", form).values()
    assert {(each.entered, each.basis) for each in agents} == {(None, "poll_bounds")}
    times = [each.vendor.get("time-in-status") for each in agents]
    assert times == [-1, -206526, 2147483647, "soon", None, "9999999999999999999999"]


@in_both
def test_what_no_status_rests_on_spoils_nothing(form: Format) -> None:
    """Words where numbers were seen travel on as words."""
    (status,) = read_fixture("words-where-numbers-were-seen", form).values()
    assert (status.vendor["agent-media-id"], status.vendor["group-id"]) == ("Phone", "Sales")


@in_both
def test_the_sub_status_counts_in_both_spellings_of_the_document(form: Format) -> None:
    """The example writes it small, the table with a capital."""
    (status,) = read_fixture("sub-status-in-capitals", form).values()
    assert status.significant == (2, None, None, None, "2 chats")


@in_both
def test_counters_and_fields_that_nobody_documented_are_ignored(form: Format) -> None:
    """They are neither published nor a change."""
    (status,) = read_fixture("fields-nobody-documented", form).values()
    assert status == read_fixture("three-agents", form)["acme-jdoe-0f1e"]


@in_both
def test_a_status_that_nobody_documented_has_no_label(form: Format) -> None:
    """The vendor's code travels on."""
    (status,) = read_fixture("status-nobody-documented", form).values()
    assert (status.vendor["code"], status.vendor["label"]) == (7, None)


@in_both
def test_names_can_be_left_out(form: Format) -> None:
    """With `agent_names: false` no name leaves the source."""
    assert {each.name for each in read_fixture("three-agents", form, names=False).values()} == {None}


@in_both
def test_a_tenant_without_agents_is_a_snapshot_without_agents(form: Format) -> None:
    """Whether to believe it is not for the source to say."""
    assert read_fixture("no-agents", form) == {}


AGENT = b'{"agent-id": "a", "agent-status": 4}'


@pytest.mark.parametrize(
    "envelope",
    [
        *(b"[%s]", b'{"agents": [%s]}', b'{"agent": [%s]}', b'{"data": [%s]}'),
        *(b"%s", b'{"agent": %s}', b'{"agents": %s}', b"\xef\xbb\xbf [%s]\n"),
        *(b'{"agents": {"agent": [%s]}}', b'{"total": 1, "agents": {"agent": %s}}'),
    ],
)
def test_a_list_in_json_may_stand_where_such_lists_stand(envelope: bytes) -> None:
    """The document shows none: bare, in a field, or one agent in its place, as made from XML by many libraries."""
    assert list(read(envelope % AGENT)) == ["a"]


def test_a_list_in_json_may_be_empty_wherever_it_stands() -> None:
    for body in (b"[]", b'{"agents": []}', b'{"agent": []}', b'{"data": []}', b'{"agents": {"agent": []}}'):
        assert read(body) == {}


@pytest.mark.parametrize("name", ["in-utf-8", "in-latin-1", "in-utf-16"])
def test_xml_says_itself_in_which_encoding_it_is(name: str) -> None:
    """Its declaration counts, and its byte order mark."""
    assert {each.agent: each.name for each in read_fixture(name, "xml").values()} == {"jörg": "Jörg Ångström"}


@pytest.mark.parametrize(
    ("name", "agent"), [("another-root", "a"), ("comments-and-instructions", "ac"), ("vendor-example", GUID)]
)
def test_xml_may_have_any_root_comments_and_sections(name: str, agent: str) -> None:
    """One agent may be the root itself."""
    (status,) = read_fixture(name, "xml").values()
    assert status.agent == agent


def test_every_bad_fixture_is_tested() -> None:
    """A payload that is added to the folder must have its message here."""
    for form, messages in BAD.items():
        assert {file.stem for file in FIXTURES.joinpath(SOURCE).glob(f"bad-*.{form}")} == set(messages)


@pytest.mark.parametrize(("form", "name"), [(form, name) for form, messages in BAD.items() for name in messages])
def test_a_payload_that_is_off_is_an_error_that_names_the_place(form: Format, name: str) -> None:
    """One bad agent spoils the snapshot. The error holds nothing of the text, and bombs are defused at once."""
    began = time.process_time()
    with pytest.raises(PollError) as caught:
        read_fixture(name, form)
    assert caught.value.message.startswith(BAD[form][name])
    assert caught.value.message == BAD[form][name] or BAD[form][name] == ILL_FORMED
    assert caught.value.outcome == ("incomplete" if "two-agents" in name or "twice" in name else "invalid_body")
    assert not [part for part in PERSONAL if part in f"{caught.value}{caught.value.__cause__}"]
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "body",
    [
        b"<agents>" + b"<a>" * 30_000 + b"</a>" * 30_000 + b"</agents>",
        b"<agents><agent><agent-id>" + b"x" * 11_000_000 + b"</agent-id></agent></agents>",
        b"<agents>" + b"<agent " * 10_000,
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><agents/>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///dev/zero"> %x;]><agents/>',
        b'<?xml version="1.1"?><agents>&#1;</agents>',
    ],
    ids=["deep", "long", "open", "external type", "external parameter entity", "control character by reference"],
)
def test_xml_that_would_cost_too_much_or_lead_elsewhere_is_refused(body: bytes) -> None:
    """Depth and length have limits; nothing is fetched, from nowhere."""
    began = time.process_time()
    with pytest.raises(PollError) as caught:
        read(body, "xml")
    assert caught.value.outcome == "invalid_body"
    assert time.process_time() - began < 1


@in_both
def test_an_agent_with_a_hundred_thousand_unknown_fields_costs_little(form: Format) -> None:
    """They are one star; the agent is read as ever."""
    names = [f"x-{number}" for number in range(100_000)]
    if form == "xml":
        more = "".join(f"<{name}/>" for name in names)
        body = f"<agents><agent>{more}<agent-id>a</agent-id><agent-status>4</agent-status></agent></agents>"
    else:
        body = json.dumps([{**dict.fromkeys(names), "agent-id": "a", "agent-status": 4}])
    unknown, began = UnknownFields(), time.process_time()
    assert len(read_agents(body.encode(), form=form, names=True, unknown=unknown)) == 1
    assert time.process_time() - began < 1
    assert unknown.paths == {"agent[].*" if form == "xml" else "[].*"}


def test_xml_is_read_without_looking_anywhere_else() -> None:
    """An inclusion is an element like any other: ignored."""
    body = b'<agents xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/hostname"/>%s</agents>'
    assert list(read(body % b"<agent><agent-id>a</agent-id><agent-status>4</agent-status></agent>", "xml")) == ["a"]
