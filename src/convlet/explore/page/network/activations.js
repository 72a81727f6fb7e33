/**
 * Activations: what a number becomes, with the steps to show. The numpy engine's `activations.py` in the browser.
 */

/** @type {Record<string, (x: number) => number>} - those that look at one number alone */
const SINGLE = {
  relu: (x) => (x > 0 ? x : 0),
  leaky_relu: (x) => (x > 0 ? x : 0.2 * x),
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  silu: (x) => (x * (1 + Math.tanh(x / 2))) / 2,
  gelu: (x) => x * normal(x),
  hard_swish: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
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
 * How much of a normal distribution lies below x. Its error function by Abramowitz and Stegun, 7.1.5 and 7.1.14: a series
 * about 0, and a continued fraction further out.
 * @param {number} x
 */
function normal(x) {
  const z = Math.abs(x) / Math.SQRT2;
  let tail = 0; // 1 − erf(z)
  if (z < 2) {
    let term = z;
    let sum = z;
    for (let n = 1; n < 60; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    tail = 1 - (2 / Math.sqrt(Math.PI)) * sum;
  } else {
    let fraction = z;
    for (let n = 60; n > 0; n--) fraction = z + n / 2 / fraction;
    tail = Math.exp(-z * z) / Math.sqrt(Math.PI) / fraction;
  }
  return x > 0 ? 1 - tail / 2 : tail / 2;
}

/**
 * @param {string} name
 */
function single(name) {
  const found = SINGLE[name];
  if (!found) throw new RangeError(`activation ${name}: this page does not know it`);
  return found;
}
