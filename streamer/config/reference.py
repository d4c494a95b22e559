"""Writes docs/reference/configuration.md from the config model: `python -m streamer.config.reference [--check]`.

What a key means stands below it in its class, as a docstring of one or two paragraphs: meaning, and when to change it.
What a value looks like is the first sentence of its parser's docstring.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from streamer.config.kafka import KafkaConfig
from streamer.config.messages import nested_model
from streamer.config.model import Config, ServerConfig
from streamer.config.schema_registry import SchemaRegistryConfig
from streamer.config.tenants import Settings, TenantConfig
from streamer.config.values import Range
from streamer.config.vendors import SOURCES
from streamer.generated import keep, table

PAGE: Final = "docs/reference/configuration.md"

_HEAD: Final = """\
<!-- Made by `python -m streamer.config.reference`; do not edit. -->
# Configuration

One YAML file, `streamer.yaml`. A key that is not listed here is an error. Every mistake is told with its file, line and
column, all at once; `streamer check-config` does so without running anything. A changed file takes effect by
itself, as a whole or not at all; `store`, `kafka`, `server` and `retention` with the next start.

Durations are a whole number and `ms`, `s`, `m`, `h` or `d`; sizes end in `B`, `KiB`, `MiB` or `GiB`. Every value is read
as it is written: `0123` and `no` are text where text is wanted. A value left empty is an error. Relative paths start in
the folder of the file that they stand in.

Secrets never stand in the file. It says where they are: `{env: NAME}`, or `{file: PATH}`.
"""

_SETTINGS: Final = """\
A tenant takes these from `defaults` unless it states its own. `defaults` is a mapping of these keys.
"""


def page() -> str:
    """Return the reference page as Markdown."""
    parts = [
        _HEAD,
        _section("Top level", Config, Config.model_fields),
        _section("kafka", KafkaConfig, KafkaConfig.model_fields),
        _section("kafka: schema_registry", SchemaRegistryConfig, SchemaRegistryConfig.model_fields),
        _section("server", ServerConfig, ServerConfig.model_fields),
        _section("Every tenant, and defaults", Settings, Settings.model_fields, _SETTINGS),
        _section("Every tenant, in its own entry only", TenantConfig, _own(TenantConfig)),
        *(each for name, source in SOURCES.items() for each in _of_source(name, source)),
    ]
    return "\n".join(parts)


def _of_source(name: str, source: type[TenantConfig]) -> Iterable[str]:
    yield _section(f"Tenants of source {name}", source, _own(source))
    for key in _own(source):
        if (nested := nested_model(source.model_fields[key])) is not None:
            yield _section(f"Tenants of source {name}: {key}", nested, nested.model_fields)


def _own(model: type[BaseModel]) -> Iterable[str]:
    return [name for name in model.__annotations__ if not (name == "source" and model is not TenantConfig)]


def _section(title: str, model: type[BaseModel], keys: Iterable[str], words: str = "") -> str:
    docs = _docstrings(model)
    rows = [
        (f"`{key}`", _value(key, field), _default(field), *_meaning(docs.get(key, "")))
        for key, field in ((key, model.model_fields[key]) for key in keys)
    ]
    header = ("Key", "Value", "Default", "Meaning", "When to change it")
    return f"## {title}\n\n{words}{chr(10) if words else ''}{table(header, rows)}"


def _docstrings(model: type[BaseModel]) -> Mapping[str, str]:
    """Return what stands below each key of a class in its source."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    return {
        key.target.id: inspect.cleandoc(below.value.value)
        for key, below in pairwise(body)
        if isinstance(key, ast.AnnAssign)
        and isinstance(key.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _meaning(doc: str) -> tuple[str, str]:
    meaning, _, change = (" ".join(part.split()) for part in f"{doc}\n\n".partition("\n\n"))
    return meaning, change


def _value(key: str, field: FieldInfo) -> str:
    kind: Any = field.annotation
    if nested_model(field) is not None:
        return "A mapping, see below"
    if key == "tenants":
        return "A list of mappings, see below"
    if key == "source" and kind is str:
        return _either(SOURCES)
    if get_origin(kind) is Literal:
        return _either(get_args(kind))
    metadata = field.metadata
    if key == "status_map":
        return f"A mapping of vendor statuses to {_parsed(get_args(get_args(kind)[1])[1:])}"
    return _parsed(metadata)


def _parsed(metadata: Iterable[object]) -> str:
    parse = next(each.func for each in metadata if isinstance(each, BeforeValidator))
    if isinstance(parse, Range):
        return f"`{parse.write(parse.low)}` to `{parse.write(parse.high)}`"
    return re.split(r"[;.](?:\s|$)", parse.__doc__ or "", maxsplit=1)[0]


def _either(words: Iterable[str]) -> str:
    return " or ".join(f"`{word}`" for word in words)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory_takes_validated_data:
        return "derived"
    value = field.get_default(call_default_factory=True)
    parse = next((each.func for each in field.metadata if isinstance(each, BeforeValidator)), None)
    if value is None or value == () or isinstance(value, BaseModel):
        return "-"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(parse, Range):
        return f"`{parse.write(value)}`"
    return f"`{dict(value)}`" if isinstance(value, Mapping) else f"`{value}`" if value else '`""`'


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` tell whether it is out of date (exit code 1)."""
    return keep({PAGE: page()}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
