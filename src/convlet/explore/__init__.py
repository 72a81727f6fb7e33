"""The page where you see a convolution happen, on your own network.

    wire      a network, its weights and images as one JSON description and one binary buffer
    page/     what the browser runs: plain ES modules, no build step

The browser computes for itself: `page/network/` is the numpy engine's forward pass once more, in its words, and a test
in a real browser holds the two together.
"""
