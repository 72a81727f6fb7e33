/**
 * How many test images the network gets right with its edits: what the images at hand say of it, a few at a time so that
 * the page stays awake: the first few are an estimate, with its margin, which those after them make finer. Served, the
 * server counts the whole test set meanwhile.
 */

/** @import {Edit} from "./state.js" */

import { model } from "./model.js";
import { estimate } from "./network/estimate.js";
import { Memory } from "./network/memory.js";
import { logits } from "./network/network.js";
import { ask, isFile, json } from "./source.js";
import { state } from "./state.js";

const SLICE = 30; // milliseconds of computing at a time
const ESTIMATES = 5; // while the server counts; then the processor is the server's

/**
 * @typedef {object} Measured
 * @property {number} now - the share of all test images that it gets right
 * @property {number} before
 * @property {number} margin - of both, to either side; 0 where all were counted
 * @property {number} seen - images that were looked at
 * @property {number} all - test images
 * @property {boolean} done - whether no finer one will come
 */

/** @type {Map<string, number>} - right of all, as the server counted them, by weights */
const known = new Map();

/**
 * What was right before and is right now. It ends early where `still` says that nobody waits any more.
 * @param {Edit[]} edits
 * @param {() => boolean} still
 * @returns {AsyncGenerator<Measured>}
 */
export async function* measure(edits, still) {
  if (isFile) return yield* measureHere(edits, still);
  let waiting = true;
  const counted = count(edits);
  const end = () => (waiting = false);
  counted.then(end, end);
  await Promise.race([counted, later()]); // what is known already is there at once
  let estimates = state.moment || !model.facts.images ? 0 : ESTIMATES;
  if (waiting && estimates) {
    for await (const measured of measureHere(edits, still)) {
      if (waiting) yield { ...measured, done: false };
      if (!waiting || !--estimates) break;
    }
  }
  const measured = await counted;
  if (still()) yield measured;
}

const later = () => new Promise((resolve) => setTimeout(resolve));

/** What was right of all test images and is right now, as the server says. @param {Edit[]} edits @returns {Promise<Measured>} */
async function count(edits) {
  const before = await right([]);
  const now = await right(edits);
  return { now: now.now / now.images, before: before.now / before.images, margin: 0, seen: now.images, all: now.images, done: true };
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
  const { network, base, images, labels } = model;
  const kinds = kindsOfImages();
  let started = performance.now();
  let seen = 0;
  for (const i of mixed(images.length)) {
    const kind = kinds[Number(i >= kinds[0].count)];
    const asTrained = says(base, images[i].values) === labels[i];
    kind.before += Number(asTrained);
    kind.now += Number(edits.length ? says(network, images[i].values) === labels[i] : asTrained);
    kind.seen++;
    if (++seen < images.length && performance.now() - started < SLICE) continue;
    yield summary(kinds, seen, edits);
    await later();
    if (!still()) return;
    started = performance.now();
  }
}

/** The images at hand, those that the network has wrong before the others, and how many of either kind there are. */
function kindsOfImages() {
  const { wrong, images, facts } = model;
  const all = facts.images ?? images.length;
  const sizes = all > images.length ? [[wrong, facts.mistakes ?? 0], [images.length - wrong, all - (facts.mistakes ?? 0)]] : [[images.length, images.length]];
  return sizes.map(([count, size]) => ({ count, size, seen: 0, before: 0, now: 0 }));
}

/** @param {ReturnType<typeof kindsOfImages>} kinds @param {number} seen @param {Edit[]} edits @returns {Measured} */
function summary(kinds, seen, edits) {
  const found = (/** @type {"before" | "now"} */ when) => estimate(kinds.map((kind) => ({ all: kind.size, seen: kind.seen, right: kind[when] })));
  const { share, margin } = found("now");
  const before = model.facts.accuracy ?? found("before").share;
  const all = kinds.reduce((sum, { size }) => sum + size, 0);
  const known = !edits.length && model.facts.accuracy !== undefined; // of the network as it was trained
  return { now: known ? before : share, before, margin: known ? 0 : margin, seen, all, done: seen === model.images.length || known };
}

/**
 * Each whole number below a count once, so that the first few stand for all of them: the images lie sorted, those that
 * the network has wrong before the others. Steps of the golden section spread as evenly as any.
 * @param {number} count
 */
function mixed(count) {
  const share = (/** @type {number} */ i) => (i * 0.6180339887498949) % 1;
  return Array.from({ length: count }, (_, i) => i).sort((a, b) => share(a) - share(b));
}

/** @type {Memory | null} - of the images at hand, as the network without edits sees them */
let memory = null;

/** The class that a network says first of an image. @param {import("./network/wire.js").Network} network @param {Float32Array} image */
function says(network, image) {
  if (memory?.network !== model.base) memory = new Memory(model.base);
  const scores = logits(network, memory.outputs(network, image));
  return scores.indexOf(Math.max(...scores));
}
