"""Samples the load of the machine."""

from pathlib import Path


class SystemSampler:
    """Samples the load of the machine."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def sample(self) -> dict[str, float]:
        """Return metric -> value."""
        import psutil

        return {"system/cpu_percent": psutil.cpu_percent()}
