/**
 * Watch the kernel slide: one kernel over one image, position by position, and the output that fills in.
 *
 * The picture is a function of where the kernel is and of the stage there (gather, multiply, add, place), so stepping,
 * playing and coming back are the same thing. The numbers are those of the network's own convolution.
 */

/** @import {Layer} from "../network/layers.js" */

import { css, reachOf, signed } from "../colours.js";
import { calm, el, fill } from "../dom.js";
import { NAMED, learnt, slidingLayer } from "../kernels.js";
import { layout, paint, paintImage } from "../maps.js";
import { imageNow } from "../model.js";
import { conv2d } from "../network/kinds/conv2d.js";
import { digitsFor, print } from "../network/numbers.js";
import { printedChannel } from "../network/printing.js";
import { sides } from "../network/tensors.js";
import { set, state } from "../state.js";
import { later, t } from "../texts.js";
import { count, mark } from "../words.js";
import { cells } from "./cells.js";

const STAGES = 3; // the last one: the sum stands in the output
const STAGE_TIME = 600; // milliseconds, at the first position
const POSITION_TIME = 250;
const REST_TIME = 2000; // for all that is left after the first row
const WIDE = 164; // CSS pixels of a map
const SPEEDS = [0.5, 1, 2, 4];
const SIZES = [1, 2, 3, 4, 5, 7];
const SAID = [later("The section under the kernel"), later("times the weights"), later("all added"), later("is one number of the output")];

let playing = 0; // the frame that comes, or 0
let speed = 1;

/** @param {HTMLElement} root */
export function slideView(root) {
  /** @type {any} */
  let parts = null;
  return {
    /** @param {Set<string>} changed */
    update(changed) {
      if (state.view !== "slide") {
        stop();
        return;
      }
      const whole = !parts || ["view", "lang", "network"].some((word) => changed.has(word));
      if (whole) parts = build(root);
      if (whole || ["slide", "pixels", "theme", "focus", "edits"].some((word) => changed.has(word))) show(parts);
    },
  };
}

/** The layer that slides: the chosen kernel with its stride and padding, over the first channel of the image. */
function sliding() {
  const { shape, values } = imageNow();
  const [height, width, channels] = sides(shape);
  const image = { shape: [height, width, 1], values: Float32Array.from({ length: height * width }, (_, i) => values[i * channels]) };
  const layer = slidingLayer(state.slide, image.shape);
  return { image, layer, output: conv2d.forward(layer, [image]) };
}

/** @param {HTMLElement} root */
function build(root) {
  const parts = {
    input: picture(t("image")), output: picture(t("output")),
    cells: el("div.kernelcells"), sum: el("div.products"), text: el("p", { "aria-live": "polite" }), counts: el("p.counts"),
    play: el("button", { type: "button", onclick: () => toggle(parts) }),
  };
  const choose = (/** @type {string} */ label, /** @type {string} */ word, /** @type {[string | number, string][]} */ options, /** @type {any} */ value) =>
    el("label.choose", {}, el("span", {}, label), el("select", { "data-word": word, onchange: (/** @type {any} */ event) => changeTo(word, event.target.value) },
      options.map(([key, text]) => el("option", { value: String(key), selected: String(key) === String(value) }, text))));
  fill(
    root,
    el("h2", {}, t("What happens as a kernel slides?")),
    el("div.handles", {}, parts.input.figure, el("span.sign", { "aria-hidden": "true" }, "→"), parts.output.figure),
    parts.text,
    el("div.buttons", {}, parts.play, el("button", { type: "button", onclick: () => forward() }, t("Step")), choose(t("Speed"), "speed", SPEEDS.map((x) => [x, `${x} ×`]), speed)),
    parts.sum,
    el("h3", {}, t("The kernel: change it")),
    parts.cells,
    el("div.buttons", {},
      choose(t("Kernel"), "kernel", [["learnt", t("learnt")], ...NAMED.map(({ name, text }) => /** @type {[string, string]} */ ([name, t(text)])), ...(state.slide.kernel === "own" ? [/** @type {[string, string]} */ (["own", t("your own")])] : [])], state.slide.kernel),
      choose(t("Size"), "size", SIZES.map((size) => [size, `${size} × ${size}`]), state.slide.size),
      choose(t("Stride"), "stride", [1, 2, 3].map((x) => [x, String(x)]), state.slide.stride),
      choose(t("Padding"), "padding", [["valid", t("none")], ["same", t("same size")]], state.slide.padding)),
    parts.counts,
  );
  return parts;
}

/** @param {string} name */
function picture(name) {
  const canvas = el("canvas", { role: "img", "aria-label": name });
  const marks = el("div.marks");
  const caption = el("figcaption");
  return { canvas, marks, caption, name, figure: el("figure", {}, el("div.slidefield", {}, canvas, marks), caption) };
}

