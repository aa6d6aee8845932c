"""Trained networks to ONNX, node by node with `onnx.helper` (no tracing exporter).

Contract of every file: input `tokens` int64 [1, L] with 1 <= L <= 128, the FNV-1a 32-bit hash of
each token, 0 for padding; outputs `logits` and `probs` float32 [1, 5], index 0 = 1 star. Opset 17,
IR 9, batch 1. The graph itself maps a hash to its embedding row, so that one tokeniser feeds all.

Chosen for speed in a small runtime: means are MatMul with a row of weights, the convolutions are
one MatMul, the attention scale lies in the weights, and few kinds of operators are used.

Weights are int8 by default: an embedding row has one float32 scale; a dense weight has one scale
per output channel and is unpacked by DequantizeLinear, which a runtime does once, at load.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from data import STARS
from models import MASKED, Bag, Cnn, Transformer

OPSET = 17
IR_VERSION = 9
INPUT = "tokens"
CONVOLUTIONS = ("matmul", "conv")
WEIGHTS = ("int8", "float32")


def quantise(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Symmetric int8, -127 to 127; `scale` broadcasts over `values`, a zero scale gives zeros."""
    return np.rint(values / np.where(scale == 0, 1, scale)).clip(-127, 127).astype(np.int8)


class Graph:
    """Nodes and constants under construction; values are named, equal constants are shared."""

    def __init__(self, weights: str) -> None:
        if weights not in WEIGHTS:
            raise ValueError(f"weights '{weights}' is none of {', '.join(WEIGHTS)}")
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self._rows: dict[int, str] = {}
        real = self.op("Not", [self.op("Equal", [INPUT, self.whole(0)])])  # [1, L] bool
        self.real = self.op("Cast", [real], to=TensorProto.INT64)
        mask = self.op("Cast", [real], to=TensorProto.FLOAT)
        self.mask_row = self.op("Unsqueeze", [mask, self.whole(1)])  # [1, 1, L]
        self.mask_column = self.op("Unsqueeze", [mask, self.whole(2)])  # [1, L, 1]
        count = self.op("MatMul", [self.mask_row, self.mask_column])  # [1, 1, 1]
        self.count = self.op("Max", [count, self.number(1.0)])
        self._mean_row: str | None = None

    def op(self, kind: str, inputs: Sequence[str], output: str | None = None, **attributes) -> str:
        """Adds a node with one output and gives the name of that output."""
        label = f"{kind}_{len(self.nodes)}"
        output = output or label
        self.nodes.append(
            helper.make_node(kind, list(inputs), [output], name=label, **attributes)
        )
        return output

    def constant(self, name: str, values: np.ndarray) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def whole(self, *values: int) -> str:
        """An int64 constant of shape [n]."""
        label = "i_" + "_".join(str(value).replace("-", "m") for value in values)
        return self.constant(label, np.asarray(values, np.int64))

    def number(self, value: float) -> str:
        """A float32 constant of shape []."""
        label = f"f_{value!r}".replace("-", "m").replace("+", "").replace(".", "_")
        return self.constant(label, np.asarray(value, np.float32))

    def dense(
        self, name: str, values: np.ndarray, axis: int, largest: np.ndarray | None = None
    ) -> str:
        """A dense weight; `axis` is its output channel. `largest` [channels] overrides the
        absolute maximum of each channel, from which the int8 scale follows."""
        values = values.astype(np.float32)
        if self.weights == "float32":
            return self.constant(name, values)
        if largest is None:
            others = tuple(at for at in range(values.ndim) if at != axis)
            largest = np.abs(values).max(axis=others)
        scale = (np.maximum(largest, 1e-8) / 127).astype(np.float32)
        shape = [-1 if at == axis else 1 for at in range(values.ndim)]
        packed = quantise(values, scale.reshape(shape))
        return self.op(
            "DequantizeLinear",
            [self.constant(name + ".q", packed), self.constant(name + ".scale", scale)],
            axis=axis,
        )

    def rows(self, buckets: int) -> str:
        """Embedding row of each token, int64 [1, L]: (hash mod (buckets - 1)) + 1, padding 0."""
        if buckets not in self._rows:
            row = self.op("Mod", [INPUT, self.whole(buckets - 1)])
            row = self.op("Add", [row, self.whole(1)])
            self._rows[buckets] = self.op("Mul", [row, self.real])
        return self._rows[buckets]

    def packed_words(self, prefix: str, table: np.ndarray) -> tuple[str, str | None]:
        """Embedding rows before scaling, float32 [1, L, d], and their scales [1, L] (float32
        weights: None). `table` is [buckets, d] with zeros in row 0; so is the scale of row 0."""
        table = table.astype(np.float32)
        rows = self.rows(len(table))
        if self.weights == "float32":
            return self.op("Gather", [self.constant(prefix + ".table", table), rows]), None
        scale = (np.abs(table).max(1) / 127).astype(np.float32)
        packed = self.constant(prefix + ".table.q", quantise(table, scale[:, None]))
        words = self.op("Cast", [self.op("Gather", [packed, rows])], to=TensorProto.FLOAT)
        return words, self.op("Gather", [self.constant(prefix + ".table.scale", scale), rows])

    def words(self, prefix: str, table: np.ndarray) -> str:
        """Embeddings of the tokens, float32 [1, L, d]; zero for padding."""
        words, scale = self.packed_words(prefix, table)
        if scale is None:
            return words
        return self.op("Mul", [words, self.op("Unsqueeze", [scale, self.whole(2)])])

    def mean(self, values: str) -> str:
        """Mean over the tokens that are no padding: [1, L, d] -> [1, d]."""
        if self._mean_row is None:
            self._mean_row = self.op("Div", [self.mask_row, self.count])
        mean = self.op("MatMul", [self._mean_row, values])
        return self.op("Squeeze", [mean, self.whole(1)])

    def penalty(self, mask: str) -> str:
        """0 for a token, MASKED for padding, in the shape of `mask`; made once for each shape."""
        name = "penalty_row" if mask == self.mask_row else "penalty_column"
        if not any(name in node.output for node in self.nodes):
            scaled = self.op("Mul", [mask, self.number(-MASKED)])
            self.op("Add", [scaled, self.number(MASKED)], output=name)
        return name

    def strongest(self, values: str) -> str:
        """Maximum over the tokens that are no padding: [1, L, d] -> [1, d]."""
        masked = self.op("Add", [values, self.penalty(self.mask_column)])
        return self.op("ReduceMax", [masked], axes=[1], keepdims=0)

    def linear(self, prefix: str, values: str, layer: nn.Linear, **scaled: float) -> str:
        """[1, L, in] -> [1, L, out]; `weight_factor` multiplies the weight, not the bias."""
        weight = _array(layer.weight).T * scaled.get("weight_factor", 1.0)
        product = self.op("MatMul", [values, self.dense(prefix, weight, axis=1)])
        return self.op("Add", [product, self.constant(prefix + ".bias", _array(layer.bias))])

    def head(self, prefix: str, features: str, layer: nn.Linear, output: str | None = None) -> str:
        """The last layer: [1, features] -> logits [1, 5]."""
        weight = self.dense(prefix + ".head", _array(layer.weight), axis=0)
        bias = self.constant(prefix + ".head.bias", _array(layer.bias))
        return self.op("Gemm", [features, weight, bias], output=output, transB=1)

    def norm(self, prefix: str, values: str, layer: nn.LayerNorm) -> str:
        weight = self.constant(prefix + ".weight", _array(layer.weight))
        bias = self.constant(prefix + ".bias", _array(layer.bias))
        return self.op(
            "LayerNormalization", [values, weight, bias], axis=-1, epsilon=float(layer.eps)
        )


