/**
 * Max pooling: the largest of each section, channel by channel; of equal ones the first in reading order.
 *
 * Padding is never among the candidates. Input (H, W, C), output (OH, OW, C).
 */

/** @import {Kind, Layer} from "../layers.js" */
/** @import {Part} from "../explanations.js" */
/** @import {Position, Tensor} from "../tensors.js" */

import { partsOfSection, pool } from "../pooling.js";
import { sectionsWith, under, windowOf } from "../sections.js";
import { valueAt } from "../tensors.js";

/** @type {Kind} */
export const maxPooling = {
  forward: (layer, [image]) => pool(layer, image, (largest, value) => (value > largest ? value : largest), -Infinity),

  explain(layer, [image], _, position) {
    const { parts, winner } = candidates(layer, image, position);
    return { form: "largest", parts, winner, result: parts[winner].value };
  },

  looksAt: (layer, _, region) => [under(windowOf(layer), region)],

  uses: (layer, [image], _, from) =>
    sectionsWith(windowOf(layer), from).map(({ row, column, at }) => {
      const wins = candidates(layer, image, { row, column, channel: from.channel }).winner === at;
      return { row, column, channel: from.channel, weight: wins ? 1 : 0, share: wins ? valueAt(image, from) : 0 };
    }),
};

/**
 * @param {Layer} layer
 * @param {Tensor} image
 * @param {Position} position - of the output
 * @returns {{parts: Part[], winner: number}}
 */
function candidates(layer, image, position) {
  const parts = partsOfSection(layer, image, position);
  const largest = Math.max(...parts.filter((part) => part.inside).map((part) => part.value));
  return { parts, winner: parts.findIndex((part) => part.inside && part.value === largest) };
}
