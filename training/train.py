"""Training of one network: loss, batches, schedule, choice of the epoch, checkpoint."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data import STARS, Reviews
from evaluate import Scores, score
from models import (
    BagConfig,
    CnnConfig,
    Config,
    TransformerConfig,
    build,
    config_from_json,
    config_to_json,
    parameter_count,
)

LABEL_SMOOTHING = 0.03
CLASS_WEIGHT_POWER = -0.35
EXPECTED_STAR_WEIGHT = 0.1


@dataclass(frozen=True)
class Recipe:
    """How one network is trained. `schedule` is the length of the one-cycle schedule in epochs;
    the epoch with the best `merit` on the validation reviews is kept."""

    config: Config
    schedule: int
    rate: float
    batch: int = 64
    word_dropout: float = 0.0
    seed: int = 1


RECIPES: dict[str, Recipe] = {
    "a": Recipe(BagConfig(), schedule=12, rate=4e-3),
    "b": Recipe(CnnConfig(), schedule=6, rate=1.5e-3, word_dropout=0.05),
    "bag": Recipe(BagConfig(), schedule=12, rate=4e-3),
    "transformer": Recipe(TransformerConfig(), schedule=4, rate=9e-4, batch=40),
}
"""a: production; b: candidate and committee member; bag, transformer: committee members."""


@dataclass
class Trained:
    """A trained network and the facts that its model card needs."""

    model: nn.Module
    recipe: Recipe
    rows: int
    epoch: int
    seconds: float
    valid: dict
    history: list[dict]
    fingerprint: str


def bucket_ids(reviews: Reviews, buckets: int) -> list[np.ndarray]:
    """Token hashes to embedding rows: one int64 [L] array a review."""
    return [np.asarray(review, np.int64) % (buckets - 1) + 1 for review in reviews.hashes]


def batches(
    ids: list[np.ndarray], size: int, rng: np.random.RandomState | None
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Row numbers [B] and padded ids [B, L]; like lengths together, so that little is padded.

    With `rng` the order is random at two levels; without it, it is fixed.
    """
    order = np.arange(len(ids)) if rng is None else rng.permutation(len(ids))
    pool = size * 40
    groups: list[list[int]] = []
    for start in range(0, len(order), pool):
        near = sorted(order[start : start + pool], key=lambda row: len(ids[row]))
        groups += [near[at : at + size] for at in range(0, len(near), size)]
    if rng is not None:
        rng.shuffle(groups)
    for group in groups:
        padded = np.zeros((len(group), max(len(ids[row]) for row in group)), np.int64)
        for line, row in enumerate(group):
            padded[line, : len(ids[row])] = ids[row]
        yield np.asarray(group), torch.from_numpy(padded)


@torch.no_grad()
def predict(model: nn.Module, reviews: Reviews) -> np.ndarray:
    """Logits f32 [N, 5] of the torch model."""
    model.eval()
    ids = bucket_ids(reviews, model.config.buckets)
    logits = np.zeros((len(ids), STARS), np.float32)
    for rows, padded in batches(ids, 128, None):
        logits[rows] = model(padded).numpy()
    return logits


def class_weights(stars: list[int]) -> Tensor:
    """Weights f32 [5]: frequency ** -0.35, with mean 1 over the reviews; 1 for an absent star."""
    counts = np.bincount(np.asarray(stars) - 1, minlength=STARS)
    share = np.maximum(counts, 1) / counts.sum()
    weight = np.where(counts > 0, share**CLASS_WEIGHT_POWER, 1.0)
    return torch.tensor(weight / (weight * counts / counts.sum()).sum(), dtype=torch.float32)


