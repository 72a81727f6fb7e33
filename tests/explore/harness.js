/** All modules of the page's mathematics under one name, and arrays between Python and JavaScript, for tests. */

import * as ablation from "./network/ablation.js";
import * as activations from "./network/activations.js";
import * as digits from "./network/digits.js";
import * as estimate from "./network/estimate.js";
import * as explain from "./network/explain.js";
import * as fields from "./network/fields.js";
import * as layers from "./network/layers.js";
import * as memory from "./network/memory.js";
import * as network from "./network/network.js";
import * as numbers from "./network/numbers.js";
import * as printing from "./network/printing.js";
import * as sections from "./network/sections.js";
import * as tensors from "./network/tensors.js";
import * as wire from "./network/wire.js";

const ARRAYS = { uint8: Uint8Array, int32: Int32Array, float32: Float32Array, float64: Float64Array };

function decode(value) {
  if (Array.isArray(value)) return value.map(decode);
  if (value === null || typeof value !== "object") return value;
  if ("base64" in value) {
    const bytes = Uint8Array.from(atob(value.base64), (character) => character.charCodeAt(0));
    return new ARRAYS[value.array](bytes.buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, decode(each)]));
}

function encode(value) {
  if (value instanceof Map) return encode(Object.fromEntries(value));
  if (Array.isArray(value)) return value.map(encode);
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${value} has no place in JSON`);
  if (value === null || typeof value !== "object") return value;
  const name = Object.keys(ARRAYS).find((each) => value instanceof ARRAYS[each]);
  if (!name) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, encode(each)]));
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return { array: name, base64: btoa(text) };
}

async function read() {
  const [description, buffer] = await Promise.all([
    fetch("packet.json").then((answer) => answer.json()),
    fetch("packet.bin").then((answer) => answer.arrayBuffer()),
  ]);
  return wire.read(description, buffer);
}

/** What `code` returns, as JSON: Playwright carries one text much faster than many numbers. */
async function run(code, given, packet) {
  const all = { ...decode(JSON.parse(given)), ...(packet ? await read() : {}) };
  const body = new Function(...Object.keys(all), `return (async () => { ${code} })();`);
  return JSON.stringify(encode(await body(...Object.values(all))) ?? null);
}

const all = [ablation, activations, digits, estimate, explain, fields, layers, memory, network, numbers, printing, sections, tensors, wire];
/** The ink of some strokes as a canvas draws them, (size, size) from 0 to 1: round ends, soft edges. */
function inkOf(strokes, size, pen) {
  const context = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true });
  Object.assign(context, { lineWidth: (pen * size) / 1000, lineCap: "round", lineJoin: "round" });
  for (const stroke of strokes) {
    context.beginPath();
    for (let i = 0; i < stroke.length; i += 2) context.lineTo((stroke[i] * size) / 1000, (stroke[i + 1] * size) / 1000);
    context.stroke();
  }
  const { data } = context.getImageData(0, 0, size, size);
  return Float32Array.from({ length: size * size }, (_, i) => data[4 * i + 3] / 255);
}

/** An image of MNIST as if drawn on a pad: large, of solid ink with soft edges, at a place of it: (size, size), 0 to 1. */
function drawnLarge(image, { side, top, left }, size) {
  const small = new OffscreenCanvas(28, 28);
  const pixels = new ImageData(28, 28);
  image.forEach((value, i) => (pixels.data[4 * i + 3] = value));
  small.getContext("2d").putImageData(pixels, 0, 0);
  const context = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(small, left, top, side, side);
  const { data } = context.getImageData(0, 0, size, size);
  const solid = (share) => Math.min(1, Math.max(0, 3 * (share - 0.5) + 0.5));
  return Float32Array.from({ length: size * size }, (_, i) => solid(data[4 * i + 3] / 255));
}

globalThis.convlet = Object.assign({}, ...all);
globalThis.harness = { run, inkOf, drawnLarge };
