"""Networks: shapes, padding that is never read, the schedule, the scores."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss
from torch import Tensor

from trainers.configs import CnnConfig, GptConfig, LstmConfig, TrainingConfig, TransformerConfig
from trainers.data.inputs import ImageInput, SequenceInput, TextInput
from trainers.data.targets import Target
from trainers.errors import SpecError
from trainers.models.cnn import Cnn
from trainers.models.fronts import Grams, Highway
from trainers.models.gpt import Gpt
from trainers.models.learner import Learner
from trainers.models.lstm import Lstm, mirrored_positions, turn
from trainers.models.schedule import Part, build_optimizer, lr_share
from trainers.models.transformer import Transformer
from trainers.tasks.classes import classification_scores

TEXTS = [[5, 6, 7, 8], [9, 3], [4, 4, 4, 4, 4, 4, 5]]


def padded(texts: list[list[int]], width: int) -> Tensor:
    return torch.tensor([text + [0] * (width - len(text)) for text in texts], dtype=torch.int32)


def text_models(text_input: TextInput) -> list[Learner]:
    torch.manual_seed(0)
    return [
        Lstm(LstmConfig(bidirectional=False, layers=2), text_input, 3).eval(),
        Lstm(LstmConfig(bidirectional=True, layers=2), text_input, 3).eval(),
        Transformer(TransformerConfig(pool="mean"), text_input, 3).eval(),
        Transformer(TransformerConfig(pool="cls"), text_input, 3).eval(),
        Transformer(TransformerConfig(pool="last"), text_input, 3).eval(),
        with_weights(Lstm(LstmConfig(highway=True), text_input, 3)),
        with_weights(Transformer(TransformerConfig(highway=True), text_input, 3)),
    ]


def with_weights(model: Lstm | Transformer) -> Learner:
    """Let the linear part, which begins with zeros, say something."""
    assert isinstance(model.highway, Grams)
    torch.nn.init.normal_(model.highway.weights.weight)
    return model.eval()


@pytest.mark.parametrize("number", range(7))
def test_padding_is_never_read(text_input: TextInput, number: int):
    model = text_models(text_input)[number]
    with torch.inference_mode():
        alone = torch.cat([model(padded([text], len(text))) for text in TEXTS])
        together, wider = model(padded(TEXTS, 7)), model(padded(TEXTS, 12))

    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(wider, alone)


@pytest.mark.parametrize("number", range(7))
def test_every_character_is_read(text_input: TextInput, number: int):
    model = text_models(text_input)[number]
    text = TEXTS[0]
    with torch.inference_mode():
        whole = model(padded([text], 4))
        for place in range(len(text)):
            changed = [*text[:place], 15, *text[place + 1 :]]

            assert not torch.allclose(model(padded([changed], 4)), whole, atol=1e-5), place


def test_the_linear_part_of_a_text_sees_the_order_of_its_characters(text_input: TextInput):
    torch.manual_seed(0)
    grams = Grams(text_input, LstmConfig(), 2)
    begins_with = grams(padded([[5, 6]], 2))
    torch.nn.init.normal_(grams.weights.weight)

    ahead, back = grams.eval()(padded([[5, 6, 5], [6, 5, 5]], 4))

    assert begins_with.abs().max() == 0
    assert not torch.allclose(ahead, back)


def test_the_linear_part_is_the_only_one_that_dropout_of_its_own_reaches(text_input: TextInput):
    model = Lstm(LstmConfig(highway=True, highway_dropout=0.9, dropout=0.0), text_input, 2)

    assert isinstance(model.highway, Grams)
    assert (model.highway.dropout.p, model.dropout.p) == (0.9, 0.0)


def test_waves_are_refused_for_texts(text_input: TextInput):
    with pytest.raises(SpecError, match="waves with rows of numbers; got texts"):
        Lstm(LstmConfig(waves=4), text_input, 2)


def test_the_two_way_lstm_equals_torch_s_packed_one(text_input: TextInput):
    torch.manual_seed(0)
    model = Lstm(LstmConfig(embedding=8, hidden=6, bidirectional=True), text_input, 3).eval()
    reference = torch.nn.LSTM(8, 6, batch_first=True, bidirectional=True)
    for suffix, reader in (("", model.forwards[0]), ("_reverse", model.backwards[0])):
        for name, value in reader.named_parameters():
            getattr(reference, name + suffix).data = value.data
    tokens = padded(TEXTS, 7)
    lengths = torch.tensor([len(text) for text in TEXTS])
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        model.embedding(tokens), lengths, batch_first=True, enforce_sorted=False
    )
    states, _ = torch.nn.utils.rnn.pad_packed_sequence(
        reference(packed)[0], batch_first=True, padding_value=float("-inf")
    )

    torch.testing.assert_close(model(tokens), model.head(states.amax(1)))


def test_turning_round_twice_changes_nothing():
    is_real = padded(TEXTS, 7) != 0
    mirror = mirrored_positions(is_real)
    values = torch.randn(3, 7, 2)

    assert mirror[1].tolist() == [1, 0, 2, 3, 4, 5, 6]
    assert torch.equal(turn(turn(values, mirror), mirror), values)


def test_the_cnn_reads_bytes_and_floats_alike(image_input: ImageInput):
    model = Cnn(CnnConfig(channels=(4, 8)), image_input, 10).eval()
    images = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)

    assert model(images).shape == (5, 10)
    assert torch.equal(model(images), model(images.float()))


def test_a_cnn_too_deep_for_its_images_is_refused(image_input: ImageInput):
    with pytest.raises(SpecError, match="at most 3 blocks for images of 8 x 8 pixels; got 4"):
        Cnn(CnnConfig(channels=(2, 2, 2, 2)), image_input, 10)


def test_scores_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(50, 4))).float()
    labels = torch.from_numpy(rng.integers(0, 3, 50))  # class 3 is answered but never right
    scores = classification_scores(logits, labels)
    answers = logits.argmax(1)

    assert scores["acc"] == pytest.approx(accuracy_score(labels, answers))
    assert scores["f1"] == pytest.approx(f1_score(labels, answers, average="macro"))
    expected = log_loss(labels, logits.double().softmax(1), labels=range(4))
    assert scores["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_the_learning_rate_rises_to_its_peak_and_falls(schedule: str):
    shares = [lr_share(step, 100, schedule, 0.2) for step in range(100)]

    assert shares[:20] == sorted(shares[:20])
    assert shares[19] == pytest.approx(1.0)
    assert max(shares) <= 1.0
    assert shares[20:] == sorted(shares[20:], reverse=True)
    assert (shares[-1] == 1.0) == (schedule == "constant")
    assert lr_share(500, 100, schedule, 0.2) > 0


@pytest.mark.parametrize("kind", [Lstm, Transformer])
def test_an_anchored_forecast_moves_with_the_series(kind: type[Lstm] | type[Transformer]):
    config = (LstmConfig if kind is Lstm else TransformerConfig)(anchor=True, highway=True)
    model_input = SequenceInput(max_length=5, names=("y", "x"), mean=(10.0, 0.0), std=(2.0, 1.0))
    torch.manual_seed(0)
    model = kind(config, model_input, 3).eval()  # pyright: ignore[reportArgumentType]
    assert isinstance(model.highway, Highway)
    torch.nn.init.normal_(model.highway.linear.weight)
    rows = torch.randn(4, 5, 2) + torch.tensor([10.0, 0.0])
    rows[0, 3:] = torch.nan  # a window that is shorter
    with torch.inference_mode():
        before, after = model(rows), model(rows + torch.tensor([6.0, 0.0]))

    torch.testing.assert_close(after - before, torch.full((4, 3), 3.0))


@pytest.mark.parametrize("has_pairs", [False, True])
def test_a_gpt_never_looks_ahead(text_input: TextInput, has_pairs: bool):
    torch.manual_seed(0)
    model = Gpt(GptConfig(pairs=has_pairs), text_input, text_input.num_tokens).eval()
    if model.pairs is not None:
        torch.nn.init.normal_(model.pairs.table.weight)
    before, after = padded([[5, 6, 7, 8, 9]], 5), padded([[5, 6, 7, 10, 9]], 5)
    with torch.inference_mode():
        logits, changed, first = model(before), model(after), model(before[:, :1])

    torch.testing.assert_close(changed[:, :3], logits[:, :3])
    torch.testing.assert_close(first, logits[:, :1])
    assert not torch.allclose(changed[:, 4], logits[:, 4])


def test_an_anchor_is_for_forecasts(text_input: TextInput):
    target = Target(kind="classes", classes=("a", "b"))

    with pytest.raises(SpecError, match="anchor with a forecast; got classes"):
        Lstm.task_of(LstmConfig(anchor=True), text_input, target, TrainingConfig())


def test_an_n_gram_seen_once_is_not_learnt_by_heart(text_input: TextInput):
    training = TrainingConfig(lr=1e-2)
    often, once = padded([[5, 6]] * 64, 2), padded([[5, 6]] * 63 + [[7, 8]], 2)

    def learnt(*, is_apart: bool) -> float:
        model = Lstm(LstmConfig(highway=True, highway_dropout=0.0), text_input, 2, training)
        assert isinstance(model.highway, Grams)
        parts = model.parts() if is_apart else [Part(module=model.highway, lr_share=0.2)]
        optimizer = build_optimizer(parts, training)
        for step in range(60):
            said = model.highway(once if step == 40 else often)
            torch.nn.functional.cross_entropy(said, torch.zeros(64).long()).backward()
            optimizer.step()
            optimizer.zero_grad()
        assert optimizer.param_groups[-1]["lr"] == training.lr / 5
        seen_often, seen_once = model.highway.weights.weight.detach()[[5, 7]].abs().amax(1).tolist()
        return seen_once / seen_often

    assert learnt(is_apart=True) < 0.8 * learnt(is_apart=False)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_only_matrices_decay(image_input: ImageInput, name: str):
    config = TrainingConfig.model_validate({"optimizer": name, "weight_decay": 0.5})
    optimizer = build_optimizer(Cnn(CnnConfig(), image_input, 2).parts(), config)

    decays = {p.dim() >= 2: g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert decays == {True: 0.5, False: 0.0}
