"""What is wrong with a configuration, and where."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, in words that say what to do about it; never a secret's value.

    `file` is written as the user gave it; `line` and `column` count from 1 and are 0 when the whole file is meant; `path` is
    the key, `tenants[acme].interval`, and empty for the document itself.
    """

    file: Path
    line: int = 0
    column: int = 0
    path: str = ""
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else str(self.file)
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigError(Exception):
    """The configuration cannot be used. Holds every problem that was found, in the order of files and lines."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (str(problem.file), problem.line, problem.column)))
        super().__init__("\n".join(map(str, self.problems)))
