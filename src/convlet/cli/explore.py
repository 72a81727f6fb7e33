"""`convlet explore`."""

from pathlib import Path

import click

from convlet.cli.printing import say, show_lines
from convlet.cli.shared import EXPLORE_EXTRA, threads_option
from convlet.engines import installed
from convlet.environment import limit_threads
from convlet.errors import EngineError
from convlet.locale import LANGUAGES


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), help="Default: the first free one from 8765 on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Another address lets other machines in.")
@click.option("--lang", type=click.Choice(list(LANGUAGES)), help="Default: what the browser asks for.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@threads_option
def explore(
    run: Path | None, port: int | None, host: str, lang: str | None, no_browser: bool, threads: int | None
) -> None:
    """Look into a network on a page in your browser: why is this number this number?

    RUN is the folder of a run. Without it a small network is trained while you watch.
    """
    if not (installed("starlette") and installed("uvicorn")):
        raise EngineError(f"explore: its server is not installed. Install it with: {EXPLORE_EXTRA}")
    limit_threads(threads)
    from convlet.explore import content, server
    from convlet.explore.studio import Studio
    from convlet.listening import LOOPBACK

    studio = Studio(content.of_run(run)) if run is not None else Studio(content.starting(), fresh=True)
    if host not in LOOPBACK:
        say(
            f"--host {host}: every machine that reaches this one can ask for the page; the token in its address is all "
            "that keeps them out. Show it to nobody."
        )

    def said(address: server.Address) -> None:
        if port and address.port != port:
            say(f"--port {port}: it is taken; the page has the next free one.")
        show_lines("The page is at this address; Ctrl-C ends it.", address.url)

    server.serve(studio, host=host, port=port, language=lang, browser=not no_browser, said=said)
