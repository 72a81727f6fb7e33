/**
 * Why a number is that number: what it was computed from, where it goes, and what the classes would say without it.
 */

/** @import {Explanation} from "./explanations.js" */
/** @import {Outputs} from "./network.js" */
/** @import {Position} from "./tensors.js" */
/** @import {Layer, Use} from "./layers.js" */
/** @import {Network} from "./wire.js" */

import { kindOf } from "./layers.js";
import { forwardAgain, inputsOf, of } from "./network.js";
import { index, regionOf, valueAt } from "./tensors.js";

/**
 * All that one number of a layer's output was computed from. Throws a RangeError where there is no such layer.
 * @param {Network} network
 * @param {Outputs} outputs - of `forward`
 * @param {string} name - the layer's
 * @param {Position} position
 * @returns {Explanation}
 */
export function explain(network, outputs, name, position) {
  const layer = layerOf(network, name);
  const output = of(outputs, name);
  const explained = kindOf(layer).explain(layer, inputsOf(layer, outputs), output, position);
  const regions = kindOf(layer).looksAt(layer, layer.inputShapes, regionOf(position));
  return {
    ...explained,
    layer: name,
    kind: layer.kind,
    position,
    value: valueAt(output, position),
    silenced: layer.silenced.has(position.channel),
    sections: layer.inputs.map((input, i) => ({ layer: input, region: regions[i] })),
  };
}

/**
 * Where one number goes: for each layer that reads it, which of that layer's numbers use it, and how.
 * @param {Network} network
 * @param {Outputs} outputs
 * @param {string} name - the layer's, or IMAGE
 * @param {Position} position - in that layer's output
 * @returns {{layer: string, uses: Use[]}[]}
 */
export function usesOf(network, outputs, name, position) {
  return network.layers.flatMap((layer) =>
    layer.inputs.flatMap((input, i) => {
      if (input !== name) return [];
      const uses = kindOf(layer).uses(layer, inputsOf(layer, outputs), of(outputs, layer.name), position, i);
      return [{ layer: layer.name, uses }];
    }),
  );
}

/**
 * Every layer's output if one number were another one: exact, all that follows is computed again.
 * @param {Network} network
 * @param {Outputs} outputs
 * @param {string} name - the layer's, or IMAGE
 * @param {Position} position
 * @param {number} [value]
 * @returns {Outputs}
 */
export function without(network, outputs, name, position, value = 0) {
  const { shape, values } = of(outputs, name);
  const changed = Float32Array.from(values);
  changed[index(shape, position)] = value;
  return forwardAgain(network, { network, outputs }, new Map([[name, { shape, values: changed }]]));
}

/**
 * @param {Network} network
 * @param {string} name
 * @returns {Layer}
 */
function layerOf(network, name) {
  const layer = network.layers.find((each) => each.name === name);
  if (!layer) throw new RangeError(`layer ${name}: this network has none of that name`);
  return layer;
}
