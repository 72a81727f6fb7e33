/**
 * Layers that hand on the numbers they are given: Flatten lays them in one row, Dropout does nothing when predicting.
 *
 * Nothing is copied: in (H, W, C) order the flat values of an image are the row.
 */

/** @import {Kind} from "../layers.js" */

import { everywhere, index, position as positionAt, regionOf, sides, valueAt } from "../tensors.js";

/** @type {Kind} */
export const flatten = {
  forward: (layer, [input]) => ({ shape: layer.outputShape, values: input.values }),

  explain(_, [input], __, { channel }) {
    const part = { ...positionAt(input.shape, channel), inside: true, value: input.values[channel] };
    return { form: "same", part, result: part.value };
  },

  looksAt(_, [shape], { first, last }) {
    if (last - first === 1) return [regionOf(positionAt(shape, first))];
    const [, width, channels] = sides(shape);
    const top = Math.floor(first / (width * channels));
    const bottom = Math.ceil(last / (width * channels));
    return [{ ...everywhere(shape), top, bottom }]; // whole rows: several numbers of one row are seldom asked for
  },

  uses: (_, [input], __, from) => [
    { row: 0, column: 0, channel: index(input.shape, from), weight: 1, share: valueAt(input, from) },
  ],
};

/** @type {Kind} */
export const dropout = {
  forward: (_, [input]) => ({ shape: input.shape, values: input.values }),

  explain(_, [input], __, position) {
    const part = { ...position, inside: true, value: valueAt(input, position) };
    return { form: "same", part, result: part.value };
  },

  looksAt: (_, __, region) => [region],

  uses: (_, [input], __, from) => [{ ...from, weight: 1, share: valueAt(input, from) }],
};
