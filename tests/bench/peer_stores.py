"""Writes the runs that `peer_pages.py` opens, with each peer's own writer and with ours.

``python peer_stores.py PEER FOLDER``: 200 runs with 5 parameters and 5 metrics, and 20 runs with
one curve of 5,000 steps each, in which one step is a spike.
"""

import importlib
import random
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

LISTED, CURVES, STEPS = 200, 20, 5_000
SPIKE = 2.71875
"""No other number of a store is the same, and it stays itself as a float32."""
PARAMS = {"lr": 0.001, "batch": 64, "dropout": 0.1, "model": "cnn", "seed": 0}
METRICS = ("loss", "acc", "f1", "auc", "mcc")


class Writer(Protocol):
    """What writes one run; `rows` are the metrics of steps 0, 1, 2 ..."""

    def __call__(
        self, project: str, name: str, params: dict[str, Any], rows: Iterable[dict[str, float]]
    ) -> object: ...


def runs() -> Iterator[tuple[str, str, dict[str, Any], list[dict[str, float]]]]:
    """Yield project, name, parameters and rows of every run."""
    chance = random.Random(0)
    for number in range(LISTED):
        params = PARAMS | {"lr": chance.random(), "seed": number}
        yield "listed", f"run-{number:03d}", params, [{key: chance.random() for key in METRICS}]
    for number in range(CURVES):
        yield "curves", f"run-{number:02d}", {"seed": number}, curve(chance)


def curve(chance: random.Random) -> list[dict[str, float]]:
    """Return a noisy falling loss with one spike, not at an end."""
    high = chance.randrange(1, STEPS - 1)
    return [
        {"loss": SPIKE if step == high else 0.8 / (1 + step / STEPS * 9) + chance.random() * 0.1}
        for step in range(STEPS)
    ]


def bakeoff(folder: Path) -> Writer:
    """Return what writes with `store.init` and `log`."""
    import store

    def write(
        project: str, name: str, params: dict[str, Any], rows: Iterable[dict[str, float]]
    ) -> None:
        run = store.init(
            project, name=name, config=params, home=folder, monitor=False, capture=False
        )
        for step, row in enumerate(rows):
            run.log(row, step=step)
        run.finish()

    return write


def mlflow(folder: Path) -> Writer:
    """Return what writes in batches of 1,000, into SQLite."""
    client = importlib.import_module("mlflow").MlflowClient(f"sqlite:///{folder}/mlflow.db")
    entities: Any = importlib.import_module("mlflow.entities")
    experiments: dict[str, str] = {}

    def write(
        project: str, name: str, params: dict[str, Any], rows: Iterable[dict[str, float]]
    ) -> None:
        if project not in experiments:
            experiments[project] = client.create_experiment(project)
        run_id = client.create_run(experiments[project], run_name=name).info.run_id
        now = int(time.time() * 1e3)
        points = [
            entities.Metric(key, value, now + step, step)
            for step, row in enumerate(rows)
            for key, value in row.items()
        ]
        client.log_batch(
            run_id, params=[entities.Param(key, str(value)) for key, value in params.items()]
        )
        for start in range(0, len(points), 1_000):
            client.log_batch(run_id, metrics=points[start : start + 1_000])
        client.set_terminated(run_id)

    return write


def tensorboard(folder: Path) -> Writer:
    """Return what writes event files; its writer knows no parameters, so nothing is listed."""
    summary: Any = importlib.import_module("tensorboard.summary")

    def write(
        project: str, name: str, params: dict[str, Any], rows: Iterable[dict[str, float]]
    ) -> None:
        del params
        if project == "listed":
            return
        writer = summary.Writer(str(folder / project / name))
        for step, row in enumerate(rows):
            for key, value in row.items():
                writer.add_scalar(key, value, step)
        writer.close()

    return write


def trackio(folder: Path) -> Writer:
    """Return what hands its own storage one run at a time."""
    del folder  # TRACKIO_DIR says where
    storage: Any = importlib.import_module("trackio.sqlite_storage").SQLiteStorage

    def write(
        project: str, name: str, params: dict[str, Any], rows: Iterable[dict[str, float]]
    ) -> None:
        storage.bulk_log(project, name, list(rows), config=params)

    return write


def main() -> None:
    """Write everything for one peer."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    write: Writer = {
        "bakeoff": bakeoff, "mlflow": mlflow, "tensorboard": tensorboard, "trackio": trackio,
    }[name](folder)  # fmt: skip
    for run in runs():
        write(*run)


if __name__ == "__main__":
    main()
