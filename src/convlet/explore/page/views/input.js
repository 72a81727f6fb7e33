/**
 * Draw: the pad, its preparation, images to pick, and what the network says of them.
 *
 * The pad shows the image that the network looks at, until something is drawn on it.
 */

import { el, fill } from "../dom.js";
import { drawn, fileImage, pixelsOfStrokes, PEN } from "../drawing.js";
import { paintImage, paintPixels } from "../maps.js";
import { CLASSES, imageNow, look, model, probabilities } from "../model.js";
import { IMAGE } from "../network/wire.js";
import { sides } from "../network/tensors.js";
import { Refusal } from "../source.js";
import { announce, set, shown, state } from "../state.js";
import { t } from "../texts.js";
import { looksAt } from "../look.js";
import { count, percent } from "../words.js";
import { problem } from "../problems.js";
import { Field } from "./field.js";

const PAD = 252; // CSS pixels: nine for each of MNIST's 28
const THUMB = 28;
const ACROSS = 8;

/** @type {Float32Array | null} */
let dropped = null; // the pixels of a file
let drawing = false; // whether a pen is on its way

/** @param {HTMLElement} root */
export function inputView(root) {
  const parts = /** @type {any} */ ({});
  return {
    /** @param {Set<string>} changed */
    update(changed) {
      if (changed.has("lang") || changed.has("network")) build(root, parts);
      if (["image", "strokes", "prepared"].some((word) => changed.has(word))) {
        choose(parts);
        changed.add("pixels"); // the views after this one look at the new image at once
      }
      if (["image", "strokes", "prepared", "lang", "network", "theme", "pixels"].some((word) => changed.has(word))) paintPad(parts);
      if (["image", "strokes", "prepared", "edits", "lang", "network", "pixels", "focus"].some((word) => changed.has(word))) bars(parts);
      if (["focus", "preview", "lang", "network", "image", "strokes"].some((word) => changed.has(word))) mark(parts);
    },
  };
}

/** @param {HTMLElement} root @param {any} parts */
function build(root, parts) {
  parts.pad = el("canvas.pad", { width: 2 * PAD, height: 2 * PAD, role: "img" });
  parts.field = new Field(IMAGE);
  parts.field.element.setAttribute("aria-label", t("The image: its pixels"));
  parts.marks = el("div.marks");
  parts.box = el("div.padbox", {}, parts.pad, parts.marks);
  parts.stages = el("div.stages");
  parts.bars = el("ol.bars", { "aria-label": t("The probability of each class: choose one to have it explained") });
  parts.note = el("p.note", { role: "status" });
  parts.title = el("h2", {}, t("Draw"));
  parts.thumbs = thumbs();
  parts.file = el("input", { type: "file", accept: "image/*", class: "unseen", tabindex: "-1", "aria-hidden": "true", onchange: (/** @type {any} */ event) => open(parts, event.target.files[0]) });
  const prepared = el("input", { type: "checkbox", id: "prepared", checked: state.prepared, onchange: (/** @type {any} */ event) => set({ prepared: event.target.checked }) });
  fill(
    root,
    el("div.bar", {}, parts.title,
      el("div.buttons", {},
        el("button", { type: "button", onclick: () => state.strokes.length && set({ strokes: state.strokes.slice(0, -1) }) }, t("Undo")),
        el("button", { type: "button", onclick: () => { set({ strokes: [], image: -1 }); dropped = null; announce("strokes"); } }, t("Clear")))),
    el("div.padrow", {}, parts.box, el("div", {}, parts.note, parts.bars)),
    parts.stages,
    model.digits ? el("label.switch", {}, prepared, el("span", {}, t("prepare drawings as MNIST does"))) : null,
    model.images.length ? el("div.bar", {}, el("h3", {}, t("Test images")), model.wrong ? el("span.quiet", {}, t("the first {count} it gets wrong", { count: model.wrong })) : null) : null,
    model.images.length ? parts.thumbs : null,
    parts.file,
    el("button.wide", { type: "button", onclick: () => parts.file.click() }, t("Open an image file, or drop one here")),
  );
  drawn(parts.pad, {
    begin: () => { dropped = null; },
    change: (strokes, ended) => {
      drawing = !ended;
      set({ strokes, image: -1 }, { passing: drawing });
      if (ended) announce("strokes");
    },
    strokes: () => state.strokes,
  });
  root.ondragover = (event) => event.preventDefault();
  root.ondrop = (event) => {
    event.preventDefault();
    open(parts, event.dataTransfer?.files[0]);
  };
}

