/**
 * The one state that drives every view, and the address that holds it.
 *
 * `set` changes it; the views are told once a frame which words changed. What is only hovered is not in the address.
 */

import { oncePerFrame } from "./dom.js";

/**
 * @typedef {object} Focus
 * @property {string} layer - a layer's name, or IMAGE
 * @property {number} channel
 * @property {number} row
 * @property {number} column
 */

/** @typedef {["silence", string, number] | ["weight", string, number, number]} Edit */

/**
 * @typedef {object} Slide
 * @property {string} kernel - learnt, own, or a name
 * @property {number} size
 * @property {number} stride
 * @property {string} padding - valid or same
 * @property {number} at - which position
 * @property {number} stage - at the first one: 0 gather, 1 multiply, 2 add, 3 place
 * @property {number[]} cells - the weights of a kernel of one's own
 */

/**
 * @typedef {object} State
 * @property {string} view - explain, slide, ablate or train: what the right column shows
 * @property {Focus | null} focus - the one number that everything is about
 * @property {Focus | null} preview - the number under the pointer, if any
 * @property {number} image - which of the images at hand; -1: the drawing or the file
 * @property {number[][]} strokes - of the drawing: x, y, x, y, … in 0 to 1000
 * @property {boolean} prepared - whether drawings go through MNIST's preparation
 * @property {string} shows - maps or kernels, in the network
 * @property {Edit[]} edits - of the weights
 * @property {number} step - of the first walk; -1: not walking
 * @property {Slide} slide - the kernel that slides, and where it is
 * @property {string} moment - of the live training: "session,place,step", or ""
 * @property {string} theme - light, dark, or "" as the system has it
 * @property {string} lang
 */

/** @type {State} */
export const state = {
  view: "explain",
  focus: null,
  preview: null,
  image: 0,
  strokes: [],
  prepared: true,
  shows: "maps",
  edits: [],
  step: -1,
  slide: { kernel: "learnt", size: 5, stride: 1, padding: "valid", at: 0, stage: 0, cells: [] },
  moment: "",
  theme: "",
  lang: "",
};

const VIEWS = ["explain", "slide", "ablate", "train"];

/** @type {((changed: Set<string>) => void)[]} */
const watchers = [];
/** @type {Set<string>} */
let changed = new Set();
let lasting = false; // whether the address has to change too

const tell = oncePerFrame(flush);

/** Tell the views now what has changed: for what cannot wait for a frame. */
export function flush() {
  if (!changed.size) return;
  const now = changed;
  const remembered = lasting;
  changed = new Set();
  lasting = false;
  for (const watcher of watchers) watcher(now);
  if (remembered) remember();
}

/**
 * Be told, once a frame, which words of the state have changed.
 * @param {(changed: Set<string>) => void} watcher
 */
export function watch(watcher) {
  watchers.push(watcher);
}

/**
 * Change the state. The address follows, but not to where something only passes through: a pointer that hovers, a pen
 * that is still on its way.
 * @param {Partial<State>} words
 * @param {{passing?: boolean}} [how]
 */
export function set(words, { passing = false } = {}) {
  for (const [word, value] of Object.entries(words)) {
    if (same(/** @type {any} */ (state)[word], value)) continue;
    /** @type {any} */ (state)[word] = value;
    changed.add(word);
    lasting ||= !passing && word !== "preview";
  }
  if (changed.size) tell();
}

/** Say that something outside of the state has changed, such as the image's pixels. @param {string} what */
export function announce(what) {
  changed.add(what);
  lasting = true;
  tell();
}

/** @param {any} a @param {any} b */
function same(a, b) {
  return a === b || (typeof a === "object" && typeof b === "object" && JSON.stringify(a) === JSON.stringify(b));
}

/** The number that the views show: the one under the pointer, else the one that is pinned. */
export function shown() {
  return state.preview ?? state.focus;
}

/** @param {Focus} focus */
export function focusText({ layer, channel, row, column }) {
  return [layer, channel, row, column].join(".");
}

