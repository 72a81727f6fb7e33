/**
 * What all pooling shares: each section becomes one number a channel.
 */

/** @import {Layer} from "./layers.js" */
/** @import {Mean, Part} from "./explanations.js" */
/** @import {Position, Tensor} from "./tensors.js" */

import { pixels, windowOf } from "./sections.js";
import { valueAt } from "./tensors.js";

/**
 * Every section's values inside the image, put together one by one: image (H, W, C) → (OH, OW, C).
 * @param {Layer} layer
 * @param {Tensor} image
 * @param {(soFar: number, value: number) => number} combine
 * @param {number} start - what a section begins with
 * @param {(combined: number, count: number) => number} [end] - the output; `count`: pixels inside the image
 * @returns {Tensor}
 */
export function pool(layer, image, combine, start, end = (combined) => combined) {
  const { positions: [oh, ow] } = windowOf(layer);
  const [, width, channels] = image.shape;
  const values = new Float32Array(oh * ow * channels);
  for (let position = 0; position < oh * ow; position++) {
    const section = pixels(windowOf(layer), image.shape, Math.floor(position / ow), position % ow);
    const starts = section.filter(({ inside }) => inside).map(({ row, column }) => (row * width + column) * channels);
    for (let channel = 0; channel < channels; channel++) {
      let combined = start;
      for (let i = 0; i < starts.length; i++) combined = combine(combined, image.values[starts[i] + channel]);
      values[position * channels + channel] = end(combined, starts.length);
    }
  }
  return { shape: layer.outputShape, values };
}

/**
 * The values of one channel in the section under a position; those of the padding are not inside, and 0.
 * @param {Layer} layer
 * @param {Tensor} image
 * @param {Position} position - of the output
 * @returns {Part[]}
 */
export function partsOfSection(layer, image, { row, column, channel }) {
  return pixels(windowOf(layer), image.shape, row, column).map((pixel) => ({
    ...pixel,
    channel,
    value: pixel.inside ? valueAt(image, { ...pixel, channel }) : 0,
  }));
}

/**
 * @param {Part[]} parts
 * @returns {Mean & {result: number}}
 */
export function explainMean(parts) {
  const count = parts.filter((part) => part.inside).length;
  const sum = parts.reduce((total, part) => total + part.value, 0);
  return { form: "mean", parts, count, sum, result: sum / count };
}
