"""The three networks, in torch. All map bucket ids to five logits (index 0 = 1 star).

Shapes: B reviews in a batch, L tokens (the longest of the batch), d = embedding width.
Ids are int64 [B, L]; 0 is padding, its embedding row is zero and it never counts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data import STARS
from tokens import MAX_TOKENS

MASKED = -1.0e4
"""Added to what must never win a maximum or get weight in a softmax."""


@dataclass(frozen=True)
class BagConfig:
    """Mean of word vectors, then one linear layer. `spread`: standard deviation of the vectors
    before training (a small one lets what is learned outweigh chance; so in all configurations)."""

    buckets: int = 8192
    width: int = 16
    spread: float = 0.05


@dataclass(frozen=True)
class CnnConfig:
    """Convolutions over 1 to 4 neighbouring words; the strongest response of each filter."""

    buckets: int = 8192
    width: int = 56
    filters: int = 64
    kernels: tuple[int, ...] = (1, 2, 3, 4)
    spread: float = 0.1
    embedding_dropout: float = 0.25
    head_dropout: float = 0.4


@dataclass(frozen=True)
class TransformerConfig:
    """Post-norm encoder with learned positions; mean and maximum pooling.

    `activation` of the inner layer: "gelu" (exact, by erf) or "relu".
    """

    buckets: int = 12288
    width: int = 128
    layers: int = 2
    heads: int = 4
    inner: int = 256
    activation: str = "relu"
    spread: float = 0.1
    embedding_dropout: float = 0.2
    dropout: float = 0.15
    head_dropout: float = 0.3


Config = BagConfig | CnnConfig | TransformerConfig
CONFIGS: dict[str, type] = {"bag": BagConfig, "cnn": CnnConfig, "transformer": TransformerConfig}


def _embedding(buckets: int, width: int, deviation: float) -> nn.Embedding:
    table = nn.Embedding(buckets, width, padding_idx=0)
    nn.init.normal_(table.weight, 0.0, deviation)
    with torch.no_grad():
        table.weight[0] = 0.0
    return table


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens: values [B, L, d], mask [B, L] -> [B, d]."""
    total = torch.matmul(mask[:, None, :], values)[:, 0]
    return total / mask.sum(1, keepdim=True).clamp(min=1.0)


class Bag(nn.Module):
    def __init__(self, config: BagConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = _embedding(config.buckets, config.width, config.spread)
        self.head = nn.Linear(config.width, STARS)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(_masked_mean(self.embedding(ids), (ids != 0).float()))


class Cnn(nn.Module):
    """Filters look at words i .. i+k-1 (zeros after the end), for every real word i."""

    def __init__(self, config: CnnConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = _embedding(config.buckets, config.width, config.spread)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.width, config.filters, kernel) for kernel in config.kernels
        )
        self.head = nn.Linear(config.filters * len(config.kernels) + config.width, STARS)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.head_dropout = nn.Dropout(config.head_dropout)

    def forward(self, ids: Tensor) -> Tensor:
        mask = (ids != 0).float()
        words = self.embedding_dropout(self.embedding(ids))  # [B, L, d]
        channels = words.transpose(1, 2)  # [B, d, L]
        features = []
        for kernel, convolution in zip(self.config.kernels, self.convolutions):
            response = F.relu(convolution(F.pad(channels, (0, kernel - 1))))  # [B, filters, L]
            # After relu nothing is negative, so a zero never hides a larger response.
            features.append((response * mask[:, None]).amax(2))
        features.append(_masked_mean(words, mask))
        return self.head(self.head_dropout(torch.cat(features, 1)))


class Layer(nn.Module):
    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.activation = config.activation
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.norm1 = nn.LayerNorm(config.width)
        self.inner = nn.Linear(config.width, config.inner)
        self.outer = nn.Linear(config.inner, config.width)
        self.norm2 = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, words: Tensor, bias: Tensor) -> Tensor:
        """words [B, L, d], bias [B, 1, 1, L] (0 or MASKED) -> [B, L, d]."""
        batch, length, width = words.shape
        head = width // self.heads
        query, key, value = (
            self.qkv(words).view(batch, length, 3, self.heads, head).permute(2, 0, 3, 1, 4)
        )  # each [B, heads, L, head]
        scores = torch.matmul(query, key.transpose(-1, -2)) * head**-0.5 + bias
        mixed = torch.matmul(scores.softmax(-1), value).transpose(1, 2)
        words = self.norm1(words + self.dropout(self.out(mixed.reshape(batch, length, width))))
        inner = self.inner(words)
        inner = F.gelu(inner) if self.activation == "gelu" else F.relu(inner)
        return self.norm2(words + self.dropout(self.outer(inner)))


class Transformer(nn.Module):
    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        if config.activation not in ("gelu", "relu"):
            raise ValueError(f"activation '{config.activation}' is neither 'gelu' nor 'relu'")
        self.config = config
        self.embedding = _embedding(config.buckets, config.width, config.spread)
        self.position = nn.Parameter(torch.randn(MAX_TOKENS, config.width) * 0.05)
        self.norm = nn.LayerNorm(config.width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.head = nn.Linear(2 * config.width, STARS)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.head_dropout = nn.Dropout(config.head_dropout)

    def forward(self, ids: Tensor) -> Tensor:
        mask = (ids != 0).float()
        padded = (1.0 - mask) * MASKED  # [B, L]
        words = self.norm(self.embedding(ids) + self.position[: ids.shape[1]])
        words = self.embedding_dropout(words)
        for layer in self.layers:
            words = layer(words, padded[:, None, None, :])
        pooled = [_masked_mean(words, mask), (words + padded[:, :, None]).amax(1)]
        return self.head(self.head_dropout(torch.cat(pooled, 1)))


_CLASSES = {BagConfig: Bag, CnnConfig: Cnn, TransformerConfig: Transformer}


def build(config: Config) -> nn.Module:
    """A freshly initialised network for the configuration (draws from torch's generator)."""
    return _CLASSES[type(config)](config)


def parameter_count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def config_to_json(config: Config) -> dict:
    kind = next(name for name, cls in CONFIGS.items() if isinstance(config, cls))
    return {"kind": kind} | asdict(config)


def config_from_json(values: dict) -> Config:
    fields = dict(values)
    cls = CONFIGS[fields.pop("kind")]
    if "kernels" in fields:
        fields["kernels"] = tuple(fields["kernels"])
    return cls(**fields)
