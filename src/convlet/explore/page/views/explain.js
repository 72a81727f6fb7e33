/**
 * Explain this number: where it came from, drawn with the network's own marks, in numbers that add up.
 */

/** @import {Explanation, Part, Products} from "../network/explanations.js" */
/** @import {Focus} from "../state.js" */

import { reachOf } from "../colours.js";
import { el, fill } from "../dom.js";
import { looksAt } from "../look.js";
import { layerOf, model, outputOf } from "../model.js";
import { explain, usesOf } from "../network/explain.js";
import { digitsFor, largest, print, printSum } from "../network/numbers.js";
import { printed, printedChannel } from "../network/printing.js";
import { position, sides, valueAt } from "../network/tensors.js";
import { IMAGE } from "../network/wire.js";
import { announce, set, shown, state } from "../state.js";
import { later, t } from "../texts.js";
import { count, mark, number, placeName } from "../words.js";
import { bars } from "./bars.js";
import { cells } from "./cells.js";
import { handles } from "./handles.js";
import { matrixFigure } from "./matrix.js";
import { said } from "./saying.js";

const POWERS = 4; // digits of softmax's powers and shares
const GOING = 3; // of the numbers that this one goes into

/** Which input channel's products are open: the one that adds the most, until another is chosen. */
let opened = -1;

/** @param {HTMLElement} root */
export function explainView(root) {
  let before = "";
  return {
    /** @param {Set<string>} changed */
    update(changed) {
      if (state.view !== "explain") return;
      if (["focus", "preview", "pixels", "edits", "lang", "network", "theme", "view", "opened"].some((word) => changed.has(word))) {
        const focus = shown();
        const now = focus ? `${focus.layer}/${focus.channel}` : "";
        if (now !== before) opened = -1;
        before = now;
        const held = document.activeElement;
        fill(root, focus ? explained(focus) : empty());
        if (held instanceof HTMLElement && held !== document.activeElement && root.contains(held)) held.focus();
      }
    },
  };
}

function empty() {
  return [el("h2", {}, t("Why is a number what it is?")), el("p", {}, t("Point at any number of the network."))];
}

/** @param {Focus} focus */
function explained(focus) {
  const why = focus.layer === IMAGE ? null : explain(model.network, model.outputs, focus.layer, focus);
  return [
    el("h2", {}, t("Why is this number {value}?", { value: why ? headline(why) : number(valueAt(outputOf(IMAGE), focus)) })),
    el("p.place", {}, placeName(focus)),
    why ? body(focus, why) : pixelText(focus),
    onwards(focus),
  ];
}

/** The number itself, with as many digits as where it is computed below. @param {Explanation} why */
function headline(why) {
  const digits = why.form === "products" ? digitsOf(why) : why.form === "activation" && why.activation.softmax ? POWERS : digitsFor([why.value]);
  return print(why.value, digits, mark());
}

/** @param {Focus} focus */
function pixelText(focus) {
  return el("p", {}, t("It is a pixel: 0 is black, 1 is white. An image is a square of such numbers, and nothing else reaches the network."), " ",
    t("This one stands in row {row}, column {column}.", { row: focus.row + 1, column: focus.column + 1 }));
}

/** @param {Focus} focus @param {Explanation} why */
function body(focus, why) {
  const text = said(why, /** @type {any} */ (layerOf(focus.layer)));
  return [text === null ? null : el("p", {}, text), steps(focus, why)];
}

/** What a number was computed from, drawn and in numbers. @param {Focus} focus @param {Explanation} why */
function steps(focus, why) {
  switch (why.form) {
    case "products":
      return productsBody(focus, why);
    case "largest":
      return [handles(focus, why.parts[why.winner].channel), windowCells(focus, why.parts, why.winner), equations(why)];
    case "mean":
      return [handles(focus, why.parts[0].channel), why.parts.length <= 64 ? windowCells(focus, why.parts, -1) : null, equations(why)];
    case "same":
      return toPart(focus, why.part);
    case "normalization":
      return [equations(why).slice(...(LINES[why.kind] ?? [0])), toPart(focus, why.part)];
    case "sum":
      return [handles(focus, focus.channel), equations(why), why.parts.map((part, i) => toPart(focus, part, i))];
    case "activation":
      return why.activation.softmax ? softmaxBody(focus, why) : [equations(why), toPart(focus, why.part)];
  }
}

