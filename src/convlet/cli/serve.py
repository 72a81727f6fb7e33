"""`convlet serve`."""

from pathlib import Path

import click

from convlet.cli.printing import say, show_lines
from convlet.cli.shared import SERVE_EXTRA, backend_option, chosen_engine, engine_option, threads_option
from convlet.engines import installed
from convlet.environment import limit_threads
from convlet.errors import EngineError
from convlet.runs.run import load as load_run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 is any that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Another address lets other machines in.")
@click.option("--allow-host", "names", multiple=True, metavar="NAME", help="A further name it may be asked for under.")
@click.option("--max-batch", type=int, default=64, show_default=True, help="Images that are computed together.")
@click.option(
    "--max-wait", type=float, default=0.0, show_default=True, help="Milliseconds that a request waits for others."
)
@click.option("--max-body", type=int, default=8, show_default=True, help="MB of a request.")
@click.option("--max-waiting", type=int, default=256, show_default=True, help="Requests at once; more are sent away.")
@click.option("--deadline", type=float, default=10.0, show_default=True, help="Seconds after which there is no answer.")
@engine_option
@backend_option
@threads_option
def serve(
    run: Path,
    port: int,
    host: str,
    names: tuple[str, ...],
    engine: str | None,
    backend: str | None,
    threads: int | None,
    **limits: float,
) -> None:
    """Answer images over HTTP with classes and probabilities, by the run in folder RUN.

    Ask it with: curl -F image=@picture.png http://127.0.0.1:8000/predict
    """
    if not (installed("starlette") and installed("uvicorn")):
        raise EngineError(f"serve: its server is not installed. Install it with: {SERVE_EXTRA}")
    used = limit_threads(threads)
    from convlet.listening import LOOPBACK
    from convlet.serving import server
    from convlet.serving.limits import Limits
    from convlet.serving.predictor import of_run

    allowed = Limits(**limits)  # type: ignore[arg-type]  # Click has seen to their types
    predictor = of_run(load_run(run, engine=chosen_engine(engine, backend)))
    if host not in LOOPBACK:
        say(f"--host {host}: every machine that reaches this one can ask, and nothing is encrypted.")

    def said(address: str) -> None:
        show_lines("Predictions at this address; Ctrl-C ends it when what has begun is answered.", address)

    server.serve(predictor, allowed, host=host, port=port, names=names, threads=used, said=said)
