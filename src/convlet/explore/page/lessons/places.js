/**
 * The places and checks that walks speak of, in a network of any shape. A place that a network does not have is null.
 */

/** @import {Focus} from "../state.js" */
/** @import {Layer} from "../network/layers.js" */

import { CLASSES, model, outputOf } from "../model.js";
import { sides, valueAt } from "../network/tensors.js";
import { IMAGE } from "../network/wire.js";
import { state } from "../state.js";

/** @param {number} nth */
const convolution = (nth) => model.network.layers.filter(({ window, weights }) => window && weights.kernel)[nth];
const pooling = () => model.network.layers.find(({ window, weights }) => window && !weights.kernel);

/** @type {Record<string, () => Focus | null>} */
const PLACES = {
  "dark pixel": () => ({ layer: IMAGE, channel: 0, row: 0, column: 0 }),
  "first convolution": () => strongest(convolution(0)),
  "second convolution": () => strongest(convolution(1)),
  pooling: () => strongest(pooling()),
  "best score": () => {
    const scores = outputOf(CLASSES).values;
    return { layer: CLASSES, channel: scores.indexOf(Math.max(...scores)), row: 0, column: 0 };
  },
};

/**
 * What has to be true, given the focus that the step began with.
 * @type {Record<string, (began: Focus | null) => boolean>}
 */
const CHECKS = {
  "bright pixel": () => state.focus?.layer === IMAGE && valueAt(outputOf(IMAGE), state.focus) > 0.5,
  "moved in first convolution": (began) => moved(convolution(0), began),
  "moved in second convolution": (began) => moved(convolution(1), began),
  slid: () => state.slide.at >= 3,
  "vertical edge": () => state.slide.kernel === "vertical" && state.slide.at >= 1,
  "another map": (began) => state.focus?.layer === convolution(0)?.name && state.focus?.channel !== began?.channel,
  "on pooling": (began) => moved(pooling(), began),
  "on a class": (began) => state.focus?.layer === CLASSES && state.focus.channel !== began?.channel,
  drawn: () => state.strokes.length > 0,
};

/** Where a step leads; null where this network has no such place. @param {string | null} name */
export function placeOf(name) {
  return name === null ? null : PLACES[name]();
}

/** Whether what a step asks for is done. @param {string | null} name @param {Focus | null} began */
export function isDone(name, began) {
  return name === null || CHECKS[name](began);
}

/** The largest number of a layer that does not lie at the border. @param {Layer | undefined} layer @returns {Focus | null} */
function strongest(layer) {
  if (!layer) return null;
  const { shape, values } = outputOf(layer.name);
  const [height, width, channels] = sides(shape);
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    const row = Math.floor(i / channels / width);
    const column = Math.floor(i / channels) % width;
    const inner = row > 1 && row < height - 2 && column > 1 && column < width - 2;
    if (values[i] > values[best] && (inner || height < 8)) best = i;
  }
  const pixel = Math.floor(best / channels);
  return { layer: layer.name, channel: best % channels, row: Math.floor(pixel / width), column: pixel % width };
}

/** @param {Layer | undefined} layer @param {Focus | null} began */
function moved(layer, began) {
  const { focus } = state;
  return Boolean(layer && focus?.layer === layer.name && JSON.stringify(focus) !== JSON.stringify(began));
}
