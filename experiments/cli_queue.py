"""The options of `bakeoff queue`; light, because every command line reads them."""

import argparse
from collections.abc import Callable
from typing import Any

from experiments.cli_actions import add_action, handler
from experiments.errors import UsageError

_COMMANDS = "experiments.queueing.queue_commands"


def add_queue(add: Callable[..., argparse.ArgumentParser], *parents: Any, add_set: Any) -> None:
    """Add the command `queue` with all that it can do.

    Parameters
    ----------
    add
        Adds a command to `bakeoff`.
    *parents
        Parsers of the options that every command has: ``--home`` and ``--json``.
    add_set
        Adds ``--set`` to a command.
    """
    # --home belongs to the actions alone: given before one, the action's default would win.
    group = add(
        "queue", handler(_COMMANDS, "list_jobs"), "run trainings one after the other, in slots"
    )
    commands = group.add_subparsers(metavar="ACTION", required=True)

    def action(name: str, run: str, text: str) -> argparse.ArgumentParser:
        return add_action(commands, name, handler(_COMMANDS, run), text, *parents)

    ls = action("ls", "list_jobs", "list jobs")
    ls.add_argument("--all", action="store_true", help="all that have ended, too")
    new = action("add", "add_to_queue", "add a training")
    new.add_argument("spec", metavar="SPEC", help="a YAML file, a preset, or run:ID")
    add_set(new)
    add_wishes(new)
    stop = _with_job(action("stop", "stop_job", "ask a job to save and end"))
    stop.add_argument("--now", action="store_true", help="end it at once, without a checkpoint")
    for name, run, text in (
        ("cancel", "cancel_job", "take a waiting job out"),
        ("retry", "retry_job", "add the same training again, as a new run"),
        ("resume", "resume_job", "go on with a job's run from its last checkpoint"),
        ("log", "show_output", "show the end of what a job printed"),
    ):
        _with_job(action(name, run, text))
    priority = _with_job(action("priority", "set_priority", "change a waiting job's priority"))
    priority.add_argument("priority", type=int, metavar="N", help="higher starts earlier")
    move = _with_job(action("move", "move_job", "move a waiting job"))
    move.add_argument("position", type=int, metavar="N", help="1 starts next")
    action("pause", "pause", "let no more jobs start; what runs goes on")
    action("unpause", "unpause", "let jobs start again")
    slots = action("slots", "set_slots", "show or choose how many trainings run at the same time")
    slots.add_argument("slots", nargs="?", metavar="N", help="a number, or auto: one a GPU, or one")
    action("supervise", "supervise", "move the jobs in the foreground, such as under systemd")


def add_wishes(command: argparse.ArgumentParser) -> None:
    """Add the options that say how a job shall run."""
    command.add_argument("--seeds", type=int, default=1, metavar="N", help="N runs, as one group")
    command.add_argument("--priority", type=int, default=0, metavar="N", help="higher is earlier")
    command.add_argument(
        "--budget", type=float, metavar="SECONDS", help="ask it to stop after so long"
    )
    command.add_argument(
        "--gpus", type=int, metavar="N", help="GPUs it needs (one where there is one)"
    )
    command.add_argument(
        "--threads", type=int, metavar="N", help="CPU threads (shared by the slots)"
    )
    command.add_argument("--executor", default="local", metavar="NAME", help="local, slurm or ray")
    command.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="options",
        help="for the executor, such as partition=gpu; may be repeated",
    )


def check_foreground(options: argparse.Namespace) -> None:
    """Refuse wishes that only the queue can grant.

    Raises
    ------
    UsageError
        If there is one.
    """
    only_queued = {"priority": 0, "budget": None, "gpus": None, "executor": "local", "options": []}
    for name, default in only_queued.items():
        if getattr(options, name) != default:
            flag = "option" if name == "options" else name
            raise UsageError(f"Expected --queue with --{flag}; got a training in the foreground.")


def _with_job(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("job", metavar="JOB", help="a job's id or the beginning of it")
    return command
