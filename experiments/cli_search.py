"""The options of `bakeoff search`; light, because every command line reads them."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from experiments.cli_actions import add_action, handler

_COMMANDS = "experiments.search.search_commands"
_START = "start"


def add_search(add: Callable[..., argparse.ArgumentParser], *parents: Any, add_set: Any) -> None:
    """Add the command `search` with all that it can do.

    Parameters
    ----------
    add
        Adds a command to `bakeoff`.
    *parents
        Parsers of the options that every command has: ``--home`` and ``--json``.
    add_set
        Adds ``--set`` to a command.
    """
    group = add(
        "search", handler(_COMMANDS, "list_studies"), "search the settings of a run with Optuna"
    )
    commands = group.add_subparsers(metavar="ACTION or SPEC", required=True)
    _start_by_default(group, commands.choices)

    def action(name: str, run: str, text: str) -> argparse.ArgumentParser:
        return add_action(commands, name, handler(_COMMANDS, run), text, *parents)

    start = action(_START, "start", "start a search; `bakeoff search SPEC` does the same")
    start.add_argument("spec", metavar="SPEC", help="a YAML file or the name of a preset study")
    start.add_argument("--wait", action="store_true", help="stay until it has ended")
    start.add_argument("--paused", action="store_true", help="make the study, start it later")
    add_set(start)
    action("ls", "list_studies", "list studies")
    show = _with_study(action("show", "show_study", "show a study and its best trials"))
    show.add_argument("--trials", type=int, default=10, metavar="N", help="at most N trials (10)")
    stop = _with_study(action("stop", "stop_study", "stop a search after its running trials"))
    stop.add_argument("--now", action="store_true", help="stop its trials too, with checkpoints")
    stop.add_argument("--trial", type=int, metavar="N", help="stop this trial alone")
    _with_study(action("resume", "resume_study", "have a search go on"))
    new = _with_study(action("add", "add_trial", "have a trial of your own tried next"))
    new.add_argument("values", nargs="+", metavar="KEY=VALUE", help="such as training.lr=1e-3")
    change = _with_study(action("set", "change_study", "change a search for the trials to come"))
    change.add_argument(
        "changes",
        nargs="+",
        metavar="KEY=VALUE",
        help="n_trials=50, workers=2, timeout_s=3600, name=…, notes=…; training.lr=1e-4..1e-2 for "
        "a range, model.dense=64 to freeze, model.dense=free to free it again",
    )
    note = _with_study(action("note", "note_trial", "say something about a trial"))
    note.add_argument("trial", type=int, metavar="N", help="the trial's number")
    note.add_argument("text", metavar="TEXT", help="what is to be kept; empty takes it away")
    delete = _with_study(action("delete", "delete_study", "move a study to the trash"))
    delete.add_argument("--runs", action="store_true", help="its runs too")
    _with_study(action("restore", "restore_study", "bring a study back from the trash"))


def _start_by_default(group: argparse.ArgumentParser, known: Any) -> None:
    """Let `bakeoff search SPEC` mean `bakeoff search start SPEC`."""
    parse = group.parse_known_args

    def with_start(args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        words = list(args or ())
        if words and words[0] not in known and not words[0].startswith("-"):
            words.insert(0, _START)
        return parse(words, namespace)

    group.parse_known_args = with_start  # type: ignore[method-assign]


def _with_study(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("study", metavar="STUDY", help="a study's id or the beginning of it")
    return command
