/**
 * The network at hand on the image at hand: what every view looks at. It computes again only what a change asks for.
 */

/** @import {Network} from "./network/wire.js" */
/** @import {Outputs} from "./network/network.js" */
/** @import {Layer} from "./network/layers.js" */
/** @import {Edit} from "./state.js" */
/** @import {Tensor} from "./network/tensors.js" */

import { ablate } from "./network/ablation.js";
import { forward, forwardAgain, of } from "./network/network.js";
import { IMAGE, read } from "./network/wire.js";

/** The layer that is put behind every classifier: its logits become probabilities. */
export const CLASSES = "@classes";

/**
 * @typedef {object} Model
 * @property {string} name
 * @property {string[]} classes
 * @property {boolean} digits - whether drawings go through MNIST's preparation
 * @property {string} fit - how a picture of other proportions comes to the image's: crop, pad or stretch
 * @property {boolean} fresh - whether the network is trained while one watches
 * @property {boolean} served
 * @property {boolean} trainable
 * @property {number | null} trainingImages
 * @property {{accuracy?: number, images?: number, mistakes?: number}} facts
 * @property {Network} trained - as it came
 * @property {Network} base - as it came, or at a moment of the live training
 * @property {Network} network - with the edits
 * @property {Outputs} outputs - of `network`
 * @property {Outputs} untouched - of `base`
 * @property {Tensor[]} images - to pick from
 * @property {ArrayLike<number>} labels
 * @property {number} wrong - how many of the images, from the first on, the network has wrong
 */

/** @type {Model} */
export const model = /** @type {any} */ ({});

/**
 * Take what came from the source.
 * @param {{description: any, buffer: ArrayBuffer}} packet
 */
export function load({ description, buffer }) {
  const { network, arrays } = read(description, buffer);
  const trained = withClasses(network);
  const shape = network.imageShape;
  const blank = new Float32Array(shape.reduce((product, side) => product * side, 1));
  const images = arrays["@images"] ? imagesOf(arrays["@images"].values, shape) : [];
  document.title = `${description.name} · convlet`;
  const outputs = forward(trained, (images[0] ?? { values: blank }).values);
  Object.assign(model, {
    name: description.name,
    classes: description.classes,
    digits: description.digits,
    fit: description.fit,
    fresh: description.fresh,
    served: description.served,
    trainable: description.trainable,
    trainingImages: description.training_images,
    facts: description.facts,
    wrong: description.wrong,
    labels: arrays["@labels"]?.values ?? [],
    trained, base: trained, network: trained, outputs, untouched: outputs, images,
  });
}

/** @param {Network} network @returns {Network} */
function withClasses(network) {
  const last = network.layers[network.layers.length - 1];
  /** @type {Layer} */
  const softmax = {
    name: CLASSES, kind: "Activation", inputs: [last.name], inputShapes: [last.outputShape], outputShape: last.outputShape,
    settings: { activation: "softmax" }, window: null, parameters: {}, weights: {},
    costs: { weights: 0, uses: 0, multiplyAdds: 0 }, silenced: new Set(),
  };
  return { ...network, layers: [...network.layers, softmax] };
}

/**
 * @param {ArrayLike<number>} values
 * @param {readonly number[]} shape
 * @returns {Tensor[]}
 */
function imagesOf(values, shape) {
  const size = shape.reduce((product, side) => product * side, 1);
  const all = Float32Array.from(values);
  if (values instanceof Uint8Array) for (let i = 0; i < all.length; i++) all[i] /= 255;
  return Array.from({ length: all.length / size }, (_, i) => ({ shape, values: all.subarray(i * size, (i + 1) * size) }));
}

/**
 * Look at another image. `quickly`: while a pen moves, only the difference goes through the network.
 * @param {Float32Array} values - (H, W, C), 0 to 1
 * @param {boolean} [quickly]
 */
export function look(values, quickly = false) {
  const replaced = new Map([[IMAGE, { shape: model.base.imageShape, values }]]);
  const edited = model.network !== model.base;
  model.untouched = quickly
    ? forwardAgain(model.base, { network: model.base, outputs: model.untouched }, replaced)
    : forward(model.base, values);
  model.outputs = edited ? forward(model.network, values) : model.untouched;
}

/**
 * Change weights and silence filters: the edits, all of them, in place of those before.
 * @param {Edit[]} edits
 */
export function edit(edits) {
  const before = { network: model.network, outputs: model.outputs };
  model.network = edits.length ? ablate(model.base, ablationOf(edits)) : model.base;
  model.outputs = model.network === model.base ? model.untouched : forwardAgain(model.network, before);
}

/**
 * The edits in the words of `ablation.js`; what does not fit this network is left out.
 * @param {Edit[]} edits
 */
export function ablationOf(edits) {
  /** @type {import("./network/ablation.js").Ablation} */
  const ablation = { silenced: [], edited: [] };
  for (const [what, name, index, value] of edits) {
    const [layerName, parameter] = name.split("/");
    const layer = model.base.layers.find((each) => each.name === layerName);
    if (!layer) continue;
    if (what === "silence" && index < layer.outputShape[layer.outputShape.length - 1]) ablation.silenced.push({ layer: layerName, channel: index });
    if (what === "weight" && index < (layer.weights[parameter]?.length ?? 0)) {
      ablation.edited.push({ layer: layerName, parameter, index, value: /** @type {number} */ (value) });
    }
  }
  return ablation;
}

/**
 * Go on with another network, such as one at a moment of its training.
 * @param {Network} network
 * @param {Edit[]} edits
 */
export function exchange(network, edits) {
  model.base = network === model.trained ? network : withClasses(network);
  model.untouched = forward(model.base, imageNow().values);
  model.network = edits.length ? ablate(model.base, ablationOf(edits)) : model.base;
  model.outputs = edits.length ? forward(model.network, imageNow().values) : model.untouched;
}

/** The image that the network is looking at. */
export function imageNow() {
  return of(model.untouched, IMAGE);
}

/** A layer by its name; undefined for the image. @param {string} name */
export function layerOf(name) {
  return model.network.layers.find((layer) => layer.name === name);
}

/** The output of a layer, or the image. @param {string} name */
export function outputOf(name) {
  return of(model.outputs, name);
}

/** The layers that read from this one. @param {string} name */
export function readersOf(name) {
  return model.network.layers.filter((layer) => layer.inputs.includes(name));
}

/** Whether a layer has weights of its own to silence or edit. @param {string} name */
export function hasKernel(name) {
  return Boolean(layerOf(name)?.weights.kernel);
}

/** Probabilities of the classes, as the network is now. */
export function probabilities() {
  return outputOf(CLASSES).values;
}
