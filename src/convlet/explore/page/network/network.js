/**
 * A whole network on one image: forward, again after a change, and what stands behind any number of it.
 *
 * Read in this order:
 *
 * 1. `tensors.js`       one image's numbers and positions in them
 * 2. `sections.js`      the part of an image under a kernel; all of them are the expanded input
 * 3. `activations.js`   relu, tanh, sigmoid, softmax
 * 4. `kinds/`           one kind of layer a file: its forward pass, and its explanation beside it
 * 5. `layers.js`        the table of kinds
 * 6. this file          layers after each other; they name what they read from, so a chain is nothing special
 * 7. `explanations.js`  what an explanation holds;  `fields.js`: receptive fields;  `numbers.js`: printing that adds up
 * 8. `ablation.js`      networks with kernels silenced or weights edited;  `memory.js`: many images, again and again
 * 9. `wire.js`          how a network comes from Python;  `digits.js`: how a drawing becomes an image that it knows
 *
 * Words and results are those of the numpy engine, and a test in a browser compares every activation. One image at a
 * time, in float32, predicting only. A network and its outputs are never changed in place.
 */

/** @import {Layer} from "./layers.js" */
/** @import {Network} from "./wire.js" */
/** @import {Tensor} from "./tensors.js" */

import { softmax } from "./activations.js";
import { kindOf } from "./layers.js";
import { finish } from "./sums.js";
import { IMAGE } from "./wire.js";

/** @typedef {Map<string, Tensor>} Outputs - every layer's output by its name, and the image as IMAGE */

/**
 * Every layer's output for one image.
 * @param {Network} network
 * @param {Float32Array} image - (H, W, C), flat, as the network was trained on: 0 to 1
 * @returns {Outputs}
 */
export function forward(network, image) {
  /** @type {Outputs} */
  const outputs = new Map([[IMAGE, { shape: network.imageShape, values: image }]]);
  for (const layer of network.layers) {
    outputs.set(layer.name, kindOf(layer).forward(layer, inputsOf(layer, outputs)));
  }
  return outputs;
}

/**
 * The same after a change, recomputing only what follows from it; what does not is handed on as it is.
 *
 * Where a layer's sums are linear in its input, and less of that changed than there is, only the change goes through its
 * weights.
 * @param {Network} network - perhaps another one than before, with some layers exchanged (see `ablation.js`)
 * @param {{network: Network, outputs: Outputs}} before
 * @param {Outputs} [replaced] - outputs that are set, not computed: another image, or a map with a number changed
 * @returns {Outputs}
 */
export function forwardAgain(network, before, replaced = new Map()) {
  /** @type {Outputs} */
  const outputs = new Map([[IMAGE, replaced.get(IMAGE) ?? of(before.outputs, IMAGE)]]);
  network.layers.forEach((layer, i) => {
    const earlier = before.network.layers[i];
    outputs.set(layer.name, replaced.get(layer.name) ?? again(layer, earlier, before.outputs, outputs));
  });
  return outputs;
}

/**
 * The numbers the network ends in, one a class.
 * @param {Network} network
 * @param {Outputs} outputs
 */
export function logits(network, outputs) {
  return of(outputs, network.layers[network.layers.length - 1].name).values;
}

/**
 * The probability of each class: softmax of the logits.
 * @param {Network} network
 * @param {Outputs} outputs
 */
export function probabilities(network, outputs) {
  return softmax([...logits(network, outputs)]).probabilities;
}

/**
 * An output by its layer's name. Throws a RangeError where there is no such layer.
 * @param {Outputs} outputs
 * @param {string} name
 * @returns {Tensor}
 */
export function of(outputs, name) {
  const found = outputs.get(name);
  if (!found) throw new RangeError(`layer ${name}: this network has none of that name`);
  return found;
}

/**
 * What a layer reads.
 * @param {Layer} layer
 * @param {Outputs} outputs
 * @returns {Tensor[]}
 */
export function inputsOf(layer, outputs) {
  return layer.inputs.map((name) => of(outputs, name));
}

/**
 * A layer's output by the least work: the one before, that one plus a difference, or computed anew.
 * @param {Layer} layer
 * @param {Layer} earlier - the same layer before; the very same object where nothing in it changed
 * @param {Outputs} before
 * @param {Outputs} now - of all layers before this one
 * @returns {Tensor}
 */
function again(layer, earlier, before, now) {
  const old = of(before, layer.name);
  const inputs = inputsOf(layer, now);
  const same = inputs.every((input, i) => input === of(before, layer.inputs[i]));
  if (same && layer === earlier) return old;
  const kind = kindOf(layer);
  const { sums } = old;
  if (same && sums && layer.weights === earlier.weights) return finish(layer, sums); // only silenced, or heard again
  const change = layer.weights === earlier.weights ? difference(of(before, layer.inputs[0]), inputs[0]) : null;
  return kind.update && sums && change ? kind.update(layer, { ...old, sums }, change) : kind.forward(layer, inputs);
}

/**
 * What was added to a tensor, or null where it is less work to begin anew: what is 0 costs nothing.
 * @param {Tensor} before
 * @param {Tensor} now
 * @returns {Tensor | null}
 */
function difference({ values: before }, { shape, values: now }) {
  const values = new Float32Array(now.length);
  let saved = 0;
  for (let i = 0; i < now.length; i++) {
    values[i] = now[i] - before[i];
    saved += Number(now[i] !== 0) - Number(values[i] !== 0);
  }
  return saved > 0 ? { shape, values } : null;
}
