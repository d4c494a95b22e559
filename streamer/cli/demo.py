"""`streamer demo`: a simulated vendor, the service and a consumer in one process."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import typer

from streamer.cli.endings import say
from streamer.cli.options import Output, OutputOption
from streamer.cli.running import run_until_stopped

if TYPE_CHECKING:
    from streamer.cli.live import View
    from streamer.config import Config, KafkaConfig, StoreConfig
    from streamer.signals import Signal

INTERVAL_MS: Final = 1000
HEARTBEAT_MS: Final = 5000
PARTITIONS: Final = 3
PREFIX: Final = "demo-"
"""Begins the names of the topics in Kafka."""

SPEED: Final = 10.0
"""An agent's day at ten times its pace: of 50 agents some change every second."""

CHURN: Final = 0.01


class _Over(Exception):
    """The demo's time is up."""


def demo(
    *,
    tenants: Annotated[int, typer.Option(min=1, help="Simulated tenants.")] = 3,
    agents: Annotated[int, typer.Option(min=1, help="Agents of each tenant.")] = 50,
    duration: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="End after so long; without it, at Ctrl-C.")
    ] = None,
    output: OutputOption = Output.TABLE,
    kafka: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT|FILE",
            help="Use this Kafka, or that of a config with its login, with topics of its own, and no SQLite.",
        ),
    ] = None,
) -> None:
    """See it work: simulated agents are polled, and their changes shown as a consumer reads them.

    The first lines say where the status page is.
    """
    from streamer.cli.live import make_view  # noqa: PLC0415
    from streamer.clock import SystemClock  # noqa: PLC0415
    from streamer.service.logs import configure_logging  # noqa: PLC0415
    from streamer.simulator import SimulatorServer, SimulatorSettings, tenant_ids  # noqa: PLC0415

    broker = None if kafka is None else _broker(kafka)
    settings = SimulatorSettings(tenants=tenants, agents=agents, speed=SPEED, churn=CHURN)

    async def show() -> None:
        async with AsyncExitStack() as stack:
            simulator = await stack.enter_async_context(SimulatorServer(settings))
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="streamer-demo-")))
            made = _config(_store(folder, broker), broker, base_url=simulator.base_url, tenants=tenants)
            say(f"a simulated vendor answers at {simulator.base_url}; {_where(made)}; Ctrl-C ends")
            view = stack.enter_context(make_view(output=output, stream=sys.stdout, tenants=tenant_ids(tenants)))
            configure_logging(stream=sys.stderr, clock=SystemClock(), level=logging.WARNING)
            try:
                await _serve_and_consume(made, view=view, duration=duration)
            except* _Over:
                pass

    run_until_stopped(show)


async def _serve_and_consume(config: Config, *, view: View, duration: float | None) -> None:
    from streamer.clock import SystemClock  # noqa: PLC0415
    from streamer.events.record import EVENTS  # noqa: PLC0415
    from streamer.service.app import Service  # noqa: PLC0415
    from streamer.signals import ShardTaken  # noqa: PLC0415
    from streamer.store import open_store  # noqa: PLC0415

    store = open_store(config, clock=SystemClock())
    there = asyncio.Event()

    def watch(signal: Signal) -> None:
        view.observe(signal)
        if isinstance(signal, ShardTaken):
            there.set()

    def started(port: int) -> None:
        view.say(f"the status page is at http://{config.server.host}:{port}/")

    async def consume() -> None:
        await there.wait()  # what is to be read exists from then on
        async for record in store.read(EVENTS, follow=True):
            view.show(record)

    async with asyncio.TaskGroup() as group:
        group.create_task(Service(config, store=store, observers=[watch]).run(started), name="service")
        group.create_task(consume(), name="consumer")
        if duration is not None:
            group.create_task(_end_after(duration), name="end")


async def _end_after(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise _Over


def _broker(named: str) -> KafkaConfig:
    """Return the Kafka at an address or of a config, with topics of the demo's own, of which no schema registry is told."""
    from streamer.cli.opening import load_for_reading  # noqa: PLC0415
    from streamer.config import KafkaConfig  # noqa: PLC0415

    file = Path(named)
    try:
        kafka = load_for_reading(file).kafka if file.is_file() else KafkaConfig(bootstrap_servers=(named,))
    except ValueError as error:
        raise typer.BadParameter(f"{named!r} is neither HOST:PORT nor a file", param_hint="--kafka") from error
    own = {
        "topic_prefix": f"{PREFIX}{secrets.token_hex(3)}-",
        "partitions": PARTITIONS,
        "static_shards": frozenset(range(PARTITIONS)),
        "schema_registry": None,
    }
    return kafka.model_copy(update=own)


def _store(folder: Path, broker: KafkaConfig | None) -> StoreConfig:
    from streamer.config import StoreConfig  # noqa: PLC0415

    return StoreConfig("kafka") if broker is not None else StoreConfig("sqlite", folder / "streamer.db")


def _where(config: Config) -> str:
    if config.store.kind == "kafka":
        return f"the topics are called {config.kafka.topic_prefix}*"
    return "the store is a database of its own, deleted at the end"


def _config(store: StoreConfig, broker: KafkaConfig | None, *, base_url: str, tenants: int) -> Config:
    from streamer.config import AgentStatus8x8, Config, KafkaConfig, LiteralSecret, ServerConfig  # noqa: PLC0415
    from streamer.simulator import tenant_ids, token_of  # noqa: PLC0415

    return Config(
        store=store,
        kafka=broker or KafkaConfig(),
        server=ServerConfig(host="127.0.0.1", port=0),
        tenants=tuple(
            AgentStatus8x8(
                id=tenant,
                base_url=base_url,
                username=tenant,
                password=LiteralSecret(token_of(tenant)),
                interval=INTERVAL_MS,
                timeout=INTERVAL_MS,
                heartbeat=HEARTBEAT_MS,
            )
            for tenant in tenant_ids(tenants)
        ),
    )
