"""Google CCAI Platform: the vendor's own example, field by field, and payloads that are off in one way each."""

from __future__ import annotations

import json

import pytest

from streamer.clock import SystemClock
from streamer.config import GoogleCcaip, LiteralSecret
from streamer.model import AgentStatus
from streamer.sources.documented import UnknownFields
from streamer.sources.errors import PollError
from streamer.sources.google_ccaip import Personal, read_agents
from streamer.sources.http import Http
from streamer.sources.registry import make_source
from tests.sources.cases import CASES
from tests.sources.conftest import MakeSource
from tests.sources.contract import PERSONAL, SECRET, SECRET_VARIABLE
from tests.sources.vendor import FIXTURES, Vendor, answer, fixture

SOURCE = "google-ccaip"
EXAMPLE = fixture(SOURCE, "vendor-example")

BAD = {
    "bad-agent-id-missing": "$[1].agent_id: is missing",
    "bad-agent-id-is-null": "$[0].agent_id: Expected `int | str`, got `null`",
    "bad-agent-id-is-a-word": "$[1].agent_id: expected a number, got text that is none",
    "bad-agent-id-is-a-fraction": "$[0].agent_id: Expected `int | str`, got `float`",
    "bad-agent-id-is-a-flag": "$[0].agent_id: Expected `int | str`, got `bool`",
    "bad-agent-id-is-enormous": "$[0].agent_id: the number does not fit into 64 bits",
    "bad-status-missing": "$[2].status: is missing",
    "bad-status-is-null": "$[1].status: Expected `str`, got `null`",
    "bad-status-is-a-number": "$[1].status: Expected `str`, got `int`",
    "bad-status-is-blank": "$[1].status: the status is blank",
    "bad-status-is-an-object": "$[0].status: Expected `str`, got `object`",
    "bad-name-is-an-object": "$[0].name: Expected `str | null`, got `object`",
    "bad-email-is-a-list": "$[0].email: Expected `str | null`, got `array`",
    "bad-addresses-are-text": "$[0].ip_addrs: Expected `array | null`, got `str`",
    "bad-address-is-a-number": "$[2].ip_addrs[1]: Expected `str`, got `int`",
    "bad-agent-number-is-enormous": "$[1].agent_number: the number does not fit into 64 bits",
    "bad-agent-number-is-a-list": "$[1].agent_number: Expected `int | str | null`, got `array`",
    "bad-agent-is-text": "$[1]: Expected `object`, got `str`",
    "bad-object-with-agents": "$: Expected `array`, got `object`",
    "bad-message-instead-of-agents": "$: Expected `array`, got `object`",
    "bad-null": "$: Expected `array`, got `null`",
    "bad-agent-listed-twice": "$[2]: an agent that was listed before",
    "bad-agent-listed-twice-alike": "$[3]: an agent that was listed before",
    "bad-agent-listed-twice-as-number-and-text": "$[3]: an agent that was listed before",
}


def read(name: str, *, names: bool = True, emails: bool = False, addresses: bool = False) -> dict[str, AgentStatus]:
    personal = Personal(names=names, emails=emails, addresses=addresses)
    return dict(read_agents(fixture(SOURCE, name), memo={}, personal=personal, unknown=UnknownFields())[0])


def test_the_example_of_the_vendors_document_is_read_field_by_field() -> None:
    """The status is code and label both; personal data stays out."""
    vader, craig, raymond = read("vendor-example").values()
    assert (vader.agent, vader.name) == ("11", "Darth Vader")
    assert vader.vendor == {"code": "lunch", "label": "lunch", "agent_number": "Agent No.111"}
    assert (craig.agent, craig.name) == ("12", "Craig T")
    assert craig.vendor == {"code": "In-call", "label": "In-call", "agent_number": "Agent No.112"}
    assert (raymond.agent, raymond.name) == ("13", "Raymond D")
    assert raymond.vendor == {"code": "Offline", "label": "Offline", "agent_number": "Agent No.113"}
    assert [each.significant for each in (vader, craig, raymond)] == ["lunch", "In-call", "Offline"]


