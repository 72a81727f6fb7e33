"""The page where you see a convolution happen, on your own network.

    content     what the page is given: the network, its weights, images to look at
    starting    the networks that the page trains of itself
    wire        a network, its weights and images as one JSON description and one binary buffer
    framing     both as one body
    sessions    what is trained live, and the time line that it leaves
    worker      the one thread that trains and evaluates
    edits       weights changed by hand
    studio      everything that the routes ask
    app         the routes
    guard       who is let in: hosts, origins, the token, the size and the time of a request
    server      a socket on loopback, an address with a token, a browser
    script      the page's modules as one script
    exporting   the page as one file, without a server
    page/       what the browser runs, as it is written: plain ES modules

The browser computes for itself: `page/network/` is the numpy engine's forward pass once more, in its words, and a test
in a real browser holds the two together.
"""
