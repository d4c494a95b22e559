"""How quickly shards are taken over, and how much memory each agent takes then, beside merely reading the same bytes.

python -m benchmarks.restore [--agents 10000,100000] [--partitions 32] [--bootstrap HOST:PORT]

Without `--bootstrap` a broker is started. All shards are taken over at once by one process, as the last replica that is
left would. Each figure comes from a process of its own; rows are made by the product's own encoder.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import json
import secrets
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final

import orjson
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import Consumer, KafkaError
from confluent_kafka import TopicPartition as Place

from benchmarks.rows import fill
from streamer.clock import SystemClock
from streamer.config import KafkaConfig
from streamer.events.record import ROWS
from streamer.store import Shard
from streamer.store.kafka import KafkaStore
from tests.support.broker import Broker

LAG_EVERY: Final = 0.001
"""Seconds between two looks at how late the event loop is."""

Figures = dict[str, float]
Measure = Callable[[KafkaConfig], Awaitable[Figures]]


async def taken_over(config: KafkaConfig) -> Figures:
    """Take all shards over as `streamer run` does, and count what the process holds afterwards."""
    store = KafkaStore(config=config, retention=7 * 86_400_000, clock=SystemClock())
    worst = [0.0]
    lag = asyncio.create_task(worst_lag(worst, LAG_EVERY))
    before, began, cpu = _resident(), time.perf_counter(), time.process_time()
    shards = await asyncio.gather(*(store.attempt(number).run(lambda: True) for number in range(store.shards)))
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    lag.cancel()
    peak = _peak() - before
    figures = {"seconds": seconds, "cpu": used, "agents": _agents(shards), "lag": worst[0], "peak": peak}
    figures["resident"] = _resident() - before
    await asyncio.gather(*(shard.kill() for shard in shards))
    return figures


async def traced(config: KafkaConfig) -> Figures:
    """The same, with every allocation counted; slow, so only the bytes are told."""
    tracemalloc.start(1)
    before = tracemalloc.get_traced_memory()[0]
    store = KafkaStore(config=config, retention=7 * 86_400_000, clock=SystemClock())
    shards = await asyncio.gather(*(store.attempt(number).run(lambda: True) for number in range(store.shards)))
    await asyncio.gather(*(shard.kill() for shard in shards))
    gc.collect()
    now, peak = tracemalloc.get_traced_memory()
    return {"agents": _agents(shards), "traced": now - before, "traced_peak": peak - before}


async def read_by_aiokafka(config: KafkaConfig) -> Figures:
    """Read the same records with one aiokafka consumer, and do nothing with them."""
    places = [TopicPartition(f"{config.topic_prefix}{ROWS}", number) for number in range(config.partitions)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(config.bootstrap_servers),
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await consumer.start()
    try:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        began, cpu, count = time.perf_counter(), time.process_time(), 0
        while not all([await consumer.position(place) >= end for place, end in ends.items()]):
            batches = await consumer.getmany(timeout_ms=500, max_records=2000)
            count += sum(len(batch) for batch in batches.values())
        return {
            "seconds": time.perf_counter() - began,
            "cpu": time.process_time() - cpu,
            "agents": count,
        }
    finally:
        await consumer.stop()


async def read_by_confluent(config: KafkaConfig, use: Callable[[bytes], Any] = len) -> Figures:
    """Read the same records with confluent-kafka, which does it in threads written in C."""
    consumer = Consumer(
        {
            "bootstrap.servers": ",".join(config.bootstrap_servers),
            "group.id": "benchmark",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([Place(f"{config.topic_prefix}{ROWS}", number, 0) for number in range(config.partitions)])
    left, count = config.partitions, 0
    began, cpu = time.perf_counter(), time.process_time()
    while left:
        for message in consumer.consume(2000, timeout=1.0):
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error  # noqa: S101, SLF001
                left -= 1
            elif (value := message.value()) is not None:
                use(value)
                count += 1
    figures = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu, "agents": count}
    consumer.close()
    return figures


async def read_and_parsed(config: KafkaConfig) -> Figures:
    """Read by confluent-kafka, and each value parsed by orjson."""
    return await read_by_confluent(config, orjson.loads)


MEASURES: Final[Mapping[str, tuple[str, Measure]]] = {
    "taken": ("taken over by us", taken_over),
    "traced": ("the same, traced", traced),
    "aiokafka": ("limit: read by aiokafka alone", read_by_aiokafka),
    "confluent": ("limit: read by confluent-kafka alone", read_by_confluent),
    "parsed": ("limit: that, and orjson.loads", read_and_parsed),
}


async def worst_lag(worst: list[float], every: float) -> None:
    """Look so often, in seconds, how late the event loop is; keep the worst in `worst[0]`, until cancelled."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(every)
        worst[0] = max(worst[0], time.perf_counter() - began - every)


