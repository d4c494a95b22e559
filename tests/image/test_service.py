"""The service in its image, against a real Kafka: what it publishes is true, and it asks for nothing but what it is given."""

from __future__ import annotations

import time
from pathlib import Path

from streamer.cli.running import DRAIN_SECONDS
from tests.oracle import judge
from tests.support.image import ServiceContainer, podman
from tests.support.trial import Trial, TrialSettings, kafka_place, leaks, new_dice, pause


def test_the_service_in_the_image_publishes_the_truth(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    """Two lives of it, one with a read-only root: the oracle has nothing to say, both end well and leave no file behind.

    Live and ready while it serves; SIGTERM ends it within the time that it allows itself.
    """
    settings = TrialSettings(seed=new_dice().randrange(10_000))
    trial = Trial(kafka_place(kafka, topic_prefix), tmp_path, settings)
    service = trial.service = ServiceContainer(trial.config(), folder=tmp_path)
    with trial:
        trial.start()
        assert service.get("/livez")[0] == 200
        trial.wait_for_polls(10)
        begun = time.monotonic()
        assert service.stop() == 0, service.log_tail()
        first, took = service.container, time.monotonic() - begun
        service.root = ()  # what it would write anywhere else, it may write now
        trial.start()
        pause(5)
        evidence = trial.end()
        written = podman("diff", service.container)
        podman("rm", "--force", first)
        verdict = judge(evidence)
        print(f"{verdict}\nended {took:.1f} s after SIGTERM")  # noqa: T201 - the figures
        assert not verdict.violations, f"{verdict}\n{service.log_tail()}"
        assert verdict.counts.changes > 20
        assert took < DRAIN_SECONDS
        assert not leaks(trial, {"log": service.log(), "stdout": service.output()})
        assert (written.returncode, written.stdout) == (0, mount_points(written.stdout))


def mount_points(changes: str) -> str:
    """Return the lines of `podman diff` that tell of folders which podman made to mount the config in."""
    made = {"A /etc/streamer", "A /etc/streamer/config", "C /etc"}
    return "".join(f"{line}\n" for line in changes.splitlines() if line in made)
