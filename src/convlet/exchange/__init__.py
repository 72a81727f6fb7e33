"""Networks to and from other tools: files that they read, and theirs.

What it is not: an engine. Here nothing is computed but to compare.

    exporting   a run as model.onnx, model.keras or model.h, checked before it is written
    importing   a network of another's as a run in a folder
    checking    what another makes of images, beside what the network makes of them
    library     what is imported for others' networks, and what to type where it is missing
    graph       what others' networks are made of, as layers of ours, whichever tool they come from
    onnx        both ways, as files: kinds.py, writing.py; running.py, in ONNX Runtime
    torch       both ways, as live modules
    keras       from live models; to them it is the keras engine
    c           a header for small devices: float32.py, writing.py, and functions/ in C
"""
