"""A server for predictions: images over HTTP → classes and probabilities, for other programs.

    predictor     what is served: classes, the shape of an image, and one function, images → probabilities
    limits        how much of everything, and for how long
    reading       what a request brings, pictures or arrays → images
    batching      the one thread that computes: requests that wait are answered together
    metrics       counts and times, as Prometheus reads them
    guard         who is let in, how many at once, and how large a body
    app           the routes
    description   the routes as OpenAPI describes them
    server        a socket, uvicorn, and connections that come to nothing

What it is not: several models, accounts, encryption. In front of it, on a public network, stands a proxy that has them.
"""
