/**
 * The convolution: each kernel is one small linear layer, used on every section.
 *
 * The loops stand in an order that is quick and says the same as "expanded input × flattened kernels": position by
 * position, each number of the section that is not 0 is given to all kernels at once. After a ReLU many are 0.
 *
 * Weights: kernel (KH, KW, C, F) and bias (F,). Input (H, W, C), output (OH, OW, F).
 */

/** @import {Kind, Layer} from "../layers.js" */
/** @import {Tensor} from "../tensors.js" */

import { explainProducts } from "../explanations.js";
import { pixels, sectionsWith, under, windowOf } from "../sections.js";
import { finish } from "../sums.js";
import { valueAt } from "../tensors.js";

/** @type {Kind} */
export const conv2d = {
  forward: (layer, [image]) => finish(layer, addKernels(biases(layer), image, layer)),

  update: (layer, output, change) => finish(layer, addKernels(Float32Array.from(output.sums), change, layer)),

  explain(layer, [image], output, { row, column, channel: filter }) {
    const { kernel, bias } = layer.weights;
    const [, , channels] = image.shape;
    const [, , filters] = output.shape;
    const terms = pixels(windowOf(layer), image.shape, row, column).flatMap((pixel, i) =>
      Array.from({ length: channels }, (_, channel) => {
        const value = pixel.inside ? valueAt(image, { ...pixel, channel }) : 0;
        const weight = kernel[(i * channels + channel) * filters + filter];
        return { ...pixel, channel, value, weight, product: value * weight };
      }),
    );
    return explainProducts(layer, output, { row, column, channel: filter }, terms, bias?.[filter] ?? null);
  },

  looksAt: (layer, [imageShape], region) => [{ ...under(windowOf(layer), region), first: 0, last: imageShape[2] }],

  uses(layer, [image], output, position) {
    const [, , filters] = output.shape;
    const value = valueAt(image, position);
    return sectionsWith(windowOf(layer), position).flatMap(({ row, column, at }) =>
      Array.from({ length: filters }, (_, channel) => {
        const weight = layer.weights.kernel[(at * image.shape[2] + position.channel) * filters + channel];
        return { row, column, channel, weight, share: value * weight };
      }),
    );
  },
};

/**
 * The bias of each kernel at every position: what the sums begin with, (OH, OW, F).
 * @param {Layer} layer
 */
function biases(layer) {
  const [oh, ow, filters] = layer.outputShape;
  const sums = new Float32Array(oh * ow * filters);
  const { bias } = layer.weights;
  if (bias) for (let start = 0; start < sums.length; start += filters) sums.set(bias, start);
  return sums;
}

/**
 * Add what every kernel makes of every section: sums (OH, OW, F), image (H, W, C). The one loop that takes time.
 * @param {Float32Array} sums - changed in place
 * @param {Tensor} image
 * @param {Layer} layer
 * @returns {Float32Array} the sums
 */
function addKernels(sums, image, layer) {
  const [height, width, channels] = image.shape;
  const { size, strides, positions, padding } = windowOf(layer);
  const [rows, columns] = size;
  const [oh, ow] = positions;
  const { kernel } = layer.weights;
  const pixelsOf = image.values;
  const filters = layer.outputShape[2];
  const section = new Float64Array(filters); // the kernels' sums at one position: exact enough, and quick
  for (let position = 0; position < oh * ow; position++) {
    const top = Math.floor(position / ow) * strides[0] - padding[0][0];
    const left = (position % ow) * strides[1] - padding[1][0];
    for (let f = 0; f < filters; f++) section[f] = sums[position * filters + f];
    for (let r = Math.max(0, -top); r < rows && top + r < height; r++) {
      for (let c = Math.max(0, -left); c < columns && left + c < width; c++) {
        const pixel = ((top + r) * width + left + c) * channels;
        const weights = (r * columns + c) * channels * filters;
        for (let channel = 0; channel < channels; channel++) {
          const value = pixelsOf[pixel + channel];
          if (value === 0) continue;
          const start = weights + channel * filters;
          for (let f = 0; f < filters; f++) section[f] += value * kernel[start + f];
        }
      }
    }
    sums.set(section, position * filters);
  }
  return sums;
}
