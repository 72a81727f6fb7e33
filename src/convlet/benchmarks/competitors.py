"""Who is measured: a name, the class to import in a process of its own, and what must be installed for it.

The versions compared with are those that are installed; nothing is imported here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from shutil import which
from typing import Any

from convlet.benchmarks.workloads import Task
from convlet.checks import listed, nearest
from convlet.engines import EXTRAS, installed
from convlet.errors import InputError

BASELINE = "numba"  # whose time every other one is divided by
SGEMM = "sgemm"  # the machine's own speed
BOTH: tuple[Task, ...] = ("training", "inference")


@dataclass(frozen=True)
class Competitor:
    """`module` and `peer` say which class takes the steps, `options` what it is made with; `requires` are modules.

    `threads`, where given, replaces the benchmark's own number. Who is not `checked` computes no network.
    """

    name: str
    label: str
    module: str
    peer: str
    requires: tuple[str, ...] = ()
    install: str = ""
    tasks: tuple[Task, ...] = BOTH
    options: dict[str, Any] = field(default_factory=dict)
    threads: int | None = None
    programs: tuple[str, ...] = ()
    checked: bool = True

    def missing(self) -> str:
        """Why it cannot take part here, and what to type; or nothing."""
        if absent := [module for module in self.requires if not installed(module)]:
            return f"{' and '.join(absent)} not installed: {self.install}"
        if absent := [program for program in self.programs if which(program) is None]:
            return f"needs {' and '.join(absent)} to compile with: install a C++ compiler"
        return ""


_PEERS = "convlet.benchmarks.peers"
_TORCH: dict[str, Any] = {
    "module": f"{_PEERS}.pytorch",
    "requires": ("torch",),
    "install": "pip install torch",
}
_KERAS = ("keras", "tensorflow")
_ONNX: dict[str, Any] = {
    "module": f"{_PEERS}.onnx_runtime",
    "peer": "OnnxRuntime",
    "requires": ("onnx", "onnxruntime"),
    "install": "pip install onnx onnxruntime",
    "tasks": ("inference",),
}


def _engine(name: str, label: str, requires: tuple[str, ...] = (), install: str = "") -> Competitor:
    return Competitor(name, label, f"{_PEERS}.engines", "EnginePeer", requires, install, options={"engine": name})


_ALL = (
    _engine("numba", "convlet numba"),
    _engine("numpy", "convlet numpy"),
    _engine("keras", "convlet keras (TensorFlow)", _KERAS, EXTRAS["keras"]),
    Competitor("pytorch", "PyTorch as people write it", peer="PyTorch", **_TORCH),
    Competitor("pytorch-best", "PyTorch at its best", peer="PyTorchAtItsBest", **_TORCH),
    Competitor("pytorch-compiled", "PyTorch compiled", peer="PyTorchCompiled", programs=("g++",), **_TORCH),
    Competitor("keras-fit", "Keras on TensorFlow", f"{_PEERS}.keras_fit", "KerasFit", _KERAS, EXTRAS["keras"]),
    Competitor(
        "tensorflow",
        "TensorFlow, raw tf.function",
        f"{_PEERS}.tensorflow_step",
        "TensorFlowStep",
        ("tensorflow",),
        "pip install tensorflow-cpu",
    ),
    Competitor("jax", "JAX, one jit", f"{_PEERS}.jax_step", "JaxStep", ("jax",), "pip install jax"),
    Competitor("onnxruntime", "ONNX Runtime", **_ONNX),
    Competitor("onnxruntime-1", "ONNX Runtime, one thread", threads=1, **_ONNX),
    Competitor(SGEMM, "NumPy's sgemm, 2048²", f"{_PEERS}.sgemm", "Sgemm", checked=False),
)
COMPETITORS = {competitor.name: competitor for competitor in _ALL}
IN_SWEEPS = (BASELINE, "pytorch-best", SGEMM)


def chosen(names: Sequence[str] | None) -> list[Competitor]:
    """The competitors of these names, in this order; all of them for None. Raises InputError."""
    wanted = list(COMPETITORS if names is None else names)
    for name in wanted:
        if name not in COMPETITORS:
            known = f"expected some of {listed(COMPETITORS)}.{nearest(name, COMPETITORS)}"
            raise InputError(f"competitors={name!r}: {known}")
    return [COMPETITORS[name] for name in dict.fromkeys(wanted)]
