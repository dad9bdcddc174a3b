"""One training run: ``python -m trainers SPEC.json [--home HOME] [--id RUN_ID] [--resume]``.

Exit codes: 0 finished, 1 failed, 2 wrong spec or data, 130 or 143 stopped by Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import store
from trainers.errors import DataError, SpecError
from trainers.spec import RunSpec, load_spec
from trainers.stopping import StopSwitch, TrainingStopped

FAILED, USAGE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one training and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m trainers", description="Train one model.")
    parser.add_argument("spec", type=Path, metavar="SPEC.json", help="what to run")
    parser.add_argument("--home", type=Path, help="folder of the store")
    parser.add_argument("--id", dest="run_id", help="id of the run, chosen beforehand")
    parser.add_argument("--resume", action="store_true", help="go on from its last checkpoint")
    options = parser.parse_args(arguments)
    if options.resume and not options.run_id:
        parser.error("--resume needs --id: which run is to go on")
    stop = StopSwitch()
    stop.install()
    try:
        spec = _read_spec(options.spec)
        from trainers.fit import train  # loads torch: a wrong spec is told without the wait

        outcome = train(
            spec, home=options.home, run_id=options.run_id, stop=stop, resume=options.resume
        )
    except (SpecError, DataError) as error:
        return _refuse(error, USAGE)
    except store.StoreError as error:
        return _refuse(error, FAILED)
    except TrainingStopped as error:
        sys.stderr.write(f"{error} before the training began\n")
        return error.exit_code
    return outcome.exit_code


def _read_spec(path: Path) -> RunSpec:
    try:
        mapping = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError([f"Expected a spec in {path}; got {error.strerror}."]) from error
    except ValueError as error:
        raise SpecError([f"Expected {path} to hold JSON; got {error}."]) from error
    return load_spec(mapping)


def _refuse(error: Exception, code: int) -> int:
    sys.stderr.write(f"{error}\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
