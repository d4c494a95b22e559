"""What every source must do, shown over real HTTP: each test runs once for each source in `contract.CASES`."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from streamer.clock import SystemClock
from streamer.config import EnvSecret, FileSecret
from streamer.model import Snapshot, Vocabulary
from streamer.polling.tools import Tools
from streamer.service.metrics import Metrics
from streamer.sources.errors import ADVICE, OUTCOMES, PollError
from streamer.sources.registry import SOURCES
from streamer.sources.source import Source
from streamer.store.sqlite import SqliteStore
from tests.sources.cases import CASES
from tests.sources.conftest import MakeSource
from tests.sources.contract import PERSONAL, SECRET, SECRET_VARIABLE, STRANGE, SourceCase
from tests.sources.situations import HARMLESS, SITUATIONS, TIMEOUT_MS, Situation
from tests.sources.strange_fields import HOSTILE, with_strange
from tests.sources.vendor import Vendor, answer, untrusted_tls, vendor_server
from tests.support.pollers import poller_on
from tests.support.ports import free_ports


def assert_tells_nothing(error: PollError, case: SourceCase) -> None:
    """An error's text holds no secret and nothing of the answer's text."""
    text = f"{error}{error!r}{error.__cause__!r}"
    assert SECRET not in text
    assert case.credentials.partition(" ")[2] not in text
    assert not [part for part in PERSONAL if part in text]


def test_every_source_is_under_contract() -> None:
    """A source that is registered but not tested here fails the suite."""
    assert {case.name for case in CASES} == set(SOURCES)


def test_every_outcome_has_advice() -> None:
    """Each word of the closed set says what to do, in one line."""
    assert set(ADVICE) == set(OUTCOMES)
    assert all(advice and "\n" not in advice for advice in ADVICE.values())


async def test_a_source_has_all_that_the_product_asks_of_it(source_of: MakeSource) -> None:
    """Each method and attribute of the protocol, those that only some vendors give a meaning to included."""
    asked = {name for protocol in (Source, Vocabulary) for name in vars(protocol) if not name.startswith("_")}
    assert "snapshot" in asked
    assert [name for name in asked if not hasattr(source_of(), name)] == []


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
async def test_a_spoiled_answer_is_an_error_with_its_outcome(
    case: SourceCase, vendor: Vendor, source_of: MakeSource, situation: Situation
) -> None:
    """An error is not a change: no snapshot comes of it, but an outcome, the vendor's pause and advice."""
    vendor.respond = situation.spoil(case.good)
    source = source_of(timeout=TIMEOUT_MS if situation.runs_into_timeout else 5000)
    with pytest.raises(PollError) as caught:
        await source.snapshot()
    assert caught.value.outcome == case.outcomes.get(situation.name, situation.outcome)
    assert caught.value.retry_after == situation.retry_after
    assert caught.value.advice in str(caught.value)
    assert_tells_nothing(caught.value, case)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
async def test_after_a_spoiled_answer_the_next_good_one_counts(
    case: SourceCase, vendor: Vendor, source_of: MakeSource, situation: Situation
) -> None:
    """No error leaves the source or the connection pool in a state that harms the next poll."""
    source = source_of(timeout=TIMEOUT_MS if situation.runs_into_timeout else 5000)
    vendor.respond = situation.spoil(case.good)
    with pytest.raises(PollError):
        await source.snapshot()
    vendor.respond = answer(case.good)
    assert set((await source.snapshot()).agents) == case.agents


@pytest.mark.parametrize("situation", HARMLESS, ids=lambda situation: situation.name)
async def test_a_good_answer_in_another_dress_counts(
    case: SourceCase, vendor: Vendor, source_of: MakeSource, situation: Situation
) -> None:
    """What HTTP and JSON allow is no error."""
    vendor.respond = situation.spoil(case.good)
    assert set((await source_of().snapshot()).agents) == case.agents


def assert_nothing_changed(source: Source, before: Snapshot, after: Snapshot) -> None:
    """The same agents, and no transition of any."""
    assert after.agents.keys() == before.agents.keys()
    for agent, status in after.agents.items():
        known = before.agents[agent]
        transition = source.transition(known.vendor, known.entered, status)
        assert (transition.same, transition.missed, transition.older) == (True, 0, False)


