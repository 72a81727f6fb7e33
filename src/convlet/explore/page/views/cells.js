/**
 * A few numbers as a table of coloured cells: sections, kernels, products. Each cell is a real cell, so it can be heard.
 */

import { css, grey, signed } from "../colours.js";
import { el } from "../dom.js";

/**
 * @typedef {object} Cells
 * @property {number} rows
 * @property {number} columns
 * @property {number[]} values - in reading order
 * @property {number} reach - of the colour scale
 * @property {string} label
 * @property {string} [kind] - "weights" are framed, "pixels" are grey
 * @property {number} [side] - CSS pixels of a cell
 * @property {boolean[]} [inside] - whether it is the image's own, not padding
 * @property {number} [lit] - one that is outlined
 * @property {string[]} texts - the numbers as printed, in the same order
 * @property {(at: number) => void} [chosen]
 * @property {(at: number | null) => void} [pointed]
 */

/** @param {Cells} cells */
export function cells({ rows, columns, values, reach, label, kind = "values", side = 32, inside, lit = -1, texts, chosen, pointed }) {
  const scale = kind === "pixels" ? grey() : signed();
  const table = el("table.cells", { "aria-label": label });
  table.classList.add(kind, side >= 28 ? "printed" : "small");
  table.style.setProperty("--side", `${side}px`);
  const body = el("tbody");
  for (let row = 0; row < rows; row++) {
    const line = el("tr");
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const value = values[at];
      const outside = inside && !inside[at];
      const { background, ink } = css(value, reach, scale);
      const cell = el("td", { class: at === lit ? "lit" : outside ? "outside" : null }, side >= 28 ? short(texts[at]) : el("span.unseen", {}, texts[at]));
      if (!outside) Object.assign(cell.style, { background, color: ink });
      if (chosen) cell.addEventListener("click", () => chosen(at));
      if (pointed) {
        cell.addEventListener("pointerenter", () => pointed(at));
        cell.addEventListener("pointerleave", () => pointed(null));
      }
      line.append(cell);
    }
    body.append(line);
  }
  table.append(body);
  return table;
}

/** A number in a narrow cell: without the 0 before the point, which it can do without. @param {string} text */
function short(text) {
  return text.replace(/^(\u2212?)0(?=[.,]\d)/, "$1");
}
