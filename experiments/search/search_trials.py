"""The trials of a search that runs: begun, watched, pruned, paused, told; and taken over.

The order of writing is the point. A trial's run ids are in the ledger before a job is submitted,
and a job is found again by its run id; a decision to stop a trial is in the ledger before the job
is asked to stop; Optuna is told before the ledger says that a trial has ended. So whatever was
done last before a crash, the next process can tell.
"""

import time
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

import store
from experiments import studies
from experiments.queueing.jobs import Job, State
from experiments.search.active_trials import ActiveTrial, mean, run_spec, spread, thinned
from experiments.search.dimensions import suggest
from experiments.search.optuna_studies import (
    ORIGIN,
    OWNER,
    count_started,
    enqueue,
    owner_of,
    running,
)
from experiments.search.search_spec import Objective, StudySpec
from experiments.search.trial_jobs import Measurements, TrialJobs
from experiments.studies import TRIAL, WISH, Study, trial_id
from store.layout import Home
from trainers.spec import SpecError

_LOOK_AT_METRICS_S = 1.0
_MIRROR_EVERY_S = 5.0
_WORDS = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


class TrialBook:
    """Keeps the trials of one study true in three places: Optuna, the ledger and the queue."""

    def __init__(
        self,
        home: Home,
        study: Study,
        opened: optuna.Study,
        jobs: TrialJobs,
        measured: Measurements,
    ) -> None:
        self.study = study
        self.active: dict[int, ActiveTrial] = {}
        self._opened = opened
        self._jobs = jobs
        self._measured = measured
        self._ledger = studies.ledger_of(home.path, study.id)
        self._owner = owner_of(home.path)
        self._is_shared = study.spec.storage is not None
        self._mirrored = time.monotonic()

    @property
    def spec(self) -> StudySpec:
        """What the search is by now."""
        return self.study.spec

    def counts(self) -> tuple[int, int]:
        """Return how many trials were started, and how many wait."""
        return count_started(self._opened)

    def limit(self, spec: StudySpec) -> int:
        """Return how many trials may be started: people's own come on top of the sampler's."""
        return spec.n_trials + len(self._ledger.items(WISH))

    def take_wishes(self) -> None:
        """Hand people's own trials over to Optuna, each once."""
        for wish_id, wish in self._ledger.items(WISH).items():
            if wish["state"] == "waiting":
                enqueue(self._opened, self.spec, wish["values"], wish_id)
                self._ledger.write(WISH, wish_id, state="taken")

    def adopt(self) -> None:
        """Take over what an earlier process left behind, and make the ledger true again."""
        rows = {row["number"]: row for row in self._ledger.items(TRIAL).values()}
        owner = self._owner if self._is_shared else None
        left = {trial.number: trial for trial in running(self._opened, owner)}
        run_ids = [i for number in left for i in rows.get(number, {}).get("run_ids", ())]
        jobs = self._jobs.of_runs(run_ids)
        for number, frozen in left.items():
            trial = optuna.Trial(self._opened, frozen._trial_id)  # noqa: SLF001  # only this way
            if number not in rows:
                self._begin(trial)
            elif rows[number]["state"] in {"running", "paused"}:
                self._take_over(trial, rows[number], jobs)
        self._mirror(rows)

    def mirror_others(self, *, at_once: bool = False) -> None:
        """In a storage that many share: write down which trials the others have finished."""
        is_due = at_once or time.monotonic() - self._mirrored > _MIRROR_EVERY_S
        if self._is_shared and is_due:
            self._mirrored = time.monotonic()
            rows = {row["number"]: row for row in self._ledger.items(TRIAL).values()}
            mine = {number: {"state": "ended"} for number in self.active}
            self._mirror(rows | mine)

    def start(self) -> None:
        """Ask Optuna for a trial and have it trained."""
        trial = self._opened.ask()
        if self._is_shared:
            trial.set_user_attr(OWNER, self._owner)
        self._begin(trial)

    def look(self, active: ActiveTrial) -> None:
        """See how a trial stands and do what follows from it."""
        self._take_orders(active)
        if active.is_paused:
            return
        if active.has_all:  # its end was cut short
            self._complete(active)
            return
        job = self._submit(active) if active.job is None else self._jobs.look(active.job.id)
        if job is None:
            return
        active.job = job
        if not job.state.is_final:
            self._watch(active)
        elif job.state is State.FINISHED:
            self._take_result(active)
        elif active.wanted is not None:
            self._after_stop(active)
        elif job.state is State.LOST and not active.was_lost:
            active.was_lost = True
            self._say(active, was_lost=True)
            self._again(active, job)
        else:
            self._fail(active, job.error or f"its training was {job.state}")

    def pause(self, active: ActiveTrial) -> None:
        """Have a trial stop with a checkpoint, to go on later."""
        if active.job is None and not active.is_paused:
            active.is_paused = True
            self._say(active, state="paused")
        elif active.wanted is None and not active.is_paused:
            self._stop(active, "pause")

    def go_on(self, active: ActiveTrial) -> None:
        """Have a paused trial go on where it stopped."""
        if active.is_paused:
            active.is_paused, active.wanted = False, None
            if active.job is not None and active.job.state.is_final:
                self._again(active, active.job)
            self._say(active, state="running", wanted="")

    # -- begin -----------------------------------------------------------------

    def _begin(self, trial: optuna.Trial) -> None:
        values = suggest(trial, self.spec.space)
        active = ActiveTrial(
            number=trial.number,
            trial=trial,
            values=values,
            run_ids=[store.new_run_id() for _ in range(self.spec.seeds)],
            started=time.time(),
        )
        self.active[active.number] = active
        origin = str(trial.user_attrs.get(ORIGIN, ""))
        self._say(
            active,
            study=self.study.id,
            number=active.number,
            state="running",
            params=values,
            run_ids=active.run_ids,
            started=active.started,
            by="start" if origin.startswith("start/") else "person" if origin else "sampler",
        )
        self.look(active)

    def _submit(self, active: ActiveTrial) -> Job | None:
        """Have the trial's next run trained; None if its values do not go together."""
        try:
            spec = run_spec(self.spec, self.study.id, active)
        except SpecError as error:
            self._fail(active, error.problems[0])
            return None
        labels = {"study": self.study.id, "trial": str(active.number)}
        active.job = self._jobs.submit(spec, active.run_id, labels)
        self._say(active, job_id=active.job.id)
        return active.job

    def _take_over(
        self, trial: optuna.Trial, row: Mapping[str, Any], jobs: Mapping[str, Job]
    ) -> None:
        run_ids = list(row["run_ids"])
        results = [list(result) for result in row.get("results", ())]
        active = ActiveTrial(
            number=trial.number,
            trial=trial,
            values=dict(row["params"]),
            run_ids=run_ids,
            started=row["started"],
            place=len(results),
            job=jobs.get(run_ids[len(results)]) if len(results) < len(run_ids) else None,
            wanted=row.get("wanted") or None,
            is_paused=row["state"] == "paused",
            was_lost=row.get("was_lost", False),
            results=results,
            course={int(step): value for step, value in row.get("course", ())},
        )
        self.active[active.number] = active
        if active.wanted is not None and active.job is not None and not active.is_paused:
            self._jobs.stop(active.job.id)

    def _mirror(self, rows: Mapping[int, Mapping[str, Any]]) -> None:
        """Write into the ledger what only Optuna knows: ends before a crash, others' trials."""
        for frozen in self._opened.get_trials(deepcopy=False):
            row = rows.get(frozen.number)
            if frozen.state in _WORDS and (row is None or row["state"] in {"running", "paused"}):
                self._write_end(frozen, row)

    def _write_end(self, frozen: FrozenTrial, row: Mapping[str, Any] | None) -> None:
        by_name = {one.name: one for one in self.spec.space}
        params = {k: by_name[k].value(v) if k in by_name else v for k, v in frozen.params.items()}
        known: dict[str, Any] = {} if row is not None else {"params": params, "run_ids": []}
        if row is None and frozen.datetime_start is not None:
            known["started"] = frozen.datetime_start.timestamp()
        ended = frozen.datetime_complete
        self._ledger.write(
            TRIAL,
            trial_id(self.study.id, frozen.number),
            study=self.study.id,
            number=frozen.number,
            state=_WORDS[frozen.state],
            values=list(frozen.values or ()),
            excess=dict(frozen.constraints),
            feasible=all(over <= 0 for over in frozen.constraints.values()),
            ended=ended.timestamp() if ended else time.time(),
            **known,
        )

    # -- watch -----------------------------------------------------------------

    def _take_orders(self, active: ActiveTrial) -> None:
        """Obey a person who stops this trial."""
        if active.wanted in {"prune", "stop"}:
            return
        row = self._ledger.item(TRIAL, trial_id(self.study.id, active.number)) or {}
        if row.get("wanted") == "stop":
            if active.is_paused or active.job is None:
                self._fail(active, "stopped by a person", state="stopped")
            else:
                self._stop(active, "stop")

    def _watch(self, active: ActiveTrial) -> None:
        """Report a running trial's metric to the pruner, and stop it if that gives it up."""
        due = time.monotonic() - active.looked >= _LOOK_AT_METRICS_S
        is_training = active.job is not None and active.job.state is State.RUNNING
        if active.wanted is not None or not due or not is_training:
            return
        if self.spec.is_multi or self.spec.seeds > 1:  # judged by whole runs, if at all
            return
        active.looked = time.monotonic()
        is_judged = self._read_course(active) and self.spec.pruner.kind != "none"
        if is_judged and active.trial.should_prune():
            self._stop(active, "prune")

    def _read_course(self, active: ActiveTrial) -> bool:
        """Report what the run has logged of the objective since; return whether it was anything."""
        metric = self.spec.objectives[0].metric
        course = self._measured.course(active.run_id, metric)
        new = [(step, value) for step, value in course if step not in active.course]
        if new:
            self._report(active, new)
        return bool(new)

    def _report(self, active: ActiveTrial, new: list[tuple[int, float]]) -> None:
        known = active.frozen().intermediate_values
        for step, value in new:
            active.course[step] = value
            if step not in known:
                active.trial.report(value, step)
        self._say(active, course=thinned(active.course))

    def _stop(self, active: ActiveTrial, why: str) -> None:
        active.wanted = why
        self._say(active, wanted=why)
        if active.job is not None:
            self._jobs.stop(active.job.id)

    def _again(self, active: ActiveTrial, ended: Job) -> None:
        """Have a stopped or lost training go on, from its checkpoint or from the start."""
        active.job = self._jobs.resume(ended.id)
        if active.job is None:  # it had not come to a checkpoint
            active.run_ids[active.place] = store.new_run_id()
            self._say(active, run_ids=active.run_ids)
        else:
            self._say(active, job_id=active.job.id)

    # -- end -------------------------------------------------------------------

    def _take_result(self, active: ActiveTrial) -> None:
        run_id = active.run_id
        values: list[float] = []
        for objective in self.spec.objectives:
            value = self._measured.value(run_id, objective)
            if value is None:
                self._fail(active, f"run {run_id} has no finite {objective.metric}")
                return
            values.append(value)
        if self.spec.seeds == 1 and not self.spec.is_multi:
            self._read_course(active)  # the whole of it: others are judged against it
        active.results.append(values)
        active.place += 1
        active.job = None
        if self.spec.seeds > 1 and not self.spec.is_multi:
            self._judge_seed(active)
        self._say(active, results=active.results)
        if active.has_all:
            self._complete(active)
        elif active.wanted is None:
            self._submit(active)
        else:
            self._after_stop(active)

    def _judge_seed(self, active: ActiveTrial) -> None:
        """Report a trial of several seeds after each: the mean, or the seed's own value to pair."""
        own = [result[0] for result in active.results]
        is_paired = self.spec.pruner.kind == "wilcoxon"
        value = own[-1] if is_paired else mean(own)
        self._report(active, [(len(own), value)])
        if not active.has_all and self.spec.pruner.kind != "none" and active.trial.should_prune():
            self._stop(active, "prune")

    def _complete(self, active: ActiveTrial) -> None:
        excess = self._excess(active)
        if excess is None:
            return
        told = active.frozen().constraints
        for text, value in excess.items():
            if text not in told:
                active.trial.set_constraint(text, value)
        columns = list(zip(*active.results, strict=True))
        values = [mean(column) for column in columns]
        self._opened.tell(active.number, values, skip_if_finished=True)
        self._end(
            active,
            "complete",
            values=values,
            excess=excess,
            feasible=all(over <= 0 for over in excess.values()),
            spread=spread(columns),
        )

    def _excess(self, active: ActiveTrial) -> dict[str, float] | None:
        """Return by how much each limit is broken; None, the trial failed, if one is unknown."""
        excess: dict[str, float] = {}
        for constraint in self.spec.constraints:
            goal = "min" if constraint.op == "<=" else "max"
            wanted = Objective(metric=constraint.metric, goal=goal)
            found = [self._measured.value(run_id, wanted) for run_id in active.run_ids]
            known = [value for value in found if value is not None]
            if len(known) < len(found):
                self._fail(active, f"its runs recorded no {constraint.metric}")
                return None
            excess[constraint.text] = constraint.excess(mean(known))
        return excess

    def _after_stop(self, active: ActiveTrial) -> None:
        if active.wanted == "pause":
            active.is_paused = True
            self._say(active, state="paused")
        elif active.wanted == "prune":
            self._prune(active)
        else:
            self._fail(active, "stopped by a person", state="stopped")

    def _prune(self, active: ActiveTrial) -> None:
        for run_id in active.run_ids[: active.place + 1]:
            try:
                self._measured.tag(run_id, "pruned")
            except store.RunNotFoundError:
                continue  # it was stopped before it became a run
        self._opened.tell(active.number, state=TrialState.PRUNED, skip_if_finished=True)
        last = max(active.course)
        self._end(active, "pruned", values=[active.course[last]], reason=f"pruned at {last}")

    def _fail(self, active: ActiveTrial, reason: str, state: str = "failed") -> None:
        self._opened.tell(active.number, state=TrialState.FAIL, skip_if_finished=True)
        self._end(active, state, reason=reason[:1000])

    def _end(self, active: ActiveTrial, state: str, **fields: Any) -> None:
        self._say(active, state=state, ended=time.time(), wanted="", **fields)
        del self.active[active.number]

    def _say(self, active: ActiveTrial, **fields: Any) -> None:
        self._ledger.write(TRIAL, trial_id(self.study.id, active.number), **fields)
