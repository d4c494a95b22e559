"""The status page of a service at work: 200 tenants at a simulated vendor, two of which have trouble for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Page

from tests.support.browser import Visit, visiting
from tests.support.ports import HOST
from tests.support.programs import wait_until
from tests.support.trial import Place, Trial, TrialSettings

TENANTS: Final = 200
REPLICA: Final = "streamer-0"
FAILING, LIMITED = "sim-002", "sim-005"
RETRY_AFTER: Final = 4

SETTINGS: Final = TrialSettings(tenants=TENANTS, agents=10, speed=5.0, interval="5s")

WITHIN: Final = 90.0

CELLS: Final = """tenant => {
  const row = [...document.querySelectorAll("#lines tr")].find(each => each.cells[0].textContent === tenant);
  return Object.fromEntries([...row.querySelectorAll("[data-cell]")].map(cell => [cell.dataset.cell, cell.innerText]));
}"""

SHOWN: Final = """() => [...document.querySelectorAll("#lines tr")]
  .filter(row => row.checkVisibility()).map(row => row.cells[0].innerText)"""


@contextmanager
def status_page(place: Place, folder: Path) -> Iterator[tuple[Trial, Visit]]:
    """Run simulator and service, and open the page once all tenants are well."""
    with Trial(place, folder, SETTINGS) as trial:
        trial.service.environment["POD_NAME"] = REPLICA
        trial.service.start().wait_ready()
        with visiting(f"http://{HOST}:{trial.service.port}/") as visit:
            healths = visit.page.locator("#healths li")
            all_well = [f"{TENANTS} ok"]
            wait_until(lambda: healths.all_inner_texts() == all_well, "all are ok", within=WITHIN, every=0.2)
            yield trial, visit


def trouble(trial: Trial, page: Page) -> None:
    """Have one tenant fail and another one limited, and wait until the page shows both."""
    faults = {FAILING: "500", LIMITED: f"429:1:{RETRY_AFTER}"}
    for tenant, fault in faults.items():
        trial.simulator.faults(fault, tenant=tenant)
    for tenant in faults:
        seen(page, tenant, "failing")


def mend(trial: Trial, page: Page) -> None:
    """Have both well again."""
    for tenant in (FAILING, LIMITED):
        trial.simulator.faults("", tenant=tenant)
    for tenant in (FAILING, LIMITED):
        seen(page, tenant, "ok")


def seen(page: Page, tenant: str, health: str) -> None:
    """Wait until the page shows that a tenant has a health."""
    what = f"the page shows that {tenant} is {health}"
    wait_until(lambda: row(page, tenant)["health"] == health, what, within=WITHIN, every=0.2)


def row(page: Page, tenant: str) -> dict[str, str]:
    """Return what is shown of a tenant, by the names of the cells."""
    found: dict[str, str] = page.evaluate(CELLS, tenant)
    return found


def shown(page: Page) -> list[str]:
    """Return the tenants that the filter lets through."""
    found: list[str] = page.evaluate(SHOWN)
    return found
