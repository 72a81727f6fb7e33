/**
 * The depthwise convolution: each channel has a small kernel of its own, used on every section of that channel.
 *
 * Weights: kernel (KH, KW, C, 1) and bias (C,). Input (H, W, C), output (OH, OW, C).
 */

/** @import {Kind, Layer} from "../layers.js" */
/** @import {Term} from "../explanations.js" */
/** @import {Position, Tensor} from "../tensors.js" */

import { explainProducts } from "../explanations.js";
import { pixels, sectionsWith, under, windowOf } from "../sections.js";
import { finish } from "../sums.js";
import { valueAt } from "../tensors.js";

/** @type {Kind} */
export const depthwise = {
  forward: (layer, [image]) => finish(layer, sumsOf(layer, image)),

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
 * What each channel's kernel makes of every section, and the bias: (OH, OW, C).
 * @param {Layer} layer
 * @param {Tensor} image
 */
function sumsOf(layer, { shape: [height, width, channels], values }) {
  const { size: [rows, columns], strides, padding, positions: [oh, ow] } = windowOf(layer);
  const { kernel, bias } = layer.weights;
  const sums = new Float32Array(oh * ow * channels);
  const own = new Float64Array(channels);
  for (let position = 0; position < oh * ow; position++) {
    const top = Math.floor(position / ow) * strides[0] - padding[0][0];
    const left = (position % ow) * strides[1] - padding[1][0];
    own.fill(0);
    if (bias) own.set(bias);
    for (let r = Math.max(0, -top); r < rows && top + r < height; r++) {
      for (let c = Math.max(0, -left); c < columns && left + c < width; c++) {
        const pixel = ((top + r) * width + left + c) * channels;
        const weight = (r * columns + c) * channels;
        for (let channel = 0; channel < channels; channel++) own[channel] += values[pixel + channel] * kernel[weight + channel];
      }
    }
    sums.set(own, position * channels);
  }
  return sums;
}

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
