"""The lab's own models, run by ONNX Runtime: what the model servers beside this file serve.

So a variant on one of them must answer as the same model does inside the server, text by text.
"""

import sys
from pathlib import Path

import numpy
import onnxruntime

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "training"))

from tokens import hashes  # noqa: E402

MODELS = {"stars_a": "a.onnx", "stars_b": "b.onnx"}


class Stars:
    """One model: texts to probabilities of 1 to 5 stars."""

    def __init__(self, name):
        options = onnxruntime.SessionOptions()
        # With optimisation on, fused kernels round the activations, too, and answers differ in the second digit.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        path = ROOT / "public" / "models" / MODELS[name]
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, texts):
        """Probabilities, float32 [texts, 5], and labels, int64 [texts, 1]."""
        rows = []
        for text in texts:
            tokens = hashes(text)
            if not tokens:
                raise ValueError(f"{text!r} has no word in it")
            (row,) = self.session.run(["probs"], {"tokens": numpy.asarray([tokens], numpy.int64)})
            rows.append(row[0])
        probabilities = numpy.stack(rows)
        return probabilities, probabilities.argmax(axis=1).reshape(-1, 1) + 1
