"""Writes the topics' settings and the ACLs into the guides: `python -m streamer.store.kafka.reference [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final

from streamer.config import Config, KafkaConfig
from streamer.events.record import TOPICS
from streamer.generated import keep, table, with_sections
from streamer.store.kafka.permissions import Permission, commands, of_consumer, of_service
from streamer.store.kafka.topics import CHECKED, wanted

PAGE: Final = "docs/kafka.md"
SECURITY_PAGE: Final = "docs/kafka-security.md"
REPLICAS: Final = 3
SERVERS: Final = "kafka-1.example:9093"
ADMIN: Final = "--command-config admin.properties"
"""How an administrator logs in to such a cluster."""

_CREATE: Final = "Create where it shall make it"


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


def permissions() -> str:
    """Return what the service needs, by resource."""
    config, operations = KafkaConfig(), dict[tuple[str, str], list[str]]()
    for each in of_service(config, creates=True):
        name = f"{each.name}*" if each.prefixed else each.name
        operations.setdefault((each.resource, name), []).append(each.operation)
    rows = (
        (f"{resource} `{name if resource == 'group' else f'<topic_prefix>{name}'}`", ", ".join(allowed))
        for (resource, name), allowed in operations.items()
    )
    return table(("Resource", "Operations"), ((place, what.replace("Create", _CREATE)) for place, what in rows))


def acls(needed: Iterable[Permission], principal: str) -> str:
    """Return the commands that give permissions, as a block of code."""
    lines = (
        line.replace(" --add", " \\\n  --add").replace(" --operation", " \\\n  --operation", 1)
        for line in commands(needed, servers=f"{SERVERS} {ADMIN}", principal=principal)
    )
    return "```sh\n" + "".join(f"{line}\n" for line in lines) + "```\n"


def _checked(name: str) -> str:
    return "yes" if name in CHECKED else "-"


def main(arguments: list[str]) -> int:
    """Write the table, or with `--check` tell whether it is out of date (exit code 1)."""
    config = KafkaConfig()
    security = {
        "permissions": permissions(),
        "creating": acls(of_service(config, creates=True), "User:streamer"),
        "serving": acls(of_service(config, creates=False), "User:streamer"),
        "consuming": acls(of_consumer(config, group="wallboard"), "User:wallboard"),
    }
    pages = {PAGE: {"settings": settings()}, SECURITY_PAGE: security}
    return keep({page: with_sections(page, sections) for page, sections in pages.items()}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