async def test_every_field_that_the_vendors_document_shows_is_known(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """Whether anybody reads it or not."""
    vendor.respond = answer(case.good)
    assert (await source_of().snapshot()).unknown_fields == frozenset()


async def test_a_field_that_nobody_documented_is_told_wherever_it_stands_and_is_no_change(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """At each place of the answer in turn; what is told is its path, and no word of what it holds."""
    source = source_of()
    vendor.respond = answer(case.good)
    before = await source.snapshot()
    for place, body in with_strange(case.good, ["x-mood"]):
        vendor.respond = answer(body)
        after = await source.snapshot()
        assert after.unknown_fields == {f"{place}x-mood"}
        assert_nothing_changed(source, before, after)


async def test_a_field_whose_name_may_be_anybodys_is_told_without_its_name(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """Addresses, ids, texts, enormous and hostile names: a star stands for all of them."""
    source = source_of()
    vendor.respond = answer(case.good)
    before = await source.snapshot()
    for place, body in with_strange(case.good, HOSTILE[case.variant or "json"]):
        vendor.respond = answer(body)
        after = await source.snapshot()
        assert after.unknown_fields == {f"{place}*"}
        assert_nothing_changed(source, before, after)


async def test_many_fields_at_one_place_are_told_as_one(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """They are data by whatever name, and nothing that grows with them is kept."""
    names = [f"x{'y' * number}" for number in range(30)]
    for place, body in with_strange(case.good, names):
        vendor.respond = answer(body)
        assert (await source_of(max_body=2**20).snapshot()).unknown_fields == {f"{place}*"}


async def test_a_field_that_nobody_documented_is_counted_and_makes_no_event(
    case: SourceCase, vendor: Vendor, source_of: MakeSource, tmp_path: Path
) -> None:
    """By a real poller on a real store: the poll is good, the metric tells, the tenant's events do not."""
    clock, registry = SystemClock(), CollectorRegistry()
    observer = Metrics(registry=registry, clock=clock, shards=1)
    store = SqliteStore(path=tmp_path / "streamer.db", retention=86_400_000, clock=clock)
    await store.start()
    try:
        shard = await store.take_over(0, lambda: True)
        config = case.config(vendor.base_url)
        poller = poller_on(shard, config=config, source=source_of(), tools=Tools(observer=observer))
        vendor.respond = answer(case.good)
        await poller.poll()
        baseline = poller.state.sequence
        bodies = [body for _, body in with_strange(case.good, ["x-mood"])]
        for body in bodies:
            vendor.respond = answer(body)
            await poller.poll()
        await shard.close()
    finally:
        await store.stop()
    about = {"tenant": "acme", "source": case.name}
    assert registry.get_sample_value("streamer_polls_total", {**about, "outcome": "ok"}) == 1 + len(bodies)
    assert registry.get_sample_value("streamer_unknown_fields_total", about) == len(bodies)
    assert poller.state.sequence == baseline == len(case.agents)


async def test_a_snapshot_is_asked_for_as_the_vendor_documents_it(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """Path, credentials and body are the document's; the tenant is the config's."""
    vendor.respond = answer(case.good)
    snapshot = await source_of(id="tenant-7").snapshot()
    (asked,) = vendor.asked
    assert (asked.method, asked.path, asked.headers["Authorization"]) == ("GET", case.path, case.credentials)
    assert asked.body == case.body
    assert snapshot.tenant == "tenant-7"


async def test_one_agent_is_asked_for_as_the_vendor_documents_it(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """Path, credentials and body are the document's."""
    vendor.respond = answer(case.good_agent)
    status = await source_of().agent(case.agent)
    (asked,) = vendor.asked
    assert (asked.path, asked.headers["Authorization"]) == (case.agent_path, case.credentials)
    assert asked.body == case.agent_body
    assert status.agent == (case.shown_as or case.agent)


async def test_an_agent_that_the_vendor_does_not_know_is_not_found(vendor: Vendor, source_of: MakeSource) -> None:
    """The advice speaks of the agent's id then."""
    vendor.respond = answer(b"{}", status=404)
    with pytest.raises(PollError, match="agent's id") as caught:
        await source_of().agent("nobody")
    assert caught.value.outcome == "not_found"


@pytest.mark.parametrize("agent", ["", " ", ".", ".."])
async def test_an_id_that_would_lead_elsewhere_is_not_asked_for(
    vendor: Vendor, source_of: MakeSource, agent: str
) -> None:
    """As a segment of a path such an id is another request."""
    with pytest.raises(PollError) as caught:
        await source_of().agent(agent)
    assert (caught.value.outcome, vendor.asked) == ("not_found", [])


async def test_a_strange_id_leads_nowhere_else(case: SourceCase, vendor: Vendor, source_of: MakeSource) -> None:
    """Whatever an id holds, the request stays inside the tenant's agents, or none is sent."""
    vendor.respond = answer(b"{}", status=404)
    with pytest.raises(PollError) as caught:
        await source_of().agent(STRANGE)
    assert caught.value.outcome == "not_found"
    assert [asked.path for asked in vendor.asked] == [case.strange_path] * (case.strange_path is not None)


async def test_the_answer_of_another_agent_is_refused(case: SourceCase, vendor: Vendor, source_of: MakeSource) -> None:
    """One agent's status is never shown as another's."""
    vendor.respond = answer(case.good_agent)
    with pytest.raises(PollError) as caught:
        await source_of().agent(case.other_agent)
    assert caught.value.outcome == case.outcomes.get("another agent", "invalid_body")


async def test_the_window_holds_the_moment_that_the_vendor_looked(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """It reaches from before the request, less the age of the vendor's data, to after the answer."""
    vendor.respond = answer(case.good)
    source = source_of()
    before = time.time_ns() // 1_000_000
    window = (await source.snapshot()).window
    after = time.time_ns() // 1_000_000
    assert before <= window.start + source.assumed_age_ms <= window.end <= after


async def test_a_redirect_is_never_followed_so_credentials_stay(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """The other host is not even asked, and what it is called in full is not told: it may hold a session's secret."""
    async with vendor_server() as other:
        other.respond = answer(case.good)
        location = other.base_url.replace("127.0.0.1", "localhost") + "/login;jsessionid=s3cret?Padma"
        for code in (301, 302, 303, 307, 308):
            vendor.respond = answer(b"", status=code, headers={"Location": location})
            with pytest.raises(PollError, match="leads to host localhost") as caught:
                await source_of().snapshot()
            assert caught.value.outcome == "redirected"
            assert "s3cret" not in str(caught.value)
        assert other.asked == []


async def test_cookies_never_cross_tenants(case: SourceCase, vendor: Vendor, source_of: MakeSource) -> None:
    """A session cookie of one tenant is sent neither for another nor for itself."""
    vendor.respond = answer(case.good, headers={"Set-Cookie": "session=of-one-tenant; Path=/"})
    one, two = source_of(id="one"), source_of(id="two")
    for source in (one, two, one):
        await source.snapshot()
    assert [asked.headers.get("Cookie") for asked in vendor.asked] == [None, None, None]
    assert len({asked.port for asked in vendor.asked}) == 1, "one kept connection: the tempting case"


async def test_a_rotated_secret_counts_from_the_next_poll(
    case: SourceCase, vendor: Vendor, source_of: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The secret is read at each poll."""
    vendor.respond = answer(case.good)
    source = source_of()
    await source.snapshot()
    monkeypatch.setenv(SECRET_VARIABLE, "another")
    await source.snapshot()
    first, second = (asked.headers["Authorization"] for asked in vendor.asked)
    assert first == case.credentials != second


@pytest.mark.parametrize("value", [None, "", "\udc80t0ken"])
async def test_a_secret_that_cannot_be_read_fails_the_poll_and_nothing_is_sent(
    vendor: Vendor, source_of: MakeSource, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """The error names the secret's place or kind, never its value."""
    monkeypatch.delenv("ROTATED", raising=False)
    if value is not None:
        monkeypatch.setenv("ROTATED", value)
    with pytest.raises(PollError) as caught:
        await source_of(password=EnvSecret("ROTATED")).snapshot()
    assert (caught.value.outcome, vendor.asked) == ("secret_unreadable", [])
    assert "t0ken" not in f"{caught.value}{caught.value.__cause__!r}"


async def test_a_secret_file_that_is_gone_fails_the_poll(source_of: MakeSource, tmp_path: Path) -> None:
    """The error names the file."""
    file = tmp_path / "token"
    with pytest.raises(PollError, match="token cannot be read") as caught:
        await source_of(password=FileSecret(file)).snapshot()
    assert caught.value.outcome == "secret_unreadable"


async def test_a_vendor_that_does_not_listen_is_unreachable(source_of: MakeSource) -> None:
    """The error says what the system said."""
    with pytest.raises(PollError, match="refused") as caught:
        await source_of(base_url=f"http://127.0.0.1:{free_ports(1)[0]}").snapshot()
    assert caught.value.outcome == "unreachable"


async def test_a_host_without_an_address_is_unreachable(source_of: MakeSource) -> None:
    """RFC 6761 keeps `.invalid` free of addresses for ever."""
    source = source_of(base_url="https://no-such-host.invalid", interval="1m", timeout="1m")
    with pytest.raises(PollError, match=r"no-such-host\.invalid/") as caught:
        await source.snapshot()
    assert caught.value.outcome == "unreachable"


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example", "999.1.1.1"])
async def test_a_host_that_can_not_exist_is_unreachable(source_of: MakeSource, host: str) -> None:
    """Names that no resolver takes are an outcome like any other."""
    with pytest.raises(PollError, match="no such host can exist") as caught:
        await source_of(base_url=f"https://{host}").snapshot()
    assert caught.value.outcome == "unreachable"


async def test_a_certificate_that_nobody_vouches_for_ends_the_poll_before_credentials_are_sent(
    case: SourceCase, source_of: MakeSource
) -> None:
    """TLS is verified."""
    async with vendor_server(tls=untrusted_tls()) as other:
        other.respond = answer(case.good)
        assert other.base_url.startswith("https://")
        with pytest.raises(PollError, match="self-signed certificate") as caught:
            await source_of(base_url=other.base_url).snapshot()
        assert (caught.value.outcome, other.asked) == ("tls_error", [])


async def test_https_to_a_port_that_speaks_plain_http_is_a_tls_error(vendor: Vendor, source_of: MakeSource) -> None:
    """The commonest slip in a base_url has a name."""
    with pytest.raises(PollError, match="TLS failed") as caught:
        await source_of(base_url=vendor.base_url.replace("http:", "https:")).snapshot()
    assert caught.value.outcome == "tls_error"
