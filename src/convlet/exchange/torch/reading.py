"""A module as a graph: what torch.fx follows of its forward, each part in the words of ONNX's operators.

PyTorch's own modules are parts, and so are functions, methods and arithmetic. Modules of others are followed into.
Whatever is not known is refused by its path.
"""

import operator

from torch import fx, nn

from convlet.checks import Shape
from convlet.errors import InputError
from convlet.exchange.graph.drafting import Draft
from convlet.exchange.graph.nodes import Model
from convlet.exchange.torch.calls import CALLS, Name
from convlet.exchange.torch.leaves import KINDS, numbers

PARTS = tuple(kind for kind in KINDS if not kind.__module__.startswith("torch."))  # of our own
UNKNOWN = "no layer of convlet does what it does."


class _Tracer(fx.Tracer):  # type: ignore[misc]  # unknown where PyTorch is not followed
    def is_leaf_module(self, module: nn.Module, path: str) -> bool:
        return isinstance(module, PARTS) or super().is_leaf_module(module, path)


def graph_of(module: nn.Module, shape: Shape, where: str) -> Model:
    """What a module does, of images of a shape (H, W, C), as a graph. Raises InputError, with `where` in front."""
    root, tracer = nn.Sequential(module), _Tracer()
    root = module if not tracer.is_leaf_module(module, "") else root  # of a part alone nothing would be followed
    try:
        graph = tracer.trace(root)
    except Exception as error:  # what its own code raises, too, when it is given no numbers
        raise InputError(
            f"{where}: torch.fx cannot follow its forward: {type(error).__name__}: {str(error)[:200]}. Let it not "
            "choose by what images are like; or export it as ONNX, and take that: cl.onnx.load."
        ) from None
    reading = _Reading(root)
    try:
        for node in _needed(graph):
            reading.add(node)
    except InputError as error:
        raise InputError(": ".join(filter(None, (where, reading.draft.origin, str(error))))) from None
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise InputError(f"{where}: {reading.draft.origin}: {UNKNOWN} ({type(error).__name__}: {error})") from None
    return reading.draft.model(reading.given, shape, reading.made, channels_last=False)


def _needed(graph: fx.Graph) -> list[fx.Node]:
    """The nodes that the output depends on, in their order."""
    needed: dict[fx.Node, None] = {}  # a set that keeps its order
    for node in reversed(graph.nodes):
        if node.op in ("output", "placeholder") or not needed.keys().isdisjoint(node.users):
            needed[node] = None
    return list(needed)[::-1]


class _Reading:
    """What has been read of a module's graph so far; `values` are the names that its nodes' values have there."""

    def __init__(self, root: nn.Module) -> None:
        self._root, self.draft = root, Draft()
        self._values: dict[fx.Node, Name] = {}
        self.given = self.made = ""

    def add(self, node: fx.Node) -> None:
        """One node more. Raises InputError for what no layer here does."""
        self.draft.origin, self.draft.trainable = "", True
        match node.op:
            case "placeholder":
                self._begin(node)
            case "output":
                self._end(node)
            case "get_attr":
                tensor = operator.attrgetter(node.target)(self._root)
                self._values[node] = Name(self.draft.array(numbers(tensor), node.target))
            case "call_module":
                self._module(node)
            case _:
                self._call(node)

    def _begin(self, node: fx.Node) -> None:
        if not self.given:
            self.given = self._values[node] = Name(node.name)
        elif node.users:
            raise InputError(f"it is given {node.name!r} beside the images; expected images alone.")

    def _end(self, node: fx.Node) -> None:
        (result,) = node.args
        if not isinstance(result, fx.Node):
            raise InputError(f"it gives a {type(result).__name__}; expected one tensor, logits (N, classes).")
        self.made = self._values[result]

    def _module(self, node: fx.Node) -> None:
        module = self._root.get_submodule(node.target)
        kind, learnt = type(module), [weight.requires_grad for weight in module.parameters()]
        self.draft.origin, self.draft.trainable = f"module {node.target!r} ({kind.__name__})", any(learnt) or not learnt
        if kind not in KINDS:
            raise InputError(UNKNOWN)
        if len(node.args) != 1 or node.kwargs:
            raise InputError("it is given several values; expected one.")
        self._keep(node, KINDS[kind](self.draft, module, node.target, self._values[node.args[0]]))

    def _call(self, node: fx.Node) -> None:
        told = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
        self.draft.origin = f"{told}(…), {node.name!r} in its forward"
        if node.target not in CALLS:
            raise InputError(UNKNOWN)
        args, named = (fx.map_arg(each, self._values.__getitem__) for each in (node.args, node.kwargs))
        self._keep(node, CALLS[node.target](self.draft, *args, **named))

    def _keep(self, node: fx.Node, value: str) -> None:
        self._values[node] = Name(self.draft.call(value, node.name))
