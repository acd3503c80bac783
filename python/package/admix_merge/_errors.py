"""The exceptions of the package."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Optional


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong."""

    message: str
    """One sentence."""
    hint: Optional[str] = None
    """What to do about it."""
    file: Optional[str] = None
    """The recipe or sweep file that it is in; `<recipe>` for one that was given as a dict."""
    line: Optional[int] = None
    """The line, from 1."""
    column: Optional[int] = None
    """The column, from 1."""
    text: Optional[str] = None
    """The text of the line."""

    def __str__(self) -> str:
        said = [self.message]
        if self.file is not None and self.line is not None:
            said.append(f"  --> {self.file}:{self.line}:{self.column}")
            if self.text is not None:
                said.append(f"      {self.text.strip()}")
        said.extend(f"  hint: {line}" for line in (self.hint or "").splitlines())
        return "\n".join(said)


class AdmixError(Exception):
    """What ended a call. The subclasses stand for the exit codes of the program.

    `message`, `hint`, `file`, `line` and `column` are those of the first fault; `faults` has all of them.
    """

    exit_code: int = 1
    """The exit code that the program would have."""

    def __init__(self, message: str, hint: Optional[str] = None, *, faults: Optional[list[Fault]] = None) -> None:
        self.faults: list[Fault] = faults if faults else [Fault(message, hint)]
        super().__init__("\n".join(str(fault) for fault in self.faults))

    @property
    def message(self) -> str:
        """One sentence."""
        return self.faults[0].message

    @property
    def hint(self) -> Optional[str]:
        """What to do about it, one suggestion a line."""
        return self.faults[0].hint

    @property
    def file(self) -> Optional[str]:
        """The recipe or sweep file that it is in."""
        return self.faults[0].file

    @property
    def line(self) -> Optional[int]:
        """The line in it, from 1."""
        return self.faults[0].line

    @property
    def column(self) -> Optional[int]:
        """The column in it, from 1."""
        return self.faults[0].column

    def __reduce__(self) -> tuple[Any, ...]:
        return (_again, (type(self), self.faults))


def _again(kind: type[AdmixError], faults: list[Fault]) -> AdmixError:
    return kind("", faults=faults)


class UnexpectedError(AdmixError):
    """The system failed: a full disk, a file that cannot be written."""

    exit_code = 1


class UsageError(AdmixError, ValueError):
    """A recipe, a sweep file or arguments with a mistake, or an output that is there already."""

    exit_code = 2


class InputError(AdmixError):
    """A model, a data set or a study that is refused."""

    exit_code = 3


class EvaluationError(AdmixError):
    """Embeddings that could not be computed."""

    exit_code = 4


class StudyMismatchError(AdmixError):
    """A study that was made from other models, data sets or settings."""

    exit_code = 5


class AdmixWarning(UserWarning):
    """What is done all the same, and is probably not meant."""


_KINDS: list[type[AdmixError]] = [UnexpectedError, UsageError, InputError, EvaluationError, StudyMismatchError]


def error_of(text: str) -> BaseException:
    """The exception of faults that the native module found."""
    found: list[dict[str, Any]] = json.loads(text)
    code = next((fault["exit_code"] for fault in found if fault["exit_code"]), 1)
    if code == 130:
        return KeyboardInterrupt()
    names = ("message", "hint", "file", "line", "column", "text")
    faults = [Fault(**{name: fault[name] for name in names}) for fault in found if fault["exit_code"]]
    kind = next((kind for kind in _KINDS if kind.exit_code == code), UnexpectedError)
    return kind("", faults=faults)