/** Look at what is chosen: the drawing, the file, or one of the images. @param {any} parts */
function choose(parts) {
  parts.shownStages = null;
  if (state.image >= 0 && model.images.length) {
    look(model.images[Math.min(state.image, model.images.length - 1)].values);
  } else if (dropped) {
    look(dropped);
  } else {
    const made = pixelsOfStrokes(state.strokes, model.base.imageShape, model.digits && state.prepared);
    parts.shownStages = made.stages;
    look(made.pixels, drawing);
  }
}

/** @param {any} parts */
function paintPad(parts) {
  const context = parts.pad.getContext("2d");
  context.fillStyle = "#000";
  context.fillRect(0, 0, 2 * PAD, 2 * PAD);
  const drawing = state.image < 0 && !dropped;
  if (drawing) strokesOn(context);
  else imageOn(context);
  parts.pad.setAttribute("aria-label", drawing ? t("A pad to draw on, with a pen, a finger or the mouse") : t("The image the network looks at. Draw on it to begin a drawing of your own."));
  parts.thumbs.mark?.();
  stages(parts);
  const invites = drawing && !state.strokes.length;
  parts.box.classList.toggle("inviting", invites);
  parts.box.dataset.invitation = invites ? t("Draw a digit here") : "";
}

/** @param {CanvasRenderingContext2D} context */
function strokesOn(context) {
  const scale = (2 * PAD) / 1000;
  Object.assign(context, { strokeStyle: "#fff", lineWidth: PEN * scale, lineCap: "round", lineJoin: "round" });
  for (const stroke of state.strokes) {
    context.beginPath();
    context.moveTo(stroke[0] * scale, stroke[1] * scale);
    for (let i = 0; i < stroke.length; i += 2) context.lineTo(stroke[i] * scale, stroke[i + 1] * scale + (stroke.length === 2 ? 0.01 : 0));
    context.stroke();
  }
}

/** @param {CanvasRenderingContext2D} context */
function imageOn(context) {
  const image = imageNow();
  const small = el("canvas");
  paintImage(small, image, 1);
  context.imageSmoothingEnabled = false;
  const [height, width] = sides(image.shape);
  const scale = (2 * PAD) / Math.max(height, width);
  context.drawImage(small, (2 * PAD - width * scale) / 2, (2 * PAD - height * scale) / 2, width * scale, height * scale);
}

/** What a drawing becomes on its way to the network, each stage. @param {any} parts */
function stages(parts) {
  const list = parts.shownStages ?? [];
  parts.stages.hidden = !list.length;
  if (parts.stages.childElementCount !== list.length) {
    fill(parts.stages, list.map(() => el("figure", {}, el("canvas", { role: "img" }), el("figcaption"))));
  }
  list.forEach((/** @type {any} */ { name, image }, /** @type {number} */ i) => {
    const [canvas, caption] = parts.stages.children[i].children;
    paintImage(canvas, image, 56 / Math.max(...image.shape.slice(0, 2)));
    if (caption.textContent === t(name)) return;
    caption.textContent = t(name);
    canvas.setAttribute("aria-label", t(name));
  });
}

/** The region of the image that the number in focus sees. @param {any} parts */
function mark(parts) {
  const focus = shown();
  const region = focus && (focus.layer === IMAGE
    ? { top: focus.row, bottom: focus.row + 1, left: focus.column, right: focus.column + 1 }
    : looksAt(focus).get(IMAGE));
  const [height, width] = sides(model.base.imageShape);
  const whole = region && region.bottom - region.top === height && region.right - region.left === width;
  const usable = region && !whole && !(state.image < 0 && state.strokes.length && state.prepared && model.digits && !dropped);
  fill(parts.marks, usable ? outline(region) : null);
}

/** @param {{top: number, bottom: number, left: number, right: number}} region */
function outline(region) {
  const [height, width] = sides(model.base.imageShape);
  const scale = 100 / Math.max(height, width);
  const mark = el("div.mark.section");
  Object.assign(mark.style, {
    left: `${region.left * scale + (100 - width * scale) / 2}%`, top: `${region.top * scale + (100 - height * scale) / 2}%`,
    width: `${(region.right - region.left) * scale}%`, height: `${(region.bottom - region.top) * scale}%`,
  });
  return mark;
}

