"""Reads a YAML file into a document, within bounds.

Aliases are followed and counted as often as they are used, so a file that expands without end is refused; tags are refused.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from streamer.config.document import Document, Mapping, Node, Scalar, Sequence
from streamer.config.problems import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 16 * 2**20
MAX_NODES: Final = 1_000_000
MAX_DEPTH: Final = 20
MAX_KEY: Final = 256

_EMPTY = re.compile(r"|~|null|Null|NULL")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml: ten times faster with thousands of tenants


def read(file: Path) -> Document:
    """Reads and parses a file.

    Raises ConfigError when it cannot be read, is no valid YAML, holds nothing or more than one document, or is larger or
    nested deeper than any real configuration.
    """
    return Document(file, _Composer(file, _text(file)).document())


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            Problem(file=file, message=f"cannot be read: {reason} — check the path and its permissions")
        ) from None
    except ValueError:  # a path with a NUL character
        raise ConfigError(Problem(file=file, message="is not a path — check it")) from None
    if len(content) > MAX_BYTES:
        message = f"larger than {MAX_BYTES // 2**20} MiB — split it with tenants_dir"
        raise ConfigError(Problem(file=file, message=message))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = "not UTF-8 text — save the file in UTF-8"
        raise ConfigError(Problem(file=file, line=line, column=1, message=message)) from None


class _Composer:
    """Builds the tree from the parser's events, bounded in depth and in number of nodes."""

    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._text = text
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)  # lazy: nothing is parsed yet
        self._anchors: dict[str, Node] = {}
        self._count = 0

    def document(self) -> Node:
        try:
            next(self._events)  # the stream starts
            if isinstance(next(self._events), yaml.StreamEndEvent):
                raise ConfigError(Problem(file=self._file, message="is empty — write at least store and tenants"))
            root = self._node(next(self._events), depth=1)
            next(self._events)  # the document ends
            after = next(self._events)
        except yaml.MarkedYAMLError as error:
            raise self._syntax_error(error) from None
        except yaml.reader.ReaderError as error:
            line = self._text.encode()[: error.position].count(b"\n") + 1  # libyaml counts bytes
            message = "a character that YAML does not allow — remove control characters"
            raise ConfigError(Problem(file=self._file, line=line, column=1, message=message)) from None
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._error(after, "a second document starts here — keep one document in a file")
        return root

    def _node(self, event: yaml.Event, *, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise self._error(event, f"no anchor &{event.anchor} stands before this — define it above")
            node = self._anchors[event.anchor]
            self._admit(event, size=node.size, depth=depth + node.height - 1)
            return node
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            raise self._error(event, "a value is missing here — write it")
        self._admit(event, size=1, depth=depth)
        if event.tag is not None:
            raise self._error(event, "tags are not supported — write the plain value")
        if isinstance(event, yaml.ScalarEvent):
            empty = event.implicit[0] and _EMPTY.fullmatch(event.value) is not None
            node = Scalar(*_place(event), 1, 1, event.value, empty)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, depth=depth + 1)
        else:
            node = self._mapping(event, depth=depth + 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _sequence(self, event: yaml.Event, *, depth: int) -> Sequence:
        items = []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(item, depth=depth))
        return Sequence(*_place(event), *_extent(items), tuple(items))

    def _mapping(self, event: yaml.Event, *, depth: int) -> Mapping:
        keys: dict[str, Scalar] = {}
        values: dict[str, Node] = {}
        repeated: list[Scalar] = []
        while not isinstance(start := next(self._events), yaml.MappingEndEvent):
            key = self._node(start, depth=depth)
            value = self._node(next(self._events), depth=depth)
            if not isinstance(key, Scalar) or len(key.text) > MAX_KEY:
                raise self._error(start, f"a key must be text of at most {MAX_KEY} characters")
            if key.text in keys:
                repeated.append(key)
            else:
                keys[key.text], values[key.text] = key, value
        return Mapping(*_place(event), *_extent([*keys.values(), *values.values()]), keys, values, tuple(repeated))

    def _admit(self, event: yaml.Event, *, size: int, depth: int) -> None:
        """Counts what is added to the tree, and refuses it beyond the bounds."""
        self._count += size
        if self._count > MAX_NODES:
            raise self._error(event, f"more than {MAX_NODES} values, aliases expanded — use fewer aliases")
        if depth > MAX_DEPTH:
            raise self._error(event, f"nested deeper than {MAX_DEPTH} levels — no setting is")

    def _error(self, event: yaml.Event, message: str) -> ConfigError:
        line, column = _place(event)
        return ConfigError(Problem(file=self._file, line=line, column=column, message=message))

    def _syntax_error(self, error: yaml.MarkedYAMLError) -> ConfigError:
        mark = error.problem_mark or error.context_mark
        begun = f" {error.context} that starts in line {error.context_mark.line + 1}" if error.context_mark else ""
        message = f"not valid YAML: {error.problem}{begun} — check indentation, brackets and quotes there"
        if mark is None:
            return ConfigError(Problem(file=self._file, message=message))
        return ConfigError(Problem(file=self._file, line=mark.line + 1, column=mark.column + 1, message=message))


def _place(event: yaml.Event) -> tuple[int, int]:
    """Line and column, from 1."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def _extent(nodes: list[Node]) -> tuple[int, int]:
    """Size and height of a collection of nodes."""
    return 1 + sum(node.size for node in nodes), 1 + max((node.height for node in nodes), default=0)
