"""What ONNX Runtime makes of every operator that the lab runs: tests/golden/operators.json.

    python training/known_operators.py tests/golden/operators.json

Each case is a model of one operator with the input `x` and the output `y`; the Rust tests read it, run it and compare.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(2026)
KINDS = {np.float32: TensorProto.FLOAT, np.int64: TensorProto.INT64, np.bool_: TensorProto.BOOL}


def floats(*shape):
    return RNG.uniform(-2, 2, shape).astype(np.float32)


def ints(*numbers):
    return np.array(numbers, dtype=np.int64)


def case(operator, x, constants=(), opset=17, order=None, **attributes):
    """`order`: where `x` stands among the inputs; it stands first by itself. None among the constants is left out."""
    names = ["" if c is None else f"c{i}" for i, c in enumerate(constants)]
    names.insert(order or 0, "x")
    outputs = attributes.pop("outputs", ["y"])
    node = helper.make_node(operator, names, outputs, **attributes)
    # The first axis stays open, as the length of a text does.
    shape = ["L", *x.shape[1:]]
    graph = helper.make_graph(
        [node],
        operator,
        [helper.make_tensor_value_info("x", KINDS[x.dtype.type], shape)],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(c, f"c{i}") for i, c in enumerate(constants) if c is not None],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return model, x


def closed(operator, x, *rest, **attributes):
    """A case whose shape is known."""
    model, x = case(operator, x, *rest, **attributes)
    dim = model.graph.input[0].type.tensor_type.shape.dim[0]
    dim.ClearField("dim_param")
    dim.dim_value = x.shape[0]
    return model, x


def cases():
    x = floats(3, 4)
    positive = np.abs(x) + np.float32(0.1)
    truth = x > 0
    for operator in ["Abs", "Erf", "Exp", "Floor", "Identity", "LeakyRelu", "Neg", "Reciprocal", "Relu", "Sigmoid", "Tanh", "Dropout"]:
        yield case(operator, x)
    for operator in ["Log", "Sqrt"]:
        yield case(operator, positive)
    for operator in ["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum"]:
        yield case(operator, x, [floats(4)])
        yield case(operator, x, [floats(2, 1, 4)], order=1)
    yield case("Max", x, [floats(4), floats(1, 1)])
    yield case("Pow", positive, [floats(1)])
    yield case("Pow", x, [np.array(2, dtype=np.float32)])
    for operator in ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"]:
        yield case(operator, ints(1, 2, 3), [ints(2)])
    for operator in ["And", "Or"]:
        yield case(operator, truth, [np.array([True, False, True, False])])
    yield case("Not", truth)
    yield case("Mod", ints(-7, 7, 8, 0), [ints(3)])
    yield case("Mod", ints(-7, 7, 8, 0), [ints(-3)])
    yield case("Mod", x, [np.array([0.7], dtype=np.float32)], fmod=1)
    yield case("Clip", x, [np.array(-0.5, dtype=np.float32), np.array(0.5, dtype=np.float32)])
    yield case("Clip", x, [None, np.array(0.5, dtype=np.float32)])
    yield case("Gelu", x, opset=20)
    yield case("Gelu", x, opset=20, approximate="tanh")
    yield case("Cast", ints(0, 1, 5), to=TensorProto.FLOAT)
    yield case("Cast", truth, to=TensorProto.INT64)
    yield case("Where", truth, [floats(4), floats(1, 4)])
    yield case("Concat", x, [floats(2, 4)], axis=0)
    yield closed("Concat", x, [floats(3, 2)], axis=-1, order=1)
    yield closed("Expand", x, [ints(2, 3, 4)])
    yield case("Flatten", floats(2, 3, 4), axis=2)
    yield closed("Flatten", floats(2, 3, 4), axis=-1)
    yield case("Gather", ints(0, -1, 2), [floats(3, 5)], order=1)
    yield case("Gather", x, [ints(1, 3)], axis=1)
    yield case("Reshape", floats(3, 4, 2), [ints(0, 2, -1)])
    yield case("Slice", x, [ints(1), ints(3), ints(1)])
    yield case("Slice", x, [ints(-2, 0), ints(9223372036854775807, -1), ints(-1, 0)])
    yield case("Slice", x, [ints(0, 1), ints(2, 4), None, ints(1, 1)])
    yield case("Split", floats(3, 5), [ints(2, 3)], axis=1, outputs=["first", "y"])
    yield case("Split", floats(3, 6), axis=1, outputs=["y", "second"])
    yield case("Squeeze", floats(3, 1, 4, 1), [ints(-1)])
    yield closed("Squeeze", floats(3, 1, 4, 1))
    yield case("Squeeze", floats(3, 1, 4), axes=[1], opset=11)
    yield case("Unsqueeze", x, [ints(0, -1)])
    yield case("Unsqueeze", x, axes=[1], opset=11)
    yield case("Transpose", floats(3, 4, 2), perm=[2, 0, 1])
    yield case("Transpose", x)
    yield case("MatMul", x, [floats(4, 5)])
    yield case("MatMul", floats(6, 4), [floats(4, 16)])
    yield case("MatMul", floats(2, 7, 4), [floats(4, 8)])
    yield closed("MatMul", floats(3, 2, 4), [floats(3, 4, 5)])
    yield case("MatMul", x, [floats(4)])
    yield closed("MatMul", floats(4), [floats(4, 3)])
    yield case("Gemm", x, [floats(4, 5), floats(5)])
    yield case("Gemm", floats(9, 4), [floats(8, 4), floats(1, 8)], transB=1, alpha=0.5, beta=2.0)
    yield closed("Gemm", x, [floats(3, 5)], transA=1)
    yield case("Softmax", x)
    yield closed("Softmax", floats(2, 3, 4), axis=1)
    yield case("Softmax", floats(2, 3, 4), axis=1, opset=11)
    yield case("LogSoftmax", x)
    for operator in ["ReduceMax", "ReduceMean", "ReduceMin"]:
        yield case(operator, floats(3, 4, 2), axes=[1])
        yield closed(operator, floats(3, 4, 2), keepdims=0)
        yield case(operator, floats(3, 4, 2), [ints(-1, 0)], keepdims=0, opset=18)
    yield case("ReduceSum", floats(3, 4, 2), [ints(0)], keepdims=0)
    yield case("LayerNormalization", floats(3, 2, 6), [floats(6), floats(6)])
    yield case("LayerNormalization", floats(3, 2, 8), [floats(2, 8)], axis=1, epsilon=0.01)
    yield case("BatchNormalization", floats(2, 3, 4), [floats(3), floats(3), floats(3), np.abs(floats(3))])
    yield closed("Conv", floats(2, 3, 9), [floats(5, 3, 3), floats(5)], pads=[1, 1])
    yield closed("Conv", floats(1, 4, 6, 5), [floats(6, 2, 3, 2)], group=2, strides=[2, 1])
    yield closed("MaxPool", floats(1, 2, 7), kernel_shape=[3], strides=[2], pads=[1, 0])
    yield closed("AveragePool", floats(1, 2, 6, 6), kernel_shape=[2, 2], strides=[2, 2])
    yield closed("AveragePool", floats(1, 2, 7), kernel_shape=[3], pads=[1, 1], count_include_pad=1)
    yield case("GlobalAveragePool", floats(2, 3, 4, 5))
    yield case("GlobalMaxPool", floats(2, 3, 4))
    yield from special()


def special():
    """Operators whose input must be constant or of another type than a case can give: `x` joins afterwards."""
    x = floats(3, 4)

    def after(node, constants, join="Add"):
        last = helper.make_node(join, ["x", "made"], ["y"])
        graph = helper.make_graph(
            [node, last],
            node.op_type,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["L", 4])],
            [helper.make_empty_tensor_value_info("y")],
            [numpy_helper.from_array(c, name) for name, c in constants.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), x

    for attributes in [{}, {"start": -1}]:
        shape = helper.make_node("Shape", ["x"], ["whole"], **attributes)
        last = helper.make_node("Cast", ["whole"], ["y"], to=TensorProto.FLOAT)
        graph = helper.make_graph(
            [shape, last],
            "Shape",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["L", 4])],
            [helper.make_empty_tensor_value_info("y")],
        )
        yield helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), x

    q = RNG.integers(-128, 128, (4, 4)).astype(np.int8)
    zero = RNG.integers(-5, 5, 4).astype(np.int8)
    for axis in [0, 1]:
        node = helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["made"], axis=axis)
        yield after(node, {"q": q, "scale": np.abs(floats(4)), "zero": zero}, join="MatMul")
    node = helper.make_node("DequantizeLinear", ["q", "scale"], ["made"])
    yield after(node, {"q": q, "scale": np.float32(0.25).reshape(())}, join="MatMul")
    node = helper.make_node("ConstantOfShape", ["shape"], ["made"], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [0.5]))
    yield after(node, {"shape": ints(1, 4)})
    yield after(helper.make_node("Constant", [], ["made"], value=numpy_helper.from_array(floats(4))), {})
    yield after(helper.make_node("Constant", [], ["made"], value_floats=[1.0, 2.0, 3.0, 4.0]), {})


def main():
    known = []
    # As the file says: its optimiser would multiply in int8.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    for model, x in cases():
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        (y,) = session.run(["y"], {"x": x})
        listed = lambda a: {"shape": list(a.shape), "numbers": [float(v) for v in a.ravel()]}
        known.append(
            {"operator": model.graph.node[0].op_type, "model": model.SerializeToString().hex(), "x": listed(x), "y": listed(np.asarray(y))}
        )
    with open(sys.argv[1], "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(c) for c in known) + "\n]\n")
    print(len(known), "cases,", len({c["operator"] for c in known}), "operators")


if __name__ == "__main__":
    main()
