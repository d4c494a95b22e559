"""`streamer check-config`: what `run` would say of a config, without running it; and whether each secret is there."""

from __future__ import annotations

import sys
from collections import Counter

from streamer.cli.options import ConfigOption


def check_config(config: ConfigOption) -> None:
    """Check the config with all files and secrets that it refers to; exit code 78 if it can't be used."""
    from streamer.cli.opening import load_for_polling  # noqa: PLC0415

    checked = load_for_polling(config)
    sources = Counter(tenant.source for tenant in checked.tenants)
    kafka = checked.kafka
    where = ", ".join(kafka.bootstrap_servers) if checked.store.kind == "kafka" else str(checked.store.path)
    sys.stdout.write(f"{config}: ok\nstore: {checked.store.kind}, {where}\n")
    sys.stdout.write(f"tenants: {len(checked.tenants)}\n")
    sys.stdout.write("".join(f"  {source}: {count}\n" for source, count in sorted(sources.items())))
