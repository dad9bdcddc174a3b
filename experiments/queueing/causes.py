"""The likely cause of a failure, in words, from an exit code and the end of the output."""

import re
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

TAIL_LINES = 40
_TAIL_BYTES = 64 * 1024
_MAX_LINE = 500

_ADVICE = "Lower training.batch_size or the size of the model"
_CAUSES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (
            r"CUDA out of memory|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED",
            f"The GPU ran out of memory. {_ADVICE}.",
        ),
        (
            r"No space left on device|ENOSPC|Disk quota exceeded",
            "The disk is full. Free some space, then try again.",
        ),
        (
            r"MemoryError|can't allocate memory|Cannot allocate memory|DefaultCPUAllocator",
            f"This machine ran out of memory. {_ADVICE}, or run fewer slots.",
        ),
        (
            r"to stay finite; got|loss (is|became|was) nan|Loss is NaN",
            "The loss became NaN or infinite. Lower the learning rate or clip gradients.",
        ),
        (
            r"does not exist\.|FileNotFoundError|No such file or directory",
            "Data or another file is missing.",
        ),
        (
            r"ModuleNotFoundError|No module named",
            "A Python package is missing. Install it into the environment that runs Bakeoff.",
        ),
        (
            r"no NVIDIA driver|CUDA driver version is insufficient|no CUDA GPUs are available",
            "No GPU can be used here. Check the NVIDIA driver, or ask for 0 GPUs.",
        ),
        (
            r"CUDA error|CUDNN_STATUS|NCCL error",
            "The GPU reported an error. See the last lines; if it happens again, check the GPU.",
        ),
    )
)
_WRONG_SPEC = "The spec or its data were refused."
_SIGNALS = {
    signal.SIGKILL: "It was killed by SIGKILL from outside.",
    signal.SIGSEGV: "It crashed in native code (segmentation fault).",
    signal.SIGBUS: "It crashed on memory that could not be backed (SIGBUS): is a disk or /dev/shm full?",
    signal.SIGABRT: "Native code gave up (SIGABRT).",
    signal.SIGILL: "It met an instruction that this processor does not know (SIGILL).",
}


def likely_cause(code: int, lines: Sequence[str], *, out_of_memory_kill: bool = False) -> str:
    """Return why a process failed, as far as one can tell, in one or two sentences.

    Parameters
    ----------
    code
        Its exit code, 128 plus the number of a signal that ended it.
    lines
        The end of what it printed.
    out_of_memory_kill
        Whether the kernel killed a process for memory while it ran.
    """
    if code == 128 + signal.SIGKILL and out_of_memory_kill:
        return f"The kernel killed it because this machine ran out of memory. {_ADVICE}."
    said = _last_sentence(lines)
    for pattern, sentence in _CAUSES:
        if match := _find(pattern, lines):
            return f"{sentence} It said: {match}"
    if code == 2:
        return f"{_WRONG_SPEC} It said: {said}" if said else _WRONG_SPEC
    if code > 128 and (number := code - 128) in set(signal.Signals):
        name = signal.Signals(number)
        return _SIGNALS.get(name, f"It was ended by {name.name}.")
    return f"It said: {said}" if said else f"It ended with exit code {code} and said nothing."


def last_lines(path: Path) -> tuple[str, ...]:
    """Return the last lines of a text file, cut to what a page can show; () if there is none."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
        return tuple(line[:_MAX_LINE] for line in lines[-TAIL_LINES:])
    return ()


def count_memory_kills() -> int:
    """Return how many processes this kernel has killed for memory; 0 where it does not tell."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return 0


def _find(pattern: re.Pattern[str], lines: Sequence[str]) -> str | None:
    """Return the last line that matches."""
    return next((line.strip() for line in reversed(lines) if pattern.search(line)), None)


def _last_sentence(lines: Sequence[str]) -> str:
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
