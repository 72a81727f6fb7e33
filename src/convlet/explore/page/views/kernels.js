/**
 * A layer's kernels as maps, so that they can be painted as maps are.
 */

/** @import {Layer} from "../network/layers.js" */
/** @import {Tensor} from "../network/tensors.js" */

import { t } from "../texts.js";

const MOST = 2304; // small squares painted at once

/**
 * All kernels of a layer where there are few enough, else those of one filter or unit.
 * @param {Layer} layer - with a kernel
 * @param {number} filter - which, where all are too many
 * @returns {{tensor: Tensor, caption: string}}
 */
export function kernelTensor(layer, filter) {
  const { kernel } = layer.weights;
  if (!layer.window) return unit(layer, filter);
  const [height, width] = layer.window.size;
  const filters = layer.outputShape[layer.outputShape.length - 1];
  const channels = kernel.length / (height * width * filters);
  if (filters * channels <= MOST) {
    const text = channels === 1 ? t("all {filters} kernels", { filters }) : t("all {filters} kernels, {channels} maps deep: one after the other", { filters, channels });
    return { tensor: { shape: [height, width, filters * channels], values: channels === 1 ? kernel : sorted(kernel, height * width, channels, filters) }, caption: text };
  }
  const values = new Float32Array(height * width * channels);
  for (let i = 0; i < values.length; i++) values[i] = kernel[i * filters + filter];
  return { tensor: { shape: [height, width, channels], values }, caption: t("kernel {filter} of {filters}, {channels} maps deep", { filter: filter + 1, filters, channels }) };
}

/**
 * From (pixel, channel, filter) to (pixel, filter × channel): a filter's slices side by side.
 * @param {Float32Array} kernel @param {number} pixels @param {number} channels @param {number} filters
 */
function sorted(kernel, pixels, channels, filters) {
  const values = new Float32Array(kernel.length);
  for (let p = 0; p < pixels; p++) {
    for (let c = 0; c < channels; c++) {
      for (let f = 0; f < filters; f++) values[(p * filters + f) * channels + c] = kernel[(p * channels + c) * filters + f];
    }
  }
  return values;
}

/** The weights of one dense unit, one a number. @param {Layer} layer @param {number} at @returns {{tensor: Tensor, caption: string}} */
function unit(layer, at) {
  const { kernel } = layer.weights;
  const units = layer.outputShape[0];
  const values = Float32Array.from({ length: kernel.length / units }, (_, i) => kernel[i * units + at]);
  return { tensor: { shape: [values.length], values }, caption: t("the {count} weights of number {unit} of {units}", { count: values.length, unit: at + 1, units }) };
}
