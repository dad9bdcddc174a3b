"""Transfer learning: a backbone that has learnt elsewhere under a new head.

B batch   C image channels   H height   W width   D features   K outputs
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainers.configs import TrainingConfig, TransferConfig
from trainers.data.inputs import ImageInput
from trainers.errors import SpecError
from trainers.models.learner import Learner
from trainers.models.multiscale import Backbone
from trainers.models.weights import load_into, read_weights

BUILTIN = Path(__file__).with_name("backbone_mnist.safetensors")
_BUILTIN_CHANNELS = (16, 32, 64)


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
        self.backbone, width, self.in_channels = _backbone(config)
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(width, num_outputs))

    def start(self, path: Path | None) -> None:
        """Give a new model's backbone what it has learnt elsewhere.

        Parameters
        ----------
        path
            The weight file; None where the library brings its own.

        Raises
        ------
        SpecError
            If the weights are those of another architecture.
        """
        if path is not None:
            weights = read_weights(path)
            inner = {
                k.removeprefix("backbone."): v
                for k, v in weights.items()
                if k.startswith("backbone.")
            }
            load_into(self.backbone, inner or weights, path)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return logits_BK for images of bytes or floats, 0 to 255."""
        x_BCHW = (images_BCHW.float() - self.mean_C11) / self.std_C11
        if x_BCHW.shape[1] != self.in_channels:
            x_BCHW = x_BCHW.mean(1, keepdim=True).expand(-1, self.in_channels, -1, -1)
        return self.head(self.backbone(x_BCHW))

    def parameter_groups(self) -> list[tuple[nn.Module, float]]:
        """Return the head, and the backbone with its smaller learning rate."""
        return [(self.head, 1.0), (self.backbone, self.config.backbone_lr)]

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


def _backbone(config: TransferConfig) -> tuple[nn.Module, int, int]:
    """Return the backbone, the number of its features and of the channels that it reads."""
    library, _, name = config.backbone.partition(":")
    if library == "multiscale":
        own = Backbone(_BUILTIN_CHANNELS, 1, 1)
        return own, own.width, 1
    if library not in {"timm", "torchvision"} or not name:
        raise SpecError(
            [
                (
                    f"Expected model.backbone multiscale, timm:NAME or torchvision:NAME; got "
                    f"{config.backbone!r}."
                )
            ]
        )
    module = _import(library)
    from_hub = config.weights == "hub"
    if library == "timm":
        network = module.create_model(name, pretrained=from_hub, num_classes=0)
        return network, int(network.num_features), 3
    network = module.models.get_model(name, weights="DEFAULT" if from_hub else None)
    head = network.fc if hasattr(network, "fc") else network.classifier[-1]
    if hasattr(network, "fc"):
        network.fc = nn.Identity()
    else:
        network.classifier[-1] = nn.Identity()
    return network, head.in_features, 3


def _import(library: str) -> Any:
    try:
        return importlib.import_module(library)
    except (ImportError, RuntimeError) as error:  # a torchvision for another torch: RuntimeError
        raise SpecError(
            [
                (
                    f"Expected the package {library} for model.backbone; got {str(error)[:120]}. Install "
                    f"the {library} that fits your torch, or use the backbone multiscale."
                )
            ]
        ) from error
