"""Operations are counted for every kind of layer; time and energy survive an interruption."""

import pytest
import torch
from torch import nn

from trainers.cost import TrainingCost, count_flops


@pytest.mark.parametrize("layers", [1, 2])
def test_recurrent_layers_count(layers: int):
    lstm = nn.LSTM(5, 7, num_layers=layers, batch_first=True).eval()
    matrices = sum(weight.numel() for weight in lstm.parameters() if weight.dim() == 2)

    assert count_flops(lstm, torch.zeros(1, 11, 5)) == 2 * 11 * matrices


def test_an_encoder_s_attention_and_layers_count():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False).eval()
    projections = 2 * 6 * (3 * 8 * 8 + 8 * 8 + 2 * 8 * 16)

    assert count_flops(encoder, torch.zeros(1, 6, 8)) == projections + 2 * 2 * 6 * 6 * 8


def test_what_has_no_operations_is_none():
    assert count_flops(nn.Identity(), torch.zeros(1)) is None


def test_time_before_an_interruption_counts():
    cost = TrainingCost(torch.device("cpu"))
    cost.load_state({"train_seconds": 100.0, "energy_j": 0.0})
    with cost.measured():
        pass

    facts = cost.facts()
    assert 100.0 < (facts["train_seconds"] or 0.0) < 101.0
    assert facts["energy_j"] is None