def loss_of(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted cross-entropy + 0.1 x squared error of the expected star (both in a mean)."""
    entropy = F.cross_entropy(logits, target, weight=weight, label_smoothing=LABEL_SMOOTHING)
    expected = logits.softmax(-1) @ torch.arange(STARS, dtype=torch.float32)
    return entropy + EXPECTED_STAR_WEIGHT * (expected - target.float()).square().mean()


def merit(scores: Scores) -> float:
    """What an epoch is chosen by: accuracy + macro-F1 - mean absolute error in stars."""
    return scores.accuracy + scores.macro_f1 - scores.mae_stars


def progress(message: str) -> None:
    print(message, flush=True, file=sys.stderr)


def train(
    name: str,
    recipe: Recipe,
    reviews: Reviews,
    valid: Reviews,
    say: Callable[[str], None] = progress,
) -> Trained:
    """Trains one network on `reviews`; deterministic for a seed, a torch version and one thread."""
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    rng = np.random.RandomState(recipe.seed)
    model = build(recipe.config)
    ids = bucket_ids(reviews, recipe.config.buckets)
    target = torch.tensor(reviews.stars) - 1
    weight = class_weights(reviews.stars)
    embeddings = [model.embedding.weight]
    others = [value for key, value in model.named_parameters() if key != "embedding.weight"]
    optimiser = torch.optim.AdamW(
        [{"params": embeddings, "weight_decay": 1e-5}, {"params": others, "weight_decay": 0.01}],
        lr=recipe.rate,
    )
    steps_an_epoch = sum(
        math.ceil(min(recipe.batch * 40, len(ids) - start) / recipe.batch)
        for start in range(0, len(ids), recipe.batch * 40)
    )
    total = recipe.schedule * steps_an_epoch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=max(total, 2) + 1, pct_start=0.15
    )
    say(
        f"{name}: {parameter_count(model):,} parameters, {len(ids):,} reviews, "
        f"{recipe.schedule} epochs of {steps_an_epoch} steps"
    )
    begun = spoken = time.monotonic()
    best: Scores | None = None
    best_state: dict[str, Tensor] = {}
    best_epoch = step = 0
    history: list[dict] = []
    for epoch in range(1, recipe.schedule + 1):
        model.train()
        losses = []
        for rows, padded in batches(ids, recipe.batch, rng):
            if recipe.word_dropout:
                padded = padded * (torch.rand(padded.shape) >= recipe.word_dropout)
            loss = loss_of(model(padded), target[rows], weight)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
            step += 1
            now = time.monotonic()
            if now - spoken >= 10.0:
                spoken = now
                left = (now - begun) / step * (total - step)
                say(f"{name}: step {step}/{total}, loss {np.mean(losses):.3f}, {left:.0f} s left")
        scores = score(predict(model, valid).argmax(1) + 1, valid.stars)
        history.append({"epoch": epoch, "loss": round(float(np.mean(losses)), 4)} | scores.short())
        mark = ""
        if best is None or merit(scores) > merit(best):
            best, best_epoch, mark = scores, epoch, " *"
            best_state = {key: value.clone() for key, value in model.state_dict().items()}
        left = (time.monotonic() - begun) / epoch * (recipe.schedule - epoch)
        say(
            f"{name}: epoch {epoch}/{recipe.schedule}, loss {np.mean(losses):.4f}, valid accuracy "
            f"{scores.accuracy:.4f}, macro-F1 {scores.macro_f1:.4f}, MAE {scores.mae_stars:.4f}, "
            f"{left:.0f} s left{mark}"
        )
    model.load_state_dict(best_state)
    model.eval()
    seconds = time.monotonic() - begun
    return Trained(
        model, recipe, len(reviews), best_epoch, seconds, best.short(), history,
        reviews.fingerprint(),
    )


def _identity(recipe: Recipe, fingerprint: str) -> dict:
    """What makes two trainings the same: the recipe and the reviews."""
    plain = {key: getattr(recipe, key) for key in ("schedule", "rate", "batch", "word_dropout")}
    config = config_to_json(recipe.config)
    config = {key: list(value) if isinstance(value, tuple) else value
              for key, value in config.items()}
    return plain | {"seed": recipe.seed, "config": config, "reviews": fingerprint}


def save(trained: Trained, path: Path) -> None:
    """Writes a checkpoint (weights and facts, no review text)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(
        {
            "identity": _identity(trained.recipe, trained.fingerprint),
            "state": trained.model.state_dict(),
            "rows": trained.rows,
            "epoch": trained.epoch,
            "seconds": trained.seconds,
            "valid": trained.valid,
            "history": trained.history,
        },
        path,
    )


def load(path: Path, recipe: Recipe, reviews: Reviews) -> Trained | None:
    """The checkpoint at `path`, or None when it is absent or of another recipe or other reviews."""
    if not path.exists():
        return None
    stored = torch.load(path, weights_only=True)
    fingerprint = reviews.fingerprint()
    if stored["identity"] != _identity(recipe, fingerprint):
        progress(f"{path.name}: of another recipe or other reviews, so it is trained anew")
        return None
    config = config_from_json(stored["identity"]["config"])
    model = build(config)
    model.load_state_dict(stored["state"])
    model.eval()
    return Trained(
        model, replace(recipe, config=config), stored["rows"], stored["epoch"], stored["seconds"],
        stored["valid"], stored["history"], fingerprint,
    )
