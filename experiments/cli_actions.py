"""Commands and their actions, such as `bakeoff queue stop`: parsers and who answers; light."""

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any

Handler = Callable[[argparse.Namespace], int]


def add_action(
    commands: Any, name: str, run: Handler, text: str, *parents: argparse.ArgumentParser
) -> Any:
    """Add a command or an action and return its parser, to which its own options are added.

    Parameters
    ----------
    commands
        What ``add_subparsers`` returned.
    name
        What is typed.
    run
        Is given the parsed options and returns the exit code.
    text
        What ``--help`` says.
    *parents
        Parsers of options that it shares with others, such as ``--home``.
    """
    command = commands.add_parser(name, help=text, description=text, parents=list(parents))
    command.set_defaults(run=run)
    return command


def handler(module: str, function: str) -> Handler:
    """Return a function that loads a module when it is called, and calls its function."""

    def run(options: argparse.Namespace) -> int:
        return getattr(import_module(module), function)(options)

    return run
