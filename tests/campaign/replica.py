"""One of several `streamer run` processes; each of its lives asks the vendor under a name of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from tests.campaign.vitals import Watched
from tests.support.programs import ServiceProgram

INSIDE = Path(__file__).parent / "inside"


class Replica(ServiceProgram):
    """A service that is killed, frozen, stopped and started again; it keeps its name, as a pod of a StatefulSet does."""

    def __init__(self, name: str, *, config: Callable[[str], Mapping[str, Any]], folder: Path) -> None:
        """Take its name, a folder of its own, and what tells the config of a life under the life's name."""
        self.name = name
        self.frozen = False
        self.wanted = False
        self._config_of = config
        self._tasks = folder / "tasks"
        folder.mkdir()
        super().__init__(config(f"{name}.1"), folder=folder)
        path = os.pathsep.join(part for part in (str(INSIDE), os.environ.get("PYTHONPATH")) if part)
        self.environment.update(POD_NAME=name, PYTHONPATH=path, CAMPAIGN_TASKS=str(self._tasks))

    @property
    def client(self) -> str:
        """What the vendor knows this life by."""
        return f"{self.name}.{self.starts}"

    @property
    def serving(self) -> bool:
        """Whether it is there and not frozen."""
        return self.running and not self.frozen

    @property
    def watched(self) -> Watched:
        """Where its vitals can be seen."""
        return Watched(self.pid, self._tasks)

    def start(self) -> Self:
        """Begin another life."""
        self.configure(self._config_of(f"{self.name}.{self.starts + 1}"))
        self.wanted = True
        super().start()
        return self

    def kill(self) -> None:
        """End it as a power cut would; whether frozen or not."""
        self.wanted = False
        super().kill()
        self.frozen = False

    def stop(self) -> int:
        """End it as Kubernetes does."""
        self.wanted = False
        return super().stop()

    def freeze(self) -> None:
        """Stop it in its tracks."""
        super().freeze()
        self.frozen = True

    def thaw(self) -> None:
        """Let it go on."""
        super().thaw()
        self.frozen = False
