"""What all parts of the config model share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from streamer.config.files import Files
from streamer.config.values import parse_text


class Model(BaseModel):
    """Immutable; an unknown key is an error; nothing is converted but by the parsers of `values`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The file that a value was read from, as its validators need to know it.

    `folder` is where relative paths start. With `secrets_dir`, secrets are read from files in it only. With `resolve`, the
    secrets and files that the config refers to must be there. `files` notes what is read.
    """

    folder: Path
    secrets_dir: Path | None
    resolve: bool
    files: Files = field(default_factory=Files)


def origin_of(info: ValidationInfo) -> Origin | None:
    """Where the value being validated was read from; None for one that code gave."""
    return info.context if isinstance(info.context, Origin) else None


def parse_path(value: object, info: ValidationInfo) -> Path | None:
    """A path; a relative one starts in the folder of the file that names it."""
    if value is None or isinstance(value, Path):
        return value
    path = Path(parse_text(value))
    origin = origin_of(info)
    return origin.folder / path if origin else path


def parse_existing_file(value: object, info: ValidationInfo) -> Path | None:
    """A path at which a file exists."""
    path = parse_path(value, info)
    origin = origin_of(info)
    if path is not None and origin:
        origin.files.note(path)
        if origin.resolve and not path.is_file():
            raise ValueError(f"there is no file {path} — check the path")
    return path


ConfigPath = Annotated[Path | None, BeforeValidator(parse_path)]
ExistingFile = Annotated[Path | None, BeforeValidator(parse_existing_file)]
