"""The age of each tenant's watermark, as a collector of its own: the value changes while nothing happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from streamer.service.metric_definitions import WATERMARK_AGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamer.clock import Clock
    from streamer.model import Millis


class WatermarkAge(Collector):
    """How far each tenant's watermark lies behind, worked out when it is asked: it grows while nothing is told."""

    def __init__(self, *, clock: Clock) -> None:
        """Start without any tenant."""
        self._clock = clock
        self._watermarks: dict[str, Millis] = {}

    def move(self, tenant: str, complete_through: Millis) -> None:
        """Take a tenant's watermark."""
        self._watermarks[tenant] = complete_through

    def forget(self, tenant: str) -> None:
        """Drop a tenant's series, if there is one."""
        self._watermarks.pop(tenant, None)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return the family without samples: how the registry learns of the name."""
        return [self._family()]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the family with one sample a tenant."""
        family = self._family()
        now = self._clock.wall()
        for tenant, complete_through in list(self._watermarks.items()):
            family.add_metric([tenant], (now - complete_through) / 1000)
        yield family

    def _family(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(WATERMARK_AGE.full_name, WATERMARK_AGE.help, labels=WATERMARK_AGE.labels)
