/**
 * The dense layer: every output looks at every input. A convolution with one section, the whole input.
 *
 * Weights: kernel (inputs, units) and bias (units,). Input (size,), output (units,).
 */

/** @import {Kind, Layer} from "../layers.js" */
/** @import {Tensor} from "../tensors.js" */

import { explainProducts } from "../explanations.js";
import { addRow, emptyRow, finish } from "../sums.js";
import { everywhere } from "../tensors.js";

/** @type {Kind} */
export const dense = {
  forward: (layer, [input]) => finish(layer, addUnits(biases(layer), input, layer)),

  update: (layer, output, change) => finish(layer, addUnits(Float32Array.from(output.sums), change, layer)),

  explain(layer, [input], output, position) {
    const { kernel, bias } = layer.weights;
    const [units] = layer.outputShape;
    const terms = Array.from(input.values, (value, channel) => {
      const weight = kernel[channel * units + position.channel];
      return { row: 0, column: 0, channel, inside: true, value, weight, product: value * weight };
    });
    return explainProducts(layer, output, position, terms, bias?.[position.channel] ?? null);
  },

  looksAt: (_, [inputShape]) => [everywhere(inputShape)],

  uses(layer, [input], _, { channel: from }) {
    const [units] = layer.outputShape;
    return Array.from({ length: units }, (_, channel) => {
      const weight = layer.weights.kernel[from * units + channel];
      return { row: 0, column: 0, channel, weight, share: input.values[from] * weight };
    });
  },
};

/**
 * What the sums begin with, (units,).
 * @param {Layer} layer
 */
function biases({ weights: { bias }, outputShape: [units] }) {
  return bias ? Float32Array.from(bias) : new Float32Array(units);
}

/**
 * Add what every unit makes of the inputs.
 * @param {Float32Array} sums - (units,), changed in place
 * @param {Tensor} input - (size,)
 * @param {Layer} layer
 * @returns {Float32Array} the sums
 */
function addUnits(sums, { values }, layer) {
  const row = emptyRow(values.length);
  for (let i = 0; i < values.length; i++) {
    if (values[i] === 0) continue;
    row.values[row.count] = values[i];
    row.starts[row.count++] = i * sums.length;
  }
  const exact = new Float64Array(sums);
  addRow(exact, row, layer.weights.kernel);
  sums.set(exact);
  return sums;
}
