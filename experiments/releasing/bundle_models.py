"""From the files of a bundle to a model that answers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from experiments.releasing.bundle import BundleError, members_of
from experiments.releasing.ensemble_predictor import EnsemblePredictor
from experiments.releasing.predictor import Predictor, ScorePredictor
from experiments.releasing.rating_predictor import RatingPredictor
from experiments.releasing.several_predictor import SeveralPredictor
from experiments.releasing.text_predictors import MaskedPredictor, NextTokenPredictor
from experiments.releasing.writing_predictor import WritingPredictor

_BY_SCORES: Final[Mapping[str, type[Predictor]]] = {
    "softmax": ScorePredictor,
    "linear": ScorePredictor,
    "several": SeveralPredictor,
    "next_token": NextTokenPredictor,
    "masked": MaskedPredictor,
    "text_to_text": WritingPredictor,
}


def open_model(files: Mapping[str, bytes], *, threads: int = 1) -> Predictor:
    """Return the model of a bundle's files.

    Parameters
    ----------
    files
        File name -> content, as a bundle has them.
    threads
        CPU threads for one batch; 0 lets ONNX Runtime decide.

    Raises
    ------
    BundleError
        If the files do not make a model, or this version of Bakeoff does not know its kind.
    """
    try:
        facts = json.loads(files["preprocessing.json"])
        kind, modality = facts["scores"]["kind"], facts["modality"]
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"Expected the files of a model; got a mistake in {error}.") from error
    if kind == "ensemble":
        members = [open_model(part, threads=threads) for part in members_of(files)]
        return EnsemblePredictor(files, facts, members, threads=threads)
    made = RatingPredictor if modality == "ratings" else _BY_SCORES.get(kind)
    if made is None:
        raise BundleError(f"Expected a kind of model that is known; got {kind!r}. Update Bakeoff.")
    return made(files, facts, threads=threads)


def open_folder(folder: Path) -> Predictor:
    """Return the model of a folder that is not yet a bundle."""
    return open_model({path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()})
