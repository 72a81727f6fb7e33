/**
 * Look inside: the network as it is, from left to right. Every layer with its shape, its weights and how often each is
 * used, and all its maps, or all its kernels, on one signed scale.
 */

/** @import {Layer} from "../network/layers.js" */

import { grey, reachOf, signed } from "../colours.js";
import { el, fill } from "../dom.js";
import { layout, paint, paintImage } from "../maps.js";
import { layerOf, model, outputOf, readersOf } from "../model.js";
import { looksAt } from "../look.js";
import { IMAGE } from "../network/wire.js";
import { sides } from "../network/tensors.js";
import { announce, set, shown, state } from "../state.js";
import { t } from "../texts.js";
import { count, factsOf, kindName, layerName, number, shapeText } from "../words.js";
import { Field } from "./field.js";
import { kernelTensor } from "./kernels.js";

const SIDE = 252; // CSS pixels of a layer's canvas, at most
const LARGE = 376; // on a large screen
const largeScreen = matchMedia("(min-width: 1920px)");
largeScreen.addEventListener("change", () => model.network && announce("network"));
const side = () => (largeScreen.matches ? LARGE : SIDE);
const WIDEST_IMAGE = 4; // CSS pixels a number of the image

/** @type {{name: string, element: HTMLElement, field: Field, legend: HTMLElement, kernels: HTMLElement, canvas: HTMLCanvasElement}[]} */
let blocks = [];

/** @param {HTMLElement} root */
export function networkView(root) {
  return {
    /** @param {Set<string>} changed */
    update(changed) {
      if (changed.has("lang") || changed.has("network")) build(root);
      if (any(changed, "lang", "network", "shows", "image", "pixels", "edits", "theme")) paintAll();
      if (state.shows === "kernels" && any(changed, "focus")) paintKernels();
      if (any(changed, "focus", "preview", "lang", "network", "shows", "pixels", "image")) markAll();
    },
  };
}

/** @param {Set<string>} changed @param {...string} words */
function any(changed, ...words) {
  return words.some((word) => changed.has(word));
}

/** @param {HTMLElement} root */
function build(root) {
  const names = [IMAGE, ...model.network.layers.map(({ name }) => name)];
  blocks = names.map(block);
  fill(
    root,
    el("div.bar", {},
      el("h2", {}, t("Look inside")),
      el("div.choice", { role: "group", "aria-label": t("What each layer shows") },
        choice("maps", t("maps")), choice("kernels", t("kernels")))),
    el("p.quiet", {}, t("{layers} layers, {weights} weights. Point at any number; click to keep it.", {
      layers: count(model.network.layers.length - 1), weights: count(model.network.layers.reduce((sum, layer) => sum + layer.costs.weights, 0)) })),
    el("ol.layers", {}, blocks.map(({ element }) => element)),
  );
}

/** @param {string} value @param {string} text */
function choice(value, text) {
  return el("button", { type: "button", "data-shows": value, "aria-pressed": String(state.shows === value), onclick: () => set({ shows: value }) }, text);
}

/** @param {string} name */
function block(name) {
  const layer = layerOf(name);
  const field = new Field(name);
  const title = layerName(name);
  field.element.setAttribute("aria-label", t("{layer}: its numbers", { layer: title }));
  const shape = outputOf(name).shape;
  const legend = el("div.legend", { "aria-hidden": "true" });
  const canvas = el("canvas", { role: "img", "aria-label": t("{layer}: its kernels", { layer: title }) });
  const kernels = el("div.kernels", {}, canvas);
  const element = el("li.layer", { "data-layer": name },
    el("h3", {}, title),
    el("p", {}, layer ? [kindText(layer), el("br")] : null, shapeText(shape), layer?.costs.weights ? [" · ", factsOf(layer)] : null),
    field.element, kernels, legend);
  return { name, element, field, legend, kernels, canvas };
}

/** @param {Layer} layer */
function kindText(layer) {
  const size = layer.window ? ` ${shapeText(layer.window.size)}` : "";
  const activation = layer.settings.activation && layer.kind !== "Activation" ? ` · ${layer.settings.activation}` : "";
  return `${kindName(layer)}${size}${activation}`;
}

function paintAll() {
  for (const button of document.querySelectorAll("[data-shows]")) {
    button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.shows === state.shows));
  }
  for (const { name, field, legend, kernels } of blocks) {
    const kernelsShown = state.shows === "kernels" && Boolean(layerOf(name)?.weights.kernel);
    field.element.hidden = kernelsShown;
    kernels.hidden = !kernelsShown;
    if (!kernelsShown) paintMaps(name, field, legend);
  }
  if (state.shows === "kernels") paintKernels();
}

