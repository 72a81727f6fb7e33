/**
 * The same number once more: a row of the expanded input times a column of the kernel matrix.
 *
 * "Pretend that each section is an image of its own": laid flat, the sections are the rows of one matrix, the kernels the
 * columns of another, and all outputs of the layer are their product. Only what lies around the number is drawn.
 */

/** @import {Products} from "../network/explanations.js" */
/** @import {Focus} from "../state.js" */

import { pixel, reachOf, signed, grey } from "../colours.js";
import { el } from "../dom.js";
import { layerOf, outputOf } from "../model.js";
import { IMAGE } from "../network/wire.js";
import { sides } from "../network/tensors.js";
import { t } from "../texts.js";
import { count } from "../words.js";

const ROWS = 9; // of the expanded input that are drawn
const LENGTH = 27; // numbers of a row
const COLUMNS = 7; // of the kernel matrix
const SIDE = 6; // CSS pixels of a number

/** @param {Focus} focus @param {Products} why */
export function matrixFigure(focus, why) {
  const layer = /** @type {any} */ (layerOf(focus.layer));
  const { row, rows, column, columns, length } = why.matrix;
  const shownLength = Math.min(LENGTH, length);
  const firstRow = start(row, rows, ROWS);
  const tall = Math.min(ROWS, rows);
  const alone = layer.window && why.channelSums.length < sides(layer.inputShapes[0])[2]; // each map has its own matrix
  const wide = alone ? 1 : Math.min(COLUMNS, columns);
  const input = inputRows(layer, firstRow, tall, shownLength, alone ? focus.channel : -1);
  const firstColumn = start(column, columns, wide);
  const kernels = Float32Array.from({ length: shownLength * wide }, (_, i) => layer.weights.kernel[Math.floor(i / wide) * columns + firstColumn + (i % wide)]);
  const output = outputOf(focus.layer);
  const sums = output.sums ?? output.values;
  const products = Float32Array.from({ length: tall * wide }, (_, i) => sums[(firstRow + Math.floor(i / wide)) * columns + firstColumn + (i % wide)]);
  const scale = layer.inputs[0] === IMAGE ? grey() : signed();
  return el("figure.matrix", {},
    el("h3", {}, layer.window ? t("Pretend each section is an image of its own") : t("One row times one column")),
    el("div.product", {},
      matrix("input", input, shownLength, scale, layer.inputs[0] === IMAGE ? 1 : reachOf(outputOf(layer.inputs[0]).values), { top: row - firstRow, left: 0, bottom: row - firstRow + 1, right: shownLength }, t("expanded input")),
      el("span.sign", {}, "×"),
      matrix("kernels", kernels, wide, signed(), reachOf(layer.weights.kernel), { top: 0, left: column - firstColumn, bottom: shownLength, right: column - firstColumn + 1 }, t("kernels")),
      el("span.sign", {}, "="),
      matrix("sums", products, wide, signed(), reachOf(sums), { top: row - firstRow, left: column - firstColumn, bottom: row - firstRow + 1, right: column - firstColumn + 1 }, t("sums"))),
    el("figcaption", {}, layer.window
      ? t("Row {row} of {rows}, {length} numbers long, times column {column} of {columns}, and the bias: the same number.", { row: count(row + 1), rows: count(rows), length: count(length), column: column + 1, columns })
      : t("The {length} inputs as one row, times column {column} of {columns}, and the bias: the same number.", { length: count(length), column: column + 1, columns })));
}

/** @param {number} at @param {number} count @param {number} shown */
function start(at, count, shown) {
  return Math.max(0, Math.min(count - shown, at - Math.floor(shown / 2)));
}

/** Some rows of the expanded input, cut off at a length. @param {any} layer @param {number} first @param {number} tall @param {number} length @param {number} channel - the only one; -1: of all channels */
function inputRows(layer, first, tall, length, channel) {
  const tensor = outputOf(layer.inputs[0]);
  if (!layer.window) return tensor.values.slice(0, length);
  const [height, width, channels] = sides(tensor.shape);
  const { size, strides, positions, padding } = layer.window;
  return Float32Array.from({ length: tall * length }, (_, i) => {
    const at = first + Math.floor(i / length);
    const within = i % length;
    const p = channel < 0 ? Math.floor(within / channels) : within;
    const y = Math.floor(at / positions[1]) * strides[0] - padding[0][0] + Math.floor(p / size[1]);
    const x = (at % positions[1]) * strides[1] - padding[1][0] + (p % size[1]);
    return y >= 0 && y < height && x >= 0 && x < width ? tensor.values[(y * width + x) * channels + (channel < 0 ? within % channels : channel)] : 0;
  });
}

/** @type {Record<string, any>} - made once for each part: the focus moves often */
const canvases = {};

/** @param {string} part @param {number} width @param {number} height */
function canvasOf(part, width, height) {
  const canvas = (canvases[part] ??= el("canvas", { role: "img" }));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  Object.assign(canvas.style, { width: `${width * SIDE}px`, height: `${height * SIDE}px` });
  return canvas;
}

/**
 * @param {string} part @param {Float32Array} values @param {number} columns @param {Uint32Array} scale @param {number} reach
 * @param {{top: number, left: number, bottom: number, right: number}} lit @param {string} name
 */
function matrix(part, values, columns, scale, reach, lit, name) {
  const rows = values.length / columns;
  const canvas = canvasOf(part, columns, rows);
  canvas.setAttribute("aria-label", name);
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < values.length; i++) pixels[i] = pixel(scale, values[i], reach);
  canvas.getContext("2d").putImageData(image, 0, 0);
  const mark = el("div.mark.own");
  Object.assign(mark.style, { left: `${lit.left * SIDE}px`, top: `${lit.top * SIDE}px`, width: `${(lit.right - lit.left) * SIDE}px`, height: `${(lit.bottom - lit.top) * SIDE}px` });
  return el("figure", {}, el("div.field", {}, canvas, el("div.marks", {}, mark)), el("figcaption", {}, name));
}
