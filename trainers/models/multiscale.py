"""A residual network whose blocks look at several scales at once, as for medical images.

B batch   C image channels   H height   W width   D channels of a stage   K outputs
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.configs import MultiScaleConfig, TrainingConfig
from trainers.data.inputs import ImageInput
from trainers.errors import SpecError
from trainers.models.learner import Learner


class Backbone(nn.Module):
    """Stages of residual blocks; each stage but the first halves the image."""

    def __init__(self, channels: tuple[int, ...], blocks: int, in_channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(in_channels, channels[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(),
        ]
        before = channels[0]
        for stage, width in enumerate(channels):
            for number in range(blocks):
                stride = 2 if stage and not number else 1
                layers.append(MultiScaleBlock(before, width, stride))
                before = width
        self.layers = nn.Sequential(*layers)
        self.width = before

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the mean of each feature map, x_BD."""
        return self.layers(x_BCHW).mean((2, 3))


class MultiScaleBlock(nn.Module):
    """Four windows side by side (1, 3, 5 and a wide 3), joined, and added to what came in."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        part = width // 4
        self.branches = nn.ModuleList(
            nn.Conv2d(before, part, kernel, stride, padding, dilation, bias=False)
            for kernel, padding, dilation in ((1, 0, 1), (3, 1, 1), (5, 2, 1), (3, 2, 2))
        )
        self.norm1, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.join = nn.Conv2d(width, width, 1, bias=False)
        self.short = (
            nn.Identity()
            if before == width and stride == 1
            else nn.Sequential(
                nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )
        )

    def forward(self, x_BDHW: Tensor) -> Tensor:
        """Return x_BDHW."""
        seen = torch.cat([branch(x_BDHW) for branch in self.branches], dim=1)
        joined = self.norm2(self.join(torch.relu(self.norm1(seen))))
        return torch.relu(joined + self.short(x_BDHW))


class MultiScale(Learner):
    """The backbone, dropout and a linear head; images are normalised here."""

    def __init__(
        self,
        config: MultiScaleConfig,
        model_input: ImageInput,
        num_outputs: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_outputs, training or TrainingConfig())
        smallest = min(model_input.height, model_input.width)
        if smallest < 2 ** (len(config.channels) - 1):
            problem = (
                f"Expected images of at least {2 ** (len(config.channels) - 1)} pixels for "
                f"{len(config.channels)} stages; got {smallest}. Shorten model.channels."
            )
            raise SpecError([problem])
        self.mean_C11: Tensor
        self.std_C11: Tensor
        self.register_buffer("mean_C11", torch.tensor(model_input.mean).view(-1, 1, 1))
        self.register_buffer("std_C11", torch.tensor(model_input.std).view(-1, 1, 1))
        self.backbone = Backbone(config.channels, config.blocks, model_input.channels)
        self.head = nn.Sequential(
            nn.Dropout(config.dropout), nn.Linear(self.backbone.width, num_outputs)
        )

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return logits_BK for images of bytes or floats, 0 to 255."""
        x_BCHW = (images_BCHW.float() - self.mean_C11) / self.std_C11
        return self.head(self.backbone(x_BCHW))