/** @param {string} word @param {string} value */
function changeTo(word, value) {
  if (word === "speed") {
    speed = Number(value);
    return;
  }
  stop();
  const slide = { ...state.slide, at: 0, stage: 0, [word]: word === "kernel" || word === "padding" ? value : Number(value) };
  if (word === "kernel") Object.assign(slide, { cells: [], size: value === "learnt" ? learnt().size : NAMED.find(({ name }) => name === value)?.size ?? slide.size });
  if (word === "size") Object.assign(slide, { kernel: slide.kernel === "learnt" ? "blur" : slide.kernel, cells: [] });
  set({ slide });
  for (const select of document.querySelectorAll(".slide select")) {
    const name = /** @type {HTMLElement} */ (select).dataset.word ?? "";
    if (name in slide) /** @type {HTMLSelectElement} */ (select).value = String(/** @type {any} */ (slide)[name]);
  }
}

/** @param {any} parts */
function show(parts) {
  const { image, layer, output } = sliding();
  const window = /** @type {any} */ (layer.window);
  const [oh, ow] = window.positions;
  const at = Math.min(state.slide.at, oh * ow - 1);
  const stage = at > 0 ? STAGES : state.slide.stage;
  const row = Math.floor(at / ow);
  const column = at % ow;
  showInput(parts.input, image, window, row, column);
  showOutput(parts.output, output, stage === STAGES ? at + 1 : at, row, column, window);
  const why = conv2d.explain(layer, [image], output, { row, column, channel: 0 });
  showSum(parts, /** @type {any} */ (why), layer, stage);
  parts.text.textContent = stage < STAGES ? `${t(SAID[stage])} …` : t("Row {row}, column {column}: position {at} of {count}.", { row: row + 1, column: column + 1, at: count(at + 1), count: count(oh * ow) });
  showCells(parts, layer);
  const [height, width] = image.shape;
  parts.counts.textContent = t("{weights} weights, each used {uses} times. A dense layer that does the same has {dense} weights.", {
    weights: count(layer.weights.kernel.length), uses: count(oh * ow), dense: count(height * width * oh * ow) });
  parts.play.textContent = playing ? t("Pause") : t("Play");
}

/** @param {any} part @param {any} image @param {any} window @param {number} row @param {number} column */
function showInput(part, image, window, row, column) {
  const [height, width] = image.shape;
  const [[top, bottom], [left, right]] = window.padding;
  const scale = Math.max(1, Math.floor(WIDE / Math.max(height + top + bottom, width + left + right)));
  paintImage(part.canvas, image, scale);
  part.canvas.style.margin = `${top * scale}px ${right * scale}px ${bottom * scale}px ${left * scale}px`;
  const box = part.marks.firstElementChild ?? part.marks.appendChild(el("div.mark.section.strong"));
  Object.assign(box.style, {
    left: `${column * window.strides[1] * scale}px`, top: `${row * window.strides[0] * scale}px`,
    width: `${window.size[1] * scale}px`, height: `${window.size[0] * scale}px`,
  });
  part.caption.textContent = top + bottom + left + right ? t("image, with padding") : t("image");
}

/** @param {any} part @param {any} output @param {number} placed @param {number} row @param {number} column @param {any} window */
function showOutput(part, output, placed, row, column, window) {
  const [oh, ow] = window.positions;
  const scale = Math.max(1, Math.min(24, Math.floor(WIDE / Math.max(oh, ow))));
  const at = layout([oh, ow, 1], scale * ow, scale * oh, scale);
  const values = output.values.map((/** @type {number} */ value, /** @type {number} */ i) => (i < placed ? value : NaN));
  paint(part.canvas, { shape: [oh, ow, 1], values }, at, signed(), reachOf(output.values));
  const box = part.marks.firstElementChild ?? part.marks.appendChild(el("div.mark.own"));
  Object.assign(box.style, { left: `${column * scale}px`, top: `${row * scale}px`, width: `${scale}px`, height: `${scale}px` });
  part.caption.textContent = t("output, {height} × {width}", { height: oh, width: ow });
}

/** @param {any} parts @param {any} why @param {Layer} layer @param {number} stage */
function showSum(parts, why, layer, stage) {
  const [rows, columns] = /** @type {any} */ (layer.window).size;
  const texts = printedChannel(why, 0, digitsFor([...why.channelSums, ...why.terms.map((/** @type {any} */ term) => term.weight)]), { mark: mark() });
  const side = Math.max(16, Math.min(34, Math.floor(170 / columns) - 1));
  const inside = why.terms.map((/** @type {any} */ term) => term.inside);
  const section = cells({ rows, columns, side, inside, values: why.terms.map((/** @type {any} */ term) => term.value), texts: texts.terms.map(({ value }) => value), reach: 1, kind: "pixels", label: t("section") });
  const products = cells({ rows, columns, side, inside, values: why.terms.map((/** @type {any} */ term) => term.product), texts: texts.terms.map(({ product }) => product), reach: reachOf(why.terms.map((/** @type {any} */ term) => term.product)), label: t("products") });
  fill(parts.sum,
    el("figure", {}, el("figcaption", {}, t("section")), section),
    stage < 1 ? null : [el("span.sign", {}, "→"), el("figure", {}, el("figcaption", {}, t("times the kernel")), products)],
    stage < 2 ? null : el("dl.sum", {}, texts.rounding === null ? null : [el("dt", {}, t("rounding")), el("dd", {}, texts.rounding)], el("dt", {}, t("their sum")), el("dd.whole", {}, texts.result)));
}

