"""Jobs on clusters: submitit's local one, a Ray that runs here, and what is missing."""

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

from experiments import queue
from experiments.errors import UsageError
from experiments.queueing.executors import make_cluster
from experiments.queueing.jobs import State
from experiments.queueing.supervisor import stop_supervisor
from tests.experiments import quick_training
from tests.experiments.queue_tools import (
    processes_of,
    quick_spec,
    starts,
    wait_until,
    wait_until_ended,
)

needs_submitit = pytest.mark.skipif(
    importlib.util.find_spec("submitit") is None, reason="the extra bakeoff[slurm] is not installed"
)
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="the extra bakeoff[ray] is not installed"
)


@pytest.fixture
def supervised(home, monkeypatch):
    """The store's supervisor starts on demand, and quick trainings are quick."""
    monkeypatch.delenv("BAKEOFF_SUPERVISOR")
    monkeypatch.setenv("BAKEOFF_PLUGINS", quick_training.NAME)
    yield home
    stop_supervisor(home)
    for process in processes_of(home):
        process.kill()


@pytest.fixture(scope="module")
def ray_address():
    """The address of a Ray that runs on this machine for these tests."""
    ray = importlib.import_module("ray")  # only with the extra, which `needs_ray` asks for
    folder = f"/tmp/ray{os.getpid()}"  # short: a socket's path has at most 107 characters
    context = ray.init(num_cpus=2, include_dashboard=True, _temp_dir=folder)
    yield f"http://{context.dashboard_url}"
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def check_a_cluster_runs_stops_and_fails(home, executor, options):
    """What every executor has to do, with the same spec."""

    def submit(**wishes):
        return queue.submit(home, quick_spec(**wishes), executor=executor, options=options)

    good, bad = submit(), submit(code=1, say="CUDA out of memory")
    good, bad = wait_until_ended(home, [good, bad], seconds=120)
    assert (good.state, bad.state) == (State.FINISHED, State.FAILED)
    assert (good.exit_code, good.slot) == (0, None)
    assert "GPU ran out of memory" in str(bad.error)

    long = submit(seconds=600)
    wait_until(home, long, "running", seconds=60)
    queue.stop(home, long.id)
    (long,) = wait_until_ended(home, [long])
    assert (long.state, long.exit_code) == (State.STOPPED, 143)
    assert starts(home).count(str(long.run_id)) == 1


@needs_submitit
@pytest.mark.exhaustive
def test_submitit_runs_stops_and_fails_jobs(supervised):
    check_a_cluster_runs_stops_and_fails(supervised, "slurm", {"cluster": "local"})


@needs_submitit
def test_the_next_supervisor_finds_out_what_was_killed_on_a_cluster(supervised):
    job = queue.submit(
        supervised, quick_spec(seconds=600), executor="slurm", options={"cluster": "local"}
    )
    wait_until(supervised, job, "running")
    for process in processes_of(supervised):  # the training, its wrapper, the supervisor
        process.kill()

    (lost,) = wait_until_ended(supervised, [job])
    assert lost.state is State.LOST
    assert "Resume" in str(lost.error)
    assert starts(supervised) == [job.run_id]


@needs_submitit
def test_a_machine_without_slurm_says_so(supervised):
    job = queue.submit(supervised, quick_spec(), executor="slurm")

    (job,) = wait_until_ended(supervised, [job])
    assert job.state is State.FAILED
    assert "srun" in str(job.error)
    assert starts(supervised) == []


@needs_ray
@pytest.mark.slow
def test_a_local_ray_runs_stops_and_fails_jobs(supervised, ray_address):
    check_a_cluster_runs_stops_and_fails(supervised, "ray", {"address": ray_address})


@pytest.mark.parametrize(("name", "package"), [("slurm", "submitit"), ("ray", "ray")])
def test_an_extra_that_is_missing_is_named(name, package):
    """In a process of its own, where the package cannot be imported."""
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from experiments.queueing.executors import make_cluster\n"
        f"make_cluster({name!r})"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"pip install 'bakeoff[{name}]'" in told.stderr


def test_an_unknown_executor_is_refused():
    with pytest.raises(UsageError, match="'bash'"):
        make_cluster("bash")


@pytest.mark.parametrize(
    ("executor", "options"),
    [
        ("local", {"partition": "gpu"}),
        ("slurm", {"setup": "rm -rf /"}),
        ("slurm", {"partition": "gpu\n#SBATCH --wrap=id"}),
        ("slurm", {"partition": "$(id)"}),
        ("slurm", {"mem_gb": "lots"}),
        ("ray", {"address": "http://x; id"}),
    ],
)
def test_an_option_that_tries_tricks_is_refused(home, executor, options):
    with pytest.raises(UsageError, match="Expected"):
        queue.submit(home, quick_spec(), executor=executor, options=options)
    assert queue.jobs(home) == []
