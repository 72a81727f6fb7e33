/**
 * How many test images the network gets right with its edits: served, of the whole test set, which the server knows; in a
 * file, of the images at hand, a few at a time so that the page stays awake.
 */

/** @import {Edit} from "./state.js" */

import { model } from "./model.js";
import { Memory } from "./network/memory.js";
import { logits } from "./network/network.js";
import { ask, isFile, json } from "./source.js";
import { state } from "./state.js";

const SLICE = 30; // milliseconds of computing at a time

/** @typedef {{images: number, before: number, now: number, done: boolean}} Measured - numbers of images */

/** @type {Map<string, number>} - right of all, as the server counted them, by weights */
const known = new Map();

/**
 * What was right before and is right now. It ends early where `still` says that nobody waits any more.
 * @param {Edit[]} edits
 * @param {() => boolean} still
 * @returns {AsyncGenerator<Measured>}
 */
export async function* measure(edits, still) {
  if (isFile) yield* measureHere(edits, still);
  else {
    const before = await right([]);
    if (!still()) return;
    yield { ...(await right(edits)), before: before.now, done: true };
  }
}

/** @param {Edit[]} edits */
async function right(edits) {
  if (!known.size && !state.moment && model.facts.images) {
    known.set("images", model.facts.images);
    known.set(JSON.stringify([[], null]), model.facts.images - (model.facts.mistakes ?? 0));
  }
  const moment = state.moment ? state.moment.split(",").map(Number) : null;
  const key = JSON.stringify([edits, moment]);
  const kept = known.get(key);
  if (kept !== undefined) return { images: known.get("images") ?? 0, now: kept };
  const { accuracy, images } = json(await ask("/evaluate", { edits, moment }));
  if (!model.fresh || moment) known.set(key, Math.round(accuracy * images));
  known.set("images", images);
  return { images, now: Math.round(accuracy * images) };
}

/**
 * @param {Edit[]} edits
 * @param {() => boolean} still
 * @returns {AsyncGenerator<Measured>}
 */
async function* measureHere(edits, still) {
  let [before, now] = [0, 0];
  let started = performance.now();
  const { network, base, images, labels } = model;
  for (let i = 0; i < images.length; i++) {
    before += Number(says(base, images[i].values) === labels[i]);
    now += Number((edits.length ? says(network, images[i].values) : says(base, images[i].values)) === labels[i]);
    if (performance.now() - started < SLICE && i < images.length - 1) continue;
    yield { images: i + 1, before, now, done: i === images.length - 1 };
    await new Promise((resolve) => setTimeout(resolve));
    if (!still()) return;
    started = performance.now();
  }
}

/** @type {Memory | null} - of the images at hand, as the network without edits sees them */
let memory = null;

/** The class that a network says first of an image. @param {import("./network/wire.js").Network} network @param {Float32Array} image */
function says(network, image) {
  if (memory?.network !== model.base) memory = new Memory(model.base);
  const scores = logits(network, memory.outputs(network, image));
  return scores.indexOf(Math.max(...scores));
}
