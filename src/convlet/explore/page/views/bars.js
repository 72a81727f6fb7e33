/**
 * Signed bars, the largest first: what each of many parts adds to a sum. The long tail is one bar, so that they add up.
 */

import { css } from "../colours.js";
import { el } from "../dom.js";
import { largest, printSum } from "../network/numbers.js";
import { t } from "../texts.js";
import { mark } from "../words.js";

const SHOWN = 8;

/**
 * @param {number[]} values
 * @param {{name: (i: number) => string, chosen: (i: number) => void, others: (count: number) => string, pressed: number,
 *   digits: number}} words
 */
export function bars(values, { name, chosen, others, pressed, digits }) {
  const { indices: shown, rest, others: left } = largest(values, SHOWN);
  const sum = values.reduce((total, value) => total + value, 0);
  const printed = printSum([...shown.map((i) => values[i]), ...(left ? [rest] : [])], sum, { digits, mark: mark() });
  const reach = Math.max(...shown.map((i) => Math.abs(values[i])), Math.abs(rest)) || 1;
  return el("ol.signed", {},
    shown.map((i, at) => el("li", {}, el("button", { type: "button", "aria-pressed": pressed < 0 ? null : String(i === pressed), onclick: () => chosen(i) },
      el("span.name", {}, name(i)), bar(values[i], reach), el("span.number", {}, printed.terms[at])))),
    left ? el("li.rest", {}, el("span.name", {}, others(left)), bar(rest, reach), el("span.number", {}, printed.terms[shown.length])) : null,
    printed.rounding ? el("li.rest", {}, el("span.name", {}, t("rounding")), el("span"), el("span.number", {}, printed.rounding)) : null,
    el("li.rest.whole", {}, el("span.name", {}, t("sum")), el("span"), el("span.number", {}, printed.total)));
}

/** @param {number} value @param {number} reach */
function bar(value, reach) {
  const fill = el("span.fill");
  const share = (50 * Math.abs(value)) / reach;
  Object.assign(fill.style, { left: `${value < 0 ? 50 - share : 50}%`, width: `${share}%`, background: css(Math.sign(value) * reach, reach).background });
  return el("span.track", {}, fill);
}
