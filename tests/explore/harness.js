/** All modules of the page's mathematics under one name, and arrays between Python and JavaScript, for tests. */

import * as ablation from "./network/ablation.js";
import * as activations from "./network/activations.js";
import * as explain from "./network/explain.js";
import * as fields from "./network/fields.js";
import * as layers from "./network/layers.js";
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

const all = [ablation, activations, explain, fields, layers, network, numbers, printing, sections, tensors, wire];
globalThis.convlet = Object.assign({}, ...all);
globalThis.harness = { run };
