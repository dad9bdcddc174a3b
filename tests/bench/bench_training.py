"""How much slower a small Lightning loop is with our logger than with none; `make bench` runs it.

Pairs of runs, one after the other, so that a busy machine slows both; CPU seconds of the process.
"""

import statistics
import tempfile
import time
import warnings

import lightning as L
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from trainers.logger import BakeoffLogger

STEPS = 400
PAIRS = 7


class Small(L.LightningModule):
    """A network whose step takes about a millisecond, with four scalars logged at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    def training_step(self, batch):
        inputs, labels = batch
        loss = cross_entropy(self.net(inputs), labels)
        value = loss.item()
        self.log_dict({"train/loss": value, "train/acc": 0.5, "lr": 1e-3, "grad_norm": 1.0})
        return loss

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-3, fused=True)


def cpu_seconds(logger) -> float:
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(64 * STEPS, 64), torch.randint(0, 10, (64 * STEPS,)))
    trainer = L.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=logger,
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    model = Small()
    loader = DataLoader(data, batch_size=64)
    start = time.process_time()
    trainer.fit(model, loader)
    return time.process_time() - start


def main() -> None:
    """Print the row."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as home:
        cpu_seconds(False)
        ratios = []
        for _ in range(PAIRS):
            ours = cpu_seconds(BakeoffLogger(project="bench", home=home))
            ratios.append(ours / cpu_seconds(False))
    median = statistics.median(ratios)
    print(
        f"| Lightning, 4 scalars at each of {STEPS} steps: with our logger / without | {median:.2f} |"
    )
    assert median < 1.25, "our logger slows a small Lightning loop down by more than a quarter"


if __name__ == "__main__":
    main()
