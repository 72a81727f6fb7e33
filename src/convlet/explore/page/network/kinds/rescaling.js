/**
 * Every number times one number, plus another: the same for all (Rescaling), or by the mean and variance that were
 * measured of each channel of the training images (Normalization). Output like the input.
 */

/** @import {Kind, Layer} from "../layers.js" */

import { valueAt } from "../tensors.js";

/**
 * The kind with these steps from a channel's number to another.
 * @param {(layer: Layer, channel: number) => {mean: number, variance: number, epsilon: number, deviation: number,
 *   gamma: number, beta: number}} terms
 * @returns {Kind}
 */
function affine(terms) {
  return {
    forward(layer, [input]) {
      const count = input.shape[input.shape.length - 1];
      const channels = Array.from({ length: count }, (_, channel) => terms(layer, channel));
      const values = input.values.map((value, i) => {
        const { mean, deviation, gamma, beta } = channels[i % count];
        return (gamma * (value - mean)) / deviation + beta;
      });
      return { shape: layer.outputShape, values };
    },

    explain(layer, [input], _, position) {
      const part = { ...position, inside: true, value: valueAt(input, position) };
      const { mean, deviation, gamma, beta, ...others } = terms(layer, position.channel);
      const centred = part.value - mean;
      const normalized = centred / deviation;
      const scaled = gamma * normalized;
      const steps = { part, mean, deviation, gamma, beta, centred, normalized, scaled, ...others };
      return { form: "normalization", ...steps, result: scaled + beta };
    },

    looksAt: (_, __, region) => [region],

    uses(layer, [input], _, from) {
      const { deviation, gamma } = terms(layer, from.channel);
      return [{ ...from, weight: gamma / deviation, share: (valueAt(input, from) * gamma) / deviation }];
    },
  };
}

/** @type {Kind} */
export const rescaling = affine(({ settings: { scale, offset } }) => {
  return { mean: 0, variance: 1, epsilon: 0, deviation: 1, gamma: scale, beta: offset };
});

/** @type {Kind} */
export const normalization = affine(({ weights, settings: { epsilon } }, channel) => {
  const variance = weights.variance[channel];
  return { mean: weights.mean[channel], variance, epsilon, deviation: Math.sqrt(variance + epsilon), gamma: 1, beta: 0 };
});
