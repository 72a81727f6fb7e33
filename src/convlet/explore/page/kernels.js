/**
 * Kernels to slide: the learnt one, and some that are known by name.
 */

/** @import {Layer} from "./network/layers.js" */
/** @import {Slide} from "./state.js" */

import { layerOf, model } from "./model.js";
import { IMAGE } from "./network/wire.js";
import { state } from "./state.js";
import { later } from "./texts.js";

const ninth = 1 / 9;

export const NAMED = [
  { name: "vertical", text: later("vertical edge"), size: 3, weights: [-1, 0, 1, -2, 0, 2, -1, 0, 1] },
  { name: "horizontal", text: later("horizontal edge"), size: 3, weights: [-1, -2, -1, 0, 0, 0, 1, 2, 1] },
  { name: "outline", text: later("outline"), size: 3, weights: [-1, -1, -1, -1, 8, -1, -1, -1, -1] },
  { name: "blur", text: later("blur"), size: 3, weights: Array.from({ length: 9 }, () => ninth) },
  { name: "sharpen", text: later("sharpen"), size: 3, weights: [0, -1, 0, -1, 5, -1, 0, -1, 0] },
  { name: "same", text: later("leave as it is"), size: 3, weights: [0, 0, 0, 0, 1, 0, 0, 0, 0] },
];

/** The kernel of the filter in focus, if it looks at the image; else the first one that does. */
export function learnt() {
  const focused = state.focus && layerOf(state.focus.layer);
  const looks = (/** @type {Layer | null | undefined} */ layer) => Boolean(layer?.window && layer.weights.kernel && layer.inputs[0] === IMAGE);
  const layer = looks(focused) ? focused : model.network.layers.find(looks);
  if (!layer?.window) return { size: 3, weights: NAMED[0].weights };
  const filters = layer.outputShape[2];
  const channels = layer.inputShapes[0][2];
  const channel = layer === focused && state.focus ? state.focus.channel : 0;
  const [rows, columns] = layer.window.size;
  const weights = Array.from({ length: rows * columns }, (_, i) => layer.weights.kernel[i * channels * filters + channel]);
  return { size: rows, weights: rows === columns ? weights : NAMED[0].weights };
}

/** The weights of what is chosen, in its size. @param {Slide} slide */
function weightsOf({ kernel, size, cells }) {
  if (kernel === "own" && cells.length === size * size) return cells;
  if (kernel === "learnt") return learnt().weights;
  const named = NAMED.find(({ name }) => name === kernel) ?? NAMED[0];
  if (named.size === size) return named.weights;
  if (named.name === "blur") return Array.from({ length: size * size }, () => 1 / (size * size));
  return Array.from({ length: size * size }, (_, i) => centred(named.weights, i, size));
}

/** A kernel of 3 × 3 in the middle of another size; what does not fit is left out. @param {number[]} weights @param {number} i @param {number} size */
function centred(weights, i, size) {
  const off = Math.floor((size - 3) / 2);
  const [row, column] = [Math.floor(i / size) - off, (i % size) - off];
  return row >= 0 && row < 3 && column >= 0 && column < 3 ? weights[row * 3 + column] : 0;
}

/**
 * A convolution of one kernel over one map, as the network's own layers are.
 * @param {Slide} slide
 * @param {number[]} shape - (H, W, 1)
 * @returns {Layer}
 */
export function slidingLayer(slide, shape) {
  const weights = Float32Array.from(weightsOf(slide));
  const size = Math.round(Math.sqrt(weights.length));
  const along = [0, 1].map((axis) => direction(shape[axis], Math.min(size, shape[axis]), slide.stride, slide.padding));
  const positions = /** @type {[number, number]} */ (along.map(({ count }) => count));
  const padding = /** @type {[[number, number], [number, number]]} */ (along.map(({ before, after }) => [before, after]));
  return {
    name: "slide", kind: "Conv2D", inputs: [IMAGE], inputShapes: [shape], outputShape: [...positions, 1], settings: { activation: null },
    window: { size: [size, size], strides: [slide.stride, slide.stride], positions, padding },
    parameters: {}, weights: { kernel: weights }, costs: { weights: weights.length, uses: positions[0] * positions[1], multiplyAdds: 0 }, silenced: new Set(),
  };
}

/** How many positions there are in one direction, and how many pixels of padding. @param {number} length @param {number} size @param {number} stride @param {string} padding */
function direction(length, size, stride, padding) {
  if (padding === "valid") return { count: Math.floor((length - size) / stride) + 1, before: 0, after: 0 };
  const count = Math.ceil(length / stride);
  const all = Math.max(0, (count - 1) * stride + size - length);
  return { count, before: Math.floor(all / 2), after: all - Math.floor(all / 2) };
}
