/**
 * The page's head: what it is about, the views, the language and the theme.
 */

import { isDark } from "../colours.js";
import { el, fill } from "../dom.js";
import { model } from "../model.js";
import { set, state } from "../state.js";
import { LANGUAGES, later, t } from "../texts.js";

const VIEWS = [
  { view: "explain", text: later("Explain") },
  { view: "slide", text: later("Slide the kernel") },
  { view: "ablate", text: later("Take away") },
  { view: "train", text: later("Train") },
];

/** @param {HTMLElement} root */
export function topView(root) {
  return {
    /** @param {Set<string>} changed */
    update(changed) {
      if (["lang", "theme", "network"].some((word) => changed.has(word))) build(root);
      if (["view", "step", "lang", "theme", "network"].some((word) => changed.has(word))) light(root);
    },
  };
}

/** The head alone, while the network is still on its way. @param {HTMLElement} root */
export function firstHead(root) {
  fill(root, el("h1", {}, "convlet", el("span", {}, t("the network is on its way …"))));
}

/** @param {HTMLElement} root */
function build(root) {
  const other = state.lang === "vi" ? "en" : "vi";
  const views = VIEWS.filter(({ view }) => view !== "train" || model.served);
  fill(
    root,
    el("h1", {}, "convlet", el("span", {}, model.name)),
    el("nav", { "aria-label": t("Views") },
      el("ul", {},
        views.map(({ view, text }) => el("li", {}, el("button", { type: "button", "data-view": view, onclick: () => set({ view }) }, t(text)))),
        el("li", {}, el("button", { type: "button", "data-view": "walk", onclick: () => set({ step: state.step < 0 ? 0 : -1 }) }, t("First walk"))))),
    el("div.settings", {},
      el("button", { type: "button", lang: other, onclick: () => set({ lang: other }) }, /** @type {any} */ (LANGUAGES)[other]),
      el("button", { type: "button", onclick: () => set({ theme: isDark() ? "light" : "dark" }) }, isDark() ? t("Light") : t("Dark"))),
  );
}

/** @param {HTMLElement} root */
function light(root) {
  for (const button of root.querySelectorAll("[data-view]")) {
    const view = /** @type {HTMLElement} */ (button).dataset.view;
    const on = view === "walk" ? state.step >= 0 : view === state.view;
    if (on) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}
