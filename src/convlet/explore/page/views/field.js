/**
 * A canvas of maps that can be pointed at, walked on with the keyboard, and heard: the one way to reach a number.
 *
 * It is a grid for a screen reader, with one cell that says where one is. Marks lie over the canvas, so that moving the
 * focus paints nothing again.
 */

/** @import {Layout} from "../maps.js" */
/** @import {Focus} from "../state.js" */

import { el, fill } from "../dom.js";
import { place, under } from "../maps.js";
import { set, state } from "../state.js";
import { sides } from "../network/tensors.js";
import { outputOf } from "../model.js";
import { spoken } from "../words.js";

let numbered = 0;

export class Field {
  /**
   * @param {string} layer - whose numbers these are
   * @param {{framed?: boolean, only?: boolean}} [looks] - `only`: one map, that of the focus
   */
  constructor(layer, { framed = false, only = false } = {}) {
    this.layer = layer;
    this.only = only;
    /** @type {Layout | null} */
    this.layout = null;
    this.channel = 0;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.marks = el("div.marks");
    const id = `cell-${numbered++}`;
    this.cell = el("div", { role: "gridcell", id });
    this.row = el("div.unseen", { role: "row" }, this.cell);
    this.element = el(
      "div.field",
      {
        role: "grid", tabindex: "0", "aria-activedescendant": id,
        onpointermove: (/** @type {PointerEvent} */ event) => this.point(event),
        onpointerleave: () => set({ preview: null }),
        onclick: (/** @type {MouseEvent} */ event) => this.pin(event),
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.walk(event),
        onfocus: () => this.say(),
      },
      this.canvas, this.marks, this.row,
    );
    this.element.classList.toggle("framed", framed);
  }

  /** @param {MouseEvent} event @returns {Focus | null} */
  at(event) {
    if (!this.layout) return null;
    const box = this.canvas.getBoundingClientRect();
    const found = under(this.layout, (event.clientX - box.left) * (this.layout.cssWidth / box.width), (event.clientY - box.top) * (this.layout.cssHeight / box.height));
    return found && { layer: this.layer, ...found, channel: this.only ? this.channel : found.channel };
  }

  /** @param {PointerEvent} event */
  point(event) {
    if (event.pointerType !== "touch") set({ preview: this.at(event) });
  }

  /** @param {MouseEvent} event */
  pin(event) {
    const focus = this.at(event);
    if (focus) set({ focus, preview: null, view: state.view === "train" ? "explain" : state.view }); // to train asks for no number
  }

  /** @param {KeyboardEvent} event */
  walk(event) {
    const [height, width, channels] = sides(outputOf(this.layer).shape);
    const from = state.focus?.layer === this.layer ? state.focus : { layer: this.layer, channel: this.channel, row: 0, column: 0 };
    const moved = event.key === "Enter" ? state.preview ?? from : step(from, event.key, { height, width, channels, across: this.layout?.columns ?? 1 });
    if (!moved) return;
    event.preventDefault();
    set({ focus: moved, preview: null });
    queueMicrotask(() => this.say());
  }

  /** Say where the focus is: what a screen reader hears of the grid. */
  say() {
    const focus = state.focus?.layer === this.layer ? state.focus : { layer: this.layer, channel: this.channel, row: 0, column: 0 };
    const [height, width] = sides(outputOf(this.layer).shape);
    this.element.setAttribute("aria-rowcount", String(height));
    this.element.setAttribute("aria-colcount", String(width));
    this.row.setAttribute("aria-rowindex", String(focus.row + 1));
    this.cell.setAttribute("aria-colindex", String(focus.column + 1));
    fill(this.cell, spoken(focus));
  }

  /**
   * Lay outlines over numbers and regions of the canvas.
   * @param {{kind: string, channel: number, top: number, left: number, bottom: number, right: number}[]} boxes
   */
  mark(boxes) {
    const { layout } = this;
    if (!layout) return;
    while (this.marks.childElementCount > boxes.length) this.marks.lastElementChild?.remove();
    while (this.marks.childElementCount < boxes.length) this.marks.append(el("div"));
    boxes.forEach(({ kind, channel, top, left, bottom, right }, i) => {
      const start = place(layout, { row: top, column: left, channel: this.only ? 0 : channel });
      const mark = /** @type {HTMLElement} */ (this.marks.children[i]);
      mark.className = `mark ${kind}`;
      mark.style.left = `${start.left}px`;
      mark.style.top = `${start.top}px`;
      mark.style.width = `${(right - left) * layout.scale}px`;
      mark.style.height = `${(bottom - top) * layout.scale}px`;
    });
  }
}

/**
 * Where a key leads: arrows by a position, brackets by a channel; single numbers are walked through in their rows.
 * @param {Focus} from
 * @param {string} key
 * @param {{height: number, width: number, channels: number, across: number}} size
 * @returns {Focus | null}
 */
export function step(from, key, { height, width, channels, across }) {
  const single = height * width === 1;
  const moves = /** @type {Record<string, [number, number, number]>} */ ({
    ArrowUp: single ? [0, 0, -across] : [-1, 0, 0],
    ArrowDown: single ? [0, 0, across] : [1, 0, 0],
    ArrowLeft: single ? [0, 0, -1] : [0, -1, 0],
    ArrowRight: single ? [0, 0, 1] : [0, 1, 0],
    "[": [0, 0, -1],
    "]": [0, 0, 1],
  });
  if (!(key in moves)) return null;
  const [down, right, channel] = moves[key];
  const within = (/** @type {number} */ x, /** @type {number} */ count) => Math.max(0, Math.min(count - 1, x));
  return {
    layer: from.layer,
    row: within(from.row + down, height),
    column: within(from.column + right, width),
    channel: within(from.channel + channel, channels),
  };
}
