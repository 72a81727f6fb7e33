/**
 * Curves of a training: accuracy on images that were learnt from and on others, and the loss below. Told apart by their
 * line and their label, not by colour.
 */

import { el } from "../dom.js";
import { t } from "../texts.js";
import { number, percent } from "../words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 344;
const TALL = 128;
const LOW = 88;
const RIGHT = 44; // beside the curves, for what the rules mean

/**
 * @param {{contestants: any[], curves: {step: number, loss: number, trained: number, unseen: number}[][]}} status
 * @param {number} at - the step that is shown
 */
export function chart({ contestants, curves }, at) {
  const last = Math.max(1, ...contestants.map(({ total }) => total));
  const losses = curves.flat().map(({ loss }) => loss).filter(Number.isFinite);
  const most = Math.max(0.01, ...losses);
  const across = (/** @type {number} */ step) => ((WIDE - RIGHT) * step) / last;
  const accuracy = svg("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, role: "img", "aria-label": t("Accuracy, step by step") });
  const loss = svg("svg", { viewBox: `0 0 ${WIDE} ${LOW}`, role: "img", "aria-label": t("Loss, step by step") });
  for (const share of [0, 0.5, 1]) accuracy.append(rule((TALL - 4) * (1 - share) + 2, percent(share, 0)));
  for (const share of [0, 1]) loss.append(rule((LOW - 4) * (1 - share) + 2, number(share * most, 1)));
  curves.forEach((curve, i) => {
    const style = i ? "second" : "first";
    accuracy.append(path(curve.map(({ step, trained }) => [across(step), (TALL - 4) * (1 - trained) + 2]), `${style} trained`));
    accuracy.append(path(curve.map(({ step, unseen }) => [across(step), (TALL - 4) * (1 - unseen) + 2]), `${style} others`));
    const finite = curve.filter((moment) => Number.isFinite(moment.loss));
    loss.append(path(finite.map((moment) => [across(moment.step), (LOW - 4) * (1 - moment.loss / most) + 2]), `${style} others`));
  });
  if (at >= 0) for (const [picture, tall] of /** @type {[Element, number][]} */ ([[accuracy, TALL], [loss, LOW]])) picture.append(svg("line", { x1: across(at), x2: across(at), y1: 0, y2: tall, class: "now" }));
  return el("div.chart", {},
    el("h3", {}, t("Accuracy")), accuracy,
    el("p.key", {}, key("others", t("on images it never saw")), key("trained", t("on images it learns from")), curves.length > 1 ? key("second others", t("the dense network")) : null),
    el("h3", {}, t("Loss")), loss);
}

/** @param {string} style @param {string} text */
function key(style, text) {
  const line = svg("svg", { viewBox: "0 0 24 8", width: 24, height: 8, "aria-hidden": "true" });
  line.append(path([[0, 4], [24, 4]], style.startsWith("second") ? style : `first ${style}`));
  return el("span", {}, line, text);
}

/** @param {number} y @param {string} text */
function rule(y, text) {
  const group = svg("g", {});
  const label = svg("text", { x: WIDE, y: y + 4, "text-anchor": "end" });
  label.textContent = text;
  group.append(svg("line", { x1: 0, x2: WIDE - RIGHT, y1: y, y2: y, class: "rule" }), label);
  return group;
}

/** @param {number[][]} points @param {string} style */
function path(points, style) {
  return svg("polyline", { points: points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "), class: `curve ${style}` });
}

/** @param {string} tag @param {Record<string, string | number>} attributes */
function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}
