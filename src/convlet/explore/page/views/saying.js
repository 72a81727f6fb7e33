/**
 * What is said of a number in words, by its layer's kind, above the steps that it was computed in.
 */

/** @import {Explanation} from "../network/explanations.js" */
/** @import {Layer} from "../network/layers.js" */

import { t } from "../texts.js";
import { count } from "../words.js";

/**
 * What is said of a number by its layer's kind; null where its steps say it.
 * @type {Record<string, (why: any, layer: Layer) => string | null>}
 */
const KINDS = {
  Conv2D: ({ channelSums }) => (channelSums.length > 1 ? t("A kernel lies over one section of each of {count} maps: number times weight, all added.", { count: count(channelSums.length) }) : oneKernel()),
  DepthwiseConv2D: (_, { inputShapes }) => (inputShapes[0][2] > 1 ? t("A kernel of its own lies over one section of each map: number times weight, all added.") : oneKernel()),
  Dense: () => t("It looks at every number of the layer before: each times its weight, all added."),
  MaxPooling2D: largestText,
  GlobalMaxPooling2D: largestText,
  AveragePooling2D: meanText,
  GlobalAveragePooling2D: meanText,
  Flatten: () => t("Flatten computes nothing: it lays all maps in one row. This is the same number, in a new place."),
  Dropout: () => t("Dropout only works while training: here it hands the number on as it is."),
  BatchNormalization: () => t("Each map is shifted and scaled, by averages that training measured and by two numbers that it learnt."),
  Normalization: () => t("Each channel is shifted and scaled by the mean and the variance of the training images."),
  Rescaling: () => t("Every number is multiplied by the same number, and another is added."),
  Activation: () => null,
  Residual: () => t("Numbers at the same place are added: what the layers of the block made, and what went around them."),
};

function oneKernel() {
  return t("A kernel lies over one section of the image: number times weight, all added.");
}

function largestText() {
  return t("It is the largest number under this window; the others are dropped.");
}

/** @param {any} why */
function meanText(why) {
  return t("It is the mean of the {count} numbers under this window.", { count: count(why.count) });
}

/** @param {Explanation} why @param {Layer} layer */
export function said(why, layer) {
  return KINDS[why.kind](why, layer);
}
