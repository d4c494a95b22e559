"""The status page in a real browser, of a real service on a real Kafka, while things go wrong and are mended."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.story import FAILING, LIMITED, REPLICA, TENANTS, mend, row, seen, shown, status_page, trouble
from tests.support.ports import HOST
from tests.support.programs import wait_until
from tests.support.trial import Trial, leaks, shared_place

FIRST_ROW = "document.querySelector('#lines tr')"

pytestmark = [pytest.mark.slow, pytest.mark.acceptance, pytest.mark.timeout(300)]


def choose(page: Page, **wanted: str) -> list[str]:
    """Set the filter and return the tenants that it lets through."""
    page.get_by_role("button", name="Show all").click()
    for label, value in wanted.items():
        field = page.get_by_label(label.capitalize(), exact=True)
        if label == "text":
            field.fill(value)
        else:
            field.select_option(value)
    return shown(page)


def test_the_page_shows_live_how_each_tenant_fares(
    kafka: str, topic_prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """200 tenants; one fails and one is rate-limited, both recover, and the page follows without being loaded again."""
    place = shared_place(kafka, topic_prefix, partitions=4)
    with status_page(place, tmp_path_factory.mktemp("status")) as (trial, visit):
        page = visit.page
        the_page_is_whole(trial, page)
        page.evaluate(f"window.here = {FIRST_ROW}")
        page.get_by_label("Text", exact=True).focus()
        trouble(trial, page)
        what_is_wrong_is_said(page)
        mend(trial, page)
        assert page.evaluate(f"window.here === {FIRST_ROW}"), "rows are filled anew, not made: nothing flickers"
        assert "server error" in row(page, FAILING)["words"], "the last error stays, with its time"
        the_filter_finds_tenants(page, trial)
        assert [*visit.violations("light"), *visit.violations("dark")] == []
        said = {"page": page.content(), "api": trial.service.get("/api/v1/tenants")[1]}
        assert not leaks(trial, said)
        assert visit.complaints == []
        assert {each.startswith(f"http://{HOST}:{trial.service.port}/") for each in visit.requests} == {True}
        a_replica_that_is_gone_is_missed(trial, page)


def the_page_is_whole(trial: Trial, page: Page) -> None:
    """A line for each tenant, all that is to be known in it, and the replica that was asked."""
    assert shown(page) == sorted(trial.tenants)
    assert page.locator("#shown").inner_text() == f"{TENANTS} of {TENANTS} tenants shown"
    assert page.locator("#name").inner_text() == REPLICA
    assert page.locator("#ready").inner_text() == "ready"
    assert page.locator("#shards").inner_text() == "4 served of 4 owned, 4 in all"
    wait_until(lambda: "ago" in row(page, FAILING)["changes"], "a change is shown")
    line = row(page, FAILING)
    assert line["source"] == "8x8-agent-status"
    assert line["health"] == "ok"
    assert line["last"].endswith(" ago")
    assert line["next"].startswith(("in ", "now"))
    assert line["latency"].endswith(" ms")
    assert int(line["total"]) == sum(int(each.split()[0]) for each in line["states"].split(", ")) > 0
    assert "→" in line["changes"]


def what_is_wrong_is_said(page: Page) -> None:
    """What happened, what to do, and when it is tried again; the focus is where it was."""
    failing, limited = row(page, FAILING), row(page, LIMITED)
    assert failing["health"] == limited["health"] == "failing"
    assert failing["outcome"] == "server error"
    assert "polling goes on with growing pauses" in failing["words"]
    assert "poll less often" in limited["words"]
    assert limited["outcome"] == "rate limited"
    assert page.evaluate("document.activeElement.name") == "text"


def the_filter_finds_tenants(page: Page, trial: Trial) -> None:
    """By text, health and source; the view stands in the address, and comes back with it."""
    trial.simulator.faults("401", tenant=LIMITED)
    seen(page, LIMITED, "auth failed")
    assert choose(page, text="SIM-14") == [f"sim-14{number}" for number in range(10)]
    assert choose(page, text="check username and password") == [LIMITED]
    assert choose(page, health="auth_failed") == [LIMITED]
    assert page.locator("#shown").inner_text() == f"1 of {TENANTS} tenants shown"
    assert len(choose(page, source="8x8-agent-status")) == TENANTS
    assert choose(page, health="!ok", text=LIMITED) == [LIMITED]
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    wait_until(lambda: shown(page) == [LIMITED], "the view comes back with its address")


def a_replica_that_is_gone_is_missed(trial: Trial, page: Page) -> None:
    """What was shown stays, and is said to be old."""
    assert trial.service.stop() == 0
    said = page.locator("#connection")
    wait_until(lambda: "No answer from the replica since" in said.inner_text(), "that is said", within=60)
    assert shown(page) == [LIMITED]
