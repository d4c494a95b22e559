"""Turns the errors of pydantic into words for the person who wrote the file."""

from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streamer.config.document import Location
from streamer.config.vendors import SOURCES
from streamer.config.words import kind_of, not_one_of, suggestion

UNKNOWN_KEY: Final = "extra_forbidden"
FOLLOW_UP: Final = "default_factory_not_called"
"""A default that could not be derived because what it derives from is wrong: that is reported already."""


def describe(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    """What is wrong and what to do; `model` is what was validated."""
    match error["type"]:
        case "value_error":
            words = str(error["ctx"]["error"])
        case "missing":
            words = _missing(model, error["loc"])
        case "extra_forbidden":
            words = _unknown(model, error["loc"])
        case "literal_error":
            words = not_one_of(error["input"], get_args(_field(model, error["loc"]).annotation))
        case "model_type" | "mapping_type":
            words = f"must be a mapping, not {kind_of(error['input'])}"
        case _:
            words = error["msg"]
    return words


def _missing(model: type[BaseModel], location: Location) -> str:
    examples = _field(model, location).examples
    return f'missing — add "{location[-1]}: {examples[0]}"' if examples else "missing — add it"


def _unknown(model: type[BaseModel], location: Location) -> str:
    *parents, key = location
    if parents == ["defaults"] and any(key in source.model_fields for source in SOURCES.values()):
        return "no default is possible for this — move it to each tenant"
    return f"unknown key — {suggestion(str(key), _model(model, parents).model_fields)}"


def _field(model: type[BaseModel], location: Location) -> FieldInfo:
    *parents, name = location
    return _model(model, parents).model_fields[str(name)]


def _model(model: type[BaseModel], location: Iterable[str | int]) -> type[BaseModel]:
    """The model at a location: models nest by plain fields, or by such as may be left out."""
    for step in location:
        nested = nested_model(model.model_fields[str(step)])
        if nested is None:
            raise TypeError(f"{model.__name__}.{step} is not a nested model")
        model = nested
    return model


def nested_model(field: FieldInfo) -> type[BaseModel] | None:
    """The model that a field holds, always or if it is given; None for other fields."""
    kind: Any = field.annotation
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
