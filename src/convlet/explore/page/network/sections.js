/**
 * Sections of an image: the part that lies under the kernel (or the pool) at one position.
 *
 * All sections of an image, laid flat, one a row, are the expanded input; a convolution is its product with the
 * flattened kernels. The numpy engine's `sections.py` in the browser; the window's numbers come with the network.
 */

/** @import {Region} from "./tensors.js" */

/**
 * Where a kernel or a pool goes on an image, as `convlet`'s own Window has it.
 *
 * @typedef {object} Window
 * @property {[number, number]} size - (KH, KW)
 * @property {[number, number]} strides - (SH, SW)
 * @property {[number, number]} positions - (OH, OW)
 * @property {[[number, number], [number, number]]} padding - ((top, bottom), (left, right))
 */

/**
 * @typedef {object} Pixel
 * @property {number} row - on the image; outside of it in the padding
 * @property {number} column
 * @property {boolean} inside - whether it is the image's own
 */

/**
 * A layer's window. Throws a TypeError where it came without one.
 * @param {{name: string, window: Window | null}} layer
 * @returns {Window}
 */
export function windowOf({ name, window }) {
  if (!window) throw new TypeError(`layer ${name} came without its window`);
  return window;
}

/**
 * The part of the image under positions top to bottom, left to right: padding included, so it may overhang.
 * @param {Window} window
 * @param {Region} region - of the outputs; its channels are left as they are
 * @returns {Region}
 */
export function under({ size: [rows, columns], strides: [sh, sw], padding }, region) {
  const [[above], [before]] = padding;
  return {
    ...region,
    top: region.top * sh - above,
    bottom: (region.bottom - 1) * sh - above + rows,
    left: region.left * sw - before,
    right: (region.right - 1) * sw - before + columns,
  };
}

/**
 * The pixels of the section at one position, in reading order.
 * @param {Window} window
 * @param {readonly number[]} imageShape - (H, W, C)
 * @param {number} row - of the outputs
 * @param {number} column
 * @returns {Pixel[]}
 */
export function pixels({ size: [rows, columns], strides, padding }, [height, width], row, column) {
  const top = row * strides[0] - padding[0][0];
  const left = column * strides[1] - padding[1][0];
  const found = [];
  for (let y = top; y < top + rows; y++) {
    for (let x = left; x < left + columns; x++) {
      found.push({ row: y, column: x, inside: y >= 0 && y < height && x >= 0 && x < width });
    }
  }
  return found;
}

/**
 * The positions whose sections hold one pixel of the image, and which pixel of its section it is there.
 * @param {Window} window
 * @param {{row: number, column: number}} pixel - of the image
 * @returns {{row: number, column: number, at: number}[]} `at`: in reading order of the section
 */
export function sectionsWith({ size, strides, positions, padding }, { row, column }) {
  const found = [];
  for (const [y, r] of along(row + padding[0][0], size[0], strides[0], positions[0])) {
    for (const [x, c] of along(column + padding[1][0], size[1], strides[1], positions[1])) {
      found.push({ row: y, column: x, at: r * size[1] + c });
    }
  }
  return found;
}

/**
 * In one direction: the positions that reach a pixel, and how far into their section it lies.
 * @param {number} pixel - counted from the padding's edge
 * @param {number} length - of the kernel
 * @param {number} stride
 * @param {number} positions
 * @returns {[number, number][]}
 */
function along(pixel, length, stride, positions) {
  /** @type {[number, number][]} */
  const found = [];
  const earliest = Math.max(0, Math.ceil((pixel - length + 1) / stride));
  for (let at = earliest; at < positions && at * stride <= pixel; at++) {
    found.push([at, pixel - at * stride]);
  }
  return found;
}
