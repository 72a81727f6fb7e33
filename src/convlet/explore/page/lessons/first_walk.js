/**
 * A first walk, from a square of numbers to a class, as data: what is said, where it leads, what is dimmed meanwhile, and
 * what the reader does. `places.js` knows the names of places and of checks.
 *
 * A step: `text` is said and `task` asked; `view` and `focus` are where it leads; `dim` are the parts of the page that
 * step back; `duration` is how long, in milliseconds, the picture takes to unfold (0: it is there at once); `check` is
 * what has to be true for the step to be done (null: nothing is asked). A step whose place a network does not have is
 * left out.
 */

import { later } from "../texts.js";

/**
 * @typedef {object} Step
 * @property {string} text
 * @property {string} [task]
 * @property {string} view
 * @property {string | null} focus
 * @property {string[]} dim
 * @property {number} duration
 * @property {string | null} check
 */

/** @type {Step[]} */
export const firstWalk = [
  {
    text: later("An image is a square of numbers. Each pixel is one: 0 is black, 1 is white. The network sees nothing but these."),
    task: later("Click a bright pixel of the image in the network."),
    view: "explain", focus: "dark pixel", dim: ["pad"], duration: 0, check: "bright pixel",
  },
  {
    text: later("A convolution never looks at the whole image at once. It looks at a small square of it: a section. The frame on the image marks one."),
    task: later("Click another number of the first convolution: its section moves along."),
    view: "explain", focus: "first convolution", dim: ["bars"], duration: 0, check: "moved in first convolution",
  },
  {
    text: later("Over the section lies a kernel: as many weights as the section has pixels. Blue weights want light there, orange ones want dark. Nobody chose them: they were learnt."),
    view: "explain", focus: "first convolution", dim: ["pad", "bars"], duration: 0, check: null,
  },
  {
    text: later("Each pixel times its weight, all added, and a bias on top: that is the whole secret. A kernel is a baby linear layer, with a few inputs and a single output."),
    task: later("Add up the numbers yourself, if you like: as they are printed, they fit. Then click a number with a dark section, and see what is left of the sum."),
    view: "explain", focus: "first convolution", dim: ["pad", "bars"], duration: 0, check: "moved in first convolution",
  },
  {
    text: later("Then the kernel moves by one pixel and does the same again, until it has been everywhere. Its answers make a new square of numbers: a map."),
    task: later("Press Step a few times, or Play."),
    view: "slide", focus: "first convolution", dim: ["network"], duration: 2400, check: "slid",
  },
  {
    text: later("Another kernel finds another pattern. This one has minus on its left and plus on its right: it answers where dark turns to light."),
    task: later("Choose the kernel “vertical edge”, and press Play."),
    view: "slide", focus: "first convolution", dim: ["network"], duration: 0, check: "vertical edge",
  },
  {
    text: later("The same few weights are used at every position. A dense layer would need weights of its own for each, and could learn the training images by heart instead of the pattern. Fewer weights that are used more often are the cure for overfitting."),
    view: "slide", focus: "first convolution", dim: ["network", "bars"], duration: 0, check: null,
  },
  {
    text: later("A layer has many kernels. Each goes over the same image and makes a map of its own: one for strokes that lean, one for upper edges, one for what nobody has a name for."),
    task: later("Click the same place in another map of the first convolution, or press ]."),
    view: "explain", focus: "first convolution", dim: ["pad", "bars"], duration: 0, check: "another map",
  },
  {
    text: later("Pooling makes a map smaller: of each little window only the largest number stays. Where exactly it stood is forgotten, and that is wanted: a digit may lie a pixel to the left."),
    task: later("Click a number of the pooling layer, and see who won."),
    view: "explain", focus: "pooling", dim: ["pad", "bars"], duration: 0, check: "on pooling",
  },
  {
    text: later("The next convolution looks at those maps, at all of them at once. So each of its numbers sees a larger part of the image, and patterns of patterns."),
    task: later("Click a number of the second convolution, and look at the frame on the image."),
    view: "explain", focus: "second convolution", dim: ["bars"], duration: 0, check: "moved in second convolution",
  },
  {
    text: later("At the end stands one score for each class. Softmax makes shares of them that add up to 1: the probabilities."),
    task: later("Click a class below the image, and follow it back: every number can be explained."),
    view: "explain", focus: "best score", dim: ["pad"], duration: 0, check: "on a class",
  },
  {
    text: later("That is all there is. You have seen every kind of step between the pixels and the answer."),
    task: later("Clear the pad and draw a digit of your own. Then take a filter away, and see what is lost."),
    view: "explain", focus: "best score", dim: [], duration: 0, check: "drawn",
  },
];
