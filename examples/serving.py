"""How many requests a second `convlet serve` answers, and how soon; and ONNX Runtime with the same network behind the
same server: the door between server and predictor is one function.

    python examples/serving.py runs/lenet-5-1
    python examples/serving.py runs/lenet-5-1 --connections 1 16 --seconds 10 --threads 1

Each request brings one picture, a PNG of noise. wrk (https://github.com/wg/wrk) asks, on this same machine: it takes a
part of one core. Both servers are asked in turn, in rounds; the figures are medians, and the range of the rounds.
"""

import argparse
import io
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import which
from statistics import median
from urllib.error import URLError

import numpy as np
from PIL import Image

import convlet as cl
from convlet.environment import limit_threads
from convlet.exchange.onnx.running import Running
from convlet.serving import server
from convlet.serving.limits import Limits
from convlet.serving.predictor import Predictor, of_run

SERVED = ("convlet", "ONNX Runtime")
ASKING = """
wrk.method = "POST"
wrk.headers["content-type"] = "image/png"
local file = io.open("{picture}", "rb")
wrk.body = file:read("*all")
file:close()
done = function(summary, latency, requests)
  local wrong = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  local times = string.format("%d %d", latency:percentile(50), latency:percentile(99))
  io.write(string.format("told: %d %d %s %d\\n", summary.requests, summary.duration, times, wrong))
end
"""


def predictor(run: Path, name: str) -> Predictor:
    """What answers: the run itself, or ONNX Runtime with the file that it exports."""
    ours = of_run(cl.load(run))
    if name == SERVED[0]:
        return ours
    with tempfile.TemporaryDirectory() as folder:
        cl.load(run).export(file := Path(folder) / "model.onnx")
        theirs = Running.of(file.read_bytes())
    return Predictor(name, ours.classes, ours.image_shape, theirs.probabilities, ours.fit)


@contextmanager
def served(run: Path, name: str, threads: int) -> Iterator[str]:
    """The address of a server in a process of its own, ready to answer."""
    command = [sys.executable, __file__, str(run), "--serve", name, "--threads", str(threads)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            while not ready(address):
                time.sleep(0.05)
            yield address
        finally:
            process.terminate()


def ready(address: str) -> bool:
    """Whether a server's first prediction is done."""
    try:
        return bool(urllib.request.urlopen(f"{address}health").status == 200)  # noqa: S310 (our own server)
    except URLError:
        return False


def batches(address: str) -> tuple[float, float]:
    """How many images a server has computed, and in how many batches."""
    text = urllib.request.urlopen(f"{address}metrics").read().decode()  # noqa: S310
    found = dict(re.findall(r"convlet_batch_images_(sum|count) (\S+)", text))
    return float(found["sum"]), float(found["count"])


def asked(address: str, connections: int, seconds: int, script: Path) -> tuple[float, ...]:
    """Requests a second, milliseconds of the median and of the 99th of a hundred, images a batch."""
    before = batches(address)
    command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s", f"--script={script}"]
    said = subprocess.run([*command, f"{address}predict"], capture_output=True, text=True, check=True).stdout
    requests, took, middle, late, wrong = map(int, said.partition("told: ")[2].split())
    if wrong:
        raise SystemExit(f"{wrong} of {requests} requests failed:\n{said}")
    images, times = (now - then for now, then in zip(batches(address), before, strict=True))
    return requests / took * 1e6, middle / 1e3, late / 1e3, images / times


def picture(run: Path) -> bytes:
    """A PNG of noise, as large as the network's images."""
    height, width, channels = cl.load(run).network.input_shape
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(content, "PNG")
    return content.getvalue()


def measure(run: Path, connections: list[int], seconds: int, rounds: int, threads: int) -> None:
    """Ask both servers in turn, and print a table."""
    if not which("wrk"):
        raise SystemExit("This needs wrk: apt install wrk, or https://github.com/wg/wrk")
    rows: dict[tuple[str, int], list[tuple[float, ...]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        (file := Path(folder) / "picture.png").write_bytes(picture(run))
        (script := Path(folder) / "ask.lua").write_text(ASKING.format(picture=file.as_posix()))
        for _ in range(rounds):
            for name in SERVED:
                with served(run, name, threads) as address:
                    for count in connections:
                        rows.setdefault((name, count), []).append(asked(address, count, seconds, script))
    print(f"{run.name}, {threads} threads, {rounds} rounds of {seconds} s, median (range)\n")
    print(
        "| served | connections | requests a second | p50, ms | p99, ms | images a batch |\n|---|---|---|---|---|---|"
    )
    for count in connections:
        for name in SERVED:
            cells = " | ".join(map(shown, zip(*rows[name, count], strict=True)))
            print(f"| {name} | {count} | {cells} |")


def shown(values: tuple[float, ...]) -> str:
    """A median, and the range."""
    middle, low, high = (
        round(value, 1 if value < 100 else None) for value in (median(values), min(values), max(values))
    )
    return f"{middle:,} ({low:,}–{high:,})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--serve", choices=SERVED, help=argparse.SUPPRESS)
    asked_for = parser.parse_args()
    threads = limit_threads(asked_for.threads)
    if asked_for.serve is None:
        measure(asked_for.run, asked_for.connections, asked_for.seconds, asked_for.rounds, threads)
        return
    served_by = predictor(asked_for.run, asked_for.serve)
    with suppress(KeyboardInterrupt):  # and SIGTERM, as signals.py has it
        server.serve(served_by, Limits(), port=0, threads=threads, said=lambda address: print(address, flush=True))


if __name__ == "__main__":
    main()
