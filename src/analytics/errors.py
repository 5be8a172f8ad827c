"""
What can go wrong: one tree, one exit code each.

    WorkbenchError                10  anything this package refuses or fails at
    ├── ContractError             11  a table or delivery breaks its contract
    ├── ParameterError            12  a report's parameter is unknown, mistyped or impossible
    ├── StudyError                13  a study is missing, or its study.toml does not hold together
    ├── RunError                  14  a notebook failed, hung or lost its kernel
    ├── BusyError                 15  another run holds the same output, archive or key
    ├── PublicationError          16  a result could not be written; the last good one stands
    ├── SourceError               17  a public source could not be fetched, or is another file
    ├── ArchiveError              18  the archive is damaged or asked for what it never held
    ├── DisclosureError           19  a figure may not leave: it would tell on somebody
    ├── KeyringError              20  a key is missing, wrong, readable by others or half rotated
    ├── PurposeError              21  a purpose may not see what it asked for
    ├── AuditError                22  the audit log was edited, cut or reordered
    ├── SetupError                23  a part this command needs is not installed
    ├── SolverError               24  a solver ended in a state that proves nothing
    ├── VerificationError         25  a returned work list is forged, stale or not ours
    └── ProvenanceError           26  a page or its manifest is not the published one

A message says what, where, how many and what to do next; it lists every breach at
once, and names counts and row positions, never a personal value. Exit code 1 is left to
Python (an error nobody foresaw), 2 to the command line's own usage errors, 130 to an
interruption from the keyboard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class WorkbenchError(Exception):
    """
    Anything the workbench refuses or fails at.

    Parameters
    ----------
    what : str
        What went wrong and where, in one sentence.
    breaches : sequence of str
        Every single breach, one line each.
    remedy : str
        What to do next.
    """

    exit_code = 10

    def __init__(self, what: str, breaches: Sequence[str] = (), remedy: str = "") -> None:
        self.what = what
        self.breaches = tuple(breaches)
        self.remedy = remedy
        lines = [what, *(f"  - {breach}" for breach in self.breaches), remedy]
        super().__init__("\n".join(line for line in lines if line))

    def __reduce__(self) -> tuple[type[WorkbenchError], tuple[str, tuple[str, ...], str]]:
        """Survive the trip between worker processes whole."""
        return type(self), (self.what, self.breaches, self.remedy)


class ContractError(WorkbenchError):
    """A table or delivery breaks its contract."""

    exit_code = 11


class ParameterError(WorkbenchError):
    """A report's parameter is unknown, mistyped or impossible."""

    exit_code = 12


class StudyError(WorkbenchError):
    """A study is missing, or its study.toml does not hold together."""

    exit_code = 13


class RunError(WorkbenchError):
    """A notebook failed, hung or lost its kernel."""

    exit_code = 14


class BusyError(WorkbenchError):
    """Another run holds the same output, archive or key."""

    exit_code = 15


class PublicationError(WorkbenchError):
    """A result could not be written; the last good one stands."""

    exit_code = 16


class SourceError(WorkbenchError):
    """A public source could not be fetched or is not the file we know."""

    exit_code = 17


class ArchiveError(WorkbenchError):
    """The archive is damaged or asked for what it never held."""

    exit_code = 18


class DisclosureError(WorkbenchError):
    """A figure may not leave: it would tell on somebody."""

    exit_code = 19


class KeyringError(WorkbenchError):
    """A key is missing, wrong, readable by others or half rotated."""

    exit_code = 20


class PurposeError(WorkbenchError):
    """A purpose may not see what it asked for."""

    exit_code = 21


class AuditError(WorkbenchError):
    """The audit log was edited, cut or reordered."""

    exit_code = 22


class SetupError(WorkbenchError):
    """A part this command needs is not installed."""

    exit_code = 23


class SolverError(WorkbenchError):
    """A solver ended in a state that proves nothing."""

    exit_code = 24


class VerificationError(WorkbenchError):
    """A returned work list is forged, stale or not ours."""

    exit_code = 25


class ProvenanceError(WorkbenchError):
    """A page or its manifest is not the published one."""

    exit_code = 26


def interrupted(error: BaseException) -> bool:
    """
    Whether an error came of an interruption from the keyboard.

    DuckDB ends a query that is interrupted with an error of its own, and libraries above it
    wrap that in theirs.

    Parameters
    ----------
    error : BaseException
        It, and what it was raised from or while handling, as far back as that goes.
    """
    seen: list[BaseException] = []
    before: BaseException | None = error
    while before is not None and before not in seen:  # an error may be said to come of itself
        if isinstance(before, KeyboardInterrupt):
            return True
        seen.append(before)
        before = before.__cause__ or before.__context__
    return False
