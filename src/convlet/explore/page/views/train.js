/**
 * Train, live: start, pause, step, stop; loss and accuracy as they come; and a time line, on which the whole page shows
 * the network as it was. Two networks side by side on few images make overfitting visible.
 */

import { el, fill } from "../dom.js";
import { unframed } from "../framing.js";
import { exchange, model } from "../model.js";
import { read, readArrays } from "../network/wire.js";
import { problem } from "../problems.js";
import { ask, get, Refusal } from "../source.js";
import { announce, set, state } from "../state.js";
import { t } from "../texts.js";
import { count, percent } from "../words.js";
import { chart } from "./chart.js";

const EVERY = 300; // milliseconds between two looks at a training that runs
const IMAGES = [50, 200, 1000];

/** @type {any} */
let status = { phase: "idle", contestants: [], curves: [], number: 0 };
let waiting = 0; // the timer of the next look
let following = true; // whether the page shows the newest moment
let first = true; // whether nobody has looked yet
let images = 200; // of the two side by side
let place = 0; // which of them the page shows
let loading = "";

/** @param {HTMLElement} root */
export function trainView(root) {
  const parts = /** @type {any} */ ({ root });
  if (model.served && model.fresh) follow(parts);
  return {
    /** @param {Set<string>} changed */
    update(changed) {
      const any = (/** @type {string[]} */ words) => words.some((word) => changed.has(word));
      if (changed.has("moment")) show(parts);
      if (state.view !== "train") return;
      if (any(["view", "lang"])) {
        build(root, parts);
        look(parts);
      }
      if (any(["theme", "lang", "view"])) draw(parts);
    },
  };
}

/** @param {HTMLElement} root @param {any} parts */
function build(root, parts) {
  if (!model.trainable) {
    fill(root, el("h2", {}, t("How does it learn?")), el("p", {}, t("The data this network was trained on cannot be found here, so it cannot be trained again.")));
    parts.body = null;
    return;
  }
  parts.phase = el("p", { role: "status" });
  parts.buttons = el("div.buttons");
  parts.body = el("div.slot");
  parts.time = el("input", { type: "range", min: "0", max: "0", value: "0", "aria-label": t("Time line"), oninput: (/** @type {any} */ event) => scrub(parts, Number(event.target.value)) });
  parts.at = el("output");
  parts.line = el("div.timeline", {}, parts.time, parts.at);
  parts.back = el("button", { type: "button", onclick: () => { following = false; set({ moment: "" }); } }, t("Back to the network that was opened"));
  fill(root, el("h2", {}, t("How does it learn?")), el("p", {}, t("Batch by batch, each weight moves a little to where the loss is lower.")), parts.buttons, parts.phase, parts.body, parts.line, parts.back);
}

/** @param {any} parts @param {any} question */
async function command(parts, question) {
  try {
    await ask("/training", question);
    if (question.action === "start") following = true;
    setTimeout(() => look(parts), 30);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    parts.phase.textContent = problem(error.kind);
  }
}

