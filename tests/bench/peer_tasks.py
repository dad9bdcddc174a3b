"""What each peer is asked to do, and we; runs in the environment of each and prints JSON.

``python peer_tasks.py PEER log|forever|count|spike FOLDER [CALLS]``
"""

import importlib
import json
import mmap
import os
import resource
import sqlite3
import statistics
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SPIKE_AT, SPIKE, LENGTH = 31_234, 1e6, 50_000
Log = Callable[[dict[str, float], int], object]


def open_peer(name: str, folder: Path) -> tuple[Log, Callable[[], object]]:
    """Return what logs a dict of metrics at a step with a peer, and what closes it."""
    if name == "bakeoff":
        return open_ours(folder)
    peer: Any = importlib.import_module(name)
    if name == "mlflow":
        peer.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        peer.set_experiment("bench")
        peer.start_run()
        return lambda metrics, step: peer.log_metrics(metrics, step=step), peer.end_run
    if name in {"trackio", "wandb"}:
        options = {"dir": str(folder)} if name == "wandb" else {}
        peer.init(project="bench", name="bench", **options)
        return lambda metrics, step: peer.log(metrics, step=step), peer.finish
    if name == "tensorboardX":
        writer = peer.SummaryWriter(str(folder))
    else:
        writer = importlib.import_module("tensorboard.summary").Writer(str(folder))

    def log(metrics: dict[str, float], step: int) -> None:
        for key, value in metrics.items():
            writer.add_scalar(key, value, step)

    return log, writer.close


def open_ours(folder: Path) -> tuple[Log, Callable[[], object]]:
    """Return the same of ours; closing takes the points into the database and seals the run."""
    import store
    from store.layout import Home
    from store.owner import Owner

    run = store.init("bench", home=folder, capture=False)

    def close() -> None:
        run.finish()
        owner = Owner(Home.locate(folder))
        owner.drain()
        while owner.seal_one():
            pass
        owner.close()
        (folder / "store.duckdb").unlink()  # what is kept for good is the sealed file

    return lambda metrics, step: run.log(metrics, step=step), close


def drawn_by_us(folder: Path) -> list[float]:
    """Return every value of ``a`` that a chart of 1,000 pixels draws."""
    import store

    with store.open(folder) as opened:
        ids = opened.runs()["run_id"].to_pylist()
        return opened.curves("a", ids, width=1_000)["value"].to_pylist()


def count(name: str, folder: Path) -> int:
    """Return how many values of metric ``a`` can be read back."""
    if name == "bakeoff":
        import store

        with store.open(folder) as opened:
            return opened.points("a", opened.runs()["run_id"].to_pylist()).num_rows
    if name == "mlflow":
        return _rows(folder / "mlflow.db", "SELECT count(*) FROM metrics WHERE key = 'a'")
    if name == "trackio":
        files = [path for path in folder.rglob("*.db") if path.name.startswith("bench")]
        return max((_rows(path, "SELECT count(*) FROM metrics") for path in files), default=0)
    if name == "wandb":
        return _wandb_rows(next(folder.rglob("*.wandb")))
    return len(_scalars(folder, 0))


def _rows(path: Path, query: str) -> int:
    with sqlite3.connect(path) as connection:
        return connection.execute(query).fetchone()[0]


def _wandb_rows(path: Path) -> int:
    """Read a ``.wandb`` file: LevelDB's log format behind a header of 7 bytes."""
    protocol: Any = importlib.import_module("wandb.proto.wandb_internal_pb2")
    content = path.read_bytes()
    found, at, joined = 0, 7, b""
    while at + 7 <= len(content):
        room = 32_768 - at % 32_768
        length, kind = struct.unpack_from("<HB", content, at + 4)
        if room < 7 or kind == 0:
            at += room
            continue
        joined = (
            content[at + 7 : at + 7 + length]
            if kind in {1, 2}
            else joined + content[at + 7 : at + 7 + length]
        )
        at += 7 + length
        if kind in {1, 4} and at <= len(content):
            record = protocol.Record()
            record.ParseFromString(joined)
            found += record.WhichOneof("record_type") == "history"
    return found


def _scalars(folder: Path, limit: int) -> list[float]:
    """Return the values of ``a`` as TensorBoard's reader keeps them; 0 means all."""
    module: Any = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    reader = module.EventAccumulator(str(folder), {"scalars": limit, "tensors": limit})
    reader.Reload()
    if "a" in reader.Tags()["scalars"]:
        return [event.value for event in reader.Scalars("a")]
    numpy: Any = importlib.import_module("tensorboard.util.tensor_util")
    return [float(numpy.make_ndarray(event.tensor_proto)) for event in reader.Tensors("a")]


def log_task(name: str, folder: Path, calls: int) -> dict[str, float]:
    """Log four metrics `calls` times; return blocked time, CPU and bytes."""
    log, close = open_peer(name, folder)
    for step in range(20):
        log({"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}, step)
    blocked: list[float] = []
    cpu = time.process_time()
    for step in range(20, calls + 20):
        metrics = {"a": 1.0 / step, "b": 0.9, "c": 1e-3, "d": float(step % 7)}
        start = time.perf_counter_ns()
        log(metrics, step)
        blocked.append((time.perf_counter_ns() - start) / 1e3)
    close()
    cpu = time.process_time() - cpu
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu += children.ru_utime + children.ru_stime
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "log_us": statistics.median(blocked),
        "log_p99_us": sorted(blocked)[int(len(blocked) * 0.99)],
        "cpu_s": cpu / (calls * 4) * 1e6,
        "bytes": size / (calls * 4),
    }


def forever_task(name: str, folder: Path) -> None:
    """Log 1,000 steps a second until killed; count in a shared file what `log` accepted."""
    log, _ = open_peer(name, folder)
    with (folder / "accepted").open("r+b") as file:
        accepted = mmap.mmap(file.fileno(), 8)
    step = 0
    while True:
        log({"a": float(step), "b": 0.5}, step)
        step += 1
        struct.pack_into("<q", accepted, 0, step)
        time.sleep(0.001)


def spike_task(name: str, folder: Path) -> dict[str, bool | None]:
    """Return whether one step's spike survives what the peer reduces for its chart."""
    if name not in {"bakeoff", "tensorboard", "tensorboardX"}:
        return {"spike": None}
    log, close = open_peer(name, folder)
    for step in range(LENGTH):
        log({"a": SPIKE if step == SPIKE_AT else 0.0}, step)
    close()
    if name == "bakeoff":
        return {"spike": max(drawn_by_us(folder)) == SPIKE}
    return {"spike": max(_scalars(folder, 1_000)) == SPIKE}  # its server keeps 1,000 by default


def main() -> None:
    """Do one task of one peer."""
    name, task, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    os.environ |= {
        "WANDB_MODE": "offline", "WANDB_SILENT": "true", "TRACKIO_DIR": str(folder),
        "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet",
    }  # fmt: skip
    answer: object
    if task == "log":
        answer = log_task(name, folder, int(sys.argv[4]))
    elif task == "count":
        answer = count(name, folder)
    elif task == "spike":
        answer = spike_task(name, folder)
    else:
        forever_task(name, folder)
        return
    print("\n" + json.dumps(answer))


if __name__ == "__main__":
    main()
