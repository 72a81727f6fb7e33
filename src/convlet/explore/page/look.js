/**
 * What a number sees: its section in the layer before, the section of that, and so on back to the image.
 */

/** @import {Focus} from "./state.js" */
/** @import {Region} from "./network/tensors.js" */

import { receptiveField } from "./network/fields.js";
import { regionOf } from "./network/tensors.js";
import { model } from "./model.js";

/**
 * The region of every layer before, and of the image, that a number is computed from.
 * @param {Focus} focus
 * @returns {Map<string, Region>}
 */
export function looksAt(focus) {
  const { layers } = receptiveField(model.network, focus.layer, regionOf(focus));
  return new Map([...layers].filter(([name]) => name !== focus.layer));
}
