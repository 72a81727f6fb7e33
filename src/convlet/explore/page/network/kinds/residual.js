/**
 * The end of a residual block: what its layers made, plus what they were given (or its shortcut made of that).
 */

/** @import {Kind} from "../layers.js" */

import { valueAt } from "../tensors.js";

/** @type {Kind} */
export const residual = {
  forward: (layer, [first, ...others]) => ({
    shape: layer.outputShape,
    values: first.values.map((value, i) => others.reduce((sum, other) => sum + other.values[i], value)),
  }),

  explain(_, inputs, __, position) {
    const parts = inputs.map((input) => ({ ...position, inside: true, value: valueAt(input, position) }));
    const sum = parts.reduce((total, part) => total + part.value, 0);
    return { form: "sum", parts, result: sum };
  },

  looksAt: (_, shapes, region) => shapes.map(() => region),

  uses: (_, inputs, __, from, input) => [{ ...from, weight: 1, share: valueAt(inputs[input], from) }],
};
