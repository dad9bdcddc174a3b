"""Our logger in somebody else's Lightning Trainer."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader, TensorDataset

import store
from trainers.logger import BakeoffLogger

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec.* is deprecated"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*exists and is not empty"),
]


class Foreign(LightningModule):
    """A model that knows nothing of Bakeoff."""

    def __init__(self, width: int = 4, raises: BaseException | None = None) -> None:
        super().__init__()
        self.save_hyperparameters("width")
        self.layer = torch.nn.Linear(width, 1)
        self.raises = raises

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        if self.raises and self.global_step == 2:
            raise self.raises
        loss = self.layer(batch[0]).square().mean()
        self.log("train_loss", loss)
        return loss

    def test_step(self, batch: list[torch.Tensor]) -> None:
        self.log("test_loss", self.layer(batch[0]).square().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def batches() -> DataLoader[Any]:
    return DataLoader(TensorDataset(torch.randn(16, 4)), batch_size=4)


def trainer(logger: BakeoffLogger, **settings: Any) -> Trainer:
    return Trainer(
        logger=logger,
        max_epochs=2,
        accelerator="cpu",
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )


def status(home: Path, run_id: str) -> tuple[str, str | None]:
    with store.open(home) as opened:
        record = opened.run(run_id)
    return record["status"], record["error"]


def test_a_foreign_training_is_recorded_whole(home: Path):
    logger = BakeoffLogger(project="theirs", name="first", config={"note": 1}, home=home)
    trainer(logger).fit(Foreign(), batches())
    run_id = logger.experiment.id

    with store.open(home) as opened:
        record = opened.run(run_id)
        points = opened.points("train_loss", [run_id]).to_pylist()
        names = {row["metric"] for row in opened.series([run_id]).to_pylist()}
        artifacts = opened.events(run_id, ["artifact"]).to_pylist()
        folder = opened.folder(run_id)
    assert (record["project"], record["name"]) == ("theirs", "first")
    assert record["config"] == {"note": 1, "width": 4}
    assert [point["step"] for point in points] == list(range(8))
    assert [point["epoch"] for point in points] == [0.0] * 4 + [1.0] * 4
    assert not {"epoch", "step"} & names
    assert [row["name"] for row in artifacts] == ["best"]
    assert list((folder / "checkpoints").glob("*.ckpt"))


def test_nothing_is_written_before_the_first_use(home: Path):
    BakeoffLogger(project="theirs", home=home)

    assert not home.exists()


def test_fit_then_test_is_one_run(home: Path):
    logger = BakeoffLogger(home=home)
    fitted = trainer(logger)
    model = Foreign()
    fitted.fit(model, batches())
    fitted.test(model, batches(), verbose=False)
    run_id = logger.experiment.id
    logger.finalize("success")

    assert status(home, run_id) == ("finished", None)
    with store.open(home) as opened:
        assert opened.count_runs() == 1
        names = {row["metric"] for row in opened.series([run_id]).to_pylist()}
    assert {"train_loss", "test_loss"} <= names


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("bad batch"), ("failed", "ValueError: bad batch")),
        (KeyboardInterrupt(), ("stopped", None)),
        (SIGTERMException(), ("stopped", None)),
    ],
)
def test_the_end_is_told_honestly(
    home: Path, error: BaseException, expected: tuple[str, str | None]
):
    logger = BakeoffLogger(home=home)
    with pytest.raises((ValueError, SystemExit)):
        trainer(logger).fit(Foreign(raises=error), batches())
    assert logger._run is not None

    assert status(home, logger._run.id) == expected


def test_a_given_run_is_ended_by_whoever_made_it(home: Path):
    with store.init("mine", home=home) as run:
        trainer(BakeoffLogger(run=run)).fit(Foreign(), batches())

        assert not run.is_finished


def test_checkpoints_elsewhere_are_copied_once_at_the_end(home: Path, tmp_path: Path):
    logger = BakeoffLogger(home=home)
    elsewhere = ModelCheckpoint(tmp_path / "theirs", save_last=True)
    trainer(logger, callbacks=[elsewhere]).fit(Foreign(), batches())
    assert logger._run is not None

    with store.open(home) as opened:
        artifacts = opened.events(logger._run.id, ["artifact"]).to_pylist()
    assert [row["name"] for row in artifacts] == ["best", "last"]


def test_hyper_parameters_of_any_type_are_kept(home: Path):
    logger = BakeoffLogger(home=home)
    logger.log_hyperparams({"a": {1, 2}, "b": torch.nn.ReLU, "c": Path("x"), "d": [None, 0.5]})

    assert logger.experiment.config["a"] == [1, 2]
    assert logger.experiment.config["c"] == "x"
    assert logger.experiment.config["d"] == [None, 0.5]
    logger.finalize("success")


def test_lightning_s_adverts_are_silent_and_its_news_are_not(
    home: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    for talker in ("lightning.pytorch", "lightning.fabric"):
        caplog.set_level(logging.INFO, talker)  # a training has silenced them
        monkeypatch.setattr(logging.getLogger(talker), "propagate", True)  # as its import decided
    trainer(BakeoffLogger(home=home))

    assert "GPU available" in caplog.text
    assert "litlogger" not in caplog.text
    assert "litmodels" not in caplog.text
