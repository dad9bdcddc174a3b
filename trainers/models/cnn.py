"""A convolutional network for images: blocks of convolution, pooling and dropout, a dense head.

B batch   C image channels   H height   W width   D channels of a block   K classes
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.configs import CnnConfig, TrainingConfig
from trainers.data.dataset import ImageInput
from trainers.errors import SpecError
from trainers.models.learner import Learner


class Cnn(Learner):
    """Reads images as they are stored, 0 to 255, and normalises them itself."""

    def __init__(
        self,
        config: CnnConfig,
        model_input: ImageInput,
        num_classes: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_classes, training or TrainingConfig())
        height, width = model_input.height, model_input.width
        max_blocks = min(height, width).bit_length() - 1
        if len(config.channels) > max_blocks:
            problem = (
                f"Expected model.channels with at most {max_blocks} blocks for images of "
                f"{height} x {width} pixels; got {len(config.channels)}. Remove some."
            )
            raise SpecError([problem])
        self.mean_C11: Tensor
        self.std_C11: Tensor
        self.register_buffer("mean_C11", torch.tensor(model_input.mean).view(-1, 1, 1))
        self.register_buffer("std_C11", torch.tensor(model_input.std).view(-1, 1, 1))
        blocks: list[nn.Module] = []
        before = model_input.channels
        for channels in config.channels:
            blocks += [
                nn.Conv2d(before, channels, kernel_size=3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Dropout2d(config.dropout / 2),  # whole maps: half the rate is as strong
            ]
            before, height, width = channels, height // 2, width // 2
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(before * height * width, config.dense),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.dense, num_classes),
        )

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return logits_BK for images of bytes or floats, 0 to 255."""
        x_BCHW = (images_BCHW.float() - self.mean_C11) / self.std_C11
        x_BDHW = self.blocks(x_BCHW)
        return self.head(x_BDHW)
