"""New runs from finished ones, without training: ``python -m trainers.derive HOW RUN [RUN ...]``.

    average   the mean of several runs' scores
    stack     a logistic regression (ridge, for numbers) over several runs' scores, learnt on validation
    prune     one run's model without its smallest weights
    int8      one run's model with weights of 8 bits, as ONNX Runtime runs it

Each is a run of its own that names its parents and has predictions, so that it can be compared like
any other. Exit codes: 0 finished, 1 failed, 2 the runs cannot be used so.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import store
from store.layout import Home
from trainers.errors import DataError, SpecError
from trainers.parents import find_parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Derive one run and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m trainers.derive")
    parser.add_argument("how", choices=("average", "stack", "prune", "int8"))
    parser.add_argument("runs", nargs="+", metavar="RUN", help="ids or names of finished runs")
    parser.add_argument("--home", type=Path, help="folder of the store")
    parser.add_argument("--name", help="of the new run")
    parser.add_argument("--share", type=float, default=0.5, help="of weights to prune (0.5)")
    parser.add_argument("--json", action="store_true", help="print the new run as JSON")
    options = parser.parse_args(arguments)
    home = Home.locate(options.home)
    try:
        found = [find_parent("RUN", name, options.home).run_id or "" for name in options.runs]
        parents = tuple(dict.fromkeys(found))
        if options.how == "prune":
            from trainers.pruning import prune

            run_id, scores = prune(home, parents, share=options.share, name=options.name)
        elif options.how == "int8":
            from trainers.int8 import quantise

            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            run_id, scores = quantise(home, parents, name=options.name)
        else:
            from trainers.ensembles import combine

            run_id, scores = combine(home, parents, how=options.how, name=options.name)
    except (SpecError, DataError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except store.StoreError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.json:
        sys.stdout.write(
            json.dumps({"id": run_id, "parents": list(parents), "test": scores}) + "\n"
        )
    else:
        shown = ", ".join(f"test/{name} {value:.4f}" for name, value in scores.items())
        sys.stdout.write(f"run {run_id}: {shown}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
