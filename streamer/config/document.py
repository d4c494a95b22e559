"""A YAML file as a tree that remembers its lines.

Every scalar stays text exactly as written: the configuration model gives it its type. So `0123` is a fine tenant id, `no`
is a fine user name, and no rule of YAML's implicit typing (1.1 or 1.2) is to be known. Only a value that is left empty, `~`
or `null` is told apart, as `EMPTY`, because it is always a mistake here.
"""

import enum
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamer.config.problems import ConfigError, Problem

Location = tuple[str | int, ...]
"""The keys and indexes that lead from the root to a value."""

_TENANT_ID = re.compile(r"[A-Za-z0-9._-]+")


class Empty(enum.Enum):
    """The type of `EMPTY`."""

    EMPTY = "empty"


EMPTY: Final = Empty.EMPTY


@dataclass(frozen=True, slots=True)
class Node:
    """A value in the file and where it starts.

    `size` counts the nodes in it, itself included, and `height` their levels, both with aliases expanded.
    """

    line: int
    column: int
    size: int
    height: int


@dataclass(frozen=True, slots=True)
class Scalar(Node):
    """Text as written; `empty` if it stands for no value."""

    text: str
    empty: bool


@dataclass(frozen=True, slots=True)
class Sequence(Node):
    """A list."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping(Node):
    """Keys, their values and, in `repeated`, the keys that came a second time: their values are dropped."""

    keys: dict[str, Scalar]
    values: dict[str, Node]
    repeated: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file."""

    file: Path
    root: Node

    def data(self) -> object:
        """The content as dicts, lists, text and `EMPTY`.

        Raises ConfigError naming each key that is given twice in one mapping.
        """
        repeated: list[Problem] = []
        data = self._data(self.root, (), repeated)
        if repeated:
            raise ConfigError(*repeated)
        return data

    def problem(self, location: Location, message: str, *, at_key: bool = False) -> Problem:
        """A problem at a location; one that is not in the file is reported where its nearest parent starts."""
        node: Node = self.root
        for depth, step in enumerate(location, start=1):
            if isinstance(node, Mapping) and isinstance(step, str) and step in node.values:
                node = node.keys[step] if at_key and depth == len(location) else node.values[step]
            elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
                node = node.items[step]
            else:
                break
        return Problem(file=self.file, line=node.line, column=node.column, path=self._label(location), message=message)

    def _label(self, location: Location) -> str:
        """The location in words, with a tenant's id in place of its index: `tenants[acme].interval`."""
        words = [
            f"[{self._tenant_id(step) if index == 1 and location[0] == 'tenants' else step}]"
            if isinstance(step, int)
            else f".{step if step.isprintable() else ascii(step)}"
            for index, step in enumerate(location)
        ]
        return "".join(words).removeprefix(".")

    def _tenant_id(self, index: int) -> str:
        tenants = self.root.values.get("tenants") if isinstance(self.root, Mapping) else None
        tenant = tenants.items[index] if isinstance(tenants, Sequence) else None
        name = tenant.values.get("id") if isinstance(tenant, Mapping) else None
        return name.text if isinstance(name, Scalar) and _TENANT_ID.fullmatch(name.text) else str(index)

    def _data(self, node: Node, location: Location, repeated: list[Problem]) -> object:
        match node:
            case Mapping():
                for key in node.repeated:
                    message = f"given twice, first in line {node.keys[key.text].line} — keep one of the two"
                    label = self._label((*location, key.text))
                    repeated.append(
                        Problem(file=self.file, line=key.line, column=key.column, path=label, message=message)
                    )
                return {key: self._data(value, (*location, key), repeated) for key, value in node.values.items()}
            case Sequence():
                return [self._data(item, (*location, index), repeated) for index, item in enumerate(node.items)]
            case Scalar():
                return EMPTY if node.empty else node.text
        raise TypeError(f"not a node of a document: {node!r}")
