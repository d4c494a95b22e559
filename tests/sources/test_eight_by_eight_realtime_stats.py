"""8x8 real-time statistics over HTTP: what is asked, what refusals mean, when an answer is too old, what a status means."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from streamer.clock import SystemClock
from streamer.config import LiteralSecret, RealTimeStats8x8, StatusTarget
from streamer.model import Meaning, Millis, Reason
from streamer.sources.eight_by_eight_realtime_stats import EightByEightRealTimeStats
from streamer.sources.errors import PollError
from streamer.sources.http import Http
from streamer.sources.registry import check_status_map, make_source
from tests.sources.cases import CASES
from tests.sources.conftest import MakeSource
from tests.sources.contract import SECRET, SECRET_VARIABLE, SourceCase
from tests.sources.vendor import Vendor, answer, fixture

SOURCE = "8x8-realtime-stats"
REALTIME = [case for case in CASES if case.name == SOURCE]


@pytest.fixture(params=REALTIME, ids=str)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SourceCase:
    """This source alone, in both forms."""
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    chosen: SourceCase = request.param
    return chosen


class SetClock:
    """Clocks that stand until they are set."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def wall(self) -> Millis:
        """Return the time that was set."""
        return round(self.seconds * 1000)

    def monotonic(self) -> float:
        """Return the time that was set."""
        return self.seconds


def config(status_map: Mapping[str, StatusTarget] | None = None) -> RealTimeStats8x8:
    return RealTimeStats8x8(
        id="acme", platform="na4", username="acme", password=LiteralSecret("x"), status_map=status_map or {}
    )


def meaning(vendor: Mapping[str, object], status_map: Mapping[str, StatusTarget] | None = None) -> Meaning:
    clock = SystemClock()
    source = EightByEightRealTimeStats(config=config(status_map), http=Http(clock=clock), clock=clock)
    return source.interpret(vendor)


def test_the_platform_gives_the_documents_address() -> None:
    """It is another host than that of the vendor's other API."""
    assert config().base_url == "https://vcc-na4.8x8.com"
    assert config().account.host == "vcc-na4.8x8.com"


async def test_the_form_is_asked_for_by_path_and_by_header(
    vendor: Vendor, source_of: MakeSource, case: SourceCase
) -> None:
    """Both say the same."""
    vendor.respond = answer(case.good)
    await source_of().snapshot()
    (asked,) = vendor.asked
    assert (asked.path.rpartition(".")[2], asked.headers["Accept"]) == (case.variant, f"application/{case.variant}")


async def test_the_other_form_than_was_asked_for_is_refused(vendor: Vendor, source_of: MakeSource) -> None:
    """A login page is XML too, nearly."""
    vendor.respond = answer(b"<html/>", content_type="text/html")
    with pytest.raises(PollError) as caught:
        await source_of().snapshot()
    assert caught.value.outcome == "wrong_type"


@pytest.mark.parametrize("code", [401, 403])
async def test_a_wrong_token_parks_the_tenant(vendor: Vendor, source_of: MakeSource, code: int) -> None:
    """The document: 403 is "usually due to incorrect authentication"."""
    vendor.respond = answer(b"", status=code)
    for ask in (source_of().snapshot(), source_of().agent("jdoe")):
        with pytest.raises(PollError) as caught:
            await ask
        assert caught.value.outcome == "auth_failed"
    assert "vendor_tenant" not in str(caught.value), "no key of this source"


async def test_an_agent_is_asked_for_by_login_id_and_advice_says_so(vendor: Vendor, source_of: MakeSource) -> None:
    """Events name agents by GUID; the vendor does not know them by it."""
    vendor.respond = answer(b"", status=404)
    with pytest.raises(PollError, match="login id here, `agent-id`, not the GUID") as caught:
        await source_of().agent("acme-jdoe-0f1e")
    assert caught.value.outcome == "not_found"


@pytest.mark.parametrize("name", ["three-agents", "no-agents"])
async def test_an_answer_for_one_agent_holds_one(
    vendor: Vendor, source_of: MakeSource, case: SourceCase, name: str
) -> None:
    """A list of others is not searched through."""
    vendor.respond = answer(fixture(SOURCE, name, case.variant))
    with pytest.raises(PollError, match="expected one agent, got") as caught:
        await source_of().agent("jdoe")
    assert caught.value.outcome == "invalid_body"


def body(form: str, seconds: int, code: int = 4) -> bytes:
    if form == "json":
        return msgspec.json.encode([{"agent-id": "a", "agent-status": code, "time-in-status": seconds}])
    values = f"<agent-id>a</agent-id><agent-status>{code}</agent-status><time-in-status>{seconds}</time-in-status>"
    return f"<agents><agent>{values}</agent></agents>".encode()


async def test_an_answer_whose_clocks_stand_still_for_longer_than_its_cache_is_stale(
    vendor: Vendor, case: SourceCase
) -> None:
    """Within ten seconds, and one for the seconds' sake, it may be; afterwards it fails until a clock moves."""
    clock = SetClock()
    outcomes = []
    async with Http(clock=clock) as http:
        source = make_source(case.config(vendor.base_url), http=http, clock=clock)
        for after, seconds in ((0, 60), (5, 60), (6, 60), (0.1, 60), (10, 60), (1, 90), (9, 90)):
            clock.seconds += after
            vendor.respond = answer(body(case.variant, seconds))
            try:
                await source.snapshot()
                outcomes.append("ok")
            except PollError as error:
                outcomes.append(error.outcome)
    assert outcomes == ["ok", "ok", "ok", "stale", "stale", "ok", "ok"]


