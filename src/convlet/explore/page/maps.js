/**
 * Painting: all maps of a layer on one canvas, side by side, and where each number of them lies.
 *
 * A map is drawn with one device pixel a number and enlarged by the browser without smoothing; from 12 pixels a number
 * on, there is a gap between numbers.
 */

/** @import {Tensor} from "./network/tensors.js" */

import { pixel } from "./colours.js";
import { sides } from "./network/tensors.js";

const GAP_FROM = 12; // pixels a number, from which on a gap is drawn

/**
 * How the maps of a layer lie on its canvas. `scale` is CSS pixels a number, `step` what lies from a map to the next.
 *
 * @typedef {object} Layout
 * @property {number} height - of a map
 * @property {number} width
 * @property {number} count - of maps
 * @property {number} columns - of maps
 * @property {number} rows
 * @property {number} scale
 * @property {number} gap - between maps, in numbers
 * @property {number} cssWidth
 * @property {number} cssHeight
 */

/**
 * The largest layout that fits; where none does, one CSS pixel a number.
 * @param {readonly number[]} shape
 * @param {number} width - CSS pixels
 * @param {number} height
 * @param {number} [largest] - CSS pixels a number at most
 * @returns {Layout}
 */
export function layout(shape, width, height, largest = 24) {
  const [h, w, count] = sides(shape);
  const gap = h * w === 1 ? 0 : 1;
  for (let scale = largest; scale > 1; scale--) {
    const columns = Math.min(count, Math.floor((width / scale + gap) / (w + gap)));
    if (columns < 1) continue;
    const rows = Math.ceil(count / columns);
    if (scale * (rows * (h + gap) - gap) <= height) return laid(h, w, count, balanced(count, columns, rows, gap), scale, gap);
  }
  return laid(h, w, count, Math.max(1, Math.min(count, Math.floor((width + gap) / (w + gap)))), 1, gap);
}

/** As few columns as the same number of rows needs; single numbers fill their rows. @param {number} count @param {number} columns @param {number} rows @param {number} gap */
function balanced(count, columns, rows, gap) {
  return gap ? Math.ceil(count / rows) : columns;
}

/**
 * @param {number} height @param {number} width @param {number} count
 * @param {number} columns @param {number} scale @param {number} gap
 * @returns {Layout}
 */
function laid(height, width, count, columns, scale, gap) {
  const rows = Math.ceil(count / columns);
  return {
    height, width, count, columns, rows, scale, gap,
    cssWidth: scale * (columns * (width + gap) - gap),
    cssHeight: scale * (rows * (height + gap) - gap),
  };
}

/**
 * Where a number lies on the canvas, in CSS pixels.
 * @param {Layout} at
 * @param {{row: number, column: number, channel: number}} position
 */
export function place(at, { row, column, channel }) {
  const left = (channel % at.columns) * (at.width + at.gap) + column;
  const top = Math.floor(channel / at.columns) * (at.height + at.gap) + row;
  return { left: left * at.scale, top: top * at.scale };
}

/**
 * The number under a point of the canvas; null in a gap, or where there is no map.
 * @param {Layout} at
 * @param {number} x - CSS pixels
 * @param {number} y
 */
export function under(at, x, y) {
  const across = Math.floor(x / at.scale);
  const down = Math.floor(y / at.scale);
  const column = across % (at.width + at.gap);
  const row = down % (at.height + at.gap);
  const channel = Math.floor(down / (at.height + at.gap)) * at.columns + Math.floor(across / (at.width + at.gap));
  const inside = x >= 0 && y >= 0 && column < at.width && row < at.height && channel < at.count && across < at.columns * (at.width + at.gap);
  return inside ? { row, column, channel } : null;
}

/**
 * Paint every map. The canvas takes the layout's size.
 * @param {HTMLCanvasElement} canvas
 * @param {Tensor} tensor
 * @param {Layout} at
 * @param {Uint32Array} scale
 * @param {number} reach
 */
export function paint(canvas, tensor, at, scale, reach) {
  const wide = at.columns * (at.width + at.gap) - at.gap;
  const tall = at.rows * (at.height + at.gap) - at.gap;
  const { values } = tensor;
  const target = surface(canvas, wide, tall, at);
  for (let channel = 0; channel < at.count; channel++) {
    const start = Math.floor(channel / at.columns) * (at.height + at.gap) * wide + (channel % at.columns) * (at.width + at.gap);
    for (let row = 0; row < at.height; row++) {
      for (let column = 0; column < at.width; column++) {
        target.pixels[start + row * wide + column] = pixel(scale, values[(row * at.width + column) * at.count + channel], reach);
      }
    }
  }
  finish(canvas, target, at);
}

/** @type {WeakMap<HTMLCanvasElement, {image: ImageData, pixels: Uint32Array}>} - to be painted on again */
const surfaces = new WeakMap();

/**
 * The pixels to paint on; those between the maps are clear.
 * @param {HTMLCanvasElement} canvas @param {number} wide @param {number} tall @param {Layout} at
 */
function surface(canvas, wide, tall, at) {
  if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, { width: wide, height: tall });
  canvas.style.width = `${at.cssWidth}px`;
  canvas.style.height = `${at.cssHeight}px`;
  const known = surfaces.get(canvas);
  if (known?.image.width === wide && known.image.height === tall) return known;
  const image = new ImageData(wide, tall);
  const made = { image, pixels: new Uint32Array(image.data.buffer) };
  surfaces.set(canvas, made);
  return made;
}

/** @param {HTMLCanvasElement} canvas @param {{image: ImageData, pixels: Uint32Array}} target @param {Layout} at */
function finish(canvas, { image }, at) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  if (at.scale < GAP_FROM) {
    context.putImageData(image, 0, 0);
    return;
  }
  const { width, height } = image;
  Object.assign(canvas, { width: width * at.scale, height: height * at.scale });
  const words = new Uint32Array(image.data.buffer);
  for (let i = 0; i < words.length; i++) {
    if (!words[i]) continue;
    const packed = words[i];
    context.fillStyle = `rgb(${packed & 255} ${(packed >> 8) & 255} ${(packed >> 16) & 255})`;
    context.fillRect((i % width) * at.scale, Math.floor(i / width) * at.scale, at.scale - 1, at.scale - 1);
  }
}

/**
 * An image in its own colours: grey of one channel, else the first three as red, green and blue.
 * @param {HTMLCanvasElement} canvas
 * @param {Tensor} image - 0 to 1
 * @param {number} scale - CSS pixels a number
 */
export function paintImage(canvas, image, scale) {
  const [height, width] = sides(image.shape);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.style.width = `${width * scale}px`;
  canvas.style.height = `${height * scale}px`;
  const made = new ImageData(width, height);
  paintPixels(made, image, 0, 0);
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(made, 0, 0);
}

/**
 * The same among others, such as many images on one canvas.
 * @param {ImageData} target
 * @param {Tensor} image - 0 to 1
 * @param {number} top
 * @param {number} left
 */
export function paintPixels({ data, width: wide }, { shape, values }, top, left) {
  const [height, width, channels] = sides(shape);
  const [green, blue] = channels >= 3 ? [1, 2] : [0, 0];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = (row * width + column) * channels;
      const to = 4 * ((top + row) * wide + left + column);
      data[to] = 255 * values[from];
      data[to + 1] = 255 * values[from + green];
      data[to + 2] = 255 * values[from + blue];
      data[to + 3] = 255;
    }
  }
}
