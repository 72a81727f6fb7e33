/**
 * Numbers as text that adds up: printed terms sum to the printed result, digit for digit, or a rounding term says by how
 * much they do not. A minus is U+2212, and there is no −0.
 */

/**
 * @typedef {object} PrintedSum
 * @property {number} digits - behind the decimal mark, of all of them
 * @property {string[]} terms
 * @property {string | null} rounding - what the printed terms lack; null where they add up as they are
 * @property {string} total
 */

const MINUS = "−";
const FINER = 2; // how many more digits are tried until a sum adds up by itself
const SIGNIFICANT = 2; // digits that the largest term has at least
const FEWEST = 2; // digits behind the decimal mark
const MOST = 12;

/**
 * A number with so many digits behind the decimal mark.
 * @param {number} value
 * @param {number} digits
 * @param {string} [mark] - the decimal mark: a comma in Vietnamese
 */
export function print(value, digits, mark = ".") {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value < 0 ? `${MINUS}∞` : "∞";
  const text = Math.abs(value).toFixed(digits).replace(".", mark);
  return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
}

/**
 * The digits that numbers of this size deserve: two that count for the largest, and at least two behind the mark.
 * @param {readonly number[]} values
 */
export function digitsFor(values) {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest === 0 || !Number.isFinite(largest)) return FEWEST;
  const wanted = SIGNIFICANT - 1 - Math.floor(Math.log10(largest));
  return Math.min(MOST, Math.max(FEWEST, wanted));
}

/**
 * Terms and their total, printed so that they add up: with as many digits as suit them, with one or two more if that
 * makes them add up by themselves, else with a rounding term.
 * @param {readonly number[]} terms
 * @param {number} total
 * @param {{digits?: number, mark?: string}} [options] - `digits`: just so many, where they stand beside other numbers
 * @returns {PrintedSum}
 */
export function printSum(terms, total, { digits, mark } = {}) {
  const least = digits ?? digitsFor([...terms, total]);
  const most = digits ?? least + FINER;
  const enough = Array.from({ length: most - least + 1 }, (_, i) => least + i).find((d) => lacking(terms, total, d) === 0);
  const chosen = enough ?? least;
  const missing = lacking(terms, total, chosen);
  return {
    digits: chosen,
    terms: terms.map((term) => print(term, chosen, mark)),
    rounding: missing ? print(missing / 10 ** chosen, chosen, mark) : null,
    total: print(total, chosen, mark),
  };
}

/**
 * Whether a calculator that is given the printed numbers shows the printed result: "=", or else "≈".
 * @param {number} computed - from the printed numbers
 * @param {number} result
 * @param {number} digits
 * @returns {"=" | "≈"}
 */
export function relation(computed, result, digits) {
  return print(computed, digits) === print(result, digits) ? "=" : "≈";
}

/**
 * A number as it is once printed.
 * @param {number} value
 * @param {number} digits
 */
export function rounded(value, digits) {
  return Number(value.toFixed(digits));
}

/**
 * The largest of some numbers, and the rest together.
 * @param {readonly number[]} values
 * @param {number} count - how many are wanted
 * @returns {{indices: number[], rest: number, others: number}} indices by size, largest first; the sum and the number of
 *   all others
 */
export function largest(values, count) {
  /** @type {number[]} */
  const indices = [];
  let rest = 0;
  for (let i = 0; i < values.length; i++) {
    let at = indices.length;
    while (at > 0 && Math.abs(values[i]) > Math.abs(values[indices[at - 1]])) at--;
    if (at < count) indices.splice(at, 0, i);
    else rest += values[i];
    if (indices.length > count) rest += values[/** @type {number} */ (indices.pop())];
  }
  return { indices, rest, others: values.length - indices.length };
}

/**
 * What printed terms lack of the printed total, in units of the last digit; 0 where something is not finite.
 * @param {readonly number[]} terms
 * @param {number} total
 * @param {number} digits
 */
function lacking(terms, total, digits) {
  const missing = terms.reduce((left, term) => left - units(term, digits), units(total, digits));
  return Number.isFinite(missing) ? missing : 0;
}

/**
 * A printed number in units of its last digit: a whole number, so sums of them are exact.
 * @param {number} value
 * @param {number} digits
 */
function units(value, digits) {
  return Number.isFinite(value) ? Number(value.toFixed(digits).replace(".", "")) : value;
}
