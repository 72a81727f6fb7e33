/**
 * An activation as a layer of its own: relu, tanh, sigmoid, or softmax over the channels. Output like the input.
 */

/** @import {Kind} from "../layers.js" */

import { activate, activationStep } from "../activations.js";
import { index, valueAt } from "../tensors.js";

/** @type {Kind} */
export const activation = {
  forward(layer, [input]) {
    const channels = input.shape[input.shape.length - 1];
    return { shape: layer.outputShape, values: activate(layer.settings.activation, input.values, channels) };
  },

  explain(layer, [input], _, position) {
    const part = { ...position, inside: true, value: valueAt(input, position) };
    const start = index(input.shape, { ...position, channel: 0 });
    const channels = () => [...input.values.subarray(start, start + input.shape[input.shape.length - 1])];
    const step = activationStep(layer.settings.activation, part.value, channels, position.channel);
    return { form: "activation", part, activation: step, result: step.after };
  },

  looksAt: (layer, [shape], region) => [
    layer.settings.activation === "softmax" ? { ...region, first: 0, last: shape[shape.length - 1] } : region,
  ],

  uses(layer, _, output, from) {
    const all = Array.from({ length: output.shape[output.shape.length - 1] }, (_, channel) => channel);
    const reached = layer.settings.activation === "softmax" ? all : [from.channel];
    return reached.map((channel) => ({ ...from, channel, weight: null, share: valueAt(output, { ...from, channel }) }));
  },
};
