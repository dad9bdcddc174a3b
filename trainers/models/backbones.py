"""Backbones: our own, or a network of timm or torchvision without its head."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from trainers.configs import TransferConfig
from trainers.errors import SpecError, first_line
from trainers.models.multiscale import Backbone

BUILTIN = Path(__file__).with_name("backbone_mnist.safetensors")
_BUILTIN_CHANNELS = (16, 32, 64)
_LIBRARIES = ("timm", "torchvision")
_FAILURES = (OSError, RuntimeError, ValueError)  # of a hub, and of an unknown name


@dataclass(frozen=True, slots=True, kw_only=True)
class Headless:
    """A network that says features, and what one has to know to use it."""

    network: nn.Module
    width: int
    """Features."""
    channels: int
    """Of the images that it reads."""
    size: tuple[int, int] | None = None
    """Height and width of these, where it reads no others."""
    heads: tuple[str, ...] = ()
    """Names that its head has in published weights."""


def backbone_of(config: TransferConfig) -> Headless:
    """Return a backbone, its weights random.

    Raises
    ------
    SpecError
        If there is no such backbone, or its library is missing.
    """
    library, _, name = config.backbone.partition(":")
    if library == "multiscale":
        own = Backbone(_BUILTIN_CHANNELS, 1, 1)
        return Headless(network=own, width=own.width, channels=1)
    if library not in _LIBRARIES or not name:
        raise SpecError(
            [
                (
                    f"Expected model.backbone multiscale, timm:NAME or torchvision:NAME; got "
                    f"{config.backbone!r}."
                )
            ]
        )
    module = _import(library)
    try:
        return _of_timm(module, name) if library == "timm" else _of_torchvision(module, name)
    except _FAILURES as error:
        raise SpecError(
            [f"Expected a model of {library} in model.backbone; got {name!r}: {first_line(error)}"]
        ) from error


def weights_file(config: TransferConfig, named: Path | None) -> Path | None:
    """Return the file to begin with; None where the library fetches its own.

    Raises
    ------
    SpecError
        If no weights are named that this backbone could have.
    """
    is_own = config.backbone == "multiscale"
    if config.weights == ("hub" if is_own else "builtin"):
        wanted = "a file, a run or builtin" if is_own else "a file, a run or hub"
        raise SpecError(
            [
                (
                    f"Expected model.weights to name {wanted} for the backbone {config.backbone}; got "
                    f"{config.weights}, which it does not have."
                )
            ]
        )
    return BUILTIN if config.weights == "builtin" else named


def hub_weights(config: TransferConfig) -> Mapping[str, Tensor]:
    """Return the weights that a library fetches for its model, the head's among them.

    Raises
    ------
    SpecError
        If they cannot be had.
    """
    library, _, name = config.backbone.partition(":")
    module = _import(library)
    try:
        if library == "timm":
            return module.create_model(name, pretrained=True).state_dict()
        chosen = module.models.get_model_weights(name).DEFAULT
        return chosen.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except _FAILURES as error:
        raise SpecError(
            [
                (
                    f"Expected the hub to have weights for {config.backbone}; got {first_line(error)}. "
                    "Name a weight file in model.weights."
                )
            ]
        ) from error


def _of_timm(timm: Any, name: str) -> Headless:
    network = timm.create_model(name, pretrained=False, num_classes=0)
    facts = network.pretrained_cfg
    heads = facts.get("classifier") or ()
    return Headless(
        network=network,
        width=int(getattr(network, "head_hidden_size", network.num_features)),
        channels=int(facts["input_size"][0]),
        size=tuple(facts["input_size"][1:]) if facts.get("fixed_input_size") else None,
        heads=(heads,) if isinstance(heads, str) else tuple(heads),
    )


def _of_torchvision(torchvision: Any, name: str) -> Headless:
    network = torchvision.models.get_model(name, weights=None)
    linear = [(at, layer) for at, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise ValueError("it does not end in a linear layer.")
    head, layer = linear[-1]
    network.set_submodule(head, nn.Identity())
    side = getattr(network, "image_size", None)
    size = (side, side) if side else None
    return Headless(network=network, width=layer.in_features, channels=3, size=size, heads=(head,))


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
