/**
 * Average pooling: the mean of each section, channel by channel; padded pixels do not count.
 *
 * Input (H, W, C), output (OH, OW, C).
 */

/** @import {Kind} from "../layers.js" */

import { explainMean, partsOfSection, pool } from "../pooling.js";
import { sectionsWith, under, windowOf } from "../sections.js";
import { valueAt } from "../tensors.js";

/** @type {Kind} */
export const averagePooling = {
  forward: (layer, [image]) => pool(layer, image, (sum, value) => sum + value, 0, (sum, count) => sum / count),

  explain: (layer, [image], _, position) => explainMean(partsOfSection(layer, image, position)),

  looksAt: (layer, _, region) => [under(windowOf(layer), region)],

  uses: (layer, [image], _, from) =>
    sectionsWith(windowOf(layer), from).map(({ row, column }) => {
      const parts = partsOfSection(layer, image, { row, column, channel: from.channel });
      const weight = 1 / parts.filter((part) => part.inside).length;
      return { row, column, channel: from.channel, weight, share: valueAt(image, from) * weight };
    }),
};
