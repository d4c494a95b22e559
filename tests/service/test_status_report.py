"""What `/api/v1/tenants` says of tenants that a real keeper polls, in virtual time: nothing in between is made up."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from streamer import __version__
from streamer.clock import rfc3339
from streamer.config import TenantConfig
from streamer.polling.keeper import ShardKeeper
from streamer.polling.roster import Roster
from streamer.polling.tools import Tools
from streamer.service.readiness import Readiness
from streamer.service.status.answer import Answer
from streamer.service.status.board import CHANGES, NOTICES, StatusBoard
from streamer.service.status.report import About, StatusReport, encoded
from streamer.signals import (
    ClockOffset,
    ConfigLoaded,
    ConfigRefused,
    PollFinished,
    Published,
    QueuesPolled,
    Signal,
    StateChanged,
    StatusUnmapped,
    TenantGone,
    fan_out,
)
from streamer.sources.errors import PollError
from streamer.sources.pace import Pace
from tests.support.clock import LoopClock, running
from tests.support.memory import MemorySource, MemoryStore, MemoryVendors, tenant
from tests.support.values import NOON

pytestmark = pytest.mark.looptime

SCHEMA = msgspec.json.schema(Answer)
HOSTILE = "<script>alert(1)</script>\"'&\u2028"
NOT_UNICODE = "text/\udcff"


class Vendors(MemoryVendors):
    """Vendors of which some fail, or are asked by another source than before."""

    def __init__(self, clock: LoopClock) -> None:
        super().__init__(clock)
        self.failing: dict[str, PollError] = {}
        self.names: dict[str, str] = {}

    def make(self, config: TenantConfig, pace: Pace) -> MemorySource:
        """Make a tenant's source."""
        source = super().make(config, pace)
        source.down = self.failing.get(config.id)
        source.name = self.names.get(config.id, source.name)
        return source


class Page:
    """A replica that owns shard 0 of `shards`, and what its API says. Made within a test: its clock is the test's."""

    def __init__(self, clock: LoopClock, *, shards: int = 1, show_agents: bool = False) -> None:
        self.clock = clock
        self.roster = Roster([], shards=shards)
        self.readiness = Readiness()
        self.board = StatusBoard(clock=clock)
        about = About(name="streamer-0", store="kafka", shards=shards, show_agents=show_agents)
        self.report = StatusReport(about, board=self.board, roster=self.roster, readiness=self.readiness, clock=clock)
        self.vendors = Vendors(clock)
        self.store = MemoryStore(clock=clock, shards=shards)
        observer = fan_out([self.board, self.readiness])
        tools = Tools(observer=observer, clock=clock, random=lambda: 0.5, show_agents=show_agents)
        self.keeper = ShardKeeper(0, store=self.store, roster=self.roster, make_source=self.vendors.make, tools=tools)
        self.own(0)

    def own(self, *shards: int) -> None:
        """Take shards."""
        self.readiness.own(frozenset(shards))

    def configure(self, *tenants: Any) -> None:
        """Take a config into use."""
        self.roster.replace(tenants)

    def tell(self, *signals: Signal) -> None:
        """Tell the board."""
        for each in signals:
            self.board(each)

    def data(self) -> dict[str, Any]:
        """Return the answer's data, once it is held to its schema."""
        answer = json.loads(encoded(self.report.answer()))
        Draft202012Validator(SCHEMA, format_checker=FormatChecker()).validate(answer)
        assert answer["status"] == "success"
        data: dict[str, Any] = answer["data"]
        return data

    def line(self, name: str = "acme") -> dict[str, Any]:
        """Return what is said of a tenant."""
        [line] = [each for each in self.data()["tenants"] if each["tenant"] == name]
        return dict(line)


@pytest.fixture
def clock() -> LoopClock:
    """The clock of the event loop."""
    return LoopClock()