def _array(tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.float32)


def _bag(graph: Graph, prefix: str, model: Bag, output: str | None) -> str:
    words, scale = graph.packed_words(prefix, _array(model.embedding.weight))
    if scale is None:
        mean = graph.mean(words)
    else:  # the scales are the weights of the mean; the scale of padding is 0
        row = graph.op("Unsqueeze", [scale, graph.whole(1)])  # [1, 1, L]
        total = graph.op("MatMul", [row, words])  # [1, 1, d]
        mean = graph.op("Squeeze", [graph.op("Div", [total, graph.count]), graph.whole(1)])
    return graph.head(prefix, mean, model.head, output)


def _filter_maximum(model: Cnn, index: int) -> np.ndarray:
    """Largest absolute weight of each filter [filters]: one int8 scale in both export forms."""
    return np.abs(_array(model.convolutions[index].weight)).max(axis=(1, 2))


def _cnn_matmul(graph: Graph, prefix: str, model: Cnn, words: str) -> list[str]:
    """The strongest response of each filter before bias and relu, one [1, filters] per kernel.

    A convolution of width k is a sum over offsets j of (row i + j) x (its weight at j), so all of
    them are one product with a [d, blocks x filters] matrix, whose rows are then shifted and added.
    """
    config = model.config
    blocks = [(at, j) for at, kernel in enumerate(config.kernels) for j in range(kernel)]
    weight = np.concatenate(
        [_array(model.convolutions[at].weight)[:, :, j].T for at, j in blocks], axis=1
    )
    largest = np.concatenate([_filter_maximum(model, at) for at, _ in blocks])
    beyond = max(config.kernels) - 1
    if beyond:
        zeros = graph.constant(
            f"{prefix}.after_end", np.zeros((1, beyond, config.width), np.float32)
        )
        words = graph.op("Concat", [words, zeros], axis=1)  # [1, L + beyond, d]
    product = graph.op("MatMul", [words, graph.dense(f"{prefix}.filters", weight, 1, largest)])
    features: list[str] = []
    for at in range(len(config.kernels)):
        total: str | None = None
        for column, (owner, j) in enumerate(blocks):
            if owner != at:
                continue
            first = column * config.filters
            # Rows j .. j+L; counted from the end, since L is not known here.
            last_row = j - beyond if j < beyond else np.iinfo(np.int64).max
            part = graph.op(
                "Slice",
                [
                    product,
                    graph.whole(j, first),
                    graph.whole(int(last_row), first + config.filters),
                    graph.whole(1, 2),
                ],
            )
            total = part if total is None else graph.op("Add", [total, part])
        features.append(graph.strongest(total))
    return features


