/**
 * From a pen to the network's image: strokes, their pixels, and the preparation that MNIST's own digits went through.
 */

import { isFile, send } from "./source.js";
import { sides } from "./network/tensors.js";
import { later } from "./texts.js";
import { prepareDigit } from "./network/digits.js";

export const PEN = 75; // thousandths of the pad
const STAGES = { cut: later("cut"), scaled: later("scaled to 20 × 20"), centred: later("centred") };
const FINE = 140; // pixels of a drawing before its preparation: seven for each that is left
const SCAN = 280; // of the longer side of an image file with a digit

/**
 * Let a canvas be drawn on, with a mouse, a finger or a pen. Strokes are x, y, x, y, … in thousandths of the pad.
 * @param {HTMLCanvasElement} pad
 * @param {{begin: () => void, change: (strokes: number[][], ended: boolean) => void, strokes: () => number[][]}} told
 */
export function drawn(pad, { begin, change, strokes }) {
  /** @type {number[] | null} */
  let stroke = null;
  const point = (/** @type {PointerEvent} */ event) => {
    const box = pad.getBoundingClientRect();
    const within = (/** @type {number} */ x) => Math.round(Math.max(0, Math.min(1000, 1000 * x)));
    return [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)];
  };
  pad.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    begin();
    stroke = point(event);
    change([...strokes(), stroke], false);
  });
  pad.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    const [x, y] = point(event);
    if (Math.hypot(x - stroke[stroke.length - 2], y - stroke[stroke.length - 1]) < 8) return;
    stroke = [...stroke, x, y];
    change([...strokes().slice(0, -1), stroke], false);
  });
  const end = () => {
    if (stroke) change(strokes(), true);
    stroke = null;
  };
  pad.addEventListener("pointerup", end);
  pad.addEventListener("pointercancel", end);
}

/**
 * The pixels of some strokes as the network takes them, and the stages they went through.
 * @param {number[][]} strokes
 * @param {readonly number[]} shape - (H, W, C)
 * @param {boolean} prepared - as MNIST's digits were
 */
export function pixelsOfStrokes(strokes, shape, prepared) {
  const ink = inkOf(strokes);
  const fine = { shape: [FINE, FINE, 1], values: ink };
  if (prepared && strokes.length) {
    const { pixels, stages } = prepareDigit(ink, FINE, FINE);
    return { pixels, stages: [{ name: later("drawn"), image: fine }, ...stages.map(({ name, image }) => ({ name: STAGES[name], image }))] };
  }
  const pixels = shrunk(ink, shape);
  return { pixels, stages: strokes.length ? [{ name: later("drawn"), image: fine }, { name: later("only made smaller"), image: { shape, values: pixels } }] : [] };
}

const paper = new OffscreenCanvas(FINE, FINE);

/** How much ink there is on each fine pixel, 0 to 1. @param {number[][]} strokes */
function inkOf(strokes) {
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (paper.getContext("2d", { willReadFrequently: true }));
  context.clearRect(0, 0, FINE, FINE);
  const scale = FINE / 1000;
  Object.assign(context, { strokeStyle: "#fff", lineWidth: PEN * scale, lineCap: "round", lineJoin: "round" });
  for (const stroke of strokes) {
    context.beginPath();
    context.moveTo(stroke[0] * scale, stroke[1] * scale);
    for (let i = 0; i < stroke.length; i += 2) context.lineTo(stroke[i] * scale, stroke[i + 1] * scale + (stroke.length === 2 ? 0.01 : 0));
    context.stroke();
  }
  const { data } = context.getImageData(0, 0, FINE, FINE);
  const ink = new Float32Array(FINE * FINE);
  for (let i = 0; i < ink.length; i++) ink[i] = data[4 * i + 3] / 255;
  return ink;
}

/**
 * Each pixel of the network's image is the mean of the ink under it.
 * @param {Float32Array} ink
 * @param {readonly number[]} shape
 */