async def test_a_tenant_that_is_polled_shows_all_that_is_known(clock: LoopClock) -> None:
    """Times, states and the newest changes; and nothing says whose they are."""
    page = Page(clock)
    page.configure(tenant("acme"))
    page.vendors.agents["acme"] = {"a": 4, "b": 9}
    async with running(page.keeper.run()):
        await asyncio.sleep(25)
        page.vendors.agents["acme"]["a"] = 9
        await asyncio.sleep(10)
        line, now = page.line(), clock.wall()
        assert line | {"changes": None, "health_since": None} == {
            "tenant": "acme",
            "source": "8x8-agent-status",
            "shard": 0,
            "health": "ok",
            "health_since": None,
            "advice": None,
            "interval_ms": 10_000,
            "last_poll": line["last_poll"] | {"outcome": "ok"},
            "last_success": line["last_poll"]["at"],
            "next_poll": line["next_poll"],
            "last_error": None,
            "agents": {"total": 2, "by_state": {"busy": 2}},
            "complete_through": line["complete_through"],
            "changes": None,
            "notices": [],
        }
        assert line["last_poll"]["seconds"] == pytest.approx(page.vendors.seconds, abs=0.001)
        assert rfc3339(now - 10_000) < line["last_poll"]["at"] <= rfc3339(now) < line["next_poll"]
        assert line["health_since"] < line["changes"][0]["at"] <= rfc3339(now)
        assert [(each["before"], each["after"]) for each in line["changes"]] == [
            ("ready", "busy"),
            (None, "busy"),
            (None, "ready"),
        ]
        assert all("agent" not in each for each in line["changes"])


async def test_agents_are_shown_only_where_the_config_says_so(clock: LoopClock) -> None:
    """Ids, and names unless the tenant keeps them out of everything."""
    page = Page(clock, show_agents=True)
    page.configure(tenant("acme"))
    async with running(page.keeper.run()):
        await asyncio.sleep(15)
        assert page.data()["replica"]["shows_agents"] is True
        assert [each["agent"] for each in page.line()["changes"]] == [{"id": "a", "name": None}]


async def test_a_failing_tenant_shows_its_error_and_keeps_it_when_it_is_well_again(clock: LoopClock) -> None:
    """What happened and what to do, apart; the next poll is where the backoff puts it."""
    page = Page(clock)
    page.configure(tenant("acme"), tenant("globex"))
    page.vendors.failing["acme"] = PollError("timeout", "no answer within 5000 ms")
    async with running(page.keeper.run()):
        await asyncio.sleep(40)
        line = page.line()
        assert (line["health"], line["last_success"], line["agents"]) == ("failing", None, None)
        assert line["last_poll"]["outcome"] == line["last_error"]["outcome"] == "timeout"
        assert line["last_error"]["message"] == "no answer within 5000 ms"
        assert line["last_error"]["advice"].startswith("if it lasts, raise the tenant's timeout")
        assert line["next_poll"] > rfc3339(clock.wall())
        assert page.line("globex")["health"] == "ok"
        assert page.data()["replica"]["tenants"] == {
            "here": 2,
            "elsewhere": 0,
            "by_health": {"failing": 1, "ok": 1},
        }
        page.vendors.of("acme")[0].down = None
        await asyncio.sleep(120)
        line = page.line()
        assert (line["health"], line["advice"], line["last_poll"]["outcome"]) == ("ok", None, "ok")
        assert line["last_error"]["at"] < line["last_success"]


async def test_a_vendors_wish_and_a_parked_tenant_show_when_they_are_polled_next(clock: LoopClock) -> None:
    """Not by the schedule: 100 s with `Retry-After`, five minutes after two refusals."""
    page = Page(clock)
    page.configure(tenant("acme"), tenant("globex"))
    page.vendors.failing["acme"] = PollError("rate_limited", "429 Too Many Requests", retry_after=100.0)
    page.vendors.failing["globex"] = PollError("auth_failed", "401 Unauthorized")
    async with running(page.keeper.run()):
        await asyncio.sleep(50)
        limited, parked = page.line("acme"), page.line("globex")
        assert (limited["health"], limited["last_error"]["outcome"]) == ("failing", "rate_limited")
        assert rfc3339(clock.wall() + 50_000) < limited["next_poll"] < rfc3339(clock.wall() + 115_000)
        assert parked["health"] == "auth_failed"
        assert "check username and password" in parked["advice"]
        assert rfc3339(clock.wall() + 250_000) < parked["next_poll"] < rfc3339(clock.wall() + 310_000)


