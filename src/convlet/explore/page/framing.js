/**
 * A packet in one body: how long the description is, the description, the buffer. Its writer is `framing.py`.
 */

const HEAD = 8; // bytes

/**
 * @param {ArrayBuffer} body
 * @returns {{description: any, buffer: ArrayBuffer}}
 */
export function unframed(body) {
  const length = new DataView(body).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(body, HEAD, length));
  return { description: JSON.parse(text), buffer: body.slice(HEAD + length) };
}
