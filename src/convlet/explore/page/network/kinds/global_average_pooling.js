/**
 * The mean of each channel over the whole image. Input (H, W, C), output (C,).
 */

/** @import {Kind} from "../layers.js" */

import { explainMean } from "../pooling.js";
import { everywhere, valueAt } from "../tensors.js";

/** @type {Kind} */
export const globalAveragePooling = {
  forward(layer, [image]) {
    const channels = layer.outputShape[0];
    const sums = new Float64Array(channels);
    image.values.forEach((value, i) => (sums[i % channels] += value));
    const pixels = image.values.length / channels;
    return { shape: layer.outputShape, values: Float32Array.from(sums, (sum) => sum / pixels) };
  },

  explain(_, [image], __, { channel }) {
    const [height, width] = image.shape;
    const parts = Array.from({ length: height * width }, (_, i) => {
      const pixel = { row: Math.floor(i / width), column: i % width, channel };
      return { ...pixel, inside: true, value: valueAt(image, pixel) };
    });
    return explainMean(parts);
  },

  looksAt: (_, [shape], { first, last }) => [{ ...everywhere(shape), first, last }],

  uses(_, [image], __, from) {
    const weight = 1 / (image.shape[0] * image.shape[1]);
    return [{ row: 0, column: 0, channel: from.channel, weight, share: valueAt(image, from) * weight }];
  },
};
