/**
 * The input and the output of a number as maps that can be pointed at: both ends of how it was computed are handles.
 */

/** @import {Focus} from "../state.js" */

import { reachOf, signed } from "../colours.js";
import { el } from "../dom.js";
import { looksAt } from "../look.js";
import { layout, paint, paintImage } from "../maps.js";
import { layerOf, outputOf } from "../model.js";
import { IMAGE } from "../network/wire.js";
import { sides } from "../network/tensors.js";
import { t } from "../texts.js";
import { layerName } from "../words.js";
import { Field } from "./field.js";

/** The inputs and the output as maps, each a handle: point at any. @param {Focus} focus @param {number} channel - of the inputs */
export function handles(focus, channel) {
  const layer = /** @type {any} */ (layerOf(focus.layer));
  if (isSingle(layer.inputs[0])) return null;
  const seen = looksAt(focus);
  const inputs = layer.inputs.map((/** @type {string} */ input, /** @type {number} */ i) => {
    const region = seen.get(input);
    return [i ? el("span.sign", { "aria-hidden": "true" }, "+") : null, handle(input, channel, region ? [{ kind: "section", channel, ...region }] : [])];
  });
  const own = { kind: "own", channel: focus.channel, top: focus.row, left: focus.column, bottom: focus.row + 1, right: focus.column + 1 };
  return el("div.handles", {}, inputs, isSingle(focus.layer) ? null : [el("span.sign", { "aria-hidden": "true" }, "\u2192"), handle(focus.layer, focus.channel, [own])]);
}

/** Whether an output is one row of numbers, not maps. @param {string} layer */
function isSingle(layer) {
  const [height, width] = sides(outputOf(layer).shape);
  return height * width === 1;
}

/** @type {Map<string, Field>} - made once for each layer: the focus moves often */
const fields = new Map();

/** @param {string} layer */
function fieldOf(layer) {
  const field = fields.get(layer) ?? new Field(layer, { only: true });
  fields.set(layer, field);
  return field;
}

/** @param {string} layer @param {number} channel @param {any[]} boxes */
function handle(layer, channel, boxes) {
  const tensor = outputOf(layer);
  const [height, width, channels] = sides(tensor.shape);
  const field = fieldOf(layer);
  field.channel = layer === IMAGE ? 0 : channel;
  const scale = Math.max(1, Math.floor(148 / Math.max(height, width)));
  field.layout = layout([height, width, 1], scale * width, scale * height, scale);
  if (layer === IMAGE) paintImage(field.canvas, tensor, scale);
  else paint(field.canvas, mapOf(tensor, channel), field.layout, signed(), reachOf(tensor.values));
  field.mark(boxes);
  const name = channels === 1 || layer === IMAGE ? layerName(layer) : t("{layer}, map {channel}", { layer: layerName(layer), channel: channel + 1 });
  field.element.setAttribute("aria-label", name);
  return el("figure", { "data-layer": layer }, field.element, el("figcaption", {}, name));
}

/** One map of a tensor. @param {import("../network/tensors.js").Tensor} tensor @param {number} channel */
function mapOf(tensor, channel) {
  const [height, width, channels] = sides(tensor.shape);
  return { shape: [height, width, 1], values: Float32Array.from({ length: height * width }, (_, i) => tensor.values[i * channels + channel]) };
}