/** Look at the training now, and again as long as it runs. @param {any} parts */
async function look(parts) {
  clearTimeout(waiting);
  try {
    const { description, buffer } = unframed(await get("/training"));
    const arrays = readArrays(description.arrays, buffer);
    status = { ...description, curves: description.contestants.map((/** @type {any} */ _, /** @type {number} */ i) => rows(/** @type {Float32Array} */ (arrays[`curves/${i}`].values))) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (parts.phase) parts.phase.textContent = problem(error.kind);
    return;
  }
  if (first) following = !state.moment || status.phase === "running"; // else the moment that the address names
  first = false;
  if (state.view === "train") draw(parts);
  newest(parts);
  if (["running", "preparing"].includes(status.phase)) waiting = setTimeout(() => look(parts), EVERY);
}

/** A network that is trained from the start: its newest moment is what the page shows. @param {any} parts */
function follow(parts) {
  look(parts);
  const again = () => (["idle", "preparing", "running"].includes(status.phase) ? setTimeout(() => { if (!waiting) look(parts); again(); }, 1000) : 0);
  again();
}

/** @param {Float32Array} values */
function rows(values) {
  return Array.from({ length: values.length / 4 }, (_, i) => ({ step: values[4 * i], loss: values[4 * i + 1], trained: values[4 * i + 2], unseen: values[4 * i + 3] }));
}

/** @param {any} parts */
function newest(parts) {
  const curve = status.curves[Math.min(place, status.curves.length - 1)];
  if (!following || !curve?.length) return;
  set({ moment: [status.number, Math.min(place, status.curves.length - 1), curve[curve.length - 1].step].join(",") });
}

/** The page's network becomes the one of that moment. @param {any} parts */
async function show(parts) {
  const wanted = state.moment;
  if (wanted === loading) return;
  loading = wanted;
  if (!wanted) {
    exchange(model.trained, state.edits);
    announce("network");
    return;
  }
  try {
    const { description, buffer } = unframed(await get(`/training/moment?which=${wanted}`));
    if (state.moment !== wanted) return;
    exchange(read(description, buffer).network, state.edits);
    announce(sameLayers() ? "pixels" : "network");
    if (state.view === "train") draw(parts);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    loading = "";
    set({ moment: "" });
  }
}

let layersBefore = "";

function sameLayers() {
  const layers = model.base.layers.map(({ name, outputShape }) => name + outputShape).join();
  const same = layers === layersBefore;
  layersBefore = layers;
  return same;
}

/** @param {any} parts @param {number} i */
function scrub(parts, i) {
  const curve = status.curves[place];
  following = i === curve.length - 1 && status.phase === "running";
  set({ moment: [status.number, place, curve[i].step].join(",") });
  draw(parts);
}

/** @param {any} parts */
function draw(parts) {
  if (!parts.body) return;
  const { phase, contestants, curves, prepared } = status;
  place = Math.min(place, Math.max(0, contestants.length - 1));
  fill(parts.buttons, buttons(parts));
  parts.phase.textContent = phaseText(phase, contestants, prepared);
  fill(parts.body, curves.some((/** @type {any[]} */ curve) => curve.length) ? [contestants.length > 1 ? choice(parts) : null, chart(status, at()), figures()] : []);
  const curve = curves[place] ?? [];
  parts.line.hidden = curve.length < 2;
  parts.back.hidden = !state.moment || model.fresh;
  parts.time.max = String(Math.max(0, curve.length - 1));
  const now = curve.findIndex((/** @type {any} */ moment) => moment.step === at());
  parts.time.value = String(now < 0 ? curve.length - 1 : now);
  parts.at.textContent = curve.length ? t("step {step}", { step: count(now < 0 ? curve[curve.length - 1].step : curve[now].step) }) : "";
  parts.time.setAttribute("aria-valuetext", parts.at.textContent);
}

/** The step that the page shows; -1 where it shows none of this training. */
function at() {
  const [number, which, step] = state.moment.split(",").map(Number);
  return number === status.number && which === place ? step : -1;
}

/** @param {any} parts */
function buttons(parts) {
  const button = (/** @type {string} */ text, /** @type {any} */ question) => el("button", { type: "button", onclick: () => command(parts, question) }, text);
  const { phase } = status;
  if (phase === "running") return [button(t("Pause"), { action: "pause" }), button(t("Stop"), { action: "stop" })];
  if (phase === "paused") return [button(t("Go on"), { action: "resume" }), button(t("One step"), { action: "step" }), button(t("Stop"), { action: "stop" })];
  if (phase === "preparing") return [];
  return [
    button(t("Train it again"), { action: "start", plan: "again" }),
    button(t("Dense against convolutional"), { action: "start", plan: "side by side", images }),
    el("label.choose", {}, el("span", {}, t("on")), el("select", { onchange: (/** @type {any} */ event) => { images = Number(event.target.value); draw(parts); } }, IMAGES.map((n) => el("option", { value: String(n), selected: n === images }, t("{count} images", { count: count(n) }))))),
  ];
}

/** @param {string} phase @param {any[]} contestants @param {number[]} prepared */
function phaseText(phase, contestants, prepared) {
  const one = contestants[0];
  switch (phase) {
    case "preparing":
      return t("Compiling for this machine: {done} of {all}. The next time it starts at once.", { done: prepared[0], all: prepared[1] });
    case "running":
      return t("Step {step} of {total}, on {images} images.", { step: count(one.step), total: count(one.total), images: count(one.images) });
    case "paused":
      return t("Paused after step {step} of {total}, on {images} images.", { step: count(one.step), total: count(one.total), images: count(one.images) });
    case "done":
      return one ? t("Done, after {step} steps on {images} images. Draw something.", { step: count(one.step), images: count(one.images) }) : "";
    case "failed":
      return problem(status.kind);
    default:
      return model.trainingImages ? t("{images} images to learn from.", { images: count(model.trainingImages) }) : "";
  }
}

/** Which of the two the page shows. @param {any} parts */
function choice(parts) {
  return el("div.choice", { role: "group", "aria-label": t("Which network the page shows") }, status.contestants.map((/** @type {any} */ each, /** @type {number} */ i) =>
    el("button", { type: "button", "aria-pressed": String(i === place), onclick: () => { place = i; following = status.phase === "running"; set({ moment: [status.number, i, status.curves[i][status.curves[i].length - 1].step].join(",") }); draw(parts); } }, name(each.name))));
}

/** @param {string} name */
function name(name) {
  return name === "convolutional" ? t("convolutional") : name === "dense" ? t("dense") : name;
}

/** What was reached: on images it learnt from, and on others; the gap is overfitting. */
function figures() {
  return el("table.steps", {},
    el("thead", {}, el("tr", {}, el("th", {}, t("network")), el("th.right", {}, t("weights")), el("th.right", {}, t("learnt from")), el("th.right", {}, t("never seen")))),
    el("tbody", {}, status.contestants.map((/** @type {any} */ each, /** @type {number} */ i) => {
      const curve = status.curves[i];
      const moment = curve.find((/** @type {any} */ one) => one.step === at()) ?? curve[curve.length - 1];
      return el("tr", { class: i === place && status.contestants.length > 1 ? "own" : null }, el("th", { scope: "row" }, name(each.name)), el("td", {}, count(each.weights)), el("td", {}, percent(moment.trained)), el("td", {}, percent(moment.unseen)));
    })),
    status.contestants.length > 1 ? el("caption", {}, t("The gap between the two accuracies is overfitting: {weights} weights for {images} images.", { weights: count(status.contestants[place].weights), images: count(status.contestants[place].images) })) : null);
}