/** The probability of each class. @param {any} parts */
function bars(parts) {
  const now = probabilities();
  const best = now.indexOf(Math.max(...now));
  const truth = state.image >= 0 && model.images.length ? model.labels[Math.min(state.image, model.images.length - 1)] : -1;
  parts.note.replaceChildren(verdict(best, now[best], truth));
  if (parts.bars.childElementCount !== now.length) fill(parts.bars, Array.from(now, (_, i) => bar(i)));
  now.forEach((/** @type {number} */ share, /** @type {number} */ i) => {
    const row = parts.bars.children[i];
    row.classList.toggle("best", i === best);
    row.querySelector(".fill").style.width = `${100 * share}%`;
    const text = row.querySelector(".share");
    if (text.textContent !== percent(share)) text.textContent = percent(share);
    row.querySelector("button").setAttribute("aria-pressed", String(state.focus?.layer === CLASSES && state.focus.channel === i));
  });
}

/** @param {number} best @param {number} share @param {number} truth */
function verdict(best, share, truth) {
  const said = t("It says {name}, {share}", { name: model.classes[best], share: percent(share) });
  if (truth < 0) return state.image < 0 && !state.strokes.length && !dropped ? t("Draw, and it answers at once.") : `${said}.`;
  return best === truth ? t("{said}: right.", { said }) : t("{said}: wrong, it is {name}.", { said, name: model.classes[truth] });
}

/** @param {number} i */
function bar(i) {
  const focus = { layer: CLASSES, channel: i, row: 0, column: 0 };
  return el("li", {},
    el("button", { type: "button", onclick: () => set({ focus, view: "explain" }) },
      el("span.name", {}, model.classes[i]), el("span.track", {}, el("span.fill")), el("span.share")));
}

/** The images at hand, on one canvas, to be picked with the pointer or the keyboard. */
function thumbs() {
  const [height, width] = sides(model.base.imageShape);
  const rows = Math.ceil(model.images.length / ACROSS);
  const canvas = el("canvas", { width: ACROSS * (width + 1), height: rows * (height + 1), "aria-hidden": "true" });
  canvas.style.width = `${ACROSS * (THUMB + 1)}px`;
  const pixels = new ImageData(canvas.width, canvas.height);
  model.images.forEach((image, i) => paintPixels(pixels, image, Math.floor(i / ACROSS) * (height + 1), (i % ACROSS) * (width + 1)));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  const option = el("div", { role: "option", id: "picked", "aria-selected": "true" });
  const mark = el("div.mark.own");
  const pick = (/** @type {number} */ i) => i >= 0 && i < model.images.length && (set({ image: i, strokes: [] }), (dropped = null));
  const list = el("div.thumbs", {
    role: "listbox", tabindex: "0", "aria-label": t("Test images"), "aria-activedescendant": "picked",
    onclick: (/** @type {MouseEvent} */ event) => {
      const box = canvas.getBoundingClientRect();
      const column = Math.floor(((event.clientX - box.left) / box.width) * ACROSS);
      pick(Math.floor(((event.clientY - box.top) / box.height) * rows) * ACROSS + column);
    },
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -ACROSS, ArrowDown: ACROSS }[event.key];
      if (!move) return;
      event.preventDefault();
      pick(Math.max(0, state.image) + move);
    },
  }, el("div.sheet", {}, canvas, mark), el("div.unseen", {}, option));
  list.mark = () => {
    mark.hidden = state.image < 0;
    const [across, down] = [100 / ACROSS, 100 / rows];
    Object.assign(mark.style, {
      left: `${(state.image % ACROSS) * across}%`, top: `${Math.floor(state.image / ACROSS) * down}%`,
      width: `${(across * width) / (width + 1)}%`, height: `${(down * height) / (height + 1)}%`,
    });
    option.textContent = state.image < 0 ? t("none") : t("image {number} of {count}: {name}", { number: count(state.image + 1), count: count(model.images.length), name: model.classes[model.labels[state.image]] ?? "" });
  };
  return list;
}

/** @param {any} parts @param {File | undefined} file */
async function open(parts, file) {
  if (!file) return;
  try {
    dropped = await fileImage(file, model);
    set({ strokes: [], image: -1 });
    announce("strokes");
  } catch (error) {
    fill(parts.note, problem(error instanceof Refusal ? error.kind : "FormatError"));
  }
}
