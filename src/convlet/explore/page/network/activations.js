/**
 * Activations: what a number becomes, with the steps to show. The numpy engine's `activations.py` in the browser.
 */

/** @type {Record<string, (x: number) => number>} - those that look at one number alone */
const SINGLE = {
  relu: (x) => (x > 0 ? x : 0),
  tanh: Math.tanh,
  sigmoid: (x) => (1 + Math.tanh(x / 2)) / 2,
};

/**
 * One number on its way through an activation. Of softmax also what it is made of: e^(x − largest) of each channel, and
 * their total, by which each is divided.
 *
 * @typedef {object} ActivationStep
 * @property {string} name
 * @property {number} before
 * @property {number} after
 * @property {Softmax} [softmax]
 */

/**
 * @typedef {object} Softmax
 * @property {number[]} inputs
 * @property {number} largest - of the inputs; taken from each, which changes no probability and keeps e^x small
 * @property {number[]} powers - e^(input − largest)
 * @property {number} total - of the powers
 * @property {number[]} probabilities - powers ÷ total
 */

/**
 * The activation of every number. Without one, the numbers themselves.
 * @param {string | null} name
 * @param {Float32Array} sums
 * @param {number} channels - softmax is over these
 * @returns {Float32Array}
 */
export function activate(name, sums, channels) {
  if (name === null) return sums;
  if (name !== "softmax") return sums.map(single(name));
  const outputs = new Float32Array(sums.length);
  for (let start = 0; start < sums.length; start += channels) {
    outputs.set(softmax([...sums.subarray(start, start + channels)]).probabilities, start);
  }
  return outputs;
}

/**
 * The same for one number among the channels of its pixel, with its steps.
 * @param {string} name
 * @param {number} before
 * @param {() => number[]} channels - all numbers of its pixel, asked for by softmax alone
 * @param {number} channel - which of them it is
 * @returns {ActivationStep}
 */
export function activationStep(name, before, channels, channel) {
  if (name !== "softmax") return { name, before, after: single(name)(before) };
  const steps = softmax(channels().map((other, i) => (i === channel ? before : other))); // one number, printed one way
  return { name, before, after: steps.probabilities[channel], softmax: steps };
}

/**
 * Numbers into probabilities.
 * @param {number[]} inputs
 * @returns {Softmax}
 */
export function softmax(inputs) {
  const largest = Math.max(...inputs);
  const powers = inputs.map((x) => Math.exp(x - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return { inputs, largest, powers, total, probabilities: powers.map((power) => power / total) };
}

/**
 * @param {string} name
 */
function single(name) {
  const found = SINGLE[name];
  if (!found) throw new RangeError(`activation ${name}: this page does not know it`);
  return found;
}