const NAMES = /** @type {Record<string, string>} */ ({
  bias: later("bias"), rest: later("all others"), rounding: later("rounding"), value: later("value"), mean: later("mean"),
  scaled: later("scaled"), beta: later("beta"), offset: later("offset"), power: later("power"),
});
/** Which of the steps of a normalisation a kind takes, where not all. @type {Record<string, [number, number?]>} */
const LINES = { Normalization: [0, 3], Rescaling: [-2] };
const FEW = 9; // terms of a sum that are written out

/** What is computed, line by line, as it is printed. @param {Explanation} why */
function equations(why) {
  return printed(why, { mark: mark() }).map((equation) => {
    switch (equation.operation) {
      case "sum":
        return equation.terms.length > FEW
          ? sentence([t("their sum"), " = ", strong(equation.result)])
          : sentence([equation.terms.map(({ what, text }, i) => [i ? " + " : null, NAMES[what] ? term(t(NAMES[why.kind === "Rescaling" && what === "beta" ? "offset" : what]), text) : text]), " = ", strong(equation.result)]);
      case "product":
        return sentence([equation.factors.join(" × "), ` ${equation.sign} `, strong(equation.result)]);
      case "quotient":
        return sentence([equation.factors.join(" ÷ "), ` ${equation.sign} `, strong(equation.result)]);
      case "root":
        return sentence(["√(", equation.terms.join(" + "), `) ${equation.sign} `, strong(equation.result)]);
      case "activation":
        return sentence([`${equation.name}(${equation.before}) ${equation.sign} `, strong(equation.after)]);
      case "largest":
        return sentence([t("largest"), " = ", strong(equation.result)]);
      default:
        return null;
    }
  });
}

/** @param {Focus} focus @param {Explanation & Products} why */
function productsBody(focus, why) {
  const layer = /** @type {any} */ (layerOf(focus.layer));
  const channels = why.channelSums.length;
  const isDense = !layer.window;
  if (opened < 0 || opened >= channels) opened = largestOf(why.channelSums);
  const many = channels > 1;
  const map = many ? opened : why.terms[0].channel;
  return [
    isDense ? null : handles(focus, map),
    isDense ? null : productCells(focus, why),
    many ? contributions(focus, why, isDense) : null,
    total(why, many),
    why.silenced ? el("p.note", {}, t("This filter is silenced: it says 0 everywhere.")) : null,
    matrixFigure(focus, why),
  ];
}

/** @param {number[]} values */
function largestOf(values) {
  return values.reduce((best, value, i) => (Math.abs(value) > Math.abs(values[best]) ? i : best), 0);
}

/** How many digits the numbers of this sum have. @param {Products} why */
function digitsOf(why) {
  return digitsFor([...(why.bias === null ? [] : [why.bias]), ...why.channelSums, why.sum]);
}

/** Section, kernel and products of the open channel. @param {Focus} focus @param {Explanation & Products} why */
function productCells(focus, why) {
  const layer = /** @type {any} */ (layerOf(focus.layer));
  const [rows, columns] = layer.window.size;
  const texts = printedChannel(why, opened, digitsOf(why), { mark: mark() });
  const terms = texts.terms.map(({ at }) => why.terms[at]);
  const input = layer.inputs[0];
  const side = Math.max(12, Math.min(34, Math.floor(170 / columns) - 1));
  const inside = terms.map((term) => term.inside);
  const common = { rows, columns, side, inside };
  const pointed = (/** @type {number | null} */ at) => light([section, kernel, products], at);
  const toInput = (/** @type {number} */ at) => terms[at].inside && set({ focus: { layer: input, channel: terms[at].channel, row: terms[at].row, column: terms[at].column }, preview: null });
  const section = cells({ ...common, values: terms.map(({ value }) => value), texts: texts.terms.map(({ value }) => value), reach: input === IMAGE ? 1 : reachOf(outputOf(input).values), kind: input === IMAGE ? "pixels" : "values", label: t("section"), chosen: toInput, pointed });
  const kernel = cells({ rows, columns, side, values: terms.map(({ weight }) => weight), texts: texts.terms.map(({ weight }) => weight), reach: reachOf(layer.weights.kernel), kind: "weights", label: t("kernel"), pointed });
  const products = cells({ ...common, values: terms.map(({ product }) => product), texts: texts.terms.map(({ product }) => product), reach: reachOf(terms.map(({ product }) => product)), label: t("products"), pointed });
  return el("div.products", {},
    el("figure", {}, el("figcaption", {}, t("section")), section), el("span.sign", {}, "×"),
    el("figure", {}, el("figcaption", {}, t("kernel")), kernel), el("span.sign", {}, "="),
    el("figure", {}, el("figcaption", {}, t("products")), products),
    el("dl.sum", {}, texts.rounding === null ? null : [el("dt", {}, t("rounding")), el("dd", {}, texts.rounding)], el("dt", {}, t("their sum")), el("dd.whole", {}, texts.result)));
}

