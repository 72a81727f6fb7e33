/**
 * The depthwise convolution: each channel has a small kernel of its own, used on every section of that channel.
 *
 * Weights: kernel (KH, KW, C, 1) and bias (C,). Input (H, W, C), output (OH, OW, C).
 */

/** @import {Kind, Layer} from "../layers.js" */
/** @import {Term} from "../explanations.js" */
/** @import {Position, Tensor} from "../tensors.js" */

import { activate } from "../activations.js";
import { explainProducts } from "../explanations.js";
import { pixels, sectionsWith, under, windowOf } from "../sections.js";
import { valueAt } from "../tensors.js";

/** @type {Kind} */
export const depthwise = {
  forward(layer, [image]) {
    const [oh, ow, channels] = layer.outputShape;
    const sums = new Float32Array(oh * ow * channels);
    for (let i = 0; i < sums.length; i++) {
      const channel = i % channels;
      const place = Math.floor(i / channels);
      const position = { row: Math.floor(place / ow), column: place % ow, channel };
      if (layer.silenced.has(channel)) continue;
      const products = termsOf(layer, image, position).map((term) => term.product);
      sums[i] = products.reduce((total, product) => total + product, layer.weights.bias?.[channel] ?? 0);
    }
    return { shape: layer.outputShape, values: activate(layer.settings.activation, sums, channels), sums };
  },

  explain(layer, [image], output, position) {
    const bias = layer.weights.bias?.[position.channel] ?? null;
    const terms = termsOf(layer, image, position);
    const channelSums = [terms.reduce((total, term) => total + term.product, 0)]; // no channel but its own
    return { ...explainProducts(layer, output, position, terms, bias), channelSums };
  },

  looksAt: (layer, _, region) => [under(windowOf(layer), region)],

  uses(layer, [image], _, position) {
    const { channel } = position;
    return sectionsWith(windowOf(layer), position).map(({ row, column, at }) => {
      const weight = layer.weights.kernel[at * image.shape[2] + channel];
      return { row, column, channel, weight, share: valueAt(image, position) * weight };
    });
  },
};

/**
 * The section of one channel, each number with its weight.
 * @param {Layer} layer
 * @param {Tensor} image
 * @param {Position} position - of the output
 * @returns {Term[]}
 */
function termsOf(layer, image, { row, column, channel }) {
  return pixels(windowOf(layer), image.shape, row, column).map((pixel, i) => {
    const value = pixel.inside ? valueAt(image, { ...pixel, channel }) : 0;
    const weight = layer.weights.kernel[i * image.shape[2] + channel];
    return { ...pixel, channel, value, weight, product: value * weight };
  });
}