def test_the_example_holds_nothing_else() -> None:
    """With all that may be asked for, each agent is as the document prints it, field by field."""
    assert list(read("vendor-example", emails=True, addresses=True).values()) == [
        AgentStatus(
            agent=agent,
            name=name,
            vendor={"code": status, "label": status, "agent_number": number, "email": email, "ip_addrs": [address]},
            significant=status,
            entered=None,
            basis="poll_bounds",
        )
        for agent, name, number, email, status, address in (
            ("11", "Darth Vader", "Agent No.111", "notanakinskywalker@empire.com", "lunch", "34.211.11.101"),
            ("12", "Craig T", "Agent No.112", "craigT@nelson.com", "In-call", "34.211.11.102"),
            ("13", "Raymond D", "Agent No.113", "rayd@nelson.com", "Offline", "34.211.11.103"),
        )
    ]


def test_personal_data_is_published_where_it_is_asked_for() -> None:
    """Under the document's names; e-mail and IP addresses are two decisions. None of them makes a change."""
    wanted = read("vendor-example", emails=True, addresses=True)
    assert [(each.vendor["email"], each.vendor["ip_addrs"]) for each in wanted.values()] == [
        ("notanakinskywalker@empire.com", ["34.211.11.101"]),
        ("craigT@nelson.com", ["34.211.11.102"]),
        ("rayd@nelson.com", ["34.211.11.103"]),
    ]
    assert {"email" in each.vendor for each in read("vendor-example", addresses=True).values()} == {False}
    assert {"ip_addrs" in each.vendor for each in read("vendor-example", emails=True).values()} == {False}
    plain = read("vendor-example")
    assert [each.significant for each in wanted.values()] == [each.significant for each in plain.values()]


def test_all_addresses_of_an_agent_are_kept() -> None:
    """None is a list too."""
    listed = [each.vendor["ip_addrs"] for each in read("agent-at-two-addresses", addresses=True).values()]
    assert listed == [["34.211.11.101", "2001:db8::11"], []]


def test_the_document_knows_no_times() -> None:
    """When a status was entered is left to the bounds of the polls."""
    assert {(each.entered, each.basis) for each in read("vendor-example").values()} == {(None, "poll_bounds")}


def test_a_status_is_published_as_it_was_sent() -> None:
    """Whatever its spelling: it is the vendor's."""
    spelled = [each.vendor["code"] for each in read("statuses-in-other-spellings").values()]
    assert spelled == ["available", "In-Call", "in call", "WRAP_UP", "Wrap\u2011up", "  offline "]


def test_no_agents_are_a_snapshot_without_agents() -> None:
    """Whether to believe it is not for the source to say."""
    assert read("no-agents") == {}


def test_an_id_may_come_as_text() -> None:
    """Text and number are the same agent."""
    assert read("numbers-as-text") == read("vendor-example-of-one-agent")


def test_an_agent_number_is_text_even_where_it_is_a_number() -> None:
    """Consumers find one type."""
    (status,) = read("agent-number-is-a-number").values()
    assert status.vendor["agent_number"] == "111"


def test_null_is_as_absent() -> None:
    """Only id and status are required, even where all the rest is wanted."""
    (nulls,) = read("nulls-for-absent-fields", emails=True, addresses=True).values()
    assert (nulls.name, nulls.vendor) == (None, {"code": "lunch", "label": "lunch"})
    assert read("only-id-and-status", emails=True, addresses=True) == {"11": nulls}


def test_fields_that_nobody_documented_are_ignored() -> None:
    """The vendor says that new ones may come."""
    assert read("fields-nobody-documented") == read("vendor-example-of-one-agent")


def test_names_are_stripped() -> None:
    """A blank name is none."""
    assert [each.name for each in read("names-with-blanks").values()] == ["Zoë Ångström", None]


async def test_what_a_tenant_wants_published_reaches_the_decoder(vendor: Vendor, source_of: MakeSource) -> None:
    """For all agents and for one."""
    for keys, told in (
        ({}, {"Darth Vader"}),
        ({"agent_names": False}, {None}),
        ({"agent_emails": True}, {"Darth Vader", "notanakinskywalker@empire.com"}),
        ({"agent_addresses": True}, {"Darth Vader", "34.211.11.101"}),
    ):
        vendor.respond = answer(fixture(SOURCE, "vendor-example-of-one-agent"))
        source = source_of(**keys)
        for status in ((await source.snapshot()).agents["11"], await source.agent("11")):
            personal = [status.vendor[key] for key in ("email",) if key in status.vendor]
            assert {status.name, *personal, *status.vendor.get("ip_addrs", [])} == told