/** @param {Element[]} tables @param {number | null} at */
function light(tables, at) {
  for (const table of tables) table.querySelectorAll("td").forEach((cell, i) => cell.classList.toggle("pointed", i === at));
}

/** @param {Focus} focus @param {Part[]} parts @param {number} lit */
function windowCells(focus, parts, lit) {
  const columns = new Set(parts.map(({ column }) => column)).size;
  const layer = /** @type {any} */ (layerOf(focus.layer));
  return el("div.products", {}, cells({
    rows: parts.length / columns, columns, values: parts.map(({ value }) => value), reach: reachOf(outputOf(layer.inputs[0]).values), side: Math.max(20, Math.min(44, Math.floor(300 / columns))), lit,
    inside: parts.map(({ inside }) => inside), label: t("the numbers under the window"),
    texts: parts.map(({ value }) => print(value, digitsFor(parts.map((part) => part.value)), mark())),
    chosen: (at) => parts[at].inside && set({ focus: { layer: layer.inputs[0], channel: parts[at].channel, row: parts[at].row, column: parts[at].column }, preview: null }),
  }));
}

/** What each input map, or each input number, adds. @param {Focus} focus @param {Explanation & Products} why @param {boolean} isDense */
function contributions(focus, why, isDense) {
  const layer = /** @type {any} */ (layerOf(focus.layer));
  const input = layer.inputs[0];
  return el("div.contributions", {},
    el("h3", {}, isDense ? t("What the {count} numbers add, largest first", { count: count(why.channelSums.length) }) : t("What the {count} maps add, largest first", { count: count(why.channelSums.length) })),
    bars(why.channelSums, {
      name: (i) => (isDense ? inputName(input, i) : t("map {channel}", { channel: i + 1 })),
      pressed: isDense ? -1 : opened,
      digits: digitsOf(why),
      chosen: (i) => {
        if (isDense) return set({ focus: { layer: input, ...position(outputOf(input).shape, i) }, preview: null });
        opened = i;
        announce("opened");
      },
      others: (n) => t("the other {count} together", { count: count(n) }),
    }));
}

/** @param {string} input @param {number} i */
function inputName(input, i) {
  return t("number {channel}", { channel: count(position(outputOf(input).shape, i).channel + 1) });
}

/** The last line: all terms, and what the activation makes of their sum. @param {Explanation & Products} why @param {boolean} many */
function total(why, many) {
  const { bias, activation } = why;
  const digits = digitsOf(why);
  const line = printSum([...(bias === null ? [] : [bias]), why.channelSums.reduce((sum, x) => sum + x, 0)], why.sum, { digits, mark: mark() });
  const pieces = [
    bias === null ? null : [term(t("bias"), line.terms[0]), " + "],
    term(many ? t("sum") : t("products"), line.terms[line.terms.length - 1]),
    line.rounding === null ? null : [" + ", term(t("rounding"), line.rounding)],
    " = ", activation ? el("span.number", {}, line.total) : strong(line.total),
  ];
  if (activation && activation.name !== "softmax") pieces.push([" → ", activation.name, " → ", strong(print(activation.after, digits, mark()))]);
  return sentence(pieces);
}

/** @param {string} name @param {string} value */
function term(name, value) {
  return el("span.term", {}, el("span.number", {}, value), el("small", {}, name));
}

