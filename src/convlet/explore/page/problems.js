/**
 * What went wrong, in the reader's language: a sentence for each kind. The library's own words stay with the server.
 */

import { later, t } from "./texts.js";

const SENTENCES = {
  FormatError: later("This file is not an image that can be read: a whole PNG, JPEG, BMP, GIF, TIFF or WEBP."),
  DataError: later("There is nothing on this image that looks like one digit on a plain background."),
  InputError: later("This network does not take such an image."),
  large: later("This file is too large: at most 16 MB."),
  token: later("This page no longer belongs to the server that runs now. Open the address that convlet printed."),
  unreachable: later("The server has ended. What is on the page still works; training does not. Start convlet explore again."),
  busy: later("The server has too much to do just now. Try again in a moment."),
  NumericsError: later("The loss is no longer a number: the learning rate is too high."),
  EngineError: later("The network cannot be trained on this machine."),
  StorageError: later("The run's folder can no longer be read."),
  broken: later("Something went wrong on the server; its window says what."),
};

/** @param {string} kind */
export function problem(kind) {
  return t(/** @type {Record<string, string>} */ (SENTENCES)[kind] ?? SENTENCES.broken);
}
