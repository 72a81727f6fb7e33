/**
 * The page's words. A text's key is its English; the catalogue of the chosen language holds the others.
 */

/** @type {Record<string, string>} */
let catalogue = {};
let current = "en";

export const LANGUAGES = { en: "English", vi: "Tiếng Việt" };

/**
 * From now on speak this language.
 * @param {string} language
 * @param {Record<string, string>} words
 */
export function speak(language, words) {
  current = language;
  catalogue = words;
  document.documentElement.lang = language;
}

export function language() {
  return current;
}

/**
 * A text in the reader's language, with {names} filled in.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  return (catalogue[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * The same for texts that stand in tables: marks them for the catalogue, and leaves them as they are until `t`.
 * @param {string} key
 */
export function later(key) {
  return key;
}
