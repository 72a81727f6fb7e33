/**
 * The convolution: each kernel is one small linear layer, used on every section.
 *
 * Expanded input × flattened kernels, row by row: the section at one position is laid flat, and each of its numbers is
 * given to all kernels at once.
 *
 * Weights: kernel (KH, KW, C, F) and bias (F,). Input (H, W, C), output (OH, OW, F).
 */

/** @import {Kind, Layer} from "../layers.js" */
/** @import {Row} from "../sums.js" */
/** @import {Tensor} from "../tensors.js" */

import { explainProducts } from "../explanations.js";
import { pixels, sectionsWith, under, windowOf } from "../sections.js";
import { addRow, emptyRow, finish } from "../sums.js";
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
  const { positions: [oh, ow] } = windowOf(layer);
  const { kernel } = layer.weights;
  const filters = layer.outputShape[2];
  const row = emptyRow(kernel.length / filters);
  const own = new Float64Array(filters);
  for (let position = 0; position < oh * ow; position++) {
    fillRow(row, image, layer, Math.floor(position / ow), position % ow);
    own.set(sums.subarray(position * filters, (position + 1) * filters));
    addRow(own, row, kernel);
    sums.set(own, position * filters);
  }
  return sums;
}

/**
 * The section at one position as a row of the expanded input; padding is 0, and so left out.
 * @param {Row} row - changed in place
 * @param {Tensor} image
 * @param {Layer} layer
 * @param {number} outputRow
 * @param {number} outputColumn
 */
function fillRow(row, { shape: [height, width, channels], values }, layer, outputRow, outputColumn) {
  const { size: [rows, columns], strides, padding } = windowOf(layer);
  const top = outputRow * strides[0] - padding[0][0];
  const left = outputColumn * strides[1] - padding[1][0];
  const filters = layer.outputShape[2];
  let count = 0;
  for (let r = Math.max(0, -top); r < rows && top + r < height; r++) {
    for (let c = Math.max(0, -left); c < columns && left + c < width; c++) {
      const pixel = ((top + r) * width + left + c) * channels;
      for (let channel = 0; channel < channels; channel++) {
        if (values[pixel + channel] === 0) continue;
        row.values[count] = values[pixel + channel];
        row.starts[count++] = ((r * columns + c) * channels + channel) * filters;
      }
    }
  }
  row.count = count;
}
