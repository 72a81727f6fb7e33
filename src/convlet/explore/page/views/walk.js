/**
 * The first walk: its text, step by step, over the live picture. It knows nothing of what is taught: that is data.
 */

import { calm, el, fill } from "../dom.js";
import { firstWalk } from "../lessons/first_walk.js";
import { isDone, placeOf } from "../lessons/places.js";
import { set, state } from "../state.js";
import { t } from "../texts.js";

const PARTS = { pad: ".padbox, .stages, .thumbs", bars: ".bars", network: "#network", explanation: "#panel .slot:not(.walk)" };

/** @type {Set<number>} */
const done = new Set();
/** @type {import("../state.js").Focus | null} */
let began = null;
let entered = -1;

/** The steps that make sense on this network. */
function steps() {
  return firstWalk.filter(({ focus }) => focus === null || placeOf(focus));
}

/** @param {HTMLElement} root */
export function walkView(root) {
  return {
    /** @param {Set<string>} changed */
    update(changed) {
      if (state.step < 0) {
        if (entered >= 0) leave(root);
        return;
      }
      const all = steps();
      const at = Math.min(state.step, all.length - 1);
      if (at !== entered) enter(all[at], at);
      const now = isDone(all[at].check, began);
      const fresh = now && !done.has(at);
      if (now) done.add(at);
      if (fresh || ["step", "lang", "network"].some((word) => changed.has(word))) build(root, all, at);
      dim(all[at].dim);
    },
  };
}

/** Go where the step leads; after a reload the reader stays where the address says. @param {import("../lessons/first_walk.js").Step} step @param {number} at */
function enter(step, at) {
  const first = entered < 0 && document.body.dataset.ready !== "yes";
  entered = at;
  began = first ? state.focus : placeOf(step.focus) ?? state.focus;
  if (first) return;
  set({ view: step.view, focus: began, preview: null });
  if (step.duration) unfold(step.duration);
}

/** The first position of the sliding kernel, stage by stage. @param {number} duration */
function unfold(duration) {
  set({ slide: { ...state.slide, at: 0, stage: calm() ? 3 : 0 } });
  if (calm()) return;
  const step = state.step;
  for (const stage of [1, 2, 3]) {
    setTimeout(() => {
      if (state.step === step && state.slide.at === 0 && state.slide.stage === stage - 1) set({ slide: { ...state.slide, stage } });
    }, (stage * duration) / 4);
  }
}

/** @param {HTMLElement} root @param {import("../lessons/first_walk.js").Step[]} all @param {number} at */
function build(root, all, at) {
  const { text, task, check } = all[at];
  const ready = done.has(at);
  const last = at === all.length - 1;
  const had = root.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.go : null;
  fill(root, el("section.card", { "aria-label": t("First walk") },
    el("p.quiet", {}, t("First walk, step {step} of {steps}", { step: at + 1, steps: all.length })),
    el("p", { "aria-live": "polite" }, t(text)),
    task ? el("p.task", { class: ready && check ? "task done" : "task" }, el("span.tick", { "aria-hidden": "true" }, ready && check ? "✓" : "○"), el("span", {}, t(task), ready && check ? el("span.unseen", {}, ` ${t("Done.")}`) : null)) : null,
    el("div.buttons", {},
      el("button", { type: "button", "data-go": "back", disabled: at === 0, onclick: () => set({ step: at - 1 }) }, t("Back")),
      last ? null : el("button", { type: "button", "data-go": "next", "aria-pressed": ready ? "true" : null, onclick: () => set({ step: at + 1 }) }, t("Next")),
      el("button", { type: "button", "data-go": "leave", onclick: () => set({ step: -1 }) }, t("Leave the walk")))));
  if (had) /** @type {HTMLElement | null} */ (root.querySelector(`[data-go="${had}"]`))?.focus();
}

/** @param {HTMLElement} root */
function leave(root) {
  entered = -1;
  fill(root);
  dim([]);
}

/** @param {string[]} parts */
function dim(parts) {
  for (const [name, selector] of Object.entries(PARTS)) {
    for (const element of document.querySelectorAll(selector)) element.classList.toggle("dimmed", parts.includes(name));
  }
}
