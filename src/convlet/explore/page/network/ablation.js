/**
 * Networks that differ from the trained one in a few places: kernels silenced, weights edited. The trained one stays as
 * it is, so putting something back means leaving it out of the list.
 *
 * To silence a kernel (or a dense unit) is to make all its weights and its bias 0, so that it says the same everywhere.
 */

/** @import {Layer} from "./layers.js" */
/** @import {Network} from "./wire.js" */

/**
 * @typedef {object} Ablation
 * @property {{layer: string, channel: number}[]} silenced - kernels or units that say nothing
 * @property {{layer: string, parameter: string, index: number, value: number}[]} edited - weights with another value;
 *   `parameter` is its short name, such as kernel, and `index` its place in the flat array
 */

/**
 * The network with an ablation. Layers that it does not touch are the very same objects: `forwardAgain` relies on it.
 * Throws a RangeError for a layer, channel or weight that is not there.
 * @param {Network} network
 * @param {Ablation} ablation
 * @returns {Network}
 */
export function ablate(network, { silenced, edited }) {
  for (const { layer } of [...silenced, ...edited]) {
    if (!network.layers.some(({ name }) => name === layer)) throw new RangeError(`layer ${layer}: there is none`);
  }
  const layers = network.layers.map((layer) => {
    const channels = silenced.filter((one) => one.layer === layer.name).map((one) => one.channel);
    const weights = edited.filter((one) => one.layer === layer.name);
    return silence(edit(layer, weights), channels);
  });
  return { ...network, layers };
}

/**
 * @param {Layer} layer
 * @param {number[]} channels
 * @returns {Layer}
 */
function silence(layer, channels) {
  const count = layer.outputShape[layer.outputShape.length - 1];
  if (channels.length && !layer.weights.kernel) throw new RangeError(`layer ${layer.name} has no kernels to silence`);
  for (const channel of channels) check(`channel of layer ${layer.name}`, channel, count);
  return channels.length ? { ...layer, silenced: new Set(channels) } : layer;
}

/**
 * @param {Layer} layer
 * @param {Ablation["edited"]} edited
 * @returns {Layer}
 */
function edit(layer, edited) {
  if (edited.length === 0) return layer;
  const weights = { ...layer.weights };
  for (const { parameter, index, value } of edited) {
    if (!Object.hasOwn(weights, parameter)) throw new RangeError(`layer ${layer.name} has no ${parameter}`);
    check(`index in ${layer.name}/${parameter}`, index, weights[parameter].length);
    if (weights[parameter] === layer.weights[parameter]) weights[parameter] = Float32Array.from(weights[parameter]);
    weights[parameter][index] = value;
  }
  return { ...layer, weights };
}

/**
 * @param {string} what
 * @param {number} at
 * @param {number} count
 */
function check(what, at, count) {
  if (!Number.isInteger(at) || at < 0 || at >= count) throw new RangeError(`${what}: ${at} is not one of ${count}`);
}
