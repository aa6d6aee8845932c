"""Model cards and the known-answer file: what the lab says about its models, from measurements."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from data import Reviews
from evaluate import Scores, always_five, measure, open_model, run
from export import IR_VERSION, OPSET, operators
from known_texts import KNOWN_TEXTS
from tokens import MAX_TOKENS, PADDING, TOKENISER, hashes, tokenise
from train import Trained

MODELS = ("a", "b", "c")
KNOWN_ANSWERS_FORMAT = 1
TOLERANCE = 1e-4
_UNKNOWN_WORDS = "zorbly flimmeret quandoodle"
_NEGATED = "not bad at all"

TITLES = {"a": "Word bag", "b": "Text CNN", "c": "Committee"}
ROLES = {"a": "production", "b": "candidate", "c": "shadow"}
HOW = {
    "a": "Averages the vectors of the words",
    "b": "Looks for telling runs of one to four words",
    "c": "Averages the answers of a word bag, a text CNN and a small transformer",
}


@dataclass(frozen=True)
class Domain:
    """A source of reviews as the card names it."""

    name: str
    title: str
    licence: str


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def versions() -> dict[str, str]:
    """Versions of what made the files; no machine names, no paths."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__.partition("+")[0],
        "numpy": np.__version__,
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def _words(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _stars(star: int) -> str:
    return "1 star" if star == 1 else f"{star} stars"


def describe(members: Sequence[Trained]) -> str:
    """The architecture in one line."""
    parts = []
    for member in members:
        config = member.recipe.config
        kind = type(config).__name__
        size = f"{config.buckets} x {config.width} hashed word vectors"
        if kind == "BagConfig":
            parts.append(f"bag: {size}, mean, linear layer to 5")
        elif kind == "CnnConfig":
            widths = "-".join(str(config.kernels[at]) for at in (0, -1))
            parts.append(
                f"text CNN: {size}, {config.filters} filters each of widths {widths}, relu, maximum"
                f" over the text, joined with the mean vector, linear layer to 5"
            )
        else:
            parts.append(
                f"transformer: {size}, learned positions, {config.layers} post-norm layers, "
                f"{config.heads} heads, inner width {config.inner}, {config.activation}, mean and "
                f"maximum, linear layer to 5"
            )
    return parts[0] if len(parts) == 1 else "mean of the logits of " + "; ".join(parts)


def limits(
    scores: Mapping[str, Scores], trained_on: Sequence[str], answers: Mapping[str, int]
) -> list[str]:
    """Honest sentences, every figure of which was measured on the exported file."""
    inside = [name for name in scores if name in trained_on]
    outside = [name for name in scores if name not in trained_on]
    sentences = [
        f"It answers everything, also what it cannot judge: a word it never saw shares its vector "
        f"with others, so three invented words get {_stars(answers[_UNKNOWN_WORDS])}; and "
        f"\u201c{_NEGATED}\u201d gets {_stars(answers[_NEGATED])}."
    ]
    if inside:
        first = scores[inside[0]]
        sentences.append(
            f"The middle stars are hard: of the {inside[0]} reviews with two stars "
            f"{_percent(first.recall(2))} are answered rightly, with three stars "
            f"{_percent(first.recall(3))}, with five stars {_percent(first.recall(5))}."
        )
    if inside and outside:
        within = _words([f"{_percent(scores[name].accuracy)} on {name}" for name in inside])
        beyond = _words([f"{_percent(scores[name].accuracy)} on {name}" for name in outside])
        sentences.append(
            f"Trained on {_words(list(trained_on))} reviews only; its accuracy is {within}, "
            f"but {beyond}, which it never saw."
        )
    sentences.append(
        f"English only: it reads the first {MAX_TOKENS} words and no emoji or other script."
    )
    return sentences


def _metrics(scores: Scores, reviews: Reviews, out_of_domain: bool) -> dict:
    return (
        {"rows": scores.rows, "out_of_domain": out_of_domain}
        | scores.short()
        | {"always_five": always_five(reviews.stars), "confusion": scores.confusion}
    )


def build_card(
    key: str,
    path: Path,
    members: Sequence[Trained],
    domains: Sequence[Domain],
    rows: Mapping[str, int],
    parameters: int,
    held_out: Mapping[str, Reviews],
    licence: str,
) -> dict:
    """Measures the exported file at `path` and describes it.

    `domains`: the training sources of this model, `rows` their numbers of reviews; `held_out`:
    the reviews to measure on, by domain; a domain outside `domains` is marked out of domain.
    """
    content = path.read_bytes()
    proto = onnx.load_model_from_string(content)
    session = open_model(path)
    scores = {name: measure(session, reviews) for name, reviews in held_out.items()}
    trained_on = [domain.name for domain in domains]
    answers = {
        text: int(run(session, hashes(text))[0].argmax()) + 1
        for text in (_UNKNOWN_WORDS, _NEGATED)
    }
    return {
        "name": f"stars-{key}",
        "title": f"{TITLES[key]} ({ROLES[key]})",
        "summary": f"{HOW[key]}; trained on {_words(trained_on)} reviews.",
        "file": path.name,
        "sha256": sha256(content),
        "size_bytes": len(content),
        "parameters": parameters,
        "licence": licence,
        "trained_on": [
            {"name": one.title, "rows": rows[one.name], "licence": one.licence} for one in domains
        ],
        "seed": members[0].recipe.seed,
        "opset": OPSET,
        "ir_version": IR_VERSION,
        "architecture": describe(members),
        "tokeniser": TOKENISER,
        "inputs": [{"name": "tokens", "dtype": "int64", "shape": [1, "L"]}],
        "outputs": [
            {"name": "logits", "dtype": "float32", "shape": [1, 5]},
            {"name": "probs", "dtype": "float32", "shape": [1, 5]},
        ],
        "operators": operators(proto),
        "metrics": {
            name: _metrics(scores[name], held_out[name], name not in trained_on) for name in scores
        },
        "limits": limits(scores, trained_on, answers),
        "made_by": versions(),
    }


def write_json(path: Path, value: object) -> None:
    """Two-space JSON; lists of numbers stay on one line, so that a change is easy to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_layout(value, "") + "\n", encoding="utf-8")


def _layout(value: object, indent: str) -> str:
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        lines = [f"{deeper}{json.dumps(k)}: {_layout(v, deeper)}" for k, v in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + indent + "}"
    if isinstance(value, list) and any(isinstance(one, (dict, list)) for one in value):
        lines = [deeper + _layout(one, deeper) for one in value]
        return "[\n" + ",\n".join(lines) + "\n" + indent + "]"
    return json.dumps(value, ensure_ascii=True)


def write_index(folder: Path) -> list[str]:
    """`index.json`: the cards that lie in `folder`, in order."""
    cards = [f"{key}.json" for key in MODELS if (folder / f"{key}.json").exists()]
    write_json(folder / "index.json", {"cards": cards})
    return cards


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 6) for value in values]


def known_answers(paths: Mapping[str, Path]) -> dict:
    """Texts, tokens, hashes and what each model answers, by ONNX Runtime without optimisation."""
    sessions = {key: open_model(path) for key, path in paths.items()}
    cases = []
    for about, text in KNOWN_TEXTS:
        review = hashes(text)
        answers: dict[str, dict | None] = {}
        for key, session in sessions.items():
            if not review:
                answers[key] = None
                continue
            logits, probs = run(session, review)
            answers[key] = {
                "logits": _rounded(logits),
                "probs": _rounded(probs),
                "star": int(logits.argmax()) + 1,
            }
        cases.append(
            {
                "about": about,
                "text": text,
                "tokens": tokenise(text),
                "hashes": review,
                "truncated": len(tokenise(text, None)) > MAX_TOKENS,
                "models": answers,
            }
        )
    return {
        "format": KNOWN_ANSWERS_FORMAT,
        "tokeniser": TOKENISER,
        "max_tokens": MAX_TOKENS,
        "padding": PADDING,
        "runtime": {
            "name": "ONNX Runtime",
            "version": onnxruntime.__version__,
            "graph_optimisation": "off",
        },
        "tolerance": TOLERANCE,
        "note": "A text without a token has no prediction: its answers are null.",
        "models": {
            key: {"file": path.name, "sha256": sha256(path.read_bytes())}
            for key, path in paths.items()
        },
        "cases": cases,
    }
