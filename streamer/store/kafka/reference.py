"""Writes the topics' settings into docs/kafka.md: `python -m streamer.store.kafka.reference [--check]`."""

from __future__ import annotations

import sys
from typing import Final

from streamer.config import Config
from streamer.events.record import TOPICS
from streamer.generated import keep, table, with_sections
from streamer.store.kafka.topics import CHECKED, wanted

PAGE: Final = "docs/kafka.md"
REPLICAS: Final = 3


def settings() -> str:
    """Return the settings that the topics are made with, for three replicas and the default retention."""
    retention = Config.model_fields["retention"].default
    made = {topic: wanted(topic, replicas=REPLICAS, retention=retention) for topic in TOPICS}
    names = sorted({name for each in made.values() for name in each})
    rows = (
        (f"`{name}`", *(f"`{made[topic][name]}`" if name in made[topic] else "-" for topic in TOPICS), _checked(name))
        for name in names
    )
    return table(("Setting", *(f"`{topic}`" for topic in TOPICS), "Checked at start"), rows)


def _checked(name: str) -> str:
    return "yes" if name in CHECKED else "-"


def main(arguments: list[str]) -> int:
    """Write the table, or with `--check` tell whether it is out of date (exit code 1)."""
    return keep({PAGE: with_sections(PAGE, {"settings": settings()})}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