@pytest.mark.parametrize(
    "chosen", [{"agent_ids": [11, 12], "team_ids": [1]}, {"agent_ids": [11]}, {"team_ids": [3, 1]}, {}], ids=str
)
async def test_the_body_names_what_the_tenant_chose(vendor: Vendor, http: Http, chosen: dict[str, list[int]]) -> None:
    """A key that is not configured is not sent, neither is a status to set; the body says that it is JSON."""
    vendor.respond = answer(EXAMPLE)
    tenant = {"id": "acme", "username": "acme", "password": LiteralSecret("x"), "base_url": vendor.base_url, **chosen}
    await make_source(GoogleCcaip.model_validate(tenant), http=http, clock=SystemClock()).snapshot()
    (asked,) = vendor.asked
    assert (asked.method, json.loads(asked.body), asked.headers["Content-Type"]) == ("GET", chosen, "application/json")


async def test_an_agent_that_is_not_in_the_answer_is_not_found(vendor: Vendor, source_of: MakeSource) -> None:
    """The document does not say how the vendor answers for an id that it does not know: a list without it is likely."""
    vendor.respond = answer(fixture(SOURCE, "no-agents"))
    with pytest.raises(PollError, match="agent 11 is not in the answer — check the agent's id") as caught:
        await source_of().agent("11")
    assert caught.value.outcome == "not_found"


@pytest.mark.parametrize("agent", ["Darth Vader", "011", "+11", "11 ", "11\n", "0", "-1", "\u0661", "9" * 20])
async def test_an_id_that_is_no_number_is_not_asked_for(vendor: Vendor, source_of: MakeSource, agent: str) -> None:
    """It could only be answered with another agent, or with a refusal."""
    with pytest.raises(PollError, match="is no agent's id — check the agent's id, a number such as 11") as caught:
        await source_of().agent(agent)
    assert (caught.value.outcome, vendor.asked) == ("not_found", [])


async def test_more_agents_than_were_asked_for_are_refused(vendor: Vendor, source_of: MakeSource) -> None:
    """A vendor that does not heed the choice is not trusted with the one."""
    vendor.respond = answer(EXAMPLE)
    with pytest.raises(PollError, match="holds another agent than was asked for") as caught:
        await source_of().agent("11")
    assert caught.value.outcome == "invalid_body"


@pytest.mark.parametrize(
    ("status", "outcome", "advice"),
    [
        (400, "bad_request", "check that the vendor knows all of agent_ids and team_ids"),
        (401, "auth_failed", "check username .the subdomain. and password .the token of the API credentials."),
        (404, "not_found", "check base_url .https://SUBDOMAIN.DOMAIN, all before /apps/api/v1."),
    ],
)
async def test_a_refusal_says_what_to_do_with_this_vendor(
    vendor: Vendor, source_of: MakeSource, status: int, outcome: str, advice: str
) -> None:
    """The vendor's message is not repeated: it may name somebody."""
    vendor.respond = answer(b'{"message": "Darth Vader is in no team"}', status=status)
    with pytest.raises(PollError, match=f"/apps/api/v1/agent_statuses: answers {status} — {advice}$") as caught:
        await source_of().snapshot()
    assert caught.value.outcome == outcome


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


async def test_an_unchanged_agent_is_the_identical_object(vendor: Vendor, source_of: MakeSource) -> None:
    """What did not change is neither decoded nor compared again; a failed poll forgets nothing."""
    source = source_of()
    vendor.respond = answer(EXAMPLE)
    first = (await source.snapshot()).agents
    vendor.respond = answer(fixture(SOURCE, "bad-status-missing"))
    with pytest.raises(PollError):
        await source.snapshot()
    vendor.respond = answer(EXAMPLE.replace(b"In-call", b"Wrap-up"))
    second = (await source.snapshot()).agents
    assert [agent for agent in first if second[agent] is first[agent]] == ["11", "13"]
    assert second["12"].vendor["code"] == "Wrap-up"


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> object:
    """This source alone."""
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    return next(each for each in CASES if each.name == SOURCE)
