"""Writes docs/reference/cli.md from the commands' own words: `python -m streamer.cli.reference [--check]`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Final, get_args, get_type_hints

from msgspec import Struct
from typer.models import ArgumentInfo, OptionInfo

from streamer.cli.app import COMMANDS, app
from streamer.generated import keep, table

PAGE: Final = "docs/reference/cli.md"

_HEAD: Final = "<!-- Made by `python -m streamer.cli.reference`; do not edit. -->\n# Commands\n\n"
_SORTS: Final = {int: "N", float: "NUMBER"}


class Option(Struct, frozen=True):
    """One option, or an argument, of a command: `names` as they are typed, `value` None for a flag."""

    names: tuple[str, ...]
    value: str | None
    default: object
    help: str
    is_argument: bool = False

    @property
    def required(self) -> bool:
        """Whether the command can't do without it."""
        return self.default is inspect.Parameter.empty


def options(command: Callable[..., None]) -> Iterator[Option]:
    """Yield what may be said to a command."""
    hints = get_type_hints(command, include_extras=True)
    for parameter in inspect.signature(command).parameters.values():
        kind, info = get_args(hints[parameter.name])[:2]
        is_argument = isinstance(info, ArgumentInfo)
        yield Option(
            names=(parameter.name.upper(),) if is_argument else _names(info, parameter.name),
            value=None if kind is bool else str(info.metavar or _sort(kind)),
            default=parameter.default,
            help=info.help or "",
            is_argument=is_argument,
        )


def page() -> str:
    """Return the reference page as Markdown."""
    return f"{_HEAD}{app.info.help}\n" + "".join(_section(name, command) for name, command in COMMANDS.items())


def _section(name: str, command: Callable[..., None]) -> str:
    known = list(options(command))
    usage = [f"streamer {name}", *(f"{each.names[0]} {each.value}" for each in known if each.required)]
    usage += ["[OPTIONS]"] if any(not (each.required or each.is_argument) for each in known) else []
    usage += [f"[{each.names[0]}]" for each in known if each.is_argument]
    rows = [
        (", ".join(f"`{each}`" for each in one.names), f"`{one.value}`" if one.value else "-", _default(one), one.help)
        for one in known
    ]
    facts = table(("Option", "Value", "Default", "Meaning"), rows)
    return f"\n## streamer {name}\n\n{inspect.getdoc(command)}\n\n    {' '.join(usage)}\n\n{facts}"


def _names(info: OptionInfo, parameter: str) -> tuple[str, ...]:
    # within Annotated the first name comes in the place of the default
    named = [each for each in (info.default, *(info.param_decls or ())) if isinstance(each, str)]
    return tuple(named) or (f"--{parameter.replace('_', '-')}",)


def _sort(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(each.value for each in kind)
    return _SORTS.get(kind, "TEXT")


def _default(option: Option) -> str:
    if option.required:
        return "required"
    value = option.default.value if isinstance(option.default, Enum) else option.default
    return "-" if value is None or value is False or value == "" else f"`{value}`"


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` tell whether it is out of date (exit code 1)."""
    return keep({PAGE: page()}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
