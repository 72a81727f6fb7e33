"""A server for predictions in this process, and requests over real sockets. Helpers; there are no tests here."""

import http.client
import io
import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image

from convlet.listening import Stopper
from convlet.losses import softmax
from convlet.serving.limits import Limits
from convlet.serving.predictor import Predictor

SHAPE, CLASSES = (5, 4, 1), ("ant", "bee", "cat")
WEIGHTS = np.random.default_rng(0).normal(size=(20, 3))


def probabilities(images):
    """What is answered of images (N, 5, 4, 1) from 0 to 1: the same for each, in any company."""
    return np.stack([softmax((image.reshape(-1) @ WEIGHTS)[np.newaxis])[0] for image in images])


class Slow:
    """Answers as `probabilities`, but not before it `may`; remembers how many images it was given each time."""

    def __init__(self):
        self.may, self.begun, self.batches = threading.Event(), threading.Event(), []
        self.may.set()

    def __call__(self, images):
        self.batches.append(len(images))
        self.begun.set()
        assert self.may.wait(30)
        return probabilities(images)

    def hold(self):
        """From now on nothing is answered until `may` is set."""
        self.may.clear()
        self.begun.clear()
        self.batches.clear()


def predictor(answer=probabilities, **others):
    return Predictor(**{"name": "tiny", "classes": CLASSES, "image_shape": SHAPE, "answer": answer, **others})


@contextmanager
def served(predicting=None, *, ready=True, **limits):
    """A server that a thread of this process runs; it has ended afterwards, and without an error."""
    from convlet.serving import server

    told, addresses, failures, stop = threading.Event(), [], [], Stopper()

    def said(address):
        addresses.append(address)
        told.set()

    def run():
        try:
            server.serve(predicting or predictor(), Limits(**limits), port=0, said=said, stopper=stop)
        except BaseException as error:
            failures.append(error)
            told.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert told.wait(30) and addresses, failures
    port = int(addresses[0].rstrip("/").rpartition(":")[2])
    made = Server(port, stop, thread)
    if ready:
        made.wait_until_ready()
    try:
        yield made
    finally:
        stop()
        thread.join(30)
        assert not thread.is_alive() and not failures, failures


@dataclass
class Server:
    """Where a server is, and how it is asked and ended."""

    port: int
    stop: Stopper
    thread: threading.Thread

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, body) of one request on a connection of its own; the body is JSON where it says so."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            content, names = answer.read(), {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()
        return answer.status, names, json.loads(content) if "json" in names.get("content-type", "") else content

    def predict(self, body, content_type="application/json", query=""):
        """(status, JSON) of a prediction."""
        status, _, answer = self.ask("POST", f"/predict{query}", body, {"content-type": content_type})
        return status, answer

    def wait_until_ready(self):
        wait_until(lambda: self.ask("GET", "/health")[0] == 200)

    def raw(self, content=b""):
        """A connection of its own on which these bytes were sent."""
        made = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        made.sendall(content)
        return made

    def metric(self, line):
        """The value of a line of the metrics; 0 where there is none."""
        text = self.ask("GET", "/metrics")[2].decode()
        return next((float(row.rpartition(" ")[2]) for row in text.splitlines() if row.startswith(f"{line} ")), 0)


def wait_until(true, seconds=30):
    """Wait for something that another thread brings about."""
    waiting = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if true():
            return
        waiting.wait(0.02)
    raise AssertionError("it never came")


def image(seed=0):
    """An image (5, 4, 1) of bytes."""
    return np.random.default_rng(seed).integers(0, 256, SHAPE).astype(np.uint8)


def png(pixels):
    content = io.BytesIO()
    Image.fromarray(pixels[..., 0]).save(content, "PNG")
    return content.getvalue()


def form(*files, boundary="----boundary"):
    """(body, content type) of a form with these (name, bytes)."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n'
        f"Content-Type: image/png\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in files
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def expected(*images):
    """The predictions of images of bytes, by their places."""
    answered = probabilities([pixels.astype(np.float32) / np.float32(255) for pixels in images])
    return [dict(zip(CLASSES, map(float, row), strict=True)) for row in answered]


BODY = json.dumps(image().tolist()).encode()


def request(body=BODY, length=None, kind="application/json", host="127.0.0.1", more=""):
    """The bytes of a prediction's request; its length may be a lie."""
    head = f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\n{more}"
    return f"{head}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


def status_of(connection):
    """The status that comes on a connection; None where it closes without one."""
    with connection, connection.makefile("rb") as told:
        answer = told.readline()
    return int(answer.split()[1]) if answer else None
