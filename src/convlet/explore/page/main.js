/**
 * The page begins here: it takes the network, speaks the reader's language, and tells every view what has changed.
 */

import { problem } from "./problems.js";
import { content, Refusal, texts } from "./source.js";
import { edit, load, look, model, outputOf } from "./model.js";
import { sides } from "./network/tensors.js";
import { flush, read, set, state, watch, announce } from "./state.js";
import { LANGUAGES, language, speak } from "./texts.js";
import { ablateView } from "./views/ablate.js";
import { explainView } from "./views/explain.js";
import { inputView } from "./views/input.js";
import { networkView } from "./views/network.js";
import { slideView } from "./views/slide.js";
import { firstHead, topView } from "./views/top.js";
import { trainView } from "./views/train.js";
import { walkView } from "./views/walk.js";

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** What the reader chose, else what the page was opened in, else what the browser asks for. */
function firstLanguage() {
  const root = document.documentElement;
  if (state.lang in LANGUAGES) return state.lang;
  if (location.protocol !== "file:" || "fixed" in root.dataset) return root.lang in LANGUAGES ? root.lang : "en";
  return navigator.languages.map((tag) => tag.split("-")[0]).find((tag) => tag in LANGUAGES) ?? "en";
}

/** @param {string} wanted */
async function change(wanted) {
  if (wanted !== language() || !document.body.dataset.ready) speak(wanted, await texts(wanted));
}

/** A number that says something at once: the largest of the first maps, well inside the image. */
function firstFocus() {
  const layer = model.network.layers.find(({ window, weights }) => window && weights.kernel) ?? model.network.layers[0];
  const { shape, values } = outputOf(layer.name);
  const [, width, channels] = sides(shape);
  const at = values.indexOf(Math.max(...values));
  const pixel = Math.floor(at / channels);
  return { layer: layer.name, channel: at % channels, row: Math.floor(pixel / width), column: pixel % width };
}

/** A focus that this network has; else the first. */
function settleFocus() {
  const focus = state.focus;
  const tensor = focus && model.outputs.get(focus.layer);
  const [height, width, channels] = tensor ? sides(tensor.shape) : [0, 0, 0];
  const fits = focus && focus.row < height && focus.column < width && focus.channel < channels;
  set({ focus: fits ? focus : firstFocus(), preview: null });
}

async function begin() {
  const address = location.hash;
  Object.assign(state, read(address));
  applyTheme();
  const coming = content();
  await change(firstLanguage());
  firstHead(part("top"));
  const packet = await coming;
  state.lang = language();
  load(packet);
  if (!/[#&]image=/.test(address)) state.image = model.wrong; // the first that it has right
  if (model.fresh && !address) state.view = "train"; // it learns while one watches
  if (!model.images.length && state.image >= 0) state.image = -1;
  if (state.image >= 0) look(model.images[Math.min(state.image, model.images.length - 1)].values);
  if (state.edits.length) edit(state.edits);
  settleFocus();
  const panel = part("panel");
  const slots = Object.fromEntries(["walk", "explain", "slide", "ablate", "train"].map((name) => [name, panel.appendChild(document.createElement("div"))]));
  for (const [name, slot] of Object.entries(slots)) slot.className = `slot ${name}`;
  const views = [
    inputView(part("input")), topView(part("top")), networkView(part("network")), walkView(slots.walk), explainView(slots.explain),
    slideView(slots.slide), ablateView(slots.ablate), trainView(slots.train),
  ];
  watch((changed) => {
    if (changed.has("lang") && language() !== state.lang) {
      change(state.lang).then(() => announce("lang"));
      return;
    }
    if (changed.has("theme")) applyTheme();
    if (changed.has("edits")) edit(state.edits);
    if (changed.has("view")) for (const [name, slot] of Object.entries(slots)) slot.hidden = name !== "walk" && name !== state.view;
    for (const view of views) view.update(changed);
  });
  for (const word of ["lang", "network", "view", "step", "image", "focus", "theme", "moment", "shows"]) announce(word);
  flush();
  document.body.dataset.ready = "yes";
}

function applyTheme() {
  if (state.theme) document.documentElement.dataset.theme = state.theme;
  else delete document.documentElement.dataset.theme;
}

addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (state.preview) set({ preview: null });
  else if (state.step >= 0) set({ step: -1 });
  else if (state.view !== "explain") set({ view: "explain" });
});
addEventListener("hashchange", () => {
  if (!model.network) return; // still on its way
  const found = read(location.hash);
  set(found);
  settleFocus();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => announce("theme"));

begin().catch((error) => {
  document.body.dataset.ready = "failed";
  part("page").textContent = error instanceof Refusal ? problem(error.kind) : String(error);
  if (!(error instanceof Refusal)) throw error;
});
