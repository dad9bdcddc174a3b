"""`bakeoff gc`, `pin` and `trash`: what takes the disk, what may go, and back again."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import store
from experiments.cli_actions import add_action
from experiments.errors import UsageError
from experiments.terminal import say, say_json, say_table
from store import gc, trash
from store.backup import delete_backups
from store.disk_usage import HEAVY_KINDS, KINDS, as_text, store_bytes
from store.layout import Home

_Add = Callable[..., argparse.ArgumentParser]


def add_commands(
    add: _Add, home: argparse.ArgumentParser, as_json: argparse.ArgumentParser
) -> None:
    """Add `gc`, `pin` and `trash` to the command line."""
    command = add("gc", _gc, "free space: show what takes it, and let runs go", home, as_json)
    command.add_argument("--dry-run", action="store_true", help="only say what would be done")
    command.add_argument(
        "--keep-best",
        nargs=2,
        action="append",
        default=[],
        metavar=("K", "METRIC"),
        help="keep each project's best K runs by a metric; may be repeated",
    )
    command.add_argument("--keep-last", type=int, metavar="N", help="keep each project's last N")
    command.add_argument("--only", metavar="FILTER", help="let go of these only: 'status = failed'")
    command.add_argument(
        "--drop",
        action="append",
        choices=HEAVY_KINDS,
        default=[],
        help="delete this of the runs, at once, instead of moving them to the trash",
    )
    command.add_argument(
        "--backups",
        action="store_true",
        help="delete the old databases that updates and rebuilds kept",
    )
    command.add_argument(
        "--no-shrink", action="store_true", help="leave the database's file as it is"
    )
    pin = add("pin", _pin, "keep runs whatever the rules of gc say", home, as_json)
    pin.add_argument("run_ids", nargs="+", metavar="RUN", help="a run's id")
    pin.add_argument("--off", action="store_true", help="let them go again")
    actions = add("trash", _list, "deleted runs: list, put, restore, empty").add_subparsers(
        metavar="ACTION", required=True
    )
    for name, run, text, runs in (
        ("ls", _list, "list what is in the trash", None),
        ("put", _put, "move runs to the trash", "+"),
        ("restore", _restore, "bring runs back", "+"),
        ("empty", _empty, "delete these runs for good, or all that are in the trash", "*"),
    ):
        action = add_action(actions, name, run, text, home, as_json)
        if runs:
            action.add_argument("run_ids", nargs=runs, metavar="RUN", help="a run's id")


def _gc(options: argparse.Namespace) -> int:
    rules = _rules(options)
    with _open(options.home) as s:
        home = Home(s.home)
        decisions = gc.decide(s, rules)
        answer: dict[str, Any] = {
            "dry_run": options.dry_run,
            "runs": [asdict(one) | {"goes": one.goes} for one in decisions],
            "store": store_bytes(home),
            **gc.totals(decisions, options.drop),
        }
        if not options.json:
            _say_decisions(decisions, answer, options.drop)
        if not options.dry_run:
            answer["done"] = _clean(s, decisions, options)
            answer["store_after"] = store_bytes(home)
    if options.json:
        say_json(answer)
    elif not options.dry_run:
        _say_done(answer)
    return 0


def _clean(
    s: store.Store, decisions: Sequence[gc.Decision], options: argparse.Namespace
) -> dict[str, Any]:
    """Let the runs go, and free what nobody needs; return what was done."""
    done = gc.clean(s, decisions, options.drop)
    if options.backups:
        done["freed_bytes"] += delete_backups(Home(s.home))
    if not options.no_shrink:
        done["database"] = s.act("shrink")
    return done


def _rules(options: argparse.Namespace) -> gc.Rules:
    best: list[tuple[int, str]] = []
    for count, metric in options.keep_best:
        if not count.isdigit() or int(count) < 1:
            raise UsageError(f"Expected --keep-best K METRIC with K from 1 on; got {count!r}.")
        best.append((int(count), metric))
    if options.keep_last is not None and options.keep_last < 1:
        raise UsageError(f"Expected --keep-last from 1 on; got {options.keep_last}.")
    return gc.Rules(keep_best=tuple(best), keep_last=options.keep_last, only=options.only)


def _say_decisions(
    decisions: Sequence[gc.Decision], answer: Mapping[str, Any], drop: Sequence[str]
) -> None:
    rows = [
        {"run": one.run_id, "project": one.project, "name": one.name, "status": one.status}
        | {kind: as_text(size) for kind, size in one.sizes.items()}
        | {"total": as_text(sum(one.sizes.values()))}
        | {"fate": one.kept_as or (f"drop {', '.join(drop)}" if drop else "to the trash")}
        for one in decisions
    ]
    columns = ("run", "project", "name", "status", *KINDS, "total", "fate")
    say_table(rows, {name: name.upper() for name in columns})
    goes, stays = answer["goes"], answer["stays"]
    say(
        f"{_runs(goes['runs'])} would free {as_text(goes['bytes'])}; "
        f"{_runs(stays['runs'])} with {as_text(stays['bytes'])} stay as they are."
    )
    parts = ", ".join(f"{name} {as_text(size)}" for name, size in answer["store"].items() if size)
    say(f"The store: {parts}.")


def _say_done(answer: Mapping[str, Any]) -> None:
    done = answer["done"]
    if done["trashed"]:
        count = len(done["trashed"])
        say(f"Moved {_runs(count)} to the trash; bakeoff trash empty frees the space.")
    if done["freed_bytes"]:
        say(f"Freed {as_text(done['freed_bytes'])}.")
    if "database" in done:
        _say_shrunk(done["database"])


def _say_shrunk(sizes: Mapping[str, int]) -> None:
    before, after = as_text(sizes["before_bytes"]), as_text(sizes["after_bytes"])
    say(f"The database took {before}, now {after}.")


def _pin(options: argparse.Namespace) -> int:
    from experiments.run_actions import pin_runs

    with _open(options.home) as s:
        ids = [s.run(run_id)["run_id"] for run_id in options.run_ids]
        pin_runs(s, ids, not options.off)
    word = "unpinned" if options.off else "pinned"
    return _said(options, {word: ids}, word)


def _list(options: argparse.Namespace) -> int:
    place = Home.locate(options.home)
    items = [asdict(item) for item in trash.listed(place)]
    if options.json:
        say_json(items)
    elif not items:
        say(f"The trash of {place.path} is empty.")
    else:
        rows = [item | {"size": as_text(item["size_bytes"])} for item in items]
        headings = {"run_id": "RUN", "project": "PROJECT", "name": "NAME", "size": "SIZE"}
        say_table(rows, headings | {"trashed_at": "SINCE (UTC)"})
    return 0


def _put(options: argparse.Namespace) -> int:
    with _open(options.home) as s:
        trash.trash(s, options.run_ids)
    return _said(options, {"trashed": options.run_ids}, "in the trash")


def _restore(options: argparse.Namespace) -> int:
    with _open(options.home) as s:
        trash.restore(s, options.run_ids)
    return _said(options, {"restored": options.run_ids}, "back")


def _empty(options: argparse.Namespace) -> int:
    with _open(options.home) as s:
        done = gc.empty_trash(s, options.run_ids or None)
    if options.json:
        say_json(done)
    else:
        say(f"Freed {as_text(done['freed_bytes'])}.")
        _say_shrunk(done)
    return 0


def _said(options: argparse.Namespace, answer: Mapping[str, Any], where: str) -> int:
    if options.json:
        say_json(answer)
    else:
        say(f"{_runs(len(options.run_ids))} {where}.")
    return 0


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _open(home: str | None) -> store.Store:
    """Open a store that is there.

    Raises
    ------
    StoreError
        If nothing is stored in the folder.
    """
    place = Home.locate(home)
    if not place.runs.is_dir():
        raise store.StoreError(
            f"Expected a store; got {place.path}, where nothing is stored. Name it with --home."
        )
    return store.open(place.path)
