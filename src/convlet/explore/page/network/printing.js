/**
 * An explanation as printed equations: data with finished numbers, which a view lays out and a test adds up.
 *
 * Sums add up as they are printed, if need be with a term "rounding". A product, a quotient, a root or an activation has
 * "=" where a calculator that is given the printed numbers shows the printed result, and "≈" elsewhere. A number that
 * stands in two equations is printed alike in both.
 */

/** @import {Activated, Explanation, Form, Largest, Mean, Normalization, Products, Same, Sum} from "./explanations.js" */
/** @import {ActivationStep, Softmax} from "./activations.js" */

import { digitsFor, largest, print, printSum, relation, rounded } from "./numbers.js";

/**
 * @typedef {object} PrintedTerm
 * @property {string} what - bias, channel, input, rest, rounding, part, power, value, mean, scaled or beta
 * @property {number | null} at - of a channel, input, part or power: which one of the explanation's
 * @property {string} text
 */

/**
 * @typedef {{operation: "sum", terms: PrintedTerm[], result: string}
 *   | {operation: "product" | "quotient", factors: [string, string], sign: "=" | "≈", result: string}
 *   | {operation: "root", terms: [string, string], sign: "=" | "≈", result: string}
 *   | {operation: "activation", name: string, before: string, sign: "=" | "≈", after: string}
 *   | {operation: "largest", terms: PrintedTerm[], winner: number, result: string}
 *   | {operation: "same", result: string}} Equation
 */

/**
 * @typedef {object} PrintedProduct
 * @property {number} at - which of the explanation's terms
 * @property {string} value
 * @property {string} weight
 * @property {"=" | "≈"} sign
 * @property {string} product
 */

/** @typedef {{mark?: string, shown?: number}} Style - the decimal mark; how many terms of a sum stand alone */

/**
 * The equations of an explanation, in the order in which they are computed.
 * @param {Explanation} explanation
 * @param {Style} [style]
 * @returns {Equation[]}
 */
export function printed(explanation, style = {}) {
  const print = /** @type {(form: Form & {result: number}, style: Style) => Equation[]} */ (PRINTERS[explanation.form]);
  return print(explanation, style);
}

/**
 * What one input channel adds, product by product; together with their rounding they are the channel's term in the sum.
 * @param {Products} explanation
 * @param {number} channel - of the layer's input
 * @param {number} digits - of the sum that the channel stands in
 * @param {Style} [style]
 * @returns {{terms: PrintedProduct[], rounding: string | null, result: string}}
 */
export function printedChannel(explanation, channel, digits, { mark } = {}) {
  const alone = explanation.channelSums.length === 1; // a kernel that looks at one channel, whichever that is
  const places = explanation.terms.flatMap((term, at) => (alone || term.channel === channel ? [at] : []));
  const terms = places.map((at) => explanation.terms[at]);
  const sum = printSum(terms.map((term) => term.product), explanation.channelSums[channel], { digits, mark });
  const products = terms.map(({ value, weight, product }, i) => ({
    at: places[i],
    value: print(value, digits, mark),
    weight: print(weight, digits, mark),
    sign: relation(rounded(value, digits) * rounded(weight, digits), product, digits),
    product: sum.terms[i],
  }));
  return { terms: products, rounding: sum.rounding, result: sum.total };
}

const PRINTERS = {
  products: printProducts,
  largest: printLargest,
  mean: printMean,
  same: printSame,
  normalization: printNormalization,
  activation: printActivated,
  sum: printAdded,
};

/**
 * @param {Sum & {result: number}} explanation
 * @param {Style} style
 * @returns {Equation[]}
 */
function printAdded({ parts, result }, { mark }) {
  const values = parts.map((part) => part.value);
  return [sumEquation(parts.map((_, at) => named("part", at)), printSum(values, result, { mark }))];
}

/**
 * @param {Products} explanation
 * @param {Style} style
 * @returns {Equation[]}
 */
function printProducts({ terms, channelSums, bias, sum, activation }, { mark, shown = Infinity }) {
  const alone = channelSums.length === 1 || channelSums.length === terms.length;
  const parts = alone ? terms.map((term) => term.product) : channelSums;
  const { indices, rest, others } = largest(parts, shown);
  const values = indices.map((i) => parts[i]);
  const printed = printSum([...(bias === null ? [] : [bias]), ...values, ...(others ? [rest] : [])], sum, { mark });
  const names = [
    ...(bias === null ? [] : [named("bias")]),
    ...indices.map((at) => named(alone ? "input" : "channel", at)),
    ...(others ? [named("rest")] : []),
  ];
  const equation = sumEquation(names, printed);
  return activation ? [equation, ...printActivation(activation, printed.digits, mark)] : [equation];
}

/**
 * @param {Largest & {result: number}} explanation
 * @param {Style} style
 * @returns {Equation[]}
 */
