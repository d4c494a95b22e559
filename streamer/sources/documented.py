"""Which fields an answer holds that its vendor's document does not show.

An object is decoded by a twin of its struct that knows every documented field and refuses others, so that to look costs
nothing where there is nothing to find. One that is refused is decoded a second time, by the struct itself, and its names
are compared; so is the next one at once, which most likely has the same fields, without being refused first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_
from types import UnionType
from typing import Any, Final, Generic, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Struct

from streamer.sources import payload

T = TypeVar("T", bound=Struct)

MOST_NAMES: Final = 10
"""Names that are told of one place at most: with more, they are somebody's data rather than fields."""

MASK: Final = "*"
"""Stands for a name that is not told: it may be data, and data may be personal."""

LONGEST_NAME: Final = 40

_NAME = re.compile(r"_*[A-Za-z][A-Za-z_-]*([0-9]{1,2}[A-Za-z_-]*)?")
_INDEX = re.compile(r"\[[0-9]+\]")
_NODE = msgspec.json.Decoder(list[msgspec.Raw] | dict[str, msgspec.Raw] | None)


class UnknownFields:
    """Gathers the fields of one answer that its vendor's document does not show, by their paths: `data[].mood`.

    An answer is a stranger's: of its names only those are told that look like a field's, and a bounded number.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._places: dict[str, set[str]] = {}
        self.expected = False
        """Whether the object that was read last has some, so that the next one of its kind will."""

    def add(self, path: str, names: Iterable[object]) -> None:
        """Take names from an object that stands at `path`, written as errors write it: `$.data[7]`."""
        here = self._places.setdefault(_INDEX.sub("[]", path).removeprefix("$"), set())
        for name in names:
            if len(here) > MOST_NAMES:
                return
            here.add(_told(name))

    @property
    def paths(self) -> frozenset[str]:
        """All of them, without the indexes of lists."""
        return frozenset(
            f"{place}.{name}".removeprefix(".")
            for place, names in self._places.items()
            for name in (names if len(names) <= MOST_NAMES else (MASK,))
        )


class _Shape(Struct, frozen=True):
    """The names of an object's fields, and what those hold that are objects, or lists of them."""

    names: frozenset[str]
    inner: Mapping[str, _Shape]


class Documented(Generic[T]):
    """Reads objects of one kind, and tells the fields that they have beyond the document's.

    These are the struct's own, in structs within it too, and `besides`: those that the document shows and nobody reads.
    """

    def __init__(self, kind: type[T], *, besides: Iterable[str] = ()) -> None:
        """Make the struct's twin."""
        twin = _strict(kind, besides)
        self._strict = msgspec.json.Decoder(twin)
        self._lenient = msgspec.json.Decoder(kind)
        self._shape = _shape(twin)

    def read(self, content: bytes | msgspec.Raw, unknown: UnknownFields, *, path: str = "$") -> T:
        """Decode the JSON of an object that stands at `path` of the answer; further fields are told, and no fault.

        Raises:
            PollError: invalid_body, with the path of what is wrong.

        """
        if not unknown.expected:
            try:
                return cast("T", self._strict.decode(content))
            except (msgspec.DecodeError, ValueError, RecursionError):
                unknown.expected = True
        value = payload.decode(self._lenient, content, path=path)
        unknown.expected = _look(content, self._shape, unknown, path)
        return value


def _look(content: bytes | msgspec.Raw, shape: _Shape, unknown: UnknownFields, path: str) -> bool:
    """Compare the names of an object, or of those in a list, with its shape; values are not looked into but for these.

    Tell whether there are any that the shape does not have.
    """
    node, found = payload.decode(_NODE, content, path=path), False
    if isinstance(node, list):
        for index, item in enumerate(node):
            found |= _look(item, shape, unknown, f"{path}[{index}]")
    elif node:
        if more := node.keys() - shape.names:
            unknown.add(path, more)
            found = True
        for name, inner in shape.inner.items():
            if name in node:
                found |= _look(node[name], inner, unknown, f"{path}.{name}")
    return found


def _told(name: object) -> str:
    """Return a name as it is told: itself if it looks like a field's, so that no address, number or text of data is."""
    fits = isinstance(name, str) and len(name) <= LONGEST_NAME and _NAME.fullmatch(name) is not None
    return cast("str", name) if fits else MASK


def _strict(kind: type[Struct], besides: Iterable[str] = ()) -> type[Struct]:
    """Return a struct that is of this kind, has the fields `besides` too, and refuses all others; so in structs in it."""
    field: Any = msgspec.field  # its types do not foresee that a default is passed on
    own = [
        (
            each.name,
            _strictly(each.type),
            field(name=each.encode_name, default=each.default, default_factory=each.default_factory),
        )
        for each in msgspec.structs.fields(kind)
    ]
    others = [(f"besides_{index}", Any, field(name=name, default=None)) for index, name in enumerate(besides)]
    return msgspec.defstruct(
        kind.__name__, [*own, *others], bases=(kind,), kw_only=True, frozen=True, forbid_unknown_fields=True
    )


def _strictly(annotation: Any) -> Any:
    """Return a type with the structs in it made strict."""
    if _is_struct(annotation):
        return _strict(annotation)
    if not (arguments := tuple(map(_strictly, get_args(annotation)))):
        return annotation
    origin = get_origin(annotation)
    return reduce(or_, arguments) if origin in (Union, UnionType) else origin[arguments]


def _shape(kind: type[Struct]) -> _Shape:
    fields = msgspec.structs.fields(kind)
    inner = {each.encode_name: found for each in fields if (found := _struct_in(each.type)) is not None}
    return _Shape(frozenset(each.encode_name for each in fields), {name: _shape(each) for name, each in inner.items()})


def _struct_in(annotation: Any) -> type[Struct] | None:
    """Return the struct that a type is, or holds."""
    if _is_struct(annotation):
        return cast("type[Struct]", annotation)
    return next((found for each in get_args(annotation) if (found := _struct_in(each)) is not None), None)


def _is_struct(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Struct)
