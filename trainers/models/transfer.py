"""Transfer learning: a backbone that has learnt elsewhere under a new head.

B batch   C image channels   H height   W width   D features   K outputs
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.configs import TrainingConfig, TransferConfig
from trainers.data.inputs import ImageInput
from trainers.models.backbones import backbone_of, hub_weights, weights_file
from trainers.models.learner import Learner
from trainers.models.schedule import Part
from trainers.models.weights import load_into, read_weights


class Transfer(Learner):
    """The head learns alone at first; then the backbone follows with a smaller learning rate."""

    def __init__(
        self,
        config: TransferConfig,
        model_input: ImageInput,
        num_outputs: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_outputs, training or TrainingConfig())
        self.config = config
        self.mean_C11: Tensor
        self.std_C11: Tensor
        self.register_buffer("mean_C11", torch.tensor(model_input.mean).view(-1, 1, 1))
        self.register_buffer("std_C11", torch.tensor(model_input.std).view(-1, 1, 1))
        self.chosen = backbone_of(config)
        self.backbone = self.chosen.network
        self.head = nn.Sequential(
            nn.Dropout(config.dropout), nn.Linear(self.chosen.width, num_outputs)
        )

    def start(self, named: Path | None) -> None:
        """Give a new model's backbone what it has learnt elsewhere.

        Parameters
        ----------
        named
            The weight file or checkpoint that the settings name; None where they name none.

        Raises
        ------
        SpecError
            If there are none, or those of another architecture.
        """
        path = weights_file(self.config, named)
        weights = read_weights(path) if path else dict(hub_weights(self.config))
        inner = {
            k.removeprefix("backbone."): v for k, v in weights.items() if k.startswith("backbone.")
        }
        heads = tuple(f"{head}." for head in self.chosen.heads)
        fitting = {k: v for k, v in (inner or weights).items() if not k.startswith(heads)}
        load_into(self.backbone, fitting, path or Path(self.config.backbone))

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return logits_BK for images of bytes or floats, 0 to 255."""
        x_BCHW = (images_BCHW.float() - self.mean_C11) / self.std_C11
        channels, size = self.chosen.channels, self.chosen.size
        if x_BCHW.shape[1] != channels:
            x_BCHW = x_BCHW.mean(1, keepdim=True).expand(-1, channels, -1, -1)
        if size and x_BCHW.shape[2:] != size:
            x_BCHW = F.interpolate(x_BCHW, size, mode="bilinear", align_corners=False)
        return self.head(self.backbone(x_BCHW))

    def parts(self) -> list[Part]:
        """Return the head, and the backbone with its smaller learning rate."""
        return [
            Part(module=self.head),
            Part(module=self.backbone, lr_share=self.config.backbone_lr),
        ]

    def on_train_start(self) -> None:
        """Freeze or not, as the epoch says that goes on."""
        super().on_train_start()
        self._freeze_or_not()

    def on_train_epoch_start(self) -> None:
        """Freeze or not, as the epoch says that begins."""
        super().on_train_epoch_start()
        self._freeze_or_not()

    def _freeze_or_not(self) -> None:
        is_frozen = self.current_epoch < self.config.frozen_epochs
        self.backbone.requires_grad_(not is_frozen)
        self.backbone.train(not is_frozen)  # a frozen norm keeps its statistics too
