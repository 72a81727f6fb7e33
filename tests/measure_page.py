"""The budgets of the page, measured in the browser on deep-mnist: `make bench-page`. It prints; it asserts nothing.

A real mouse points and draws, and what is timed is what the page does about it: the event's handlers and the frame that
shows what came of it, layout included, without the waiting for that frame. Weights are the network's first ones: how
long it takes does not depend on what they are. A figure is worth something on a machine that does nothing else.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent / "helpers"))

import pages

from convlet.environment import environment
from convlet.explore import exporting, script
from convlet.explore.content import Content
from convlet.explore.studio import Studio
from convlet.runs.recipe import load_recipe

BUDGETS = {  # what is measured: the most it may be, and its unit
    "first paint of something": (1000, "ms"),
    "a number's picture": (16, "ms"),
    "a stroke's probabilities": (50, "ms"),
    "an accuracy's first estimate, file": (1000, "ms"),
    "the accuracy of 300 images, file": (None, "ms"),
    "processor when idle": (0, "ms/s"),
    "the page's own code": (200, "kB"),
    "the exported file": (10, "MB"),
}
LOADS = 5
POINTS = 40  # of each layer
MOVES = 150  # of the pen
ABLATIONS = 5

# What follows from each pointermove, in milliseconds: its handlers, and in the next frame all that they asked for.
RECORDER = """
globalThis.times = [];
let began = 0, handled = 0, framed = 0, asked = false;
addEventListener("pointermove", () => {
  if (!asked) requestAnimationFrame(() => (framed = performance.now()));
  began = performance.now();
}, true);
addEventListener("pointermove", () => {
  handled += performance.now() - began;
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    document.body.offsetHeight;
    times.push(handled + performance.now() - framed);
    [handled, asked] = [0, false];
  });
});
"""

ACCURACY = """async (selector) => {
  const said = document.querySelector(".accuracy"), before = said.textContent, started = performance.now();
  document.querySelector(selector).click();
  let estimate = 0;
  while (said.textContent === before || said.textContent.endsWith("…")) {
    if (!estimate && said.textContent !== before) estimate = performance.now() - started;
    await new Promise((done) => setTimeout(done, 2));
  }
  const last = performance.now() - started;
  return [estimate || last, last];
}"""


def content():
    """deep-mnist with its first weights, and 300 images to look at."""
    recipe, data = load_recipe("deep-mnist"), pages.digits(test=300)
    parameters = recipe.network.initial_parameters(0)
    return Content("deep-mnist", recipe.network, parameters, data.classes, recipe, "numpy", data, data.test)


def opened(browser, url):
    """A page that is ready, and how long it took to show something."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(RECORDER)
    page.goto(url)
    page.wait_for_selector("body[data-ready=yes]", timeout=120_000)
    page.wait_for_timeout(300)  # the paint is told a little after it
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return page, paint


def _times(page):
    return page.evaluate("times.splice(0)")


def pointing(page):
    """A number of each layer after another, wherever it lies."""
    generator = np.random.default_rng(0)
    for field in page.locator("#network .field canvas").all():
        field.scroll_into_view_if_needed()
        box = field.bounding_box()
        for x, y in generator.uniform(0.02, 0.98, (POINTS, 2)):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    return _times(page)


def drawing(page):
    """A stroke that winds over the pad."""
    pad = page.locator(".pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    path = np.linspace(0, 1, MOVES + 1)
    across, down = 0.2 + 0.6 * path, 0.5 + 0.3 * np.sin(9 * path)
    points = np.stack([box["x"] + across * box["width"], box["y"] + down * box["height"]], 1)
    page.mouse.move(*points[0])
    page.mouse.down()
    _times(page)
    for point in points[1:]:
        page.mouse.move(*point)
    times = _times(page)
    page.mouse.up()
    return times


def idle(page):
    """Milliseconds a second for which scripts run while nobody does anything."""
    chromium = page.context.new_cdp_session(page)
    chromium.send("Performance.enable")

    def busy():
        metrics = {each["name"]: each["value"] for each in chromium.send("Performance.getMetrics")["metrics"]}
        return metrics["ScriptDuration"]

    page.wait_for_timeout(1000)
    before = busy()
    page.wait_for_timeout(3000)
    return 1e3 * (busy() - before) / 3


def taking_away(page):
    """Silence a filter of the first convolution and put it back, some times: when its accuracy is first said, and last.

    The first time the page has not seen all images yet.
    """
    page.evaluate("location.hash += '&view=ablate&focus=conv2d_1.3.14.14'")
    page.locator("[data-silence]").wait_for()
    times = []
    for _ in range(ABLATIONS):
        times.append(page.evaluate(ACCURACY, "[data-silence]"))
        page.evaluate(ACCURACY, ".edits button")
    return times


def main():
    """Measure and print, a line for each budget."""
    made = content()
    text = exporting.page(made)
    code = len((script.bundled(script.modules()) + (script.PAGE / "style.css").read_text("utf-8")).encode())
    figures = {"the page's own code": [code / 1e3], "the exported file": [len(text.encode()) / 1e6]}
    studio = Studio(made)
    chromium = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    with pages.served(studio) as address, sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        version = browser.version
        loads = [opened(browser, address.url) for _ in range(LOADS)]
        page = loads[-1][0]
        figures["first paint of something"] = [paint for _, paint in loads]
        figures["a number's picture"] = pointing(page)
        figures["a stroke's probabilities"] = drawing(page)
        figures["processor when idle"] = [idle(page)]
        file = Path(folder) / "page.html"
        file.write_text(text, "utf-8")
        both = taking_away(opened(browser, file.as_uri())[0])
        figures["an accuracy's first estimate, file"] = [estimate for estimate, _ in both]
        figures["the accuracy of 300 images, file"] = [last for _, last in both]
        browser.close()
    studio.end()
    machine = environment()
    sys.stdout.write(f"{machine['processor']}, {machine['cores']} cores, Chromium {version}\n")
    sys.stdout.write(f"{'':36}{'median':>9}{'p95':>9}{'n':>6}  at most\n")
    for name, (most, unit) in BUDGETS.items():
        low, high = np.percentile(figures[name], [50, 95])
        limit = "" if most is None else f"{most:,}"
        sys.stdout.write(f"{name:36}{low:9.1f}{high:9.1f}{len(figures[name]):6}  {limit} {unit}\n")


if __name__ == "__main__":
    main()
