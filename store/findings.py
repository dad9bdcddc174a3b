"""What a look over a store finds.

Codes are stable; ``*`` marks what `store.doctor.repair` can put right::

    D01   error    the database cannot be opened: rebuild it from the run folders
    D02 * warning  a run is in the database but its folder is gone
    D03 * error    a run has other points in the database than in its folder
    V01   note     an older Bakeoff made the database: the next command changes it, after a backup
    V02   note     old databases are kept
    F01   error    a run's header cannot be read
    F02 * warning  a folder among the runs is no run
    F03   warning  parts of a journal, of an event log or of a ledger are damaged
    F04   error    a sealed file cannot be read
    A01   error    an artifact is not what was registered (a warning if it was changed since)
    A02   warning  an artifact's file is gone
    A03 * warning  content that no run has any more
    L01   error    the audit log of the releases does not add up
    H01 * warning  a hub's address is left behind
    S01   warning  the disk is almost full
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters."""

    NOTE = "note"
    """Good to know."""
    WARNING = "warning"
    """Nothing is lost, something is left behind or was cut."""
    ERROR = "error"
    """Something cannot be read or is not as it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be."""

    code: str
    severity: Severity
    subject: str
    """The run, file or folder."""
    message: str
    remedy: str
    fix: str = ""
    """What `store.doctor.repair` would do about it; empty where it does nothing."""
