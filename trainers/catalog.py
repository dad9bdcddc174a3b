"""What can be trained on what: the kinds of data and models by name. Light: loads no torch.

Add your own in a module named by the environment variable ``BAKEOFF_PLUGINS`` (comma-separated
module names, imported before a spec is read)::

    from trainers.catalog import register_model
    from trainers.configs import ModelConfig
    from trainers.fields import number


    class TwoLayersConfig(ModelConfig):
        kind: str = "two_layers"
        width: int = number(64, ge=1, le=4096, text="Hidden units.")


    register_model(
        "two_layers",
        title="Two dense layers",
        config=TwoLayersConfig,
        implementation="my_models.two_layers:TwoLayers",
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
from typing import Any

from trainers import configs
from trainers.errors import SpecError
from trainers.kinds import DATA_KINDS, MODEL_KINDS, Modality


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One kind of data or model."""

    kind: str
    title: str
    config: type[configs.DataConfig] | type[configs.ModelConfig]
    implementation: str
    """``module:name`` of a function ``config -> RawData`` or of a Learner class."""
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


for _kind, _title, _data_config, _reader, _modality in DATA_KINDS:
    register_data(
        _kind,
        title=_title,
        config=_data_config,
        implementation=f"trainers.data.{_reader}",
        modality=_modality,
    )
for _kind, _title, _model_config, _network, _modalities in MODEL_KINDS:
    register_model(
        _kind,
        title=_title,
        config=_model_config,
        implementation=f"trainers.models.{_network}",
        modalities=_modalities,
    )
