/**
 * From numbers to colours: one signed scale for weights, values and products, and grey for pixels.
 *
 * Zero is always neutral. The scale is safe for colour-blind readers, and a sign is never told by colour alone.
 */

const SCALES = {
  light: ["#a84300", "#f3f3f0", "#0b5cad"],
  dark: ["#ff9d57", "#23282d", "#6cb2ff"],
};
const STEPS = 255; // on each side of zero

/** @type {Map<string, Uint32Array>} */
const tables = new Map();

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

/** Whether the page is dark: as the reader chose, else as the system has it. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : systemIsDark.matches;
}

/** The signed scale as 2 × 255 + 1 pixels, from −1 to 1. */
export function signed() {
  const name = isDark() ? "dark" : "light";
  return tables.get(name) ?? tabled(name, SCALES[name]);
}

/** Grey, from 0 to 1 in the upper half; what is below 0 is black. */
export function grey() {
  return tables.get("grey") ?? tabled("grey", ["#000000", "#000000", "#ffffff"]);
}

/**
 * @param {string} name
 * @param {string[]} ends
 */
function tabled(name, [low, zero, high]) {
  const table = new Uint32Array(2 * STEPS + 1);
  for (let i = -STEPS; i <= STEPS; i++) table[i + STEPS] = mixed(rgb(zero), rgb(i < 0 ? low : high), Math.abs(i) / STEPS);
  tables.set(name, table);
  return table;
}

/** @param {string} hex */
function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/**
 * @param {number[]} from
 * @param {number[]} to
 * @param {number} share
 */
function mixed(from, to, share) {
  const [r, g, b] = from.map((x, i) => Math.round(x + (to[i] - x) * share));
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0; // as ImageData lies in memory
}

/**
 * Which pixel of a scale a number is; clear where there is none (NaN). `reach` is the largest size the scale shows.
 * @param {Uint32Array} scale
 * @param {number} value
 * @param {number} reach
 */
export function pixel(scale, value, reach) {
  const share = reach > 0 ? Math.max(-1, Math.min(1, value / reach)) : 0;
  return Number.isNaN(share) ? 0 : scale[Math.round(share * STEPS) + STEPS];
}

/**
 * The same as a colour for CSS, with an ink that can be read on it.
 * @param {number} value
 * @param {number} reach
 * @param {Uint32Array} [scale]
 */
export function css(value, reach, scale = signed()) {
  const packed = pixel(scale, value, reach);
  const [r, g, b] = [packed & 255, (packed >> 8) & 255, (packed >> 16) & 255];
  return { background: `rgb(${r} ${g} ${b})`, ink: luminance(r, g, b) > 0.179 ? "#000" : "#fff" };
}

/** @param {...number} channels */
function luminance(...channels) {
  const [r, g, b] = channels.map((x) => (x / 255 <= 0.04045 ? x / 255 / 12.92 : ((x / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** @type {WeakMap<ArrayLike<number>, number>} - arrays are never changed in place, so this is looked up once for each */
const reaches = new WeakMap();

/**
 * The largest size among some numbers; at least a little, so that a scale has a length.
 * @param {ArrayLike<number>} values
 */
export function reachOf(values) {
  const known = reaches.get(values);
  if (known !== undefined) return known;
  let reach = 0;
  for (let i = 0; i < values.length; i++) reach = Math.max(reach, Math.abs(values[i]));
  reaches.set(values, reach || 1);
  return reach || 1;
}
