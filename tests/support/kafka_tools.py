"""Kafka's own tools, as they are called in its `bin` folder without `.sh`: `kafka-acls`, `kafka-configs`, ..."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from tests.support.broker import LIBS, NEWEST, BrokerError, require_java

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TOOLS: Final[Mapping[str, str]] = {
    "kafka-acls": "org.apache.kafka.tools.AclCommand",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
}
"""The classes that their scripts start; there are more."""

_JAVA: Final = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def tool(line: str) -> Sequence[str]:
    """Return a command line of one of them as it can be started here.

    Raises:
        BrokerError: there is no Java here, or Kafka has not been fetched.

    """
    name, *arguments = shlex.split(line)
    java = require_java()
    if not any((LIBS / NEWEST).glob("kafka-tools-*.jar")):
        raise BrokerError(f"no tools in {LIBS / NEWEST}: it was fetched before they were wanted; run `make kafka`")
    return [java, *_JAVA, "-cp", f"{LIBS / NEWEST}/*", TOOLS[name], *arguments]


def put_into(folder: Path) -> None:
    """Make them programs in a folder, for the PATH."""
    folder.mkdir()
    for name in TOOLS:
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(tool(name))} "$@"\n')
        script.chmod(0o755)