def _cnn_conv(graph: Graph, prefix: str, model: Cnn, words: str) -> list[str]:
    """The same by Conv nodes, which want [1, d, L]."""
    channels = graph.op("Transpose", [words], perm=[0, 2, 1])
    features = []
    for at, kernel in enumerate(model.config.kernels):
        weight = graph.dense(
            f"{prefix}.filters{kernel}", _array(model.convolutions[at].weight), 0,
            _filter_maximum(model, at),
        )
        response = graph.op(
            "Conv", [channels, weight], kernel_shape=[kernel], pads=[0, kernel - 1]
        )
        masked = graph.op("Add", [response, graph.penalty(graph.mask_row)])
        features.append(graph.op("ReduceMax", [masked], axes=[2], keepdims=0))
    return features


def _cnn(graph: Graph, prefix: str, model: Cnn, output: str | None, conv: str) -> str:
    words = graph.words(prefix, _array(model.embedding.weight))
    form = _cnn_conv if conv == "conv" else _cnn_matmul
    strongest = graph.op("Concat", form(graph, prefix, model, words), axis=1)
    # Bias and relu keep the order of the responses, so they may follow the maximum: relu(max + b).
    bias = np.concatenate([_array(one.bias) for one in model.convolutions])
    biased = graph.op("Add", [strongest, graph.constant(f"{prefix}.filters.bias", bias)])
    features = graph.op("Concat", [graph.op("Relu", [biased]), graph.mean(words)], axis=1)
    return graph.head(prefix, features, model.head, output)


