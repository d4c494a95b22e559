"""One part of a campaign: one kind of fault, played to its end and judged by itself."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from streamer.simulator import FIRST_NAMES, LAST_NAMES
from tests.campaign.directed import DIRECTED, DUELLING
from tests.campaign.faults import KINDS
from tests.campaign.polls import manners, missed
from tests.campaign.report import Report
from tests.campaign.size import Part
from tests.campaign.stage import Stage
from tests.campaign.takeovers import TakeOver, Times, take_overs, times_of
from tests.campaign.vitals import thirds
from tests.oracle import Evidence, judge, same_stream
from tests.support.cluster import Cluster
from tests.support.programs import PASSWORD
from tests.support.trial import Place, shared_place

PLAYS = {**KINDS, **DIRECTED}

UNDISTURBED, ALL = " alone", " in all"

SHOWN = 20
"""Complaints that a report repeats."""

_WORD = re.compile(r"[\w@.-]+")


def place_of(part: Part, cluster: Cluster, prefix: str) -> Place:
    """Return the store of a cluster and a prefix as the part needs it: shared, or fought over."""
    keys: dict[str, Any] = {"partitions": part.measure.shards, "replication_factor": len(cluster.numbers)}
    if part.kind in DUELLING:
        keys["static_shards"] = "all"
    return shared_place(cluster.bootstrap, prefix, **keys)


def play(part: Part, cluster: Cluster, *, prefix: str, folder: Path) -> Report:
    """Play a part on topics of a cluster with a prefix; the report says what was seen and what was wrong."""
    began = time.monotonic()
    with Stage(part, place_of(part, cluster, prefix), folder=folder, cluster=cluster) as stage:
        PLAYS[part.kind](stage, random.Random(part.seed), part.faults)
        stage.settle()
        stage.stop()
        played = time.monotonic() - began
        evidence = stage.evidence()
        _keep(evidence, folder / "records.jsonl")
        verdict = judge(evidence)
        broken = Counter(violation.rule for violation in verdict.violations)
        live = list(same_stream(stage.seen_live(len(evidence.events)), evidence.events))
        broken.update(violation.rule for violation in live)
        complaints = [
            f"{each.rule}: {each.tenant}|{each.agent} {each.message}" for each in (*verdict.violations, *live)
        ]
        return Report(
            kinds=[part.kind],
            size=part.size,
            kafka=part.kafka,
            seed=part.seed,
            faults=dict(Counter(fault.kind for fault in stage.faults)),
            played=round(played, 1),
            judged=round(time.monotonic() - began - played, 1),
            events=verdict.counts.events,
            transitions=verdict.counts.transitions,
            promised=verdict.counts.promised,
            untold=verdict.counts.untold,
            broken=dict(broken),
            wrong=[*complaints[:SHOWN], *_leaks(stage)],
            take_overs=_take_overs(stage, evidence),
            polls=manners(stage.log.more(), (stage.began, stage.ended), stage.size.interval),
            missed=missed(stage.log.more(), stage.restarts, stage.size.interval),
            vitals=dict(thirds(stage.vitals.seen)),
            unserved={str(status): count for status, count in stage.log.unserved.items()},
            ended_by_themselves=stage.ended_by_themselves,
        )


def _keep(evidence: Evidence, path: Path) -> None:
    """Write all records down beside the vendor's own records, for whoever asks how it came to a complaint."""
    with path.open("wb") as file:
        for message in (*evidence.events, *evidence.rows, *evidence.tenants):
            headers = {name: value.decode(errors="replace") for name, value in message.headers}
            line = {**message._asdict(), "key": message.key.decode(), "headers": headers}
            file.write(msgspec.json.encode({**line, "value": message.value and message.value.decode()}) + b"\n")


def _take_overs(stage: Stage, evidence: Evidence) -> dict[str, Times]:
    """Sum up the take-overs by kind of fault: those that nothing else disturbed, and all."""
    shards = {message.key.partition(b"|")[0].decode(): message.partition for message in evidence.events}
    taken = list(take_overs(stage.faults, stage.log.more(), shards, stage.size.interval))
    chosen: Mapping[str, list[TakeOver]] = {
        f"{kind}{which}": [each for each in taken if each.kind == kind and (each.alone or which == ALL)]
        for kind in {each.kind for each in taken}
        for which in (UNDISTURBED, ALL)
    }
    return {name: times for name, of in sorted(chosen.items()) if (times := times_of(of)) is not None}


def _leaks(stage: Stage) -> Iterator[str]:
    """Yield what of secrets, agents' ids and agents' names is in a replica's log or output."""
    lines = stage.simulator.truth()
    private = {line["agent"] for line in lines if "agent" in line}
    private |= {line["ids"][name] for line in lines if "ids" in line for name in ("login", "guid")}
    private |= {PASSWORD, *FIRST_NAMES, *LAST_NAMES}
    for replica in stage.replicas:
        for said in (replica.log(), replica.output()):
            yield from (f"{replica.name} said {word!r}" for word in private.intersection(_WORD.findall(said)))
