"""What can be trained on what: the kinds of data and models by name. Light: loads no torch.

Add your own in a module named by the environment variable ``BAKEOFF_PLUGINS`` (comma-separated
module names, imported before a spec is read)::

    from trainers.catalog import register_model
    from trainers.configs import ModelConfig
    from trainers.fields import number


    class MlpConfig(ModelConfig):
        kind: str = "mlp"
        width: int = number(64, ge=1, le=4096, text="Hidden units.")


    register_model(
        "mlp",
        title="Two dense layers",
        config=MlpConfig,
        implementation="my_models.mlp:Mlp",
        modalities=("image",),
    )

The implementation stays a dotted path, so that forms and searches never load torch.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from trainers import configs
from trainers.errors import SpecError

Modality = Literal["image", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One kind of data or model."""

    kind: str
    title: str
    config: type[configs.DataConfig] | type[configs.ModelConfig]
    implementation: str
    """``module:name`` of a function ``config -> RawData`` or of a Classifier class."""
    modalities: tuple[Modality, ...]
    """What the data is, or what the model can read."""

    def load(self) -> Any:
        """Import the implementation (torch comes with it)."""
        module, _, name = self.implementation.partition(":")
        return getattr(importlib.import_module(module), name)


_models: dict[str, Entry] = {}
_data: dict[str, Entry] = {}
_loaded_plugins: set[str] = set()

MODELS: Mapping[str, Entry] = MappingProxyType(_models)
DATA: Mapping[str, Entry] = MappingProxyType(_data)


def register_model(
    kind: str,
    *,
    title: str,
    config: type[configs.ModelConfig],
    implementation: str,
    modalities: tuple[Modality, ...],
) -> None:
    """Add a model kind, or replace the one of that name."""
    _models[kind] = Entry(
        kind=kind,
        title=title,
        config=config,
        implementation=implementation,
        modalities=modalities,
    )


def register_data(
    kind: str,
    *,
    title: str,
    config: type[configs.DataConfig],
    implementation: str,
    modality: Modality,
) -> None:
    """Add a data kind, or replace the one of that name."""
    _data[kind] = Entry(
        kind=kind,
        title=title,
        config=config,
        implementation=implementation,
        modalities=(modality,),
    )


def load_plugins() -> None:
    """Import the modules of ``BAKEOFF_PLUGINS``, each once, so that they can register kinds.

    Raises
    ------
    SpecError
        If one cannot be imported.
    """
    for name in filter(None, os.environ.get("BAKEOFF_PLUGINS", "").split(",")):
        if name not in _loaded_plugins:
            try:
                importlib.import_module(name.strip())
            except ImportError as error:
                problem = (
                    f"Expected BAKEOFF_PLUGINS to name modules that can be imported; got "
                    f"{name.strip()!r} ({error}). Correct it or install the module."
                )
                raise SpecError([problem]) from error
            _loaded_plugins.add(name)


def models_for(data_kind: str) -> tuple[str, ...]:
    """Return the model kinds that can read a data kind."""
    wanted = set(DATA[data_kind].modalities)
    return tuple(kind for kind, entry in MODELS.items() if wanted & set(entry.modalities))


register_data(
    "digits",
    title="Digits, 8 x 8 (bundled with scikit-learn)",
    config=configs.DigitsConfig,
    implementation="trainers.data.images:read_digits",
    modality="image",
)
register_data(
    "mnist",
    title="MNIST digits, 28 x 28, 5,000 examples",
    config=configs.MnistConfig,
    implementation="trainers.data.images:read_mnist",
    modality="image",
)
register_data(
    "fashion_mnist",
    title="Fashion-MNIST, 28 x 28, 70,000 examples",
    config=configs.FashionMnistConfig,
    implementation="trainers.data.images:read_fashion_mnist",
    modality="image",
)
register_data(
    "image_folder",
    title="Your images: a folder per class",
    config=configs.ImageFolderConfig,
    implementation="trainers.data.folder:read_image_folder",
    modality="image",
)
register_data(
    "reviews",
    title="Chinese product reviews, good or bad",
    config=configs.ReviewsConfig,
    implementation="trainers.data.texts:read_reviews",
    modality="text",
)
register_data(
    "text_csv",
    title="Your texts: a CSV, TSV or JSON-lines file",
    config=configs.TextCsvConfig,
    implementation="trainers.data.texts:read_text_file",
    modality="text",
)
register_model(
    "cnn",
    title="Convolutional network",
    config=configs.CnnConfig,
    implementation="trainers.models.cnn:Cnn",
    modalities=("image",),
)
register_model(
    "lstm",
    title="LSTM",
    config=configs.LstmConfig,
    implementation="trainers.models.lstm:Lstm",
    modalities=("text",),
)
register_model(
    "transformer",
    title="Transformer encoder",
    config=configs.TransformerConfig,
    implementation="trainers.models.transformer:Transformer",
    modalities=("text",),
)
