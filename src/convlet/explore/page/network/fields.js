/**
 * Receptive fields: what part of the image, and of every layer on the way, a number is computed from.
 *
 * Exact intervals, from the layer back to the image. What a section reaches beyond a border is padding and holds nothing
 * of the image, so it is cut off at every layer; `uncut` is the field as it would be without borders.
 */

/** @import {Network} from "./wire.js" */
/** @import {Region} from "./tensors.js" */

import { kindOf } from "./layers.js";
import { everywhere, hull, intersection } from "./tensors.js";
import { IMAGE } from "./wire.js";

/**
 * @typedef {object} Field
 * @property {Region} image - on the image, cut at its borders
 * @property {Region} uncut - on the image and beyond
 * @property {Map<string, Region>} layers - the same for each layer on the way, cut, the given one included
 */

/**
 * The receptive field of some of a layer's outputs.
 * @param {Network} network
 * @param {string} name - of the layer, or IMAGE
 * @param {Region} region - of its outputs
 * @returns {Field}
 */
export function receptiveField(network, name, region) {
  const layers = backwards(network, name, region, true);
  const uncut = backwards(network, name, region, false);
  const nothing = { top: 0, bottom: 0, left: 0, right: 0, first: 0, last: 0 }; // of a layer that reads no image
  return { image: layers.get(IMAGE) ?? nothing, uncut: uncut.get(IMAGE) ?? nothing, layers };
}

/**
 * Each layer's region, from the last backwards; where two paths meet, the smallest region that holds both.
 * @param {Network} network
 * @param {string} name
 * @param {Region} region
 * @param {boolean} cut - at the borders
 * @returns {Map<string, Region>}
 */
function backwards(network, name, region, cut) {
  const regions = new Map([[name, region]]);
  for (const layer of [...network.layers].reverse()) {
    const own = regions.get(layer.name);
    if (!own) continue;
    kindOf(layer).looksAt(layer, layer.inputShapes, own).forEach((part, i) => {
      const seen = cut ? intersection(part, everywhere(layer.inputShapes[i])) : part;
      const other = regions.get(layer.inputs[i]);
      regions.set(layer.inputs[i], other ? hull(other, seen) : seen);
    });
  }
  return regions;
}
