/**
 * Many images, seen again and again by networks that differ from one another in a few places: what the first network made
 * of them is kept, so that for another one only what follows from the difference is computed.
 */

/** @import {Outputs} from "./network.js" */
/** @import {Network} from "./wire.js" */

import { forward, forwardAgain } from "./network.js";

const MOST = 128 * 2 ** 20; // bytes that are kept

export class Memory {
  /** @type {Map<Float32Array, Outputs>} */
  #kept = new Map();
  #bytes = 0;
  #most;

  /**
   * @param {Network} network - what others are compared with
   * @param {number} [most] - bytes to keep; images beyond that are computed anew each time
   */
  constructor(network, most = MOST) {
    this.network = network;
    this.#most = most;
  }

  /**
   * Every layer's output for one image.
   * @param {Network} network - this memory's own, or one that `ablate` made of it
   * @param {Float32Array} image
   * @returns {Outputs}
   */
  outputs(network, image) {
    const own = this.#kept.get(image) ?? this.#keep(image);
    if (!own) return forward(network, image);
    return network === this.network ? own : forwardAgain(network, { network: this.network, outputs: own });
  }

  /**
   * The own network's outputs, kept from now on; null where there is no room left.
   * @param {Float32Array} image
   */
  #keep(image) {
    if (this.#bytes >= this.#most) return null;
    const outputs = forward(this.network, image);
    const arrays = new Set([...outputs.values()].flatMap(({ values, sums }) => (sums ? [values, sums] : [values])));
    for (const array of arrays) this.#bytes += array.byteLength;
    this.#kept.set(image, outputs);
    return outputs;
  }
}