def _transformer(graph: Graph, prefix: str, model: Transformer, output: str | None) -> str:
    config = model.config
    head = config.width // config.heads
    length = graph.op("Slice", [graph.op("Shape", [INPUT]), graph.whole(1), graph.whole(2)])
    table = graph.constant(f"{prefix}.position", _array(model.position))
    position = graph.op("Slice", [table, graph.whole(0), length, graph.whole(0)])  # [L, d]
    words = graph.op("Add", [graph.words(prefix, _array(model.embedding.weight)), position])
    words = graph.norm(f"{prefix}.norm", words, model.norm)
    for number, layer in enumerate(model.layers):
        name = f"{prefix}.{number}"
        weight, bias = _array(layer.qkv.weight).copy(), _array(layer.qkv.bias).copy()
        weight[: config.width] *= head**-0.5  # the attention scale
        bias[: config.width] *= head**-0.5
        qkv = graph.op("MatMul", [words, graph.dense(f"{name}.qkv", weight.T, axis=1)])
        qkv = graph.op("Add", [qkv, graph.constant(f"{name}.qkv.bias", bias)])
        split = graph.op("Reshape", [qkv, graph.whole(0, 0, 3 * config.heads, head)])
        split = graph.op("Transpose", [split], perm=[0, 2, 1, 3])  # [1, 3 x heads, L, head]
        query, key, value = (
            graph.op(
                "Slice",
                [
                    split,
                    graph.whole(part * config.heads),
                    graph.whole((part + 1) * config.heads),
                    graph.whole(1),
                ],
            )
            for part in range(3)
        )
        scores = graph.op("MatMul", [query, graph.op("Transpose", [key], perm=[0, 1, 3, 2])])
        scores = graph.op("Add", [scores, graph.penalty(graph.mask_row)])  # [1, heads, L, L]
        mixed = graph.op("MatMul", [graph.op("Softmax", [scores], axis=-1), value])
        mixed = graph.op("Transpose", [mixed], perm=[0, 2, 1, 3])
        mixed = graph.op("Reshape", [mixed, graph.whole(0, 0, config.width)])
        words = graph.op("Add", [words, graph.linear(f"{name}.out", mixed, layer.out)])
        words = graph.norm(f"{name}.norm1", words, layer.norm1)
        inner = graph.linear(f"{name}.inner", words, layer.inner)
        if config.activation == "gelu":  # x (1 + erf(x / sqrt 2)); the 1/2 lies in the next weight
            curve = graph.op("Erf", [graph.op("Mul", [inner, graph.number(math.sqrt(0.5))])])
            inner = graph.op("Mul", [inner, graph.op("Add", [curve, graph.number(1.0)])])
            outer = graph.linear(f"{name}.outer", inner, layer.outer, weight_factor=0.5)
        else:
            outer = graph.linear(
                f"{name}.outer", graph.op("Relu", [inner]), layer.outer
            )
        words = graph.norm(f"{name}.norm2", graph.op("Add", [words, outer]), layer.norm2)
    features = graph.op("Concat", [graph.mean(words), graph.strongest(words)], axis=1)
    return graph.head(prefix, features, model.head, output)


def _member(graph: Graph, prefix: str, model: nn.Module, output: str | None, conv: str) -> str:
    if isinstance(model, Bag):
        return _bag(graph, prefix, model, output)
    if isinstance(model, Cnn):
        return _cnn(graph, prefix, model, output, conv)
    if isinstance(model, Transformer):
        return _transformer(graph, prefix, model, output)
    raise TypeError(f"no export for {type(model).__name__}")


def export(
    name: str, members: Sequence[nn.Module], weights: str = "int8", conv: str = "matmul"
) -> onnx.ModelProto:
    """One graph of one network, or of several whose logits are averaged."""
    if conv not in CONVOLUTIONS:
        raise ValueError(f"conv '{conv}' is none of {', '.join(CONVOLUTIONS)}")
    graph = Graph(weights)
    if len(members) == 1:
        _member(graph, type(members[0]).__name__.lower(), members[0], "logits", conv)
    else:
        logits = [
            _member(graph, f"{number}.{type(model).__name__.lower()}", model, None, conv)
            for number, model in enumerate(members)
        ]
        total = logits[0]
        for one in logits[1:]:
            total = graph.op("Add", [total, one])
        graph.op("Mul", [total, graph.number(1.0 / len(members))], output="logits")
    graph.op("Softmax", ["logits"], output="probs", axis=-1)
    proto = helper.make_graph(
        graph.nodes,
        name,
        [helper.make_tensor_value_info(INPUT, TensorProto.INT64, [1, "L"])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, STARS]),
            helper.make_tensor_value_info("probs", TensorProto.FLOAT, [1, STARS]),
        ],
        list(graph.constants.values()),
    )
    model = helper.make_model(
        proto,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="rollout-lab",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def operators(model: onnx.ModelProto) -> dict[str, int]:
    """How often each operator occurs, by name."""
    kinds = sorted(node.op_type for node in model.graph.node)
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def write(model: onnx.ModelProto, path: Path) -> bytes:
    """Writes the file and gives its bytes."""
    content = model.SerializeToString(deterministic=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return content
