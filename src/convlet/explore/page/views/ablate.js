/**
 * Take away: silence a filter or change a weight, and see what becomes of the probabilities and of the accuracy. Nothing
 * is lost by it: what was taken away is a list, and can be put back.
 */

/** @import {Layer} from "../network/layers.js" */
/** @import {Edit} from "../state.js" */

import { measure } from "../accuracy.js";
import { css, reachOf } from "../colours.js";
import { el, fill } from "../dom.js";
import { hasKernel, layerOf, model, outputOf, CLASSES } from "../model.js";
import { explain } from "../network/explain.js";
import { digitsFor, largest, print } from "../network/numbers.js";
import { of } from "../network/network.js";
import { problem } from "../problems.js";
import { Refusal } from "../source.js";
import { set, state } from "../state.js";
import { t } from "../texts.js";
import { count, mark, number, percent } from "../words.js";

const WEIGHTS = 9; // of a dense unit, the strongest, that are shown to be changed

/** @param {HTMLElement} root */
export function ablateView(root) {
  const parts = { what: el("div.slot"), shares: el("div"), accuracy: el("p.accuracy", { "aria-live": "polite" }), list: el("div") };
  let asked = "";
  return {
    /** @param {Set<string>} changed */
    update(changed) {
      if (state.view !== "ablate") {
        asked = ""; // what was being measured is not any more
        return;
      }
      const any = (/** @type {string[]} */ words) => words.some((word) => changed.has(word));
      if (any(["view", "lang", "network"])) build(root, parts);
      if (any(["view", "lang", "network", "focus", "theme"]) || (any(["edits"]) && !parts.what.contains(document.activeElement))) fill(parts.what, filterOf());
      if (any(["edits"])) light(parts);
      if (any(["view", "lang", "network", "focus", "edits", "pixels"])) shares(parts);
      if (any(["view", "lang", "network", "edits"])) list(parts);
      const question = JSON.stringify([state.edits, state.moment, state.lang]);
      if (any(["view", "lang", "network", "edits"]) && question !== asked) {
        asked = question;
        accuracy(parts);
      }
    },
  };
}

/** @param {HTMLElement} root @param {any} parts */
function build(root, parts) {
  fill(root, el("h2", {}, t("What if this were not there?")), parts.what, el("h3", {}, t("What the network says of this image")), parts.shares, el("h3", {}, t("What it gets right")), parts.accuracy, parts.list);
}

/** The layer and filter that the focus is about; the nearest before it where that has no weights. */
export function target() {
  const names = model.network.layers.map(({ name }) => name);
  const from = state.focus ? names.indexOf(state.focus.layer) : -1;
  if (state.focus && hasKernel(state.focus.layer)) return { layer: /** @type {Layer} */ (layerOf(state.focus.layer)), filter: state.focus.channel };
  const before = names.slice(0, Math.max(0, from)).reverse().find(hasKernel) ?? names.find(hasKernel);
  if (!before) return null;
  const layer = /** @type {Layer} */ (layerOf(before));
  const channels = layer.outputShape[layer.outputShape.length - 1];
  return { layer, filter: state.focus && layer.window ? Math.min(channels - 1, state.focus.channel) : 0 };
}

function filterOf() {
  const found = target();
  if (!found) return el("p", {}, t("This network has no weights to take away."));
  const { layer, filter } = found;
  const channels = layer.outputShape[layer.outputShape.length - 1];
  const silent = isSilent(layer.name, filter);
  const name = layer.window ? t("{layer}, filter {filter} of {filters}", { layer: layer.name, filter: filter + 1, filters: channels }) : t("{layer}, number {channel} of {channels}", { layer: layer.name, channel: count(filter + 1), channels: count(channels) });
  return [
    el("p.place", {}, name),
    el("div.buttons", {},
      el("button", { type: "button", "data-silence": "", "aria-pressed": String(silent), onclick: () => toggle(layer.name, filter) }, t("Silence it")),
      el("button", { type: "button", "aria-label": t("the one before"), onclick: () => move(layer, filter - 1) }, "["),
      el("button", { type: "button", "aria-label": t("the next one"), onclick: () => move(layer, filter + 1) }, "]")),
    el("h3", {}, layer.window ? t("Its weights: change one") : t("Its strongest weights: change one")),
    weightInputs(layer, filter),
  ];
}

