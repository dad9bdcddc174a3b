"""`bakeoff`: the command line. Data on stdout, one line of words on stderr, honest exit codes."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, NoReturn

from experiments import disk
from experiments.cli_actions import add_action
from experiments.cli_queue import add_queue, add_wishes, check_foreground
from experiments.cli_release import add_release
from experiments.cli_search import add_search
from experiments.deriving import add_derive
from experiments.errors import ExperimentError, UsageError
from experiments.previewing import add_data
from experiments.terminal import say

if TYPE_CHECKING:
    from trainers.spec import RunSpec


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    """It did what was asked."""
    FAILED = 1
    """It was asked rightly and failed."""
    USAGE = 2
    """What was typed has to change."""
    INTERRUPTED = 130
    """Ctrl-C stopped it before it was done."""
    TERMINATED = 143
    """SIGTERM stopped it before it was done."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}. See {self.prog} --help.\n")
        sys.exit(ExitCode.USAGE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # such as `bakeoff ls | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except Exception as error:  # noqa: BLE001  the outermost frame: no traceback for the user
        return _report(error)


def _report(error: Exception) -> ExitCode:
    if os.environ.get("BAKEOFF_LOG", "").lower() == "debug":
        traceback.print_exception(error)
    text = str(error)
    if not _is_ours(error):
        text = f"{type(error).__name__}: {' '.join(text.split())} (BAKEOFF_LOG=debug shows where)"
    for sentence in text.splitlines():  # a spec may have several problems, one a line
        sys.stderr.write(f"bakeoff: {sentence}\n")
    return ExitCode.USAGE if _is_usage(error) else ExitCode.FAILED


def _is_ours(error: Exception) -> bool:
    import store

    return isinstance(error, ExperimentError | store.StoreError) or _is_spec_error(error)


def _is_usage(error: Exception) -> bool:
    import store
    from store.releases import LineNameError

    usage = UsageError | store.FilterError | store.RunNotFoundError | LineNameError
    return isinstance(error, usage) or _is_spec_error(error)


def _is_spec_error(error: Exception) -> bool:
    module = sys.modules.get("trainers.spec")  # an error of a module that is not loaded: never
    return module is not None and isinstance(error, module.SpecError)


def _parser() -> _Parser:
    parser = _Parser(prog="bakeoff", description="Train, compare and choose models.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    home = _Parser(add_help=False)
    home.add_argument("--home", help="folder of the store (BAKEOFF_HOME, default ./.bakeoff)")
    as_json = _Parser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print JSON")

    def add(
        name: str,
        run: Callable[[argparse.Namespace], int],
        text: str,
        *parents: _Parser,
    ) -> _Parser:
        return add_action(commands, name, run, text, *parents)

    _add_servers(add, home)
    train = add("train", _train, "train a model in the foreground", home)
    train.add_argument(
        "spec", metavar="SPEC", help="a YAML file, the name of a preset, or run:ID for a run's own"
    )
    train.add_argument(
        "--queue", action="store_true", help="add it to the queue instead, and return at once"
    )
    add_wishes(train)
    _add_set(train)
    add_queue(add, home, as_json, add_set=_add_set)
    add_search(add, home, as_json, add_set=_add_set)
    add_data(add, as_json, add_set=_add_set)
    add_derive(add, home, as_json)
    ls = add("ls", _ls, "list runs", home, as_json)
    ls.add_argument("filter", nargs="?", metavar="FILTER", help="such as 'status = \"finished\"'")
    ls.add_argument("--sort", metavar="KEY", help="such as 'created_at desc' (the default)")
    ls.add_argument("--limit", type=_count, default=50, metavar="N", help="at most N runs (50)")
    show = add("show", _show, "show one run", home, as_json)
    show.add_argument("run_id", metavar="RUN", help="a run's id or the beginning of it")
    doctor = add("doctor", _doctor, "look a store over", home, as_json)
    doctor.add_argument("--fix", action="store_true", help="do what can be done about it")
    doctor.add_argument(
        "--rebuild", action="store_true", help="make the database anew from the runs' folders"
    )
    disk.add_commands(add, home, as_json)
    add_release(add, home, as_json)
    add("version", _version, "show versions", as_json)
    return parser


def _add_servers(add: Callable[..., _Parser], home: argparse.ArgumentParser) -> None:
    demo = add("demo", _demo, "train three small models and watch them", home)
    demo.add_argument("--no-dashboard", action="store_true", help="only train")
    demo.add_argument("--once", action="store_true", help="leave when the trainings have ended")
    demo.add_argument("--only", action="append", metavar="PRESET", help="train this one only")
    _add_set(demo)
    up = add("up", _up, "open the dashboard on a store", home)
    for command in (demo, up):
        command.add_argument("--port", type=_port, help="port of the dashboard (8501)")
        command.add_argument("--no-browser", action="store_true", help="do not open a browser")


def _add_set(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        *("--set", "-s"),
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="change one setting, such as model.lr=1e-3; may be repeated",
    )


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on; got {text}")
    return value


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535; got {text}")
    return int(text)


def _demo(options: argparse.Namespace) -> int:
    from experiments.demo import DemoOptions, run_demo

    return run_demo(
        DemoOptions(
            home=options.home,
            port=options.port,
            browser=not options.no_browser,
            dashboard=not options.no_dashboard,
            once=options.once,
            presets=tuple(options.only or ()),
            overrides=tuple(options.overrides),
        )
    )


def _up(options: argparse.Namespace) -> int:
    from experiments.up import run_up

    return run_up(options.home, port=options.port, browser=not options.no_browser)


def _train(options: argparse.Namespace) -> int:
    if options.queue:
        from experiments.queueing.queue_commands import add_to_queue

        return add_to_queue(options)
    check_foreground(options)
    from experiments.launching import seeded
    from experiments.specs import read_spec

    spec = read_spec(options.spec, options.overrides, home=options.home)
    code = ExitCode.OK
    for one in seeded(spec, options.seeds):
        code = _train_one(one, options.home, options.threads)
        if code != ExitCode.OK:
            break
    return code if code in list(ExitCode) else ExitCode.FAILED


def _train_one(spec: "RunSpec", home: str | None, threads: int | None) -> int:
    from experiments.foreground import train

    launched, code = train(spec, home, threads=threads)
    if code == ExitCode.OK:
        say(f"Run {launched.run_id} finished. See it: bakeoff show {launched.run_id}")
    elif launched.folder.exists():
        sys.stderr.write(f"bakeoff: run {launched.run_id} ended with exit code {code}.\n")
    else:
        sys.stderr.write("bakeoff: the training ended before it became a run; see above.\n")
    return code


def _ls(options: argparse.Namespace) -> int:
    from experiments.commands import list_runs

    list_runs(
        options.home,
        query=options.filter,
        sort=options.sort,
        limit=options.limit,
        as_json=options.json,
    )
    return ExitCode.OK


def _show(options: argparse.Namespace) -> int:
    from experiments.commands import show_run

    show_run(options.home, run_id=options.run_id, as_json=options.json)
    return ExitCode.OK


def _doctor(options: argparse.Namespace) -> int:
    from experiments.upkeep import examine_store

    is_healthy = examine_store(
        options.home, fix=options.fix, rebuild=options.rebuild, as_json=options.json
    )
    return ExitCode.OK if is_healthy else ExitCode.FAILED


def _version(options: argparse.Namespace) -> int:
    from experiments.commands import show_version

    show_version(as_json=options.json)
    return ExitCode.OK
