/**
 * Where everything comes from: the server that `convlet explore` started, or the file that `convlet export` wrote.
 */

import { unframed } from "./framing.js";

/** An answer that the server refused to give, by kind: the page says it in the reader's language. */
export class Refusal extends Error {
  /** @param {string} kind */
  constructor(kind) {
    super(kind);
    this.kind = kind;
  }
}

const inside = (/** @type {string} */ id) => document.getElementById(id)?.textContent ?? null;

/** Whether the page is one file: then there is no server, and no training. */
export const isFile = inside("content") !== null;

/** The packet with the network, its weights and the images. */
export async function content() {
  const kept = inside("content");
  return unframed(kept === null ? await get("/content") : bytes(kept));
}

/** The words of a language. @param {string} language @returns {Promise<Record<string, string>>} */
export async function texts(language) {
  const kept = inside("texts");
  if (kept !== null) return JSON.parse(kept)[language] ?? {};
  return JSON.parse(new TextDecoder().decode(await get(`/texts/${language}`)));
}

/** @param {string} encoded - base64 */
function bytes(encoded) {
  const text = atob(encoded);
  const array = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) array[i] = text.charCodeAt(i);
  return array.buffer;
}

/** @param {string} path */
export async function get(path) {
  return answer(await reach(fetch(path)));
}

/** @param {string} path @param {any} question */
export async function ask(path, question) {
  const headers = { "content-type": "application/json" };
  return answer(await reach(fetch(path, { method: "POST", headers, body: JSON.stringify(question) })));
}

/** @param {string} path @param {Blob} body */
export async function send(path, body) {
  return answer(await reach(fetch(path, { method: "POST", headers: { "content-type": "application/octet-stream" }, body })));
}

/** @param {Promise<Response>} request */
async function reach(request) {
  try {
    return await request;
  } catch {
    throw new Refusal("unreachable");
  }
}

/** @param {Response} response */
async function answer(response) {
  if (response.ok) return response.arrayBuffer();
  const kinds = /** @type {Record<number, string>} */ ({ 403: "token", 413: "large" });
  const told = response.headers.get("content-type")?.startsWith("application/json") ? await response.json() : {};
  throw new Refusal(kinds[response.status] ?? told.kind ?? "broken");
}

/** An answer in JSON. @param {ArrayBuffer} body */
export function json(body) {
  return JSON.parse(new TextDecoder().decode(body));
}