/** @param {Layer} layer @param {number} filter */
function move(layer, filter) {
  const channels = layer.outputShape[layer.outputShape.length - 1];
  const channel = (filter + channels) % channels;
  const kept = state.focus?.layer === layer.name ? state.focus : { layer: layer.name, row: 0, column: 0 };
  set({ focus: { ...kept, channel }, preview: null });
}

/** @param {string} layer @param {number} filter */
function isSilent(layer, filter) {
  return state.edits.some(([what, name, index]) => what === "silence" && name === layer && index === filter);
}

/** @param {string} layer @param {number} filter */
function toggle(layer, filter) {
  const others = state.edits.filter(([what, name, index]) => !(what === "silence" && name === layer && index === filter));
  set({ edits: others.length < state.edits.length ? others : [...state.edits, ["silence", layer, filter]] });
}

/** Which weights are shown: those of one slice of a kernel, or the strongest of a dense unit. @param {Layer} layer @param {number} filter */
function shownWeights(layer, filter) {
  const filters = layer.outputShape[layer.outputShape.length - 1];
  const { kernel } = layer.weights;
  const focus = { layer: layer.name, channel: filter, row: state.focus?.layer === layer.name ? state.focus.row : 0, column: state.focus?.layer === layer.name ? state.focus.column : 0 };
  if (!layer.window) {
    const all = Array.from({ length: kernel.length / filters }, (_, i) => kernel[i * filters + filter]);
    return { columns: 3, at: largest(all, WEIGHTS).indices.map((i) => i * filters + filter), channel: 0, channels: 1 };
  }
  const [rows, columns] = layer.window.size;
  const channels = kernel.length / (rows * columns * filters);
  const why = /** @type {any} */ (explain(model.base, model.untouched, layer.name, focus));
  const channel = channels === 1 ? 0 : largest(why.channelSums, 1).indices[0];
  return { columns, at: Array.from({ length: rows * columns }, (_, i) => (i * channels + channel) * filters + filter), channel, channels };
}

/** @param {Layer} layer @param {number} filter */
function weightInputs(layer, filter) {
  const { columns, at, channel, channels } = shownWeights(layer, filter);
  const base = /** @type {Layer} */ (model.base.layers.find(({ name }) => name === layer.name)).weights.kernel;
  const name = layer.parameters.kernel;
  const reach = reachOf(base);
  const digits = digitsFor(at.map((i) => base[i]));
  const inputs = at.map((index) => {
    const changed = state.edits.find((edit) => edit[0] === "weight" && edit[1] === name && edit[2] === index);
    const value = changed ? /** @type {number} */ (changed[3]) : base[index];
    const { background, ink } = css(value, reach);
    const input = el("input", { inputmode: "decimal", value: print(value, digits, mark()), "aria-label": t("weight {index}", { index: count(index + 1) }),
      onchange: (/** @type {any} */ event) => changeWeight(event.target, name, index, base[index], digits, reach) });
    Object.assign(input.style, { background, color: ink });
    input.classList.toggle("changed", Boolean(changed));
    return input;
  });
  const grid = el("div.kernelcells", {}, inputs);
  grid.style.setProperty("--columns", String(columns));
  return [grid, channels > 1 ? el("p.quiet", {}, t("The slice for map {channel} of {channels}, which says the most here.", { channel: channel + 1, channels })) : null];
}

