"""A vendor, the shared HTTP client, and sources between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from streamer.clock import SystemClock
from streamer.sources.http import Http
from streamer.sources.registry import make_source
from streamer.sources.source import Source
from tests.sources.cases import CASES
from tests.sources.contract import SECRET, SECRET_VARIABLE, SourceCase
from tests.sources.vendor import Vendor, vendor_server
from tests.support.summary import CONTRACT

MakeSource = Callable[..., Source]


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    """A vendor that answers as the test says."""
    async with vendor_server() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    """The client that all tenants of a process share."""
    async with Http(clock=SystemClock()) as client:
        yield client


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SourceCase:
    """Each source in turn, its secret in the environment."""
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    chosen: SourceCase = request.param
    name = request.node.originalname.removeprefix("test_").replace("_", " ")
    with_what = request.node.callspec.id.replace(str(chosen), "", 1).strip("-")
    request.node.user_properties.append((CONTRACT, [str(chosen), f"{name}: {with_what}" if with_what else name]))
    return chosen


@pytest.fixture
def source_of(http: Http, vendor: Vendor, case: SourceCase) -> MakeSource:
    """Make the source of a tenant at the vendor: `source_of(timeout=250)`."""

    def make(**settings: object) -> Source:
        config = case.config(settings.pop("base_url", vendor.base_url), **settings)
        return make_source(config, http=http, clock=SystemClock())

    return make
