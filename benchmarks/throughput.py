"""What polling costs, measured on whole processes: CPU seconds per 1,000 polls, with 1, 2 and 3 replicas.

python -m benchmarks.throughput [--tenants 200] [--agents 50] [--interval 2s] [--replicas 1,2,3] [--seconds 30]

`streamer simulate`, real Kafka, `streamer run`; beside it, in the same run, the limit: the same requests sent by aiohttp
and their answers parsed by orjson, and nothing else. Counts come from `/metrics`, CPU from the operating system.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
import psutil

from streamer.simulator import tenant_ids, tenants_config
from tests.support.broker import Broker
from tests.support.programs import PASSWORD, PASSWORD_VARIABLE, ServiceProgram, SimulatorProgram

WARM_UP: Final = 15.0
"""Seconds before a measurement: first polls, baselines, caches."""

PARTITIONS: Final = 12
PATH: Final = "/api/v1/tenants/{tenant}/agentstatus/agents"

Figures = Mapping[str, float]


class Run:
    """One simulator and so many replicas that share its tenants, as processes."""

    def __init__(self, options: argparse.Namespace, replicas: int, *, bootstrap: str, stack: ExitStack) -> None:
        """Start them and wait until they are ready."""
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        parts = {
            "--tenants": options.tenants,
            "--agents": options.agents,
            "--speed": options.speed,
            "--sources": "8x8-agent-status",
        }
        self.simulator = SimulatorProgram(*(str(each) for pair in parts.items() for each in pair), folder=folder)
        stack.enter_context(self.simulator)
        tenants = tenants_config(self.simulator.base_url, options.tenants, password_env=PASSWORD_VARIABLE)
        kafka = {
            "bootstrap_servers": [bootstrap],
            "topic_prefix": f"bench-{secrets.token_hex(4)}-",
            "partitions": PARTITIONS,
        }
        defaults = {"interval": options.interval}
        config = {"store": "kafka", "kafka": kafka, "defaults": defaults, "tenants": tenants}
        self.services = []
        for number in range(replicas):
            own = folder / str(number)
            own.mkdir()
            self.services.append(stack.enter_context(ServiceProgram(config, folder=own)))
        for service in self.services:
            service.wait_ready(within=150)

    def measure(self, seconds: float) -> Figures:
        """Return what all replicas did in so many seconds."""
        before = self._counts()
        time.sleep(seconds)
        after = self._counts()
        return {
            name: after[name] if name in ("resident", "series", "scrape", "lag") else after[name] - before[name]
            for name in after
        }

    def _counts(self) -> Figures:
        totals: dict[str, float] = {"at": time.monotonic(), "simulator": _cpu(self.simulator)}
        samples, took = [], []
        for service in self.services:
            began = time.monotonic()
            samples.append(service.samples())
            took.append(time.monotonic() - began)
        for name, metric, labels in (
            ("polls", "streamer_polls_total", {"outcome": "ok"}),
            ("all_polls", "streamer_polls_total", {}),
            ("changes", "streamer_status_changes_total", {}),
            ("commits", "streamer_commits_total", {}),
            ("late", "streamer_event_loop_lag_seconds_sum", {}),
            ("looks", "streamer_event_loop_lag_seconds_count", {}),
        ):
            totals[name] = sum(each.total(metric, **labels) for each in samples)
        totals["cpu"] = sum(_cpu(service) for service in self.services)
        totals["resident"] = sum(_process(service).memory_info().rss for service in self.services)
        totals["series"], totals["scrape"] = sum(len(each) for each in samples), statistics.mean(took)
        return totals


def _process(program: ServiceProgram | SimulatorProgram) -> psutil.Process:
    process = program._process  # noqa: SLF001
    assert process is not None  # noqa: S101
    return psutil.Process(process.pid)


def _cpu(program: ServiceProgram | SimulatorProgram) -> float:
    times = _process(program).cpu_times()
    return times.user + times.system


async def fetch_alone(base_url: str, tenants: int, rate: float, seconds: float) -> Figures:
    """Send the same requests at the same rate, and parse the answers."""
    count = 0

    async def poll(session: aiohttp.ClientSession, tenant: str, offset: float) -> None:
        nonlocal count
        login = {"Authorization": aiohttp.encode_basic_auth(tenant, PASSWORD)}
        await asyncio.sleep(offset)
        while True:
            due = time.monotonic() + tenants / rate
            async with session.get(base_url + PATH.format(tenant=tenant), headers=login) as answer:
                orjson.loads(await answer.read())
            count += 1
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256, limit_per_host=16)) as session:
        ids = tenant_ids(tenants)
        polls = [asyncio.create_task(poll(session, tenant, number / rate)) for number, tenant in enumerate(ids)]
        await asyncio.sleep(tenants / rate + 1)
        before, began, cpu = count, time.monotonic(), time.process_time()
        await asyncio.sleep(seconds)
        figures = {"polls": count - before, "at": time.monotonic() - began, "cpu": time.process_time() - cpu}
        for each in polls:
            each.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
    return figures


def limit(run: Run, options: argparse.Namespace, rate: float) -> Figures:
    """Take the limit in a process of its own."""
    asked = [run.simulator.base_url, options.tenants, rate, min(10.0, options.seconds)]
    command = [sys.executable, "-m", "benchmarks.throughput", "--limit", json.dumps(asked)]
    figures: Figures = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)  # noqa: S603
    return figures


def row(name: str, found: Figures) -> None:
    """Print what one run found."""
    polls, seconds = found["polls"], found["at"]
    line = f"{name:34}{polls / seconds:>9.1f}{found['cpu'] / polls * 1000:>10.3f}{found['cpu'] / seconds:>8.2f}"
    if "changes" in found:
        line += f"{found['changes'] / seconds:>10.1f}{found['commits'] / seconds:>10.1f}"
        line += f"{found['late'] / max(1, found['looks']) * 1000:>8.1f}{found['resident'] / 2**20:>8.0f}"
        line += f"{found['series']:>9.0f}{found['scrape'] * 1000:>8.0f}{found['simulator'] / polls * 1000:>10.3f}"
        line += f"{(found['all_polls'] - polls):>7.0f}"
    print(line, flush=True)  # noqa: T201


def main(options: argparse.Namespace) -> None:
    """Print the table."""
    print(f"{options.tenants} tenants of {options.agents} agents, polled every {options.interval}")  # noqa: T201
    print(  # noqa: T201
        f"{'':34}{'polls/s':>9}{'CPU s/1000':>10}{'CPU':>8}{'changes/s':>10}{'commits/s':>10}{'lag ms':>8}"
        f"{'MiB':>8}{'series':>9}{'scrape':>8}{'simulator':>10}{'failed':>7}"
    )
    with ExitStack() as whole:
        bootstrap = options.bootstrap or whole.enter_context(Broker()).bootstrap
        for replicas in options.replicas:
            with ExitStack() as stack:
                run = Run(options, replicas, bootstrap=bootstrap, stack=stack)
                time.sleep(WARM_UP)
                found = run.measure(options.seconds)
                row(f"{replicas} replicas", found)
                for service in run.services:
                    service.stop()
                if replicas == options.replicas[-1]:
                    row("limit: aiohttp and orjson alone", limit(run, options, found["polls"] / found["at"]))


def parsed(arguments: Sequence[str]) -> Any:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=200)
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--interval", default="2s")
    parser.add_argument("--speed", type=float, default=5.0, help="of the simulated agents")
    parser.add_argument("--replicas", type=lambda text: [int(each) for each in text.split(",")], default=[1, 2, 3])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--bootstrap")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--limit"]:
        print(json.dumps(asyncio.run(fetch_alone(*json.loads(sys.argv[2])))))  # noqa: T201
    else:
        main(parsed(sys.argv[1:]))
