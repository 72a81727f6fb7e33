/**
 * Reading what `convlet/explore/wire.py` wrote: a description (JSON) and a buffer (little-endian) become a network.
 *
 * Every shape and window is taken as it stands: no geometry is worked out here.
 */

/** @import {Layer} from "./layers.js" */

export const FORMAT = "convlet page 1";

/** What the first layers read from; no layer can have this name. */
export const IMAGE = "@image";

/**
 * @typedef {object} Network
 * @property {readonly number[]} imageShape - (H, W, C)
 * @property {readonly Layer[]} layers - in an order to compute them in
 */

/** @typedef {Uint8Array | Int32Array | Float32Array} Values */

/** @typedef {{dtype: string, shape: number[], offset: number}} ArrayPlace */

/**
 * @typedef {object} NamedArray
 * @property {readonly number[]} shape
 * @property {Values} values - float16 comes as float32
 */

/**
 * @typedef {object} LayerDescription
 * @property {string} name
 * @property {string} kind
 * @property {string[]} inputs
 * @property {number[]} output_shape
 * @property {Record<string, any>} settings
 * @property {import("./sections.js").Window | null} window
 * @property {Record<string, string>} parameters
 * @property {number} weights
 * @property {number} uses
 * @property {number} multiply_adds
 */

/**
 * @typedef {object} Description
 * @property {string} format
 * @property {{image: number[], layers: LayerDescription[]}} network
 * @property {Record<string, ArrayPlace>} arrays
 */

/**
 * The network and every array by name. Throws a RangeError for another format.
 * @param {Description} description
 * @param {ArrayBuffer} buffer
 * @returns {{network: Network, arrays: Record<string, NamedArray>}}
 */
export function read(description, buffer) {
  if (description.format !== FORMAT) throw new RangeError(`format ${description.format}: this page reads ${FORMAT}`);
  const arrays = readArrays(description.arrays, buffer);
  return { network: readNetwork(description.network, arrays), arrays };
}

/**
 * The arrays by name: views of the buffer, but for float16, which becomes float32.
 * @param {Record<string, ArrayPlace>} places
 * @param {ArrayBuffer} buffer
 * @returns {Record<string, NamedArray>}
 */
export function readArrays(places, buffer) {
  return Object.fromEntries(
    Object.entries(places).map(([name, { dtype, shape, offset }]) => {
      const length = shape.reduce((product, side) => product * side, 1);
      return [name, { shape, values: readValues(dtype, buffer, offset, length) }];
    }),
  );
}

/**
 * A network whose parameters are among these arrays. Other parameters in the same network, as while training: call it
 * again with other arrays.
 * @param {Description["network"]} description
 * @param {Record<string, NamedArray>} arrays
 * @returns {Network}
 */
export function readNetwork(description, arrays) {
  /** @type {Record<string, readonly number[]>} */
  const shapes = { [IMAGE]: description.image };
  for (const { name, output_shape } of description.layers) shapes[name] = output_shape;
  const layers = description.layers.map((layer) => readLayer(layer, shapes, arrays));
  return { imageShape: description.image, layers };
}

/**
 * @param {LayerDescription} layer
 * @param {Record<string, readonly number[]>} shapes - of every layer's output
 * @param {Record<string, NamedArray>} arrays
 * @returns {Layer}
 */
function readLayer(layer, shapes, arrays) {
  const weights = Object.entries(layer.parameters).map(([short, name]) => [short, arrays[name].values]);
  return {
    name: layer.name,
    kind: layer.kind,
    inputs: layer.inputs,
    inputShapes: layer.inputs.map((name) => shapes[name]),
    outputShape: layer.output_shape,
    settings: layer.settings,
    window: layer.window,
    parameters: layer.parameters,
    weights: Object.fromEntries(weights),
    costs: { weights: layer.weights, uses: layer.uses, multiplyAdds: layer.multiply_adds },
    silenced: new Set(),
  };
}

/**
 * @param {string} dtype
 * @param {ArrayBuffer} buffer
 * @param {number} offset - in bytes
 * @param {number} length - in numbers
 * @returns {Values}
 */
function readValues(dtype, buffer, offset, length) {
  switch (dtype) {
    case "uint8":
      return new Uint8Array(buffer, offset, length);
    case "int32":
      return new Int32Array(buffer, offset, length);
    case "float32":
      return new Float32Array(buffer, offset, length);
    case "float16":
      return Float32Array.from(new Uint16Array(buffer, offset, length), fromHalf);
  }
  throw new RangeError(`dtype ${dtype}: this page does not know it`);
}

/**
 * A float16's number from its 16 bits: sign, 5 bits of exponent, 10 of fraction (IEEE 754, binary16).
 * @param {number} bits
 */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
