"""The real Kafka that tests share, one of their own for tests that stop or freeze it; no skips in CI, no leftovers."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import hypothesis
import psutil
import pytest

from tests.support import summary
from tests.support.broker import NEWEST, VERSIONS, Broker, BrokerError, answers, require_java
from tests.support.cluster import Cluster
from tests.support.secured import SecuredKafka

if TYPE_CHECKING:
    from _pytest.reports import CollectReport, TestReport

OwnBroker = Callable[[Mapping[str, str]], Broker]
"""`own_broker({})` starts a broker; the mapping holds server properties that differ from the harness's defaults."""

SharedKafka = Callable[[str], str]
"""Bootstrap servers of the shared broker of a version."""

Report = TypeVar("Report", "TestReport", "CollectReport")

GIVEN = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "")
RUN = ("STREAMER_TEST_RUN", secrets.token_hex(8))
"""In the environment of every process that this run starts, and by inheritance of those that they start."""

# machines are noisy and shared: how long an example takes says nothing about the product
hypothesis.settings.register_profile(
    "noisy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("noisy")

IN_CI = os.environ.get("CI", "") not in {"", "0", "false"}


@pytest.fixture(scope="session")
def shared_kafka() -> Iterator[SharedKafka]:
    """Bootstrap servers of the broker of each version that all tests share, started when first asked for."""
    with ExitStack() as stack:

        @cache
        def broker_of(version: str) -> str:
            if GIVEN and version == NEWEST:
                if not answers(GIVEN, within=10):
                    pytest.fail(f"no Kafka answers at KAFKA_BOOTSTRAP_SERVERS={GIVEN}")
                return GIVEN
            _require_own(version)
            return stack.enter_context(Broker(version=version)).bootstrap

        yield broker_of


@pytest.fixture(scope="session")
def kafka_version(request: pytest.FixtureRequest) -> str:
    """The newest version of Kafka; where a test is marked `every_kafka`, each in turn."""
    version: str = getattr(request, "param", NEWEST)
    return version


@pytest.fixture(scope="session")
def kafka(shared_kafka: SharedKafka, kafka_version: str) -> str:
    """Bootstrap servers of a broker that all tests share: never stop it, and keep to a `topic_prefix`."""
    return shared_kafka(kafka_version)


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics, groups and transactional ids that no other test has."""
    return f"t{secrets.token_hex(6)}-"


@pytest.fixture
def own_broker(kafka_version: str) -> Iterator[OwnBroker]:
    """Start brokers that belong to one test, which may stop, kill and freeze them; they end with the test."""
    _require_own(kafka_version)
    with ExitStack() as brokers:
        yield lambda properties: brokers.enter_context(Broker(properties=properties, version=kafka_version))


@pytest.fixture(scope="session")
def secured_kafka() -> Iterator[SecuredKafka]:
    """A broker that asks who is there, which all tests share: each has users and a `topic_prefix` of its own."""
    _require_own(NEWEST)
    with SecuredKafka() as kafka:
        yield kafka


@pytest.fixture
def own_cluster(kafka_version: str) -> Iterator[Cluster]:
    """Three brokers that belong to one test; what is committed on two of them outlives the third."""
    _require_own(kafka_version)
    with Cluster(version=kafka_version) as cluster:
        yield cluster


def _require_own(version: str) -> None:
    try:
        require_java(version)
    except BrokerError as error:
        # whoever brings a broker of their own may run the tests that are content with it, but CI runs all
        (pytest.skip if GIVEN and not IN_CI else pytest.fail)(f"this test wants a broker of its own: {error}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked `every_kafka` on each version of Kafka, if it needs Kafka at all."""
    marked = metafunc.definition.get_closest_marker("every_kafka") is not None
    if marked and "kafka_version" in metafunc.fixturenames:
        metafunc.parametrize("kafka_version", VERSIONS, indirect=True, scope="session")


def pytest_configure() -> None:
    """Mark this run's processes, let them be ended by SIGINT, and keep looptime's plugin from making loops that nobody uses."""
    os.environ.setdefault(*RUN)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a shell runs in the background, and all below it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.set_event_loop(None)  # `get_event_loop` raises from now on; the plugin takes that for "none here"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that leaves processes behind, and end them."""
    _, left = psutil.wait_procs(list(_processes_of_this_run()), timeout=10)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            what = f"{process.pid} {' '.join(process.cmdline())}"
            process.kill()
            session.config.get_terminal_writer().line(f"\nleft running by the tests: {what}", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what the run has shown beyond passed and failed."""
    summary.contract(terminalreporter)
    summary.payloads(terminalreporter)
    summary.blocks(terminalreporter)
    summary.queries(terminalreporter)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses a broker, so that `-m "not kafka"` is always right."""
    for item in items:
        if {"kafka", "own_broker", "own_cluster", "secured_kafka"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("kafka")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, TestReport, TestReport]:
    """Fail what skips, in CI: a guarantee that was not shown is not shown."""
    return _no_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, CollectReport, CollectReport]:
    """Fail modules that skip themselves, in CI."""
    return _no_skip((yield))


def _no_skip(report: Report) -> Report:
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped in CI: {report.longrepr}"
    return report


def _processes_of_this_run() -> Iterator[psutil.Process]:
    name, value = RUN
    if os.environ[name] != value:  # started by another run: a worker, or a test of the tests
        return
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            mine = process.pid != os.getpid() and process.environ().get(name) == value
            if mine and process.status() != psutil.STATUS_ZOMBIE:
                yield process
