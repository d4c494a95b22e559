"""Operators who never rest: tenants come, change and go, secrets are rotated, and mistakes are made and mended."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from streamer.simulator import token_of
from tests.support.files import Volume
from tests.support.programs import PASSWORD

WRONG: Final = "no-longer-valid"

MISTAKES: Final = (
    lambda text: text.replace("interval:", "interwal:", 1),
    lambda text: text[: text.index("tenants:") + 12],
    lambda text: text + "\n  - - :\n",
    lambda text: text.replace("id: sim-", "id: sim ", 1),
)
"""Each spoils a config that has defaults and simulated tenants."""


class ConfigChurn:
    """What is to be different from the config that a test begins with. `change` changes that, `applied` carries it out.

    The first third of the tenants is left alone: nothing that happens to the others may touch them. The secrets of
    the others lie in files; each has two that are good.
    """

    def __init__(self, tenants: Sequence[str], *, folder: Path, dice: random.Random) -> None:
        """Take all tenants' ids and a folder for their secrets."""
        self.done: Counter[str] = Counter()
        third = max(1, len(tenants) // 3)
        self.left_alone, self.changing = tenants[:third], tenants[third:]
        self._dice = dice
        self._out: set[str] = set()
        self._keys: dict[str, dict[str, Any]] = {tenant: {} for tenant in self.changing}
        self._secrets = dict.fromkeys(self.changing, PASSWORD)
        self._tokens = 0
        self._volume = Volume(folder / "secrets")
        self._volume.swap(self._secrets)

    def change(self) -> str:
        """Change something of a tenant; return what."""
        tenant = self._dice.choice(self.changing)
        change: Callable[[str], None] = self._dice.choice(
            [self._take_out, self._change_keys, self._pause, self._resync, self._rotate, self._mistype_secret]
        )
        change(tenant)
        what: str = getattr(change, "__name__", "").strip("_")
        self.done[what] += 1
        return what

    def rest(self) -> None:
        """Have all tenants polled again, with good secrets."""
        self._out.clear()
        for keys in self._keys.values():
            keys.pop("paused", None)
        self._secrets = {tenant: PASSWORD if old == WRONG else old for tenant, old in self._secrets.items()}
        self._volume.swap(self._secrets)

    def applied(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return a config as it is to be now; its tenants' other keys stay."""
        tenants = [
            {**tenant, **self._keys_of(tenant["id"])} for tenant in config["tenants"] if tenant["id"] not in self._out
        ]
        return {**config, "tenants": tenants}

    def mistaken(self, text: str) -> str:
        """Return a config's text with a mistake in it."""
        self.done["mistake"] += 1
        spoilt: str = self._dice.choice(MISTAKES)(text)
        assert spoilt != text, "no mistake was made"
        return spoilt

    def _keys_of(self, tenant: str) -> Mapping[str, Any]:
        if tenant in self.left_alone:
            return {}
        return {"password": {"file": str(self._volume.folder / tenant)}, **self._keys[tenant]}

    def _take_out(self, tenant: str) -> None:
        self._out ^= {tenant}

    def _change_keys(self, tenant: str) -> None:
        self._keys[tenant]["max_body"] = f"{self._dice.randint(4, 64)}MiB"

    def _pause(self, tenant: str) -> None:
        self._keys[tenant]["paused"] = not self._keys[tenant].get("paused", False)

    def _resync(self, tenant: str) -> None:
        self._tokens += 1
        self._keys[tenant]["resync"] = f"t{self._tokens}"

    def _rotate(self, tenant: str) -> None:
        self._secret(tenant, token_of(tenant) if self._secrets[tenant] == PASSWORD else PASSWORD)

    def _mistype_secret(self, tenant: str) -> None:
        self._secret(tenant, WRONG)

    def _secret(self, tenant: str, secret: str) -> None:
        self._secrets[tenant] = secret
        self._volume.swap(self._secrets)