/** Write the state into the address, without a new entry in the browser's history. */
function remember() {
  const words = new URLSearchParams();
  if (state.view !== "explain") words.set("view", state.view);
  if (state.focus) words.set("focus", focusText(state.focus));
  words.set("image", String(state.image));
  if (state.strokes.length) words.set("strokes", state.strokes.map((stroke) => stroke.map((x) => x.toString(36)).join(".")).join("_"));
  if (!state.prepared) words.set("prepared", "0");
  if (state.shows !== "maps") words.set("shows", state.shows);
  if (state.edits.length) words.set("edits", state.edits.map((edit) => edit.join("~")).join("_"));
  if (state.step >= 0) words.set("step", String(state.step));
  if (state.view === "slide") words.set("slide", slideText(state.slide));
  if (state.moment) words.set("moment", state.moment);
  if (state.theme) words.set("theme", state.theme);
  if (state.lang) words.set("lang", state.lang);
  const address = `#${words}`;
  if (address !== location.hash) history.replaceState(null, "", address);
}

/** The words of the state that an address holds; what makes no sense in it is left out. @param {string} hash */
export function read(hash) {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  /** @type {Partial<State>} */
  const found = {};
  const view = words.get("view");
  if (view && VIEWS.includes(view)) found.view = view;
  const focus = /^([\w@-]+)\.(\d{1,6})\.(\d{1,5})\.(\d{1,5})$/.exec(words.get("focus") ?? "");
  if (focus) found.focus = { layer: focus[1], channel: +focus[2], row: +focus[3], column: +focus[4] };
  if (/^(-1|\d{1,5})$/.test(words.get("image") ?? "")) found.image = Number(words.get("image"));
  found.strokes = strokesOf(words.get("strokes") ?? "");
  found.prepared = words.get("prepared") !== "0";
  if (words.get("shows") === "kernels") found.shows = "kernels";
  found.edits = editsOf(words.get("edits") ?? "");
  if (/^\d{1,2}$/.test(words.get("step") ?? "")) found.step = Number(words.get("step"));
  const slide = slideOf(words.get("slide") ?? "");
  if (slide) found.slide = slide;
  if (/^\d+,\d+,\d+$/.test(words.get("moment") ?? "")) found.moment = words.get("moment") ?? "";
  if (["light", "dark"].includes(words.get("theme") ?? "")) found.theme = words.get("theme") ?? "";
  if (/^[a-z]{2}$/.test(words.get("lang") ?? "")) found.lang = words.get("lang") ?? "";
  return found;
}

/** @param {Slide} slide */
function slideText({ kernel, size, stride, padding, at, stage, cells }) {
  return [kernel, size, stride, padding, at, stage, cells.join("~")].join("_");
}

/** @param {string} text @returns {Slide | null} */
function slideOf(text) {
  const found = /^([a-z]+)_([1-7])_([1-3])_(valid|same)_(\d{1,5})_([0-3])_([-\d.e~]*)$/.exec(text);
  if (!found) return null;
  const cells = found[7] ? found[7].split("~").map(Number).filter(Number.isFinite) : [];
  return { kernel: found[1], size: +found[2], stride: +found[3], padding: found[4], at: +found[5], stage: +found[6], cells };
}

/** @param {string} text */
function strokesOf(text) {
  const strokes = text.split("_").map((stroke) => stroke.split(".").map((x) => parseInt(x, 36)));
  return strokes.filter((stroke) => stroke.length >= 2 && stroke.length % 2 === 0 && stroke.every((x) => x >= 0 && x <= 1000));
}

/** @param {string} text @returns {Edit[]} */
function editsOf(text) {
  /** @type {Edit[]} */
  const edits = [];
  for (const [what, name, index, value] of text.split(/_(?=silence~|weight~)/).map((edit) => edit.split("~"))) {
    if (what === "silence" && /^\d+$/.test(index)) edits.push(["silence", name, Number(index)]);
    if (what === "weight" && /^\d+$/.test(index) && Number.isFinite(Number(value))) edits.push(["weight", name, Number(index), Number(value)]);
  }
  return edits;
}
