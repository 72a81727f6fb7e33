/**
 * From a layer's sums to its output: where the convolution and the dense layer end alike.
 */

/** @import {Layer} from "./layers.js" */
/** @import {Tensor} from "./tensors.js" */

import { activate } from "./activations.js";

/**
 * The output of a layer whose sums are these. They are kept as they are, also of silenced channels, so that what is
 * silenced can be heard again without computing it anew.
 * @param {Layer} layer
 * @param {Float32Array} sums - flat, channels last
 * @returns {Tensor & {sums: Float32Array}}
 */
export function finish({ silenced, settings, outputShape }, sums) {
  const channels = outputShape[outputShape.length - 1];
  const heard = silenced.size ? sums.map((sum, i) => (silenced.has(i % channels) ? 0 : sum)) : sums;
  return { shape: outputShape, sums, values: activate(settings.activation, heard, channels) };
}