/** @param {string} text */
function strong(text) {
  return el("strong.number", {}, text);
}

/** @param {any[]} pieces */
function sentence(pieces) {
  return el("p.sentence", {}, pieces);
}

/** A way to the number that this one was made of. @param {Focus} focus @param {Part} part @param {number} [which] - of the layer's inputs */
function toPart(focus, part, which = 0) {
  const input = /** @type {any} */ (layerOf(focus.layer)).inputs[which];
  const from = { layer: input, channel: part.channel, row: part.row, column: part.column };
  return link(from, t("It comes from {place}.", { place: placeName(from) }));
}

/** @param {Focus} focus @param {string} text */
function link(focus, text) {
  return el("button.link", { type: "button", onclick: () => set({ focus, preview: null }) }, text);
}

/** @param {Focus} focus @param {any} why */
function softmaxBody(focus, why) {
  const { inputs, powers, probabilities, largest: most } = why.activation.softmax;
  const before = /** @type {any} */ (layerOf(focus.layer)).inputs[0];
  const sum = printSum(powers, why.activation.softmax.total, { digits: POWERS, mark: mark() });
  const n = (/** @type {number} */ x) => print(x, POWERS, mark());
  return [
    el("p", {}, t("Softmax makes shares of the class scores: e to the power of each, divided by the sum of all.")),
    el("table.steps.classes", {}, el("thead", {}, el("tr", {}, el("th", {}, t("class")), el("th.right", {}, t("score")), el("th.right", {}, `e^(${t("score")} \u2212 ${number(most)})`), el("th.right", {}, t("share")))),
      el("tbody", {},
        inputs.map((/** @type {number} */ x, /** @type {number} */ i) => el("tr", { class: i === focus.channel ? "own" : null },
          el("th", { scope: "row" }, link({ layer: before, channel: i, row: 0, column: 0 }, model.classes[i] ?? String(i + 1))),
          el("td.number", {}, number(x)), el("td.number", {}, sum.terms[i]), el("td.number", {}, n(probabilities[i])))),
        sum.rounding === null ? null : el("tr", {}, el("th", { scope: "row" }, t("rounding")), el("td"), el("td.number", {}, sum.rounding), el("td")),
        el("tr", {}, el("th", { scope: "row" }, t("sum")), el("td"), el("td.number", {}, sum.total), el("td")))),
    sentence([sum.terms[focus.channel], " ÷ ", sum.total, " = ", strong(n(probabilities[focus.channel]))]),
    el("p.quiet", {}, t("The largest score is taken from each before: it changes no share, and keeps the powers small.")),
    link({ layer: before, channel: focus.channel, row: 0, column: 0 }, t("Explain its score, {value}", { value: number(inputs[focus.channel]) })),
  ];
}

/** Where the number goes from here: its strongest uses in the layers that read it. @param {Focus} focus */
function onwards(focus) {
  const strongest = usesOf(model.network, model.outputs, focus.layer, focus).flatMap(({ layer, uses }) =>
    largest(uses.map(({ share }) => share), GOING).indices.map((i) => ({ ...uses[i], layer }))).sort((a, b) => Math.abs(b.share) - Math.abs(a.share)).slice(0, GOING);
  const seen = looksAt(focus).get(IMAGE);
  return el("div.onwards", {},
    strongest.length ? [el("h3", {}, t("Where it goes")), el("ul", {}, strongest.map(({ layer, channel, row, column, share, weight }) => el("li", {}, link({ layer, channel, row, column }, placeName({ layer, channel, row, column })), " ", weight === null ? null : el("span.number", {}, t("adds {share}", { share: number(share) })))))] : null,
    seen && focus.layer !== IMAGE ? [el("h3", {}, t("What it sees of the image")), el("p", {}, seenText(seen))] : null);
}

/** @param {import("../network/tensors.js").Region} seen - of the image */
function seenText({ top, bottom, left, right }) {
  const [height, width] = sides(model.base.imageShape);
  if (bottom - top === height && right - left === width) return t("all of it");
  return t("rows {top} to {bottom}, columns {left} to {right}: outlined on the image", { top: top + 1, bottom, left: left + 1, right });
}
