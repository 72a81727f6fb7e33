"""Take the pictures of docs/page.md again: `python docs/pictures/photograph.py RUN`, with Playwright and Chromium.

RUN is the folder of a trained deep-mnist. Each picture is a state of the page, so it is an address, a size and a theme.
"""

import sys
import threading
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from convlet.explore import content, server
from convlet.explore.studio import Studio

FOLDER = Path(__file__).with_name("page")
DESKTOP, PHONE = (1440, 900), (390, 844)
SEVEN = "7c.68.bo.68.g8.6l.k0.6l_k0.6l.hs.bo.fk.gs.dc.m0"  # two strokes of a seven, as the address writes them
SILENT = "silence~conv2d_1~12_silence~conv2d_1~7"
STATES = {
    "explain": ("focus=conv2d_1.12.9.15&image=60", DESKTOP, "light", "en"),
    "explain-deep-dark": ("focus=conv2d_2.5.7.7&image=60", DESKTOP, "dark", "en"),
    "classes": ("focus=@classes.7.0.0&image=60", DESKTOP, "light", "vi"),
    "draw-phone": (f"strokes={SEVEN}&image=-1&focus=conv2d_1.12.9.15", PHONE, "light", "vi"),
    "explain-phone-dark": ("focus=max_pooling2d_1.12.5.7&image=60", PHONE, "dark", "en"),
    "draw": (f"strokes={SEVEN}&image=-1&focus=@classes.7.0.0", DESKTOP, "dark", "vi"),
    "kernels": ("shows=kernels&focus=conv2d_2.5.7.7&image=60", DESKTOP, "light", "en"),
    "slide": ("view=slide&slide=vertical_3_1_same_420_3_&image=60", DESKTOP, "light", "vi"),
    "slide-phone": ("view=slide&slide=vertical_3_1_same_420_3_&image=60", PHONE, "dark", "vi"),
    "ablate": (
        f"view=ablate&edits={SILENT}&image=0&focus=conv2d_1.12.9.15",
        DESKTOP,
        "dark",
        "en",
    ),
    "ablate-phone": (f"view=ablate&edits={SILENT}&image=0&focus=conv2d_1.12.9.15", PHONE, "light", "vi"),
    "train": ("view=train&image=60", DESKTOP, "light", "en"),
    "train-phone": ("view=train&image=60", PHONE, "dark", "en"),
    "walk": ("step=8&focus=max_pooling2d_1.12.5.7&image=60", DESKTOP, "dark", "vi"),
    "walk-phone": ("step=0&focus=@image.0.0.0&image=60", PHONE, "light", "en"),
}


def photograph(browser, url, name, state, size, theme, language):
    """One state of the page, as a PNG of at most 256 colours."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=theme)
    page.goto(f"{url}#{state}&lang={language}")
    page.wait_for_selector("body[data-ready=yes]", timeout=120_000)
    if name.startswith("train"):
        page.get_by_text("Dense against convolutional").click()
        while not page.locator(".train [role=status]").inner_text().startswith("Done"):
            page.wait_for_timeout(500)
    if "phone" in name:
        page.evaluate("document.querySelector('#panel').scrollIntoView(); scrollBy(0, -230)")
    while name.startswith("ablate") and page.locator(".accuracy").inner_text()[-1:] in (
        "",
        "…",
    ):  # an estimate comes first
        page.wait_for_timeout(500)
    page.wait_for_timeout(600)
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    page.close()


def main(run, *names):
    told, addresses = threading.Event(), []
    studio, stopper = Studio(content.of_run(Path(run))), server.Stopper()

    def said(address):
        addresses.append(address)
        told.set()

    threading.Thread(
        target=lambda: server.serve(studio, port=0, browser=False, said=said, stopper=stopper), daemon=True
    ).start()
    told.wait()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for name, state in STATES.items():
            if not names or name in names:
                photograph(browser, addresses[0].url, name, *state)
        browser.close()
    stopper()


if __name__ == "__main__":
    main(*sys.argv[1:])
