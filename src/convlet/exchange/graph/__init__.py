"""Another tool's network as one of ours: its graph, in the words of ONNX's operators, becomes layers and weights.

What it is not: it reads nobody's files or objects. `onnx`, `torch` and `keras` beside it put down what they find.

    nodes       a graph: operators, arrays, what goes in and what comes out
    taking      a graph as a network, or a checkpoint, in this order:
    building    node by node to steps (steps.py); what is worked out at once is in folding.py
    operators   what each becomes: layering.py, viewing.py, arithmetic.py
    blocks      from steps to a network with residual blocks
"""