function printLargest({ parts, winner, result }, { mark }) {
  const digits = digitsFor(parts.map((part) => part.value));
  const terms = parts.map((part, at) => ({ ...named("part", at), text: print(part.value, digits, mark) }));
  return [{ operation: "largest", terms, winner, result: print(result, digits, mark) }];
}

/**
 * @param {Mean & {result: number}} explanation
 * @param {Style} style
 * @returns {Equation[]}
 */
function printMean({ parts, count, sum, result }, { mark }) {
  const inside = parts.flatMap((part, at) => (part.inside ? [at] : []));
  const printed = printSum(inside.map((at) => parts[at].value), sum, { mark });
  return [
    sumEquation(inside.map((at) => named("part", at)), printed),
    quotient(sum, count, result, printed.digits, mark, 0),
  ];
}

/**
 * @param {Same & {result: number}} explanation
 * @param {Style} style
 * @returns {Equation[]}
 */
function printSame({ result }, { mark }) {
  return [{ operation: "same", result: print(result, digitsFor([result]), mark) }];
}

/**
 * @param {Normalization & {result: number}} explanation
 * @param {Style} style
 * @returns {Equation[]}
 */
function printNormalization(explanation, { mark }) {
  const { part, mean, variance, epsilon, deviation, gamma, beta, centred, normalized, scaled, result } = explanation;
  const digits = digitsFor([part.value, mean, centred, normalized, scaled, beta, result]);
  const fine = Math.max(digits, digitsFor([epsilon])); // an epsilon of 0.001 is not printed as 0.00
  const root = Math.sqrt(rounded(variance, fine) + rounded(epsilon, fine));
  return [
    sumEquation([named("value"), named("mean")], printSum([part.value, -mean], centred, { digits, mark })),
    {
      operation: "root",
      terms: [print(variance, fine, mark), print(epsilon, fine, mark)],
      sign: relation(root, deviation, digits),
      result: print(deviation, digits, mark),
    },
    quotient(centred, deviation, normalized, digits, mark),
    {
      operation: "product",
      factors: [print(gamma, digits, mark), print(normalized, digits, mark)],
      sign: relation(rounded(gamma, digits) * rounded(normalized, digits), scaled, digits),
      result: print(scaled, digits, mark),
    },
    sumEquation([named("scaled"), named("beta")], printSum([scaled, beta], result, { digits, mark })),
  ];
}

/**
 * @param {Activated} explanation
 * @param {Style} style
 * @returns {Equation[]}
 */
function printActivated({ activation }, { mark }) {
  return printActivation(activation, digitsFor([activation.before, activation.after]), mark);
}

/**
 * @param {ActivationStep} step
 * @param {number} digits
 * @param {string} [mark]
 * @returns {Equation[]}
 */
function printActivation({ name, before, after, softmax }, digits, mark) {
  if (!softmax) {
    const passed = name === "relu" ? Math.max(rounded(before, digits), 0) : NaN; // others no head can compute
    const sign = relation(passed, after, digits);
    const texts = { before: print(before, digits, mark), after: print(after, digits, mark) };
    return [{ operation: "activation", name, sign, ...texts }];
  }
  return printSoftmax(softmax, before, after, digits, mark);
}

/**
 * @param {Softmax} softmax
 * @param {number} before
 * @param {number} after
 * @param {number} digits - of the inputs
 * @param {string} [mark]
 * @returns {Equation[]}
 */
function printSoftmax({ inputs, powers, total, largest: most }, before, after, digits, mark) {
  const terms = inputs.map((input, at) => ({ ...named("input", at), text: print(input, digits, mark) }));
  const printed = printSum(powers, total, { mark });
  return [
    { operation: "largest", terms, winner: inputs.indexOf(most), result: print(most, digits, mark) },
    sumEquation(powers.map((_, at) => named("power", at)), printed),
    quotient(Math.exp(before - most), total, after, printed.digits, mark),
  ];
}

/**
 * @param {string} what
 * @param {number | null} [at]
 */
function named(what, at = null) {
  return { what, at };
}

/**
 * @param {{what: string, at: number | null}[]} names
 * @param {import("./numbers.js").PrintedSum} printed
 * @returns {Equation}
 */
function sumEquation(names, { terms, rounding, total }) {
  const all = names.map((name, i) => ({ ...name, text: terms[i] }));
  if (rounding !== null) all.push({ ...named("rounding"), text: rounding });
  return { operation: "sum", terms: all, result: total };
}

/**
 * @param {number} dividend
 * @param {number} divisor
 * @param {number} result
 * @param {number} digits
 * @param {string} [mark]
 * @param {number} [divisorDigits] - a count has none
 * @returns {Equation}
 */
function quotient(dividend, divisor, result, digits, mark, divisorDigits = digits) {
  const computed = rounded(dividend, digits) / rounded(divisor, divisorDigits);
  return {
    operation: "quotient",
    factors: [print(dividend, digits, mark), print(divisor, divisorDigits, mark)],
    sign: relation(computed, result, digits),
    result: print(result, digits, mark),
  };
}