async def test_tenants_that_are_not_polled_say_why_and_what_to_do(clock: LoopClock) -> None:
    """Paused, without config, of another source, forgotten."""
    page = Page(clock)
    names = ("acme", "globex", "hooli", "initech")
    page.configure(*map(tenant, names))
    async with running(page.keeper.run()):
        await asyncio.sleep(25)
        page.vendors.names["hooli"] = "other"
        page.configure(tenant("acme", paused=True), tenant("hooli", resync="1"), tenant("initech", forget=True))
        await asyncio.sleep(25)
        lines = {name: page.line(name) for name in names}
    assert {name: line["health"] for name, line in lines.items()} == {
        "acme": "paused",
        "globex": "unconfigured",
        "hooli": "unusable",
        "initech": "forgotten",
    }
    assert lines["acme"]["advice"] == "paused: true in the config"
    assert "forget: true" in lines["globex"]["advice"]
    assert "Set the source back" in lines["hooli"]["advice"]
    assert "take the tenant out of the config" in lines["initech"]["advice"]
    assert [line["next_poll"] for line in lines.values()] == [None] * 4
    assert [line["interval_ms"] is None for line in lines.values()] == [False, True, False, False]


async def test_agents_who_are_not_forgotten_yet_are_told_of_until_that_is_mended(clock: LoopClock) -> None:
    """How many and what to do; whether they are, not who."""
    page = Page(clock)
    page.configure(tenant("acme"))
    page.vendors.agents["acme"] = {"a": 4, "Padma": 4}
    async with running(page.keeper.run()):
        await asyncio.sleep(15)
        page.configure(tenant("acme", forget_agents=("Padma",)))
        await asyncio.sleep(15)
        [notice] = page.line()["notices"]
        assert notice["text"] == "forget_agents refused: still present (1)"
        assert "set it again" in notice["advice"]
        assert "Padma" not in json.dumps(page.data())
        del page.vendors.agents["acme"]["Padma"]
        await asyncio.sleep(60)
        page.configure(tenant("acme"))
        await asyncio.sleep(1)
        assert page.line()["notices"] == []
        page.configure(tenant("acme", forget_agents=("Padma",)))
        await asyncio.sleep(1)
        [notice] = page.line()["notices"]
        assert (notice["text"], notice["advice"]) == ("forget_agents done (1)", None)


async def test_a_shard_that_is_not_served_shows_at_its_tenants(clock: LoopClock) -> None:
    """From the start, and when it is lost: no next poll is promised."""
    page = Page(clock)
    page.configure(tenant("acme"))
    [notice] = page.line()["notices"]
    assert notice["text"] == "its shard is not served: not taken over yet"
    assert (page.line()["health"], page.line()["last_poll"]) == (None, None)
    replica = page.data()["replica"]
    assert (replica["ready"], replica["not_ready"]) == (False, [{"what": "shard 0", "reason": "not taken over yet"}])
    assert replica["shards"] == {"total": 1, "owned": [0], "served": 0}
    assert replica["tenants"]["by_health"] == {"unknown": 1}
    async with running(page.keeper.run()):
        await asyncio.sleep(15)
        replica = page.data()["replica"]
        assert (replica["ready"], replica["shards"]["served"]) == (True, 1)
        assert page.line()["notices"] == []


async def test_tenants_of_other_replicas_are_counted_and_not_shown(clock: LoopClock) -> None:
    """The page is one replica's; what is given up goes from it."""
    page = Page(clock, shards=2)
    page.configure(*(tenant(f"t{number}") for number in range(10)))
    here = set(page.roster.tenants[0])
    async with running(page.keeper.run()):
        await asyncio.sleep(25)
        data = page.data()
        assert {each["tenant"] for each in data["tenants"]} == here
        assert data["replica"]["tenants"]["elsewhere"] == 10 - len(here) > 0
        assert data["replica"]["shards"] == {"total": 2, "owned": [0], "served": 1}
        page.own()
    assert page.data()["tenants"] == []
    assert page.board.tenants == {}