/** @param {string} name @param {Field} field @param {HTMLElement} legend */
function paintMaps(name, field, legend) {
  const tensor = outputOf(name);
  if (name === IMAGE) {
    const scale = Math.max(1, Math.min(WIDEST_IMAGE, Math.floor(SIDE / sides(tensor.shape)[1])));
    field.layout = { ...layout([...sides(tensor.shape).slice(0, 2), 1], scale * sides(tensor.shape)[1], 1e4, scale) };
    paintImage(field.canvas, tensor, scale);
    showScale(legend, greyUpwards, [number(0, 0), number(0.5, 1), number(1, 0)]);
    return;
  }
  field.layout ??= layout(tensor.shape, side(), side());
  const reach = reachOf(tensor.values);
  paint(field.canvas, tensor, field.layout, signed(), reach);
  showScale(legend, signed(), [number(-reach), number(0, 0), number(reach)]);
}

function paintKernels() {
  for (const { name, legend, kernels, canvas } of blocks) {
    const layer = layerOf(name);
    if (!layer?.weights.kernel) continue;
    const focus = shown();
    const { tensor, caption } = kernelTensor(layer, focus?.layer === name ? focus.channel : 0);
    const reach = reachOf(layer.weights.kernel);
    paint(canvas, tensor, layout(tensor.shape, side() - 8, side(), 12), signed(), reach);
    fill(kernels, canvas, el("p", {}, caption));
    showScale(legend, signed(), [number(-reach), number(0, 0), number(reach)]);
  }
}

const greyUpwards = grey().slice(255); // an image has nothing below 0

/** @type {WeakMap<HTMLElement, Uint32Array>} - which scale each legend shows */
const legends = new WeakMap();

/** The scale with its ticks; while an image is drawn, only the ticks change. @param {HTMLElement} legend @param {Uint32Array} scale @param {string[]} ticks */
function showScale(legend, scale, ticks) {
  if (legends.get(legend) !== scale) fill(legend, scaleBar(scale, ticks));
  else legend.querySelectorAll("span").forEach((tick, i) => tick.textContent === ticks[i] || (tick.textContent = ticks[i]));
  legends.set(legend, scale);
}

/**
 * The scale in steps, with three ticks.
 * @param {Uint32Array} scale
 * @param {string[]} ticks
 */
function scaleBar(scale, ticks) {
  const canvas = el("canvas.scale", { width: 17, height: 1 });
  const image = new ImageData(17, 1);
  new Uint32Array(image.data.buffer).set(Array.from({ length: 17 }, (_, i) => scale[Math.round((i / 16) * (scale.length - 1))]));
  canvas.getContext("2d").putImageData(image, 0, 0);
  return el("div.scalebar", {}, canvas, el("div.ticks", {}, ticks.map((tick) => el("span", {}, tick))));
}

/** Outline the number, and what it sees in every layer before it. */
function markAll() {
  const focus = shown();
  const seen = focus ? looksAt(focus) : new Map();
  const readers = focus ? readersOf(focus.layer).map(({ name }) => name) : [];
  for (const { name, field, element } of blocks) {
    const region = seen.get(name);
    const own = focus?.layer === name;
    field.channel = own ? focus.channel : field.channel;
    element.classList.toggle("focused", own);
    element.classList.toggle("beside", Boolean(focus) && !own && !region && !readers.includes(name));
    field.mark(own ? [{ kind: "own", channel: name === IMAGE ? 0 : focus.channel, top: focus.row, left: focus.column, bottom: focus.row + 1, right: focus.column + 1 }] : region ? boxes(name, region) : []);
  }
}

/**
 * A region's outline: on the one map it is about, or on each of a few.
 * @param {string} name
 * @param {import("../network/tensors.js").Region} region
 */
function boxes(name, region) {
  const [height, width, channels] = sides(outputOf(name).shape);
  if (height * width === 1) return region.last - region.first === 1 ? [{ kind: "section", channel: region.first, top: 0, left: 0, bottom: 1, right: 1 }] : [];
  const box = { kind: "section", top: Math.max(0, region.top), left: Math.max(0, region.left), bottom: Math.min(height, region.bottom), right: Math.min(width, region.right) };
  if (box.bottom - box.top === height && box.right - box.left === width) return []; // all of it: nothing to tell apart
  const maps = name === IMAGE ? [0] : Array.from({ length: Math.min(channels, region.last) - region.first }, (_, i) => region.first + i);
  return maps.map((channel) => ({ ...box, channel }));
}
