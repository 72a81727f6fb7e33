/**
 * Batch normalisation as it predicts: each channel shifted and scaled by the averages that training measured.
 *
 * Weights: gamma and beta where they are learnt, moving_mean and moving_variance, (C,). Output like the input.
 */

/** @import {Kind, Layer} from "../layers.js" */

import { valueAt } from "../tensors.js";

/** @type {Kind} */
export const batchNormalization = {
  forward(layer, [input]) {
    const channels = Array.from({ length: input.shape[input.shape.length - 1] }, (_, channel) => terms(layer, channel));
    const values = input.values.map((value, i) => {
      const { mean, deviation, gamma, beta } = channels[i % channels.length];
      return (gamma * (value - mean)) / deviation + beta;
    });
    return { shape: layer.outputShape, values };
  },

  explain(layer, [input], _, position) {
    const part = { ...position, inside: true, value: valueAt(input, position) };
    const { mean, variance, epsilon, deviation, gamma, beta } = terms(layer, position.channel);
    const centred = part.value - mean;
    const normalized = centred / deviation;
    const scaled = gamma * normalized;
    const steps = { part, mean, variance, epsilon, deviation, gamma, beta, centred, normalized, scaled };
    return { form: "normalization", ...steps, result: scaled + beta };
  },

  looksAt: (_, __, region) => [region],

  uses(layer, [input], _, from) {
    const { deviation, gamma } = terms(layer, from.channel);
    return [{ ...from, weight: gamma / deviation, share: (valueAt(input, from) * gamma) / deviation }];
  },
};

/**
 * The numbers of one channel.
 * @param {Layer} layer
 * @param {number} channel
 */
function terms({ weights, settings }, channel) {
  const variance = weights.moving_variance[channel];
  return {
    mean: weights.moving_mean[channel],
    variance,
    epsilon: settings.epsilon,
    deviation: Math.sqrt(variance + settings.epsilon),
    gamma: weights.gamma ? weights.gamma[channel] : 1,
    beta: weights.beta ? weights.beta[channel] : 0,
  };
}