async def test_what_the_replica_is_stands_beside(clock: LoopClock) -> None:
    """A refused config with the first problem, keys that wait for a restart, the clock's offset."""
    page = Page(clock)
    await asyncio.sleep(5)
    page.tell(
        ConfigLoaded(tenants=1, added=0, changed=0, removed=0, restart=("kafka",)),
        ConfigRefused(problems=("streamer.yaml:3:1: tenant: unknown key", "more", "and more"), asked=False),
        ClockOffset(seconds=-0.25),
    )
    replica = page.data()["replica"]
    assert (replica["name"], replica["version"], replica["store"]) == ("streamer-0", __version__, "kafka")
    assert (replica["started_at"], replica["now"]) == (rfc3339(NOON), rfc3339(NOON + 5000))
    assert replica["config"] == {
        "ok": False,
        "loaded_at": rfc3339(NOON + 5000),
        "problem": "streamer.yaml:3:1: tenant: unknown key",
        "more_problems": 2,
        "restart": ["kafka"],
    }
    assert replica["clock_offset_seconds"] == -0.25
    page.tell(ConfigLoaded(tenants=1, added=0, changed=0, removed=0))
    assert page.data()["replica"]["config"]["ok"] is True


async def test_however_much_happens_little_is_kept(clock: LoopClock) -> None:
    """Of changes and notices the newest few; a vendor's code is cut."""
    page = Page(clock)
    page.configure(tenant("acme"))
    for number in range(100):
        page.tell(
            Published("acme", "s", NOON + number, (StateChanged(None, "ready"),) * 1000, (), (), 0),
            StatusUnmapped("acme", "s", "status", f"{number} " + "x" * 10_000),
        )
    line = page.line()
    assert {each["at"] for each in line["changes"]} == {rfc3339(NOON + 99)}
    assert (len(line["changes"]), len(line["notices"])) == (CHANGES, 1 + NOTICES)
    assert line["notices"][1]["text"].startswith("vendor status is unmapped: status 99 xxx")
    assert len(json.dumps(line)) < 6000
    page.tell(TenantGone("acme", "s"))
    assert page.board.tenants == {}


async def test_queues_that_are_not_known_are_noticed_until_they_are(clock: LoopClock) -> None:
    """Beside a tenant whose agents are polled well."""
    page = Page(clock)
    page.configure(tenant("acme"))
    page.tell(QueuesPolled("acme", "s", "timeout", error="no answer — wait"))
    _, notice = page.line()["notices"]
    assert (notice["text"], notice["advice"]) == ("queues are not known", "timeout: no answer — wait")
    page.tell(QueuesPolled("acme", "s", "ok", written=1))
    assert [each["text"] for each in page.line()["notices"]] == ["its shard is not served: not taken over yet"]


@pytest.mark.parametrize("text", [HOSTILE, NOT_UNICODE])
async def test_no_text_of_a_vendor_breaks_the_answer(clock: LoopClock, text: str) -> None:
    """It comes out as it is; what is no Unicode, from a header say, is mended and hides no tenant."""
    page = Page(clock)
    page.configure(tenant("acme"), tenant("globex"))
    page.tell(
        PollFinished("acme", "s", "wrong_type", 0.1, NOON, error=f"content type {text}", advice="check"),
        StatusUnmapped("acme", "s", "status", text),
    )
    body = json.loads(encoded(page.report.answer()))
    line, other = body["data"]["tenants"]
    mended = text.encode("utf-8", "replace").decode()
    assert line["last_error"]["message"] == f"content type {mended}"
    assert any(mended in each["text"] for each in line["notices"])
    assert other["tenant"] == "globex"


async def test_however_many_look_on_it_is_put_together_once_a_second(clock: LoopClock) -> None:
    """And never shown much older than that."""
    page = Page(clock)
    page.configure(tenant("acme"))
    first, *others = await asyncio.gather(*(page.report.body() for _ in range(50)))
    assert all(each is first for each in others)
    await asyncio.sleep(1.1)
    later = await page.report.body()
    assert json.loads(later)["data"]["replica"]["now"] > json.loads(first)["data"]["replica"]["now"]
