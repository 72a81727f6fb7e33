/**
 * The kinds of layer that the page knows: one entry each, and nothing else in `network/` asks for a kind's name.
 *
 * A new kind of layer is a file in `kinds/` and a line in the table at the end.
 */

/** @import {Region, Position, Tensor} from "./tensors.js" */
/** @import {Window} from "./sections.js" */
/** @import {Explained} from "./explanations.js" */

import { activation } from "./kinds/activation.js";
import { averagePooling } from "./kinds/average_pooling.js";
import { batchNormalization } from "./kinds/batch_normalization.js";
import { conv2d } from "./kinds/conv2d.js";
import { depthwise } from "./kinds/depthwise.js";
import { dense } from "./kinds/dense.js";
import { globalAveragePooling } from "./kinds/global_average_pooling.js";
import { globalMaxPooling } from "./kinds/global_max_pooling.js";
import { maxPooling } from "./kinds/max_pooling.js";
import { normalization, rescaling } from "./kinds/rescaling.js";
import { dropout, flatten } from "./kinds/passing_on.js";
import { residual } from "./kinds/residual.js";

/**
 * A layer in its place, as `wire.js` reads it. It is never changed: an ablation makes another one.
 *
 * @typedef {object} Layer
 * @property {string} name
 * @property {string} kind - its name in convlet, such as "Conv2D"
 * @property {readonly string[]} inputs - the names of the layers it reads from, or IMAGE
 * @property {readonly (readonly number[])[]} inputShapes - of one image, one for each input
 * @property {readonly number[]} outputShape
 * @property {Readonly<Record<string, any>>} settings - its description's own fields, such as activation, rate, epsilon
 * @property {Window | null} window
 * @property {Readonly<Record<string, string>>} parameters - short name → public name, such as kernel → conv2d_1/kernel
 * @property {Readonly<Record<string, Float32Array>>} weights - by short name
 * @property {{weights: number, uses: number, multiplyAdds: number}} costs
 * @property {ReadonlySet<number>} silenced - kernels or units whose sums are taken to be 0
 */

/**
 * A number of the next layer that an input goes into: with which weight, and what it adds there. Of a maximum: the
 * value if it wins, else 0. Where there is no weight (an activation) it is null, and the share is the output itself.
 *
 * @typedef {Position & {weight: number | null, share: number}} Use
 */

/**
 * What a kind of layer can do. Positions are those of the output, but for `uses`, where it is an input's.
 *
 * @typedef {object} Kind
 * @property {(layer: Layer, inputs: Tensor[]) => Tensor} forward - the output of one image
 * @property {(layer: Layer, output: Tensor & {sums: Float32Array}, change: Tensor) => Tensor} [update] - the output
 *   when `change` is added to the layer's one input; only for a kind whose sums are linear in it
 * @property {(layer: Layer, inputs: Tensor[], output: Tensor, position: Position) => Explained} explain
 * @property {(layer: Layer, shapes: readonly (readonly number[])[], region: Region) => Region[]} looksAt - what part of
 *   each input a region of the output is computed from; it may overhang into the padding
 * @property {(layer: Layer, inputs: Tensor[], output: Tensor, position: Position, input: number) => Use[]} uses - where
 *   a number of the input with that index goes
 */

/** @type {Readonly<Record<string, Kind>>} */
const KINDS = {
  Conv2D: conv2d,
  DepthwiseConv2D: depthwise,
  MaxPooling2D: maxPooling,
  AveragePooling2D: averagePooling,
  GlobalAveragePooling2D: globalAveragePooling,
  GlobalMaxPooling2D: globalMaxPooling,
  Flatten: flatten,
  Dense: dense,
  Dropout: dropout,
  BatchNormalization: batchNormalization,
  Normalization: normalization,
  Rescaling: rescaling,
  Activation: activation,
  Residual: residual,
};

/**
 * @param {string} name
 */
export function isKnown(name) {
  return Object.hasOwn(KINDS, name);
}

/**
 * What this layer can do. Throws a RangeError where the page does not know its kind.
 * @param {Pick<Layer, "kind" | "name">} layer
 * @returns {Kind}
 */
export function kindOf({ kind, name }) {
  if (!isKnown(kind)) throw new RangeError(`layer ${name}: this page does not know a layer of the kind ${kind}`);
  return KINDS[kind];
}