/** @param {HTMLInputElement} input @param {string} name @param {number} index @param {number} trained @param {number} digits @param {number} reach */
function changeWeight(input, name, index, trained, digits, reach) {
  const value = Number(input.value.replace("\u2212", "-").replace(",", "."));
  const valid = input.value.trim() !== "" && Number.isFinite(value) && Math.abs(value) <= 1e6;
  input.setAttribute("aria-invalid", String(!valid));
  if (!valid) return;
  const same = print(value, digits) === print(trained, digits);
  const others = state.edits.filter((edit) => !(edit[0] === "weight" && edit[1] === name && edit[2] === index));
  const { background, ink } = css(same ? trained : value, reach);
  Object.assign(input.style, { background, color: ink });
  input.classList.toggle("changed", !same);
  set({ edits: same ? others : [...others, /** @type {Edit} */ (["weight", name, index, value])] });
}

/** @param {any} parts */
function light(parts) {
  const found = target();
  parts.what.querySelector("[data-silence]")?.setAttribute("aria-pressed", String(Boolean(found && isSilent(found.layer.name, found.filter))));
}

/** The probabilities before and now: of those classes that matter in either. @param {any} parts */
function shares(parts) {
  const before = of(model.untouched, CLASSES).values;
  const now = outputOf(CLASSES).values;
  const order = Array.from(now, (_, i) => i).sort((a, b) => Math.max(before[b], now[b]) - Math.max(before[a], now[a])).slice(0, 4);
  fill(parts.shares, el("table.steps", {},
    el("thead", {}, el("tr", {}, el("th", {}, t("class")), el("th.right", {}, t("before")), el("th.right", {}, t("now")), el("th.right", {}, t("score")))),
    el("tbody", {}, order.map((i) => el("tr", { class: i === largest([...now], 1).indices[0] ? "own" : null }, el("th", { scope: "row" }, model.classes[i]), el("td", {}, percent(before[i])), el("td", {}, percent(now[i])), el("td", {}, scoreChange(i)))))));
}

/** What became of the score before softmax: it moves long before the probability does. @param {number} i */
function scoreChange(i) {
  const scores = /** @type {any} */ (layerOf(CLASSES)).inputs[0];
  const change = outputOf(scores).values[i] - of(model.untouched, scores).values[i];
  return change === 0 ? "\u00b10" : `${change > 0 ? "+" : ""}${number(change)}`;
}

/** @param {any} parts */
async function accuracy(parts) {
  const question = () => JSON.stringify([state.edits, state.moment, state.view]);
  const started = question();
  const still = () => started === question();
  try {
    for await (const measured of measure(state.edits, still)) parts.accuracy.textContent = accuracyText(measured);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    parts.accuracy.textContent = problem(error.kind);
  }
}

/** @param {import("../accuracy.js").Measured} measured */
function accuracyText({ now, before, margin, seen, all, done }) {
  const lost = Math.abs(Math.round(all * now) - Math.round(all * before));
  const values = { images: count(all), seen: count(seen), before: percent(before, 2), now: percent(now, margin ? 1 : 2), margin: percent(margin), lost: count(lost) };
  if (margin) {
    const text = t("About {now} of {images} test images, give or take {margin}, as {seen} of them say; before, {before}.", values);
    return done ? text : `${text} …`;
  }
  if (!state.edits.length) return t("{now} of {images} test images.", values);
  return now < before ? t("{now} of {images} test images: {lost} fewer than before, {before}.", values) : t("{now} of {images} test images: {lost} more than before, {before}.", values);
}

/** What was taken away, each with a way back. @param {any} parts */
function list(parts) {
  if (!state.edits.length) {
    fill(parts.list, el("p.quiet", {}, t("Nothing is taken away. You cannot break anything: all can be put back.")));
    return;
  }
  fill(parts.list, el("h3", {}, t("Taken away")), el("ul.edits", {}, state.edits.map((edit, i) => el("li", {}, editName(edit), el("button.link", { type: "button", onclick: () => set({ edits: state.edits.filter((_, at) => at !== i) }) }, t("put back"))))),
    el("button", { type: "button", onclick: () => set({ edits: [] }) }, t("Put everything back")));
}

/** @param {Edit} edit */
function editName([what, name, index, value]) {
  if (what === "silence") return t("{layer}, filter {filter}: silent", { layer: name, filter: index + 1 });
  return t("{name}, weight {index}: {value}", { name, index: count(index + 1), value: number(/** @type {number} */ (value)) });
}
