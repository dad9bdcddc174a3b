"""Backbones of other libraries, with a small library in their place that does as they do."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from trainers.configs import TransferConfig
from trainers.data.inputs import ImageInput
from trainers.errors import SpecError
from trainers.models.backbones import backbone_of
from trainers.models.transfer import Transfer

IMAGES = ImageInput(channels=1, height=10, width=10, mean=(0.0,), std=(1.0,))
LIBRARY = """
import torch
from torch import nn

class Network(nn.Module):
    pretrained_cfg = {"input_size": (3, 8, 8), "classifier": "head", "fixed_input_size": True}
    num_features = 5  # before the layer that its head reads

    def __init__(self, num_classes):
        super().__init__()
        self.body, self.head_hidden_size = nn.Linear(3 * 8 * 8, 6), 6
        self.head = nn.Linear(6, num_classes) if num_classes else nn.Identity()

    def forward(self, images):
        return self.head(self.body(images.flatten(1)))

def create_model(name, pretrained=False, num_classes=1000):
    if name != "tiny":
        raise RuntimeError(f"Unknown model ({name})")
    network = Network(num_classes)
    if pretrained:
        nn.init.ones_(network.body.weight)
    return network
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "timm.py").write_text(LIBRARY, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("timm", None)


def transfer(weights: str, name: str = "tiny") -> Transfer:
    return Transfer(TransferConfig(backbone=f"timm:{name}", weights=weights), IMAGES, 4)


def body_of(model: Transfer) -> torch.Tensor:
    body = model.backbone.body
    assert isinstance(body, nn.Linear)
    return body.weight


@pytest.mark.usefixtures("library")
def test_weights_as_a_library_publishes_them_leave_their_head_behind(tmp_path: Path):
    wide = torch.full((6, 192), 0.5)
    published = {"body.weight": wide, "body.bias": torch.zeros(6), "head.weight": torch.ones(9, 6)}
    save_file(published, tmp_path / "published.safetensors")
    model = transfer("published.safetensors")
    model.start(tmp_path / "published.safetensors")
    assert torch.equal(body_of(model), wide)
    assert model(torch.zeros(2, 1, 10, 10)).shape == (2, 4)  # brought to 3 channels of 8 x 8


@pytest.mark.usefixtures("library")
def test_weights_of_the_hub_are_fetched_by_the_library():
    model = transfer("hub")
    assert not body_of(model).eq(1).all()  # a model that is only read again fetches nothing
    model.start(None)
    assert body_of(model).eq(1).all()


@pytest.mark.usefixtures("library")
def test_a_backbone_never_begins_with_random_weights_in_silence():
    with pytest.raises(SpecError, match="name a file, a run or hub for the backbone timm:tiny"):
        transfer("builtin").start(None)
    own = Transfer(TransferConfig(weights="hub"), IMAGES, 4)
    with pytest.raises(SpecError, match="a run or builtin for the backbone multiscale; got hub"):
        own.start(None)


@pytest.mark.usefixtures("library")
def test_an_unknown_name_is_said():
    with pytest.raises(SpecError, match=r"Expected a model of timm .* Unknown model \(huge\)"):
        backbone_of(TransferConfig(backbone="timm:huge"))


@pytest.mark.usefixtures("library")
def test_weights_of_another_network_are_refused(tmp_path: Path):
    save_file({"conv.weight": torch.ones(2)}, tmp_path / "other.safetensors")
    with pytest.raises(SpecError, match=r"got nothing for body\.weight"):
        transfer("other.safetensors").start(tmp_path / "other.safetensors")
