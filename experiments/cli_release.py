"""The options of `bakeoff choose`, `release` and their kin; light, as every command reads them."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from experiments.cli_actions import Handler, add_action

_OK, _FAILED = 0, 1
_Add = Callable[..., argparse.ArgumentParser]


def add_release(add: _Add, home: argparse.ArgumentParser, as_json: argparse.ArgumentParser) -> None:
    """Add the commands that decide, release and use a release."""
    command = add("compare", _compare, "is the difference between runs real?", home, as_json)
    command.add_argument("runs", nargs="+", metavar="RUN", help="a run's id, or group:NAME")
    command.add_argument(
        "--baseline", metavar="RUN", help="a run, group:NAME or LINE@ALIAS; else a champion among "
        "the runs, else the first",
    )  # fmt: skip
    command.add_argument("--metric", metavar="NAME", help="such as macro_f1; else what suits")
    command.add_argument(
        "--margin", type=float, metavar="X", help="the smallest difference that matters, in the "
        "metric's unit, such as 0.005; else a suggestion",
    )  # fmt: skip
    command.add_argument("--split", metavar="NAME", help="whose examples (validation)")
    command = add("choose", _choose, "which of these runs to release, and why", home, as_json)
    command.add_argument("line", metavar="LINE", help="the model line, such as digits")
    command.add_argument("runs", nargs="+", metavar="RUN", help="a run's id, or group:NAME")
    _add_release_actions(add, home, as_json)
    command = add("rollback", _rollback, "make an earlier release the champion", home, as_json)
    command.add_argument("line", metavar="LINE")
    command.add_argument("--to", type=_version, metavar="vN", help="the version; the one before")
    command.add_argument("--reason", required=True, help="why, for the record")
    text = "answer predictions of a release over HTTP on loopback"
    command = add("serve", _serve, text, home, as_json)
    command.add_argument("ref", metavar="LINE@ALIAS", help="LINE@vN, LINE@champion, or a bundle")
    command.add_argument("--port", type=int, help="port (8600); 0 takes a free one")
    command.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads (1)")
    command = add("predict", _predict, "predict a file or folder with a release", home, as_json)
    command.add_argument("ref", metavar="LINE@ALIAS", help="LINE@vN, LINE@champion, or a bundle")
    command.add_argument("source", metavar="FILE", help="CSV, TSV, JSON lines, Parquet, images")
    command.add_argument("--out", metavar="FILE", help=".csv, .jsonl or .parquet")
    command.add_argument("--column", metavar="NAME", help="the column with the inputs")


def _add_release_actions(
    add: _Add, home: argparse.ArgumentParser, as_json: argparse.ArgumentParser
) -> None:
    group = add("release", _list, "release a run, and look at releases")
    actions = group.add_subparsers(metavar="LINE RUN | ACTION", required=True)

    def action(name: str, run: Handler, text: str, *parents: Any) -> argparse.ArgumentParser:
        return add_action(actions, name, run, text, home, *parents)

    make = action("make", _release, "release a run (`make` may be left out)", as_json)
    make.add_argument("line", metavar="LINE", help="the model line, such as digits")
    make.add_argument("runs", nargs="+", metavar="RUN", help="the run, then its other seeds")
    make.add_argument("--reason", required=True, help="why this model, for the record")
    make.add_argument("--override", metavar="WHY", help="release though gates are not passed")
    make.add_argument("--alias", action="append", default=[], help="other than champion; repeat")
    make.add_argument(
        "--considered",
        action="append",
        default=[],
        metavar="RUN[,RUN]",
        help="a candidate that could have been released: a run, its seeds, or group:NAME; repeat",
    )
    make.add_argument("--no-export", action="store_true", help="release without a bundle")
    action("ls", _list, "list releases", as_json)
    _with_ref(action("show", _show, "show one release", as_json))
    _with_ref(action("verify", _verify, "check files and compute the evidence again", as_json))
    card = _with_ref(action("card", _card, "print or replace a model card", as_json))
    card.add_argument("--edit", metavar="FILE", help="the new text, in Markdown; - reads stdin")
    card.add_argument("--html", action="store_true", help="as a page, with charts")
    card.add_argument("--out", metavar="FILE", help="write it to a file")
    export = action("export", _export, "copy a release's bundle, or export a run", as_json)
    export.add_argument("what", metavar="LINE@ALIAS|RUN")
    export.add_argument("--out", required=True, help="the zip, or for a run a folder")
    alias = action("alias", _alias, "point an alias to a version, remove or list them", as_json)
    alias.add_argument("ref", metavar="LINE[@ALIAS]")
    alias.add_argument("version", nargs="?", metavar="vN|none")
    alias.add_argument("--reason", default="", help="why, for the record")
    action("audit", _audit, "print the audit log and check it", as_json)
    policy = action("policy", _policy, "print, save or look back at the policy", as_json)
    policy.add_argument("--save", metavar="FILE", help="make this file the policy")
    policy.add_argument("--history", action="store_true", help="its versions")
    policy.add_argument("--diff", nargs=2, type=int, metavar=("A", "B"), help="two versions")
    policy.add_argument("--reason", default="", help="why it changes")
    _let_make_be_left_out(group, frozenset(actions.choices))


def _let_make_be_left_out(group: argparse.ArgumentParser, names: frozenset[str]) -> None:
    """Read ``release digits RUN`` as ``release make digits RUN``."""
    parse = group.parse_known_args

    def read(arguments: Sequence[str] | None = None, namespace: Any = None) -> Any:
        words = list(arguments or ())
        if words and not words[0].startswith("-") and words[0] not in names:
            words.insert(0, "make")
        return parse(words, namespace)

    group.parse_known_args = read  # pyright: ignore[reportAttributeAccessIssue]


def _with_ref(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("ref", metavar="LINE@ALIAS", help="LINE@vN, or LINE for its champion")
    return command


def _version(text: str) -> int:
    digits = text.removeprefix("v")
    if not digits.isdigit():
        raise argparse.ArgumentTypeError(f"expected a version such as v3; got {text}")
    return int(digits)


def _compare(options: argparse.Namespace) -> int:
    from experiments.comparison_command import Asked, compare_command

    asked = Asked(
        runs=options.runs,
        baseline=options.baseline,
        metric=options.metric,
        margin=options.margin,
        split=options.split,
    )
    return _OK if compare_command(options.home, asked, as_json=options.json) else _FAILED


def _choose(options: argparse.Namespace) -> int:
    from experiments.releasing.release_commands import choose_command

    found = choose_command(options.home, options.line, options.runs, as_json=options.json)
    return _OK if found else _FAILED


def _release(options: argparse.Namespace) -> int:
    from experiments.releasing.release_commands import release_command

    release_command(
        options.home,
        options.line,
        options.runs,
        reason=options.reason,
        override=options.override,
        names=options.alias,
        considered=options.considered,
        export=not options.no_export,
        as_json=options.json,
    )
    return _OK


def _rollback(options: argparse.Namespace) -> int:
    from experiments.releasing.release_commands import rollback_command

    rollback_command(
        options.home, options.line, to=options.to, reason=options.reason, as_json=options.json
    )
    return _OK


def _list(options: argparse.Namespace) -> int:
    from experiments.releasing.release_commands import list_releases

    list_releases(options.home, as_json=options.json)
    return _OK


def _show(options: argparse.Namespace) -> int:
    from experiments.releasing.release_commands import show_release

    show_release(options.home, options.ref, as_json=options.json)
    return _OK


def _verify(options: argparse.Namespace) -> int:
    from experiments.releasing.release_commands import verify_command

    is_whole = verify_command(options.home, options.ref, as_json=options.json)
    return _OK if is_whole else _FAILED


def _card(options: argparse.Namespace) -> int:
    from experiments.releasing.release_commands import card_command

    card_command(
        options.home,
        options.ref,
        edit=options.edit,
        as_html=options.html,
        out=options.out,
        as_json=options.json,
    )
    return _OK


def _export(options: argparse.Namespace) -> int:
    from experiments.releasing.release_commands import export_command

    matches = export_command(options.home, options.what, out=options.out, as_json=options.json)
    return _OK if matches else _FAILED


def _alias(options: argparse.Namespace) -> int:
    from experiments.releasing.release_commands import alias_command

    alias_command(
        options.home,
        options.ref,
        version=options.version,
        reason=options.reason,
        as_json=options.json,
    )
    return _OK


def _audit(options: argparse.Namespace) -> int:
    from experiments.releasing.release_commands import audit_command

    return _OK if audit_command(options.home, as_json=options.json) else _FAILED


def _policy(options: argparse.Namespace) -> int:
    from experiments.releasing.release_commands import policy_command

    policy_command(
        options.home,
        save=options.save,
        history=options.history,
        diff=options.diff,
        reason=options.reason,
        as_json=options.json,
    )
    return _OK


def _serve(options: argparse.Namespace) -> int:
    from experiments.releasing.serving_commands import serve_command

    serve_command(
        options.home,
        options.ref,
        port=options.port,
        threads=options.threads,
        as_json=options.json,
    )
    return _OK


def _predict(options: argparse.Namespace) -> int:
    from experiments.releasing.serving_commands import predict_command

    predict_command(
        options.home,
        options.ref,
        source=options.source,
        out=options.out,
        column=options.column,
        as_json=options.json,
    )
    return _OK
