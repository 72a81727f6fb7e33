"""Every operator of ONNX that becomes something of ours, and two that it lacks."""

from collections.abc import Callable

from convlet.exchange.graph import arithmetic, layering, viewing
from convlet.exchange.graph.building import Building
from convlet.exchange.graph.nodes import Node
from convlet.exchange.graph.steps import Value

OPERATORS: dict[str, Callable[[Building, Node], Value]] = {
    "Add": arithmetic.add,
    "AveragePool": layering.average_pool,
    "BatchNormalization": layering.normalization,
    "Cast": arithmetic.cast,
    "Clip": arithmetic.clip,
    "Conv": layering.conv,
    "Div": arithmetic.divide,
    "Dropout": layering.dropout,
    "Elu": arithmetic.elu,
    "Erf": arithmetic.erf,
    "Flatten": viewing.flatten,
    "Gelu": arithmetic.gelu,
    "Gemm": layering.gemm,
    "GlobalAveragePool": layering.global_average_pool,
    "GlobalMaxPool": layering.global_max_pool,
    "HardSigmoid": arithmetic.hard_sigmoid,
    "HardSwish": arithmetic.plain_curve("hard_swish"),
    "Identity": arithmetic.same,
    "LeakyRelu": arithmetic.leaky_relu,
    "MatMul": layering.matmul,
    "MaxPool": layering.max_pool,
    "Mul": arithmetic.multiply,
    "Neg": arithmetic.negative,
    "PRelu": arithmetic.p_relu,
    "Pad": layering.pad,
    "ReduceMean": layering.reduce_mean,
    "Relu": arithmetic.plain_curve("relu"),
    "Reshape": viewing.reshape,
    "Sigmoid": arithmetic.sigmoid,
    "Softmax": arithmetic.softmax,
    "Squeeze": viewing.squeeze,
    "Sub": arithmetic.subtract,
    "Tanh": arithmetic.plain_curve("tanh"),
    "Transpose": viewing.transpose,
    "Unsqueeze": viewing.unsqueeze,
    "AdaptiveAveragePool": layering.adaptive_pool("AveragePool"),  # PyTorch's
    "AdaptiveMaxPool": layering.adaptive_pool("MaxPool"),
}
