"""Metrics, and measuring an exported file with ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from data import STARS, Reviews


@dataclass(frozen=True)
class Scores:
    """How well predicted stars fit the true ones.

    `accuracy`, `macro_f1` (mean of the five F1), `balanced_accuracy` (mean recall of the stars
    that occur) and `within_one` (at most one star off) are shares, 0 to 1; `mae_stars` is the
    mean absolute error in stars; `confusion[t][p]` counts reviews of t+1 stars answered p+1.
    """

    rows: int
    accuracy: float
    macro_f1: float
    balanced_accuracy: float
    mae_stars: float
    within_one: float
    confusion: list[list[int]]

    def short(self, *names: str) -> dict:
        """The figures as plain numbers, rounded to 4 digits, without the confusion counts."""
        names = names or ("accuracy", "macro_f1", "balanced_accuracy", "mae_stars", "within_one")
        return {name: round(getattr(self, name), 4) for name in names}

    def recall(self, star: int) -> float:
        """Share of the reviews of `star` (1 to 5) that were answered so; 0 when none occurs."""
        row = self.confusion[star - 1]
        return row[star - 1] / max(1, sum(row))


def score(predicted: Sequence[int] | np.ndarray, true: Sequence[int] | np.ndarray) -> Scores:
    """Metrics of predicted against true stars, both 1 to 5 and of equal length above 0."""
    answer, truth = np.asarray(predicted, np.int64), np.asarray(true, np.int64)
    if answer.shape != truth.shape or truth.size == 0:
        raise ValueError(f"{answer.size} predictions for {truth.size} reviews")
    confusion = np.zeros((STARS, STARS), np.int64)
    np.add.at(confusion, (truth - 1, answer - 1), 1)
    hit = np.diag(confusion)
    of_true, of_answer = confusion.sum(1), confusion.sum(0)
    f1 = 2 * hit / np.maximum(1, of_true + of_answer)
    recall = hit[of_true > 0] / of_true[of_true > 0]
    error = np.abs(answer - truth)
    return Scores(
        rows=int(truth.size),
        accuracy=float((error == 0).mean()),
        macro_f1=float(f1.mean()),
        balanced_accuracy=float(recall.mean()),
        mae_stars=float(error.mean()),
        within_one=float((error <= 1).mean()),
        confusion=confusion.tolist(),
    )


def always_five(true: Sequence[int]) -> dict:
    """The baseline that answers 5 stars to everything."""
    scores = score([STARS] * len(true), true)
    return scores.short("accuracy", "macro_f1", "balanced_accuracy", "mae_stars")


def open_model(path: Path) -> onnxruntime.InferenceSession:
    """An exact session: with optimisation on, ONNX Runtime would fuse DequantizeLinear + MatMul
    into kernels that also round the activations, and differ by up to some 1e-2."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(
    session: onnxruntime.InferenceSession, hashes: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Logits and probabilities, f32 [5] each, for 1 to 128 token hashes."""
    if not hashes:
        raise ValueError("a text without a token has no prediction")
    logits, probs = session.run(["logits", "probs"], {"tokens": np.asarray([hashes], np.int64)})
    return logits[0], probs[0]


def measure(session: onnxruntime.InferenceSession, reviews: Reviews) -> Scores:
    """Scores of an exported model on reviews, one at a time as in the browser."""
    answers = [int(run(session, review)[0].argmax()) + 1 for review in reviews.hashes]
    return score(answers, reviews.stars)
