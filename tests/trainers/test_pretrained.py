"""Fine-tuning from a Hugging Face checkpoint in a local folder; nothing is fetched."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import store
from trainers.checkpoints import load_model
from trainers.data.encoding import decode_texts, encode_texts
from trainers.errors import DataError, SpecError
from trainers.evaluate import predict
from trainers.fit import train
from trainers.models.pretrained import pretrained_input
from trainers.preparing import prepare
from trainers.spec import load_spec
from trainers.stopping import StopSwitch

os.environ["HF_HUB_OFFLINE"] = "1"
transformers = pytest.importorskip("transformers", reason="the extra hf is not installed")
tokenizers = pytest.importorskip("tokenizers", reason="the extra hf is not installed")

WORDS = ("good", "great", "lovely", "bad", "poor", "awful", "the", "film", "was", "book")


@pytest.fixture
def reviews(tmp_path: Path) -> str:
    """Short reviews, told apart by one word."""
    rng = np.random.default_rng(0)
    lines = ["text,label"]
    for number in range(120):
        kind = number % 2
        word = WORDS[int(rng.integers(3)) + 3 * kind]
        lines.append(f"the {WORDS[7 + 2 * int(rng.integers(2))]} was {word} {number},{kind}")
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(lines), "utf-8")
    return str(path)


def saved(folder: Path, kind: str) -> str:
    """Write a tiny checkpoint with random weights, as a hub would serve it."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    core = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
    )
    core.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    if kind == "bert":
        core.post_processor = tokenizers.processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    transformers.PreTrainedTokenizerFast(tokenizer_object=core).save_pretrained(folder)
    torch.manual_seed(0)
    if kind == "bert":
        sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        config = transformers.BertConfig(
            vocab_size=len(words), intermediate_size=16, max_position_embeddings=16, **sizes
        )
        model: Any = transformers.BertForMaskedLM(config)
    else:
        config = transformers.GPT2Config(
            vocab_size=len(words), n_positions=16, n_embd=16, n_layer=1, n_head=2,
            bos_token_id=2, eos_token_id=3,
        )  # fmt: skip
        model = transformers.GPT2LMHeadModel(config)
    model.save_pretrained(folder)
    return str(folder)


def spec_of(reviews: str, kind: str, checkpoint: str, **training: Any) -> Any:
    return load_spec(
        {
            "data": {"kind": "text_csv", "path": reviews, "max_length": 10},
            "model": {"kind": kind, "checkpoint": checkpoint},
            "training": {"epochs": 4, "batch_size": 16, "lr": 3e-2, "threads": 1, **training},
        }
    )


def scores(home: Path, run_id: str) -> dict[str, float]:
    with store.open(home) as opened:
        return {r["metric"]: r["last"] for r in opened.series([run_id]).to_pylist()}


def test_an_encoder_learns_classes_under_a_new_head(tmp_path: Path, reviews: str, home: Path):
    folder = tmp_path / "bert"
    spec = spec_of(reviews, "pretrained", saved(folder, "bert"))
    begun = prepare(spec, StopSwitch(), home=home, run_id=None, resume=False)
    outcome = train(spec, home=home)

    assert outcome.status == "finished", outcome.message
    assert scores(home, outcome.run_id)["test/acc"] > 0.9
    stored = transformers.AutoModel.from_pretrained(folder).embeddings.word_embeddings.weight
    weights = begun.model.get_parameter("body.embeddings.word_embeddings.weight")
    assert torch.equal(weights, stored)
    for file in folder.iterdir():  # what was learnt needs the checkpoint no more
        file.unlink()
    model = load_model(home / "runs" / outcome.run_id / "checkpoints" / "best.ckpt")
    assert torch.isfinite(predict(model, begun.data.test)).all()


def test_a_gpt_learns_to_go_on(tmp_path: Path, reviews: str, home: Path):
    spec = spec_of(reviews, "pretrained_gpt", saved(tmp_path / "gpt", "gpt"))
    outcome = train(spec, home=home)

    assert outcome.status == "finished", outcome.message
    assert scores(home, outcome.run_id)["test/perplexity"] < 7  # of 14 words
    with store.open(home) as opened:
        samples = opened.events(outcome.run_id, ["text"]).to_pylist()
    assert len(samples) == 3


def test_ids_are_those_of_the_checkpoint_and_one_more(tmp_path: Path):
    known = pretrained_input(saved(tmp_path / "bert", "bert"), 10)

    ids = encode_texts(["the film was good", "film " * 20], known)
    assert ids[0].tolist() == [3, 11, 12, 13, 5, 4, 0, 0, 0, 0]
    assert ids[1].tolist() == [3, *[12] * 8, 4]
    assert "the film was good" in decode_texts(ids, known)[0]


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_folder_that_lacks_a_part_is_refused(missing: str, tmp_path: Path, reviews: str):
    folder = tmp_path / "bert"
    checkpoint = saved(folder, "bert")
    (folder / missing).unlink()
    if missing == "model.safetensors":
        torch.save({}, folder / "pytorch_model.bin")  # a pickle is no way out

    with pytest.raises(DataError, match=r"model\.checkpoint to be a folder"):
        train(spec_of(reviews, "pretrained", checkpoint))


def test_what_a_checkpoint_cannot_read_is_refused(tmp_path: Path, reviews: str):
    checkpoint = saved(tmp_path / "bert", "bert")
    spec = spec_of(reviews, "pretrained", checkpoint)
    longer = spec.model_copy(update={"data": spec.data.model_copy(update={"max_length": 99})})

    with pytest.raises(SpecError, match="at most 16"):
        train(longer)
