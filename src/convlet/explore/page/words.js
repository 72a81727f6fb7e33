/**
 * How numbers, places and layers are called, in sight and aloud. Counting is from 1, as people count.
 */

/** @import {Focus} from "./state.js" */
/** @import {Layer} from "./network/layers.js" */

import { IMAGE } from "./network/wire.js";
import { print } from "./network/numbers.js";
import { sides, valueAt } from "./network/tensors.js";
import { CLASSES, model, outputOf } from "./model.js";
import { language, later, t } from "./texts.js";

/**
 * A number with so many digits behind the point, in the reader's language, with a true minus sign.
 * @param {number} x
 * @param {number} [digits]
 */
export function number(x, digits = 2) {
  return print(x, digits, mark());
}

/** The decimal mark of the reader's language. */
export function mark() {
  return language() === "vi" ? "," : ".";
}

/** @type {Record<string, Intl.NumberFormat>} - making one takes longer than using it */
const formats = {};

/** A whole number, with its thousands apart. @param {number} x */
export function count(x) {
  formats[language()] ??= new Intl.NumberFormat(language());
  return formats[language()].format(x);
}

/** A share as per cent. @param {number} x @param {number} [digits] */
export function percent(x, digits = 1) {
  return `${number(100 * x, digits)} %`;
}

/** @param {readonly number[]} shape */
export function shapeText(shape) {
  return shape.join(" × ");
}

const KINDS = {
  Conv2D: later("convolution"),
  DepthwiseConv2D: later("depthwise convolution"),
  MaxPooling2D: later("max pooling"),
  AveragePooling2D: later("average pooling"),
  GlobalAveragePooling2D: later("global average pooling"),
  GlobalMaxPooling2D: later("global max pooling"),
  Flatten: later("flatten"),
  Dense: later("dense"),
  Dropout: later("dropout"),
  BatchNormalization: later("batch normalisation"),
  Normalization: later("normalisation"),
  Rescaling: later("rescaling"),
  Activation: later("activation"),
  Residual: later("addition"),
};

/** What kind of layer this is. @param {Layer} layer */
export function kindName(layer) {
  if (layer.name === CLASSES) return t("softmax");
  return t(/** @type {Record<string, string>} */ (KINDS)[layer.kind] ?? layer.kind);
}

/** What a layer is called on the page. @param {string} name */
export function layerName(name) {
  if (name === IMAGE) return t("image");
  if (name === CLASSES) return t("classes");
  return name;
}

/** Where a number is, in words. @param {Focus} focus */
export function placeName({ layer, channel, row, column }) {
  const [height, width, channels] = sides(outputOf(layer).shape);
  const name = layerName(layer);
  if (layer === CLASSES) return t("the probability of class {name}", { name: model.classes[channel] });
  if (height * width === 1) return t("{layer}, number {channel} of {channels}", { layer: name, channel: count(channel + 1), channels: count(channels) });
  const place = { row: row + 1, column: column + 1 };
  if (channels === 1) return t("{layer}, row {row}, column {column}", { layer: name, ...place });
  return t("{layer}, map {channel} of {channels}, row {row}, column {column}", { layer: name, channel: channel + 1, channels, ...place });
}

/** What a screen reader says of a number: where it is, how large, and how large among its map's. @param {Focus} focus */
export function spoken(focus) {
  const tensor = outputOf(focus.layer);
  const value = valueAt(tensor, focus);
  const [height, width, channels] = sides(tensor.shape);
  const single = height * width === 1;
  let larger = 0;
  const amount = single ? channels : height * width;
  for (let i = 0; i < amount; i++) {
    if (tensor.values[single ? i : i * channels + focus.channel] > value) larger++;
  }
  const rank = larger === 0 ? t("the largest of {count}", { count: count(amount) }) : t("number {rank} by size of {count}", { rank: count(larger + 1), count: count(amount) });
  return `${placeName(focus)}: ${number(value)}, ${rank}`;
}

/** What a layer costs and reuses, in one line. @param {Layer} layer */
export function factsOf(layer) {
  const { weights, uses } = layer.costs;
  return t("{weights} weights, each used {uses} times", { weights: count(weights), uses: count(uses) });
}
