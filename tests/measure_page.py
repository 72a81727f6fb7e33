"""The budgets of the page, measured in the browser on deep-mnist: `make bench-page`. It prints; it asserts nothing.

Weights are the network's first ones: how long it takes does not depend on what they are. A figure is worth something
on a machine that does nothing else.
"""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent / "helpers"))

import pages

from convlet.explore import exporting
from convlet.explore.content import Content
from convlet.explore.studio import Studio
from convlet.runs.recipe import load_recipe

BUDGETS = {  # what is measured: the most it may be, and its unit
    "first paint": (1000, "ms"),
    "a focus's picture, p95": (16, "ms"),
    "a stroke's probabilities, p95": (50, "ms"),
    "the page's own code": (200, "kB"),
    "the exported file": (10, "MB"),
    "processor when idle": (0, "ms/s"),
}

FOCUS = """async () => {
  const state = await import("/page/state.js"), { model, outputOf } = await import("/page/model.js"), times = [];
  const any = (count) => Math.floor(Math.random() * count);
  for (const { name } of model.network.layers) {
    for (let i = 0; i < 25; i++) {
      const { shape } = outputOf(name), [height, width, channels] = shape.length === 3 ? shape : [1, 1, ...shape];
      const started = performance.now();
      state.set({ preview: { layer: name, channel: any(channels), row: any(height), column: any(width) } });
      state.flush();
      document.body.offsetHeight;
      times.push(performance.now() - started);
      await new Promise((done) => requestAnimationFrame(done));
    }
  }
  state.set({ preview: null });
  return times;
}"""

STROKE = """async () => {
  const state = await import("/page/state.js"), times = [];
  for (let i = 1; i <= 100; i++) {
    const points = Array.from({ length: i }, (_, k) => [300 + 4 * k, Math.round(500 + 250 * Math.sin(k / 9))]).flat();
    const started = performance.now();
    state.set({ strokes: [points], image: -1 });
    state.flush();
    times.push(performance.now() - started);
    await new Promise((done) => requestAnimationFrame(done));
  }
  return times;
}"""


def content():
    recipe, data = load_recipe("deep-mnist"), pages.digits(test=300)
    parameters = recipe.network.initial_parameters(0)
    return Content("deep-mnist", recipe.network, parameters, data.classes, recipe, "numpy", data, data.test)


def measured(page, url):
    """Every figure that a browser gives, by name."""
    page.goto(url)
    page.wait_for_selector("body[data-ready=yes]", timeout=120_000)
    paint = page.evaluate("performance.getEntriesByType('paint')[0].startTime")
    focus, stroke = page.evaluate(FOCUS), page.evaluate(STROKE)
    page.wait_for_timeout(1000)
    chromium = page.context.new_cdp_session(page)
    chromium.send("Performance.enable")
    before = _busy(chromium)
    page.wait_for_timeout(3000)
    return {
        "first paint": paint,
        "a focus's picture, p95": float(np.percentile(focus, 95)),
        "a stroke's probabilities, p95": float(np.percentile(stroke, 95)),
        "processor when idle": 1e3 * (_busy(chromium) - before) / 3,
    }


def _busy(chromium):
    """Seconds that scripts have run."""
    metrics = {each["name"]: each["value"] for each in chromium.send("Performance.getMetrics")["metrics"]}
    return metrics["ScriptDuration"]


def main():
    made = content()
    code = exporting.bundled(exporting.modules()) + (exporting.PAGE / "style.css").read_text("utf-8")
    figures = {
        "the page's own code": len(code.encode()) / 1e3,
        "the exported file": len(exporting.page(made).encode()) / 1e6,
    }
    studio = Studio(made)
    chromium = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    with pages.served(studio) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        figures |= measured(browser.new_page(viewport={"width": 1440, "height": 900}), address.url)
        browser.close()
    studio.end()
    for name, (most, unit) in BUDGETS.items():
        sys.stdout.write(f"{name:32}{figures[name]:8.1f} {unit:5}  at most {most}\n")


if __name__ == "__main__":
    main()
