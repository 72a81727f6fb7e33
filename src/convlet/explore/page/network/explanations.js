/**
 * What an explanation of one number holds, and how a sum of products is explained: of kernels and dense layers alike.
 *
 * Explanations are computed in float64 from the network's own float32 weights and the layer's own inputs, so their
 * results agree with the forward pass to float32's rounding. All are data: drawing and wording belong to the views.
 */

/** @import {Layer} from "./layers.js" */
/** @import {Position, Tensor} from "./tensors.js" */
/** @import {ActivationStep} from "./activations.js" */

import { activationStep } from "./activations.js";
import { index, size } from "./tensors.js";

/**
 * One number that takes part: its place on the layer's input and its value; padding is not inside, and 0.
 * @typedef {Position & {inside: boolean, value: number}} Part
 */

/**
 * A part with its weight.
 * @typedef {Part & {weight: number, product: number}} Term
 */

/**
 * The same as one row of the expanded input times one column of the flattened kernels; the terms are their numbers, in
 * their order.
 *
 * @typedef {object} MatrixProduct
 * @property {number} row - which section
 * @property {number} rows - how many sections an image has
 * @property {number} column - which kernel
 * @property {number} columns - how many kernels
 * @property {number} length - KH × KW × C, or the inputs of a dense layer
 */

/**
 * @typedef {object} Products
 * @property {"products"} form - bias + the sum of value × weight, then perhaps an activation
 * @property {Term[]} terms - in the order of the expanded input
 * @property {number[]} channelSums - the products' sum for each input channel; for a dense layer the terms themselves
 * @property {number | null} bias
 * @property {number} sum - before the activation
 * @property {ActivationStep | null} activation
 * @property {MatrixProduct} matrix
 */

/**
 * @typedef {object} Largest
 * @property {"largest"} form - the largest of a section; of equal ones the first in reading order
 * @property {Part[]} parts
 * @property {number} winner - which part
 */

/**
 * @typedef {object} Mean
 * @property {"mean"} form - the parts that are inside, added and divided by their number
 * @property {Part[]} parts
 * @property {number} count - of the parts that are inside
 * @property {number} sum
 */

/**
 * @typedef {object} Same
 * @property {"same"} form - the number is the input's, only its place may be new
 * @property {Part} part
 */

/**
 * Batch normalisation in its steps: centred = value − mean; normalized = centred ÷ deviation; scaled = gamma ×
 * normalized; result = scaled + beta.
 *
 * @typedef {object} Normalization
 * @property {"normalization"} form
 * @property {Part} part
 * @property {number} mean
 * @property {number} variance
 * @property {number} epsilon
 * @property {number} deviation - √(variance + epsilon)
 * @property {number} gamma
 * @property {number} beta
 * @property {number} centred
 * @property {number} normalized
 * @property {number} scaled
 */

/**
 * @typedef {object} Activated
 * @property {"activation"} form - an activation as a layer of its own
 * @property {Part} part
 * @property {ActivationStep} activation
 */

/**
 * @typedef {object} Sum
 * @property {"sum"} form - the parts added, one of each input of the layer
 * @property {Part[]} parts
 */

/** @typedef {Products | Largest | Mean | Same | Normalization | Activated | Sum} Form */

/**
 * @typedef {object} Place
 * @property {string} layer
 * @property {string} kind
 * @property {Position} position
 * @property {number} value - the layer's output there; 0 where it is silenced
 * @property {boolean} silenced
 * @property {number} result - what the explanation computes, whether silenced or not
 * @property {Section[]} sections - where it looks, one for each input of the layer
 */

/** @typedef {{layer: string, region: import("./tensors.js").Region}} Section */

/** @typedef {Form & {result: number}} Explained - what a kind of layer says */

/** @typedef {Explained & Place} Explanation - what `network.js` makes of it */

/**
 * A sum of products in all its steps.
 * @param {Layer} layer
 * @param {Tensor} output
 * @param {Position} position - of the output
 * @param {Term[]} terms
 * @param {number | null} bias
 * @returns {Products & {result: number}}
 */
export function explainProducts(layer, output, position, terms, bias) {
  const channels = output.shape[output.shape.length - 1];
  const sum = terms.reduce((total, term) => total + term.product, bias ?? 0);
  const { activation: name } = layer.settings;
  const start = index(output.shape, { ...position, channel: 0 });
  const others = () => [...(output.sums ?? output.values).subarray(start, start + channels)];
  const activation = name === null ? null : activationStep(name, sum, others, position.channel);
  return {
    form: "products",
    terms,
    channelSums: sumsByChannel(terms),
    bias,
    sum,
    activation,
    matrix: {
      row: start / channels,
      rows: size(output.shape) / channels,
      column: position.channel,
      columns: channels,
      length: terms.length,
    },
    result: activation ? activation.after : sum,
  };
}

/**
 * @param {Term[]} terms
 * @returns {number[]}
 */
function sumsByChannel(terms) {
  /** @type {number[]} */
  const sums = [];
  for (const { channel, product } of terms) sums[channel] = (sums[channel] ?? 0) + product;
  return sums;
}
