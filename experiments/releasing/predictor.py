"""Predicts with a bundle alone: its preprocessing, ONNX Runtime, its labels. No torch."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.releasing.bundle import Bundle, BundleError
from experiments.releasing.preprocessing import make_preprocessing

BATCH = 256


class Predictor:
    """A model that is ready to answer.

    Parameters
    ----------
    files
        File name -> content, as a bundle has them.
    threads
        CPU threads for one batch; 0 lets ONNX Runtime decide.

    Raises
    ------
    BundleError
        If the files do not make a model.
    """

    def __init__(self, files: Mapping[str, bytes], *, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self.config: dict[str, Any] = json.loads(files["config.json"])
            self.labels: list[str] = json.loads(files["labels.json"])
            facts = json.loads(files["preprocessing.json"])
            vocabulary = files.get("vocabulary.json")
            self._prepare = make_preprocessing(
                facts, None if vocabulary is None else json.loads(vocabulary)
            )
            self._session = onnxruntime.InferenceSession(
                files["model.onnx"], options, providers=["CPUExecutionProvider"]
            )
            self._input = self.config["onnx"]["input"]
            self._output = self.config["onnx"]["output"]
            self._batch: int | None = self.config["onnx"]["batch"]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"Expected the files of a model; got a mistake in {error}."
            ) from error
        except Exception as error:  # ONNX Runtime's own errors share no base class
            raise BundleError(f"Expected a model for ONNX Runtime; got {error!s:.200}.") from error
        self.modality: str = facts["modality"]
        self._after: dict[str, Any] = facts["scores"]
        self.sha256 = hashlib.sha256(files["model.onnx"]).hexdigest()

    @classmethod
    def of(cls, bundle: Bundle, *, threads: int = 1) -> "Predictor":
        """Return the model of a bundle."""
        return cls(bundle.files, threads=threads)

    @classmethod
    def from_folder(cls, folder: Path, *, threads: int = 1) -> "Predictor":
        """Return the model of a folder that is not yet a bundle."""
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        return cls(files, threads=threads)

    @property
    def is_classifier(self) -> bool:
        """Whether scores are probabilities of classes; else they are numbers in their own unit."""
        return self._after["kind"] == "softmax"

    @property
    def expectation(self) -> str:
        """What an input looks like, in words."""
        return self._prepare.expectation

    def scores(self, items: Sequence[Any]) -> NDArray[np.float64]:
        """Return one row an example, in the order of `labels`: probabilities, or numbers.

        Raises
        ------
        InputError
            If an example cannot be read.
        """
        size = self._batch or BATCH
        parts = [
            self._run(self._prepare(items[start : start + size]))
            for start in range(0, len(items), size)
        ]
        return np.concatenate(parts) if parts else np.empty((0, len(self.labels)))

    def latency_ms(
        self, item: Any, *, repeats: int = 200, warm_up: int = 10
    ) -> tuple[float, float]:
        """Return median and 95th percentile of answering one example, preprocessing included."""
        taken: list[float] = []
        for _ in range(warm_up + repeats):
            started = time.perf_counter()
            self.scores([item])
            taken.append((time.perf_counter() - started) * 1e3)
        p50, p95 = np.percentile(taken[warm_up:], [50, 95])
        return float(p50), float(p95)

    def _run(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        [outputs] = self._session.run([self._output], {self._input: inputs})
        if self.is_classifier:
            return softmax(np.asarray(outputs))
        std, mean = np.array(self._after["std"]), np.array(self._after["mean"])
        return np.asarray(outputs).astype(np.float64).reshape(len(inputs), -1) * std + mean


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return probabilities of the rows of an array."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return powers / powers.sum(axis=1, keepdims=True)
