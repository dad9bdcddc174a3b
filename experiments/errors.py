"""What can go wrong before a training starts, named for the one who has to fix it.

ExperimentError
├── UsageError            what was typed cannot be done as it stands (exit code 2)
│   ├── SpecFileError     a spec file or preset that cannot be read
│   ├── JobNotFoundError  no job goes by that id
│   └── PortInUseError    another process listens on the port
├── ExecutorError         a cluster did not take a job
└── ProcessFailedError    one of our own processes did not come up
"""


class ExperimentError(Exception):
    """Base of all errors of this package; its text is one sentence for the user."""


class UsageError(ExperimentError):
    """What the user typed must change."""


class SpecFileError(UsageError):
    """A spec file, a preset or an override cannot be read."""


class JobNotFoundError(UsageError):
    """No job goes by that id."""


class PortInUseError(UsageError):
    """Another process listens on the port."""


class ExecutorError(ExperimentError):
    """A cluster did not take a job."""


class ProcessFailedError(ExperimentError):
    """A process that we started did not come up or ended too early."""
