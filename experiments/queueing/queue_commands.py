"""What the commands of `bakeoff queue` do: the same functions that the pages call."""

import argparse
import time
from typing import Any

from experiments import queue
from experiments.errors import JobNotFoundError, UsageError
from experiments.queueing.jobs import Job, State
from experiments.terminal import duration, say, say_json, say_table

_HEADINGS = {"id": "JOB", "name": "NAME", "state": "STATE", "slot": "SLOT", "gpus": "GPUS"}
_HEADINGS |= {"priority": "PRIO", "time": "TIME", "run_id": "RUN", "note": "NOTE"}
_ENDED_SHOWN = 10


def add_to_queue(options: argparse.Namespace) -> int:
    """Add the training that the options of `add_wishes` describe; return the exit code."""
    from experiments.launching import seeded
    from experiments.specs import read_spec

    spec = read_spec(options.spec, options.overrides, home=options.home)
    added = [
        queue.submit(
            options.home,
            one,
            priority=options.priority,
            budget_s=options.budget,
            gpus=options.gpus,
            threads=options.threads or one.training.threads or None,
            executor=options.executor,
            options=_executor_options(options.options),
        )
        for one in seeded(spec, options.seeds)
    ]
    if getattr(options, "json", False):
        say_json([_plain(job) for job in added])
    for job in [] if getattr(options, "json", False) else added:
        say(f"Job {job.id} is queued; its run is {job.run_id}. See: bakeoff queue ls")
    return 0


def list_jobs(options: argparse.Namespace) -> int:
    """Print what ended last, what runs and what waits."""
    jobs = queue.jobs(options.home)
    waiting = queue.in_order(jobs)
    active = [job for job in jobs if not job.state.is_final and job not in waiting]
    ended = sorted((job for job in jobs if job.state.is_final), key=lambda job: job.ended or 0)
    shown = [*(ended if options.all else ended[-_ENDED_SHOWN:]), *active, *waiting]
    settings = queue.settings(options.home)
    if options.json:
        slots = {"slots": settings.slots, "is_default": settings.is_default}
        say_json({**slots, "paused": settings.paused, "jobs": [_plain(job) for job in shown]})
        return 0
    state = "paused" if settings.paused else "open"
    say(
        f"{settings.slots} slot{'s' if settings.slots > 1 else ''}, {state}; {len(waiting)} waiting."
    )
    if shown:
        say_table([_row(job) for job in shown], _HEADINGS)
    else:
        say("No job yet. Add one: bakeoff queue add cnn_mnist")
    if len(ended) > _ENDED_SHOWN and not options.all:
        say(f"{len(ended) - _ENDED_SHOWN} more have ended; --all shows them.")
    return 0


def stop_job(options: argparse.Namespace) -> int:
    """Ask a job to end."""
    found = _find(options)
    return _tell(options, queue.stop(options.home, found.id, hard=options.now))


def cancel_job(options: argparse.Namespace) -> int:
    """Take a waiting job out."""
    return _tell(options, queue.cancel(options.home, _find(options).id))


def retry_job(options: argparse.Namespace) -> int:
    """Add the same training again."""
    return _tell(options, queue.retry(options.home, _find(options).id))


def resume_job(options: argparse.Namespace) -> int:
    """Go on with a job's run."""
    return _tell(options, queue.resume(options.home, _find(options).id))


def set_priority(options: argparse.Namespace) -> int:
    """Change a waiting job's priority."""
    found = _find(options)
    return _tell(options, queue.set_priority(options.home, found.id, options.priority))


def move_job(options: argparse.Namespace) -> int:
    """Move a waiting job."""
    found = _find(options)
    return _tell(options, queue.move(options.home, found.id, options.position - 1))


def pause(options: argparse.Namespace) -> int:
    """Let no more jobs start."""
    return _tell_settings(options, queue.pause(options.home, True))


def unpause(options: argparse.Namespace) -> int:
    """Let jobs start again."""
    return _tell_settings(options, queue.pause(options.home, False))


def set_slots(options: argparse.Namespace) -> int:
    """Show or choose the number of slots."""
    wanted = options.slots
    if wanted is None:
        return _tell_settings(options, queue.settings(options.home))
    if wanted != "auto" and not wanted.isdigit():
        raise UsageError(f"Expected a number of slots, or auto; got {wanted!r}.")
    return _tell_settings(
        options, queue.set_slots(options.home, None if wanted == "auto" else int(wanted))
    )


def show_output(options: argparse.Namespace) -> int:
    """Print the end of what a job printed."""
    from experiments.queueing.causes import last_lines

    found = _find(options)
    lines = last_lines(found.output)
    if options.json:
        say_json({"id": found.id, "output": str(found.output), "lines": list(lines)})
        return 0
    for line in lines:
        say(line)
    if not lines:
        say(f"Nothing yet; it will be in {found.output}.")
    return 0


def supervise(options: argparse.Namespace) -> int:
    """Move the jobs in the foreground."""
    from experiments.queueing.supervisor import main

    return main(["--home", options.home] if options.home else [])


def _find(options: argparse.Namespace) -> Job:
    found = [job for job in queue.jobs(options.home) if job.id.startswith(options.job)]
    exact = [job for job in found if job.id == options.job]
    if len(exact or found) == 1:
        return (exact or found)[0]
    what = f"{len(found)} jobs" if found else "none"
    raise JobNotFoundError(
        f"Expected the beginning of one job's id; got {options.job!r}, which fits {what}. "
        "See: bakeoff queue ls --all"
    )


def _tell(options: argparse.Namespace, job: Job) -> int:
    if options.json:
        say_json(_plain(job))
    else:
        wish = {"stop": ", stopping", "kill": ", being killed"}.get(job.wanted or "", "")
        is_waiting = job.state is State.QUEUED and wish
        say(f"Job {job.id} ({job.name}): {'taken out' if is_waiting else f'{job.state}{wish}'}.")
    return 0


def _tell_settings(options: argparse.Namespace, settings: Any) -> int:
    if options.json:
        say_json({"slots": settings.slots, "paused": settings.paused})
    else:
        chosen = "" if settings.is_default else " (chosen)"
        say(f"{settings.slots} slots{chosen}; {'paused' if settings.paused else 'open'}.")
    return 0


def _row(job: Job) -> dict[str, Any]:
    return {
        **{name: getattr(job, name) for name in ("id", "name", "slot", "priority", "run_id")},
        "state": f"{job.state}, stopping" if job.is_stopping else str(job.state),
        "gpus": list(job.gpus),
        "time": duration(job.duration_s(time.time())),
        "note": _note(job),
    }


def _note(job: Job) -> str | None:
    if job.state is State.QUEUED and job.waiting_for:
        return f"waits for {job.waiting_for}"
    return job.error


def _plain(job: Job) -> dict[str, Any]:
    names = [name for name in Job.__dataclass_fields__ if name not in {"context", "handle"}]
    plain = {name: getattr(job, name) for name in names}
    return plain | {"folder": str(job.folder), "output": str(job.output)}


def _executor_options(given: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"Expected KEY=VALUE after --option; got {text!r}.")
        options[name] = value
    return options