/** The kernel's cells, each an input; they are made anew only when another kernel is shown. @param {any} parts @param {Layer} layer */
function showCells(parts, layer) {
  const [rows, columns] = /** @type {any} */ (layer.window).size;
  const name = `${state.theme}/${state.slide.kernel}/${rows}/${document.documentElement.lang}/${state.slide.kernel === "learnt" ? [...layer.weights.kernel].join() : ""}`;
  if (parts.cells.dataset.shows === name) return;
  parts.cells.dataset.shows = name;
  parts.cells.style.setProperty("--columns", columns);
  fill(parts.cells, Array.from(layer.weights.kernel, (weight, i) =>
    el("input", {
      inputmode: "decimal", value: print(weight, digitsFor([...layer.weights.kernel]), mark()).replace(/[.,]?0+$/, (zeros) => (/[.,]/.test(zeros) ? "" : zeros)), "aria-label": t("weight in row {row}, column {column}", { row: Math.floor(i / columns) + 1, column: (i % columns) + 1 }),
      oninput: () => edited(parts),
    })));
  colour(parts, [...layer.weights.kernel]);
}

/** @param {any} parts @param {number[]} weights */
function colour(parts, weights) {
  const reach = reachOf(weights);
  weights.forEach((weight, i) => {
    const { background, ink } = css(weight, reach);
    Object.assign(parts.cells.children[i].style, { background, color: ink });
  });
}

/** @param {any} parts */
function edited(parts) {
  const values = [...parts.cells.children].map((input) => Number(input.value.replace("\u2212", "-").replace(",", ".")));
  values.forEach((value, i) => parts.cells.children[i].setAttribute("aria-invalid", String(!Number.isFinite(value))));
  if (!values.every((value) => Number.isFinite(value) && Math.abs(value) < 1e4)) return;
  stop();
  colour(parts, values);
  parts.cells.dataset.shows = `${state.theme}/own/${state.slide.size}/${document.documentElement.lang}/`;
  const select = document.querySelector('.slide select[data-word="kernel"]');
  if (select && !select.querySelector('[value="own"]')) select.append(el("option", { value: "own" }, t("your own")));
  set({ slide: { ...state.slide, kernel: "own", cells: values } });
  if (select) /** @type {HTMLSelectElement} */ (select).value = "own";
}

/** One stage, or one position, further; false at the end. */
function forward() {
  const { layer } = sliding();
  const [oh, ow] = /** @type {any} */ (layer.window).positions;
  const { at, stage } = state.slide;
  if (at === 0 && stage < STAGES) set({ slide: { ...state.slide, stage: stage + 1 } });
  else if (at < oh * ow - 1) set({ slide: { ...state.slide, at: at + 1, stage: STAGES } });
  else return false;
  return true;
}

/** @param {any} parts */
function toggle(parts) {
  if (playing) {
    stop();
    show(parts);
    return;
  }
  const { layer } = sliding();
  const [oh, ow] = /** @type {any} */ (layer.window).positions;
  if (state.slide.at >= oh * ow - 1) set({ slide: { ...state.slide, at: 0, stage: 0 } });
  if (calm()) {
    forward();
    return;
  }
  let before = 0;
  let saved = 0; // milliseconds that no step has used
  const frame = (/** @type {number} */ now) => {
    saved += before ? (now - before) * speed : 0;
    before = now;
    let moved = true;
    while (moved && saved >= timeOf(ow, oh * ow)) {
      saved -= timeOf(ow, oh * ow);
      moved = forward();
    }
    playing = moved ? requestAnimationFrame(frame) : 0;
    if (!moved) show(parts);
  };
  playing = requestAnimationFrame(frame);
  show(parts);
}

/** How long the picture stays as it is. @param {number} row - positions in one @param {number} all */
function timeOf(row, all) {
  const { at, stage } = state.slide;
  if (at === 0 && stage < STAGES) return STAGE_TIME;
  return at < row ? POSITION_TIME : REST_TIME / Math.max(1, all - row);
}

function stop() {
  if (playing) cancelAnimationFrame(playing);
  playing = 0;
}