def _agents(shards: Sequence[Shard]) -> int:
    return sum(state.live for shard in shards for state in shard.tenants.values())


def _resident() -> int:
    gc.collect()
    ctypes.CDLL("").malloc_trim(0)  # what was freed is given back, else it would be counted as held
    return int(psutil.Process().memory_info().rss)


def _peak() -> int:
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def measured(name: str, config: KafkaConfig) -> Figures:
    """Take one measure in a process of its own."""
    settings = {
        "bootstrap": config.bootstrap_servers[0],
        "prefix": config.topic_prefix,
        "partitions": config.partitions,
    }
    command = [sys.executable, "-m", "benchmarks.restore", "--measure", name, json.dumps(settings)]
    figures: Figures = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)  # noqa: S603
    return figures


def config_of(bootstrap: str, prefix: str, partitions: int) -> KafkaConfig:
    """Return the config of the topics with a prefix."""
    return KafkaConfig(bootstrap_servers=(bootstrap,), topic_prefix=prefix, partitions=partitions)


def main(sizes: Sequence[int], partitions: int, bootstrap: str | None, names: Sequence[str]) -> None:
    """Print the table."""
    print(  # noqa: T201
        f"{'':44}{'agents':>10}{'seconds':>9}{'agents/s':>10}{'CPU us':>9}"
        f"{'lag ms':>8}{'held B':>9}{'peak B':>9}   (CPU and bytes: each agent's)"
    )
    with ExitStack() as stack:
        servers = bootstrap or stack.enter_context(Broker()).bootstrap
        for size in sizes:
            config = config_of(servers, f"bench-{secrets.token_hex(4)}-", partitions)
            size_of_all = asyncio.run(fill(config, size))
            print(f"{size} agents on {partitions} shards, {size_of_all / size:.0f} bytes each", flush=True)  # noqa: T201
            for name in names:
                _print(MEASURES[name][0], measured(name, config))


def _print(name: str, found: Figures) -> None:
    agents = found["agents"]
    seconds = f"{found['seconds']:>9.2f}{agents / found['seconds']:>10,.0f}" if "seconds" in found else " " * 19
    cpu = f"{found['cpu'] / agents * 1e6:>9.1f}" if "cpu" in found else " " * 9
    lag = f"{found['lag'] * 1000:>8.0f}" if "lag" in found else " " * 8
    held, peak = found.get("resident") or found.get("traced"), found.get("peak") or found.get("traced_peak")
    memory = f"{held / agents:>9.0f}{peak / agents:>9.0f}" if held and peak else ""
    print(f"  {name:42}{agents:>10,.0f}{seconds}{cpu}{lag}{memory}", flush=True)  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        given = json.loads(sys.argv[3])
        config = config_of(given["bootstrap"], given["prefix"], given["partitions"])
        print(json.dumps(asyncio.run(MEASURES[sys.argv[2]][1](config))))  # type: ignore[arg-type]  # noqa: T201
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--agents", default="10000,100000")
        parser.add_argument("--partitions", type=int, default=32)
        parser.add_argument("--bootstrap")
        parser.add_argument("--only", default=",".join(MEASURES))
        options = parser.parse_args()
        main(
            [int(size) for size in options.agents.split(",")],
            options.partitions,
            options.bootstrap,
            options.only.split(","),
        )