function shrunk(ink, shape) {
  const [height, width, channels] = sides(shape);
  const pixels = new Float32Array(height * width * channels);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const mean = meanOf(ink, [row / height, (row + 1) / height], [column / width, (column + 1) / width]);
      pixels.fill(mean, (row * width + column) * channels, (row * width + column + 1) * channels);
    }
  }
  return pixels;
}

/** @param {Float32Array} ink @param {[number, number]} rows @param {[number, number]} columns */
function meanOf(ink, rows, columns) {
  const [top, bottom, left, right] = [...rows, ...columns].map((share) => Math.round(share * FINE));
  let sum = 0;
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += ink[y * FINE + x];
  return sum / Math.max(1, (bottom - top) * (right - left));
}

/**
 * The pixels of an image file: served, by the same strict reader as everywhere; in a file of its own, by the browser.
 * @param {File} file
 * @param {{base: {imageShape: readonly number[]}, digits: boolean, fit: string}} model
 */
export async function fileImage(file, { base: { imageShape }, digits, fit }) {
  if (!isFile) {
    const bytes = new Uint8Array(await send(`/picture?digit=${digits ? 1 : 0}`, file));
    return Float32Array.from(bytes, (x) => x / 255);
  }
  const picture = await createImageBitmap(file);
  if (!digits) return colours(fitted(picture, imageShape[0], imageShape[1], fit), imageShape);
  const scale = SCAN / Math.max(picture.height, picture.width);
  return digitOf(fitted(picture, size(scale * picture.height), size(scale * picture.width), "stretch"));
}

/** @param {number} x */
const size = (x) => Math.max(1, Math.round(x));

/**
 * A picture in another size, as `fitted` in Python has it: stretched, its middle, or all of it on a ground of its border's
 * colour.
 * @param {ImageBitmap} picture @param {number} height @param {number} width @param {string} fit
 */
function fitted(picture, height, width, fit) {
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true }));
  const scales = [height / picture.height, width / picture.width];
  const scale = fit === "crop" ? Math.max(...scales) : Math.min(...scales);
  const [tall, wide] = fit === "stretch" ? [height, width] : [size(scale * picture.height), size(scale * picture.width)];
  const [top, left] = [Math.floor((height - tall) / 2), Math.floor((width - wide) / 2)];
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, left, top, wide, tall);
  if (fit === "pad") {
    const inner = context.getImageData(left, top, wide, tall);
    context.fillStyle = `rgb(${[0, 1, 2].map((channel) => borderOf(inner, channel))})`;
    context.fillRect(0, 0, width, height);
    context.putImageData(inner, left, top);
  }
  return context.getImageData(0, 0, width, height);
}

/** The middle one of a border's values, in one channel. @param {ImageData} image @param {number} channel */
function borderOf({ data, height, width }, channel) {
  const values = data.filter((_, i) => {
    const [row, column] = [Math.floor(i / 4 / width), Math.floor(i / 4) % width];
    return i % 4 === channel && (row % (height - 1 || 1) === 0 || column % (width - 1 || 1) === 0);
  });
  return values.sort()[values.length >> 1];
}

/** How light each pixel is, 0 to 1. @param {ImageData} image */
function greyOf({ data }) {
  return Float32Array.from({ length: data.length / 4 }, (_, i) => (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255);
}

/** A digit on a photograph or a scan: light on dark, as MNIST's are. @param {ImageData} image */
function digitOf(image) {
  const { height, width } = image;
  const grey = greyOf(image);
  const border = [...grey.subarray(0, width), ...grey.subarray(-width)].sort((a, b) => a - b)[width];
  const ink = grey.map((x) => Math.max(0, border > 0.5 ? border - x : x - border));
  const most = Math.max(...ink);
  return prepareDigit(ink.map((x) => (x > most / 8 ? x / most : 0)), height, width).pixels;
}

/** @param {ImageData} image @param {readonly number[]} shape */
function colours(image, [height, width, channels]) {
  if (channels === 1) return greyOf(image);
  return Float32Array.from({ length: height * width * channels }, (_, i) => image.data[4 * Math.floor(i / channels) + (i % channels)] / 255);
}