async def test_the_status_of_an_answer_not_modified_is_the_same_and_its_entry_is_told_by_the_new_window(
    vendor: Vendor, case: SourceCase
) -> None:
    """The clock of the first answer stood at 60 s some time in each of the two windows."""
    clock = SetClock()
    async with Http(clock=clock) as http:
        source = make_source(case.config(vendor.base_url), http=http, clock=clock)
        vendor.respond = answer(body(case.variant, 60), headers={"ETag": '"1"'})
        first = await source.snapshot()
        clock.seconds += 8
        vendor.respond = answer(b"", status=304)
        second = await source.snapshot()
        clock.seconds += 8
        with pytest.raises(PollError, match="stood still for 16 s"):
            await source.snapshot()
    assert vendor.asked[1].headers["If-None-Match"] == '"1"'
    one, two = first.agents["a"], second.agents["a"]
    assert (two.vendor, two.significant) == (one.vendor, one.significant)
    assert one.entered is not None
    assert two.entered is not None
    assert two.entered.earliest - one.entered.earliest == second.window.start - first.window.start == 8_000
    assert first.window.end - first.window.start == 10_000


async def test_a_large_tenant_is_read_in_a_thread_with_the_same_result(vendor: Vendor, source_of: MakeSource) -> None:
    """Nothing depends on where it is read."""
    source = source_of(max_body=2**24)
    form = vendor_form(source)
    agents = [(f"a{number}", number % 6, number) for number in range(6000)]
    if form == "json":
        items = [{"agent-id": a, "agent-status": c, "time-in-status": t, "x": "y" * 100} for a, c, t in agents]
        content = msgspec.json.encode({"agents": items})
    else:
        rows = [
            f"<agent><agent-id>{a}</agent-id><agent-status>{c}</agent-status><time-in-status>{t}</time-in-status>"
            f"<x>{'y' * 100}</x></agent>"
            for a, c, t in agents
        ]
        content = f"<agents>{''.join(rows)}</agents>".encode()
    assert len(content) > 600_000
    vendor.respond = answer(content)
    snapshot = await source.snapshot()
    assert [
        (each.agent, each.vendor["code"], each.vendor["time-in-status"]) for each in snapshot.agents.values()
    ] == agents


def vendor_form(source: object) -> str:
    assert isinstance(source, EightByEightRealTimeStats)
    return source._config.format


@pytest.mark.parametrize(
    ("code", "state", "detail"),
    [
        (0, "ready", None),
        (1, "busy", "reserved"),
        (2, "busy", None),
        (3, "working_after_call", None),
        (4, "not_ready", "break"),
        (5, "not_ready", "work_offline"),
        (9, "logged_out", None),
    ],
)
def test_every_status_of_the_document_has_a_canonical_state(code: int, state: str, detail: str | None) -> None:
    """The codes are not those of the other API: 0 is available here."""
    got = meaning({"code": code, "label": "?"})
    assert (got.state, got.detail, got.reason, not got.unmapped) == (state, detail, None, True)


@pytest.mark.parametrize("code", [6, 7, 8, 10, 11, -1, None, "5"])
def test_a_status_outside_the_document_is_unknown_and_counted(code: object) -> None:
    """Codes of the other API among them."""
    told = meaning({"code": code})
    assert (told.state, [(each.field, each.code) for each in told.unmapped]) == (
        "unknown",
        [("agent-status", f"{code}")],
    )


@pytest.mark.parametrize(
    ("item", "name"),
    [
        (0, "Session closed from Jabber"),
        (1, "Session Timed-Out"),
        (2, "Maintenance Mode"),
        (3, "Logout from Operation Dashboard"),
        (4, "Call Ignored from phone"),
        (5, "Interaction Timed Out"),
        (6, "Agent Relogin"),
        (7, None),
    ],
)
@pytest.mark.parametrize("codes", [None, -1])
def test_the_systems_own_reasons_have_the_documents_names(item: int, name: str | None, codes: int | None) -> None:
    """They belong to no code list of the tenant's."""
    fields = {"code": 9, "status-code-item-id": item} | ({} if codes is None else {"status-code-list-id": codes})
    listed = None if codes is None else str(codes)
    assert meaning(fields).reason == Reason(code=str(item), name=name, list=listed)


def test_an_item_of_a_code_list_has_the_tenants_name_for_it() -> None:
    """Item 1 of list 801 is no time-out; what the vendor sends as a name counts before ours."""
    fields = {"code": 4, "status-code-list-id": 801, "status-code-item-id": 1}
    assert meaning(fields).reason == Reason(code="1", name=None, list="801")
    named = {**fields, "status-code-item-short-code": "Lunch"}
    assert meaning(named).reason == Reason(code="1", name="Lunch", list="801")
    own = {"code": 9, "status-code-item-id": 1, "status-code-item-short-code": "Timeout"}
    assert meaning(own).reason == Reason(code="1", name="Timeout", list=None)


def test_a_status_map_refines_and_its_most_specific_key_wins() -> None:
    """Keys are as for the other API of this vendor."""
    targets = {
        "5": StatusTarget("working_after_call", "paperwork"),
        "5/801": StatusTarget("busy"),
        "5/801/1726": StatusTarget("not_ready", "training"),
    }
    listed = {"code": 5, "status-code-list-id": 801}
    assert meaning({**listed, "status-code-item-id": 1726}, targets).detail == "training"
    assert meaning({**listed, "status-code-item-id": 1}, targets).state == "busy"
    assert meaning({"code": 5}, targets).detail == "paperwork"
    assert check_status_map(config(targets)) == {}
    assert "5:801" in check_status_map(config({"5:801": StatusTarget("busy")}))
