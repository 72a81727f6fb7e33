/**
 * What a few images say of many: the share that a network gets right, and how far that may be from the truth.
 *
 * The images at hand are not drawn alike: those that the network has wrong are many among them, and few among all. So each
 * kind is a sample of its own, and counts as much as there are of it.
 */

/**
 * @typedef {object} Sample
 * @property {number} all - how many there are of this kind
 * @property {number} seen - how many were looked at
 * @property {number} right - of those
 */

/**
 * The share of right ones among all, and half of the interval in which it lies 19 times of 20: after Agresti and Coull
 * (1998) in each sample, and 0 where every image has been looked at.
 * @param {Sample[]} samples - of different kinds
 * @returns {{share: number, margin: number}}
 */
export function estimate(samples) {
  const all = samples.reduce((sum, sample) => sum + sample.all, 0);
  let [share, variance] = [0, 0];
  for (const { all: size, seen, right } of samples) {
    const weight = size / all;
    const cautious = (right + 2) / (seen + 4);
    share += weight * (seen ? right / seen : cautious);
    if (seen < size) variance += (weight ** 2 * cautious * (1 - cautious) * (size - seen)) / ((seen + 4) * Math.max(size - 1, 1));
  }
  return { share, margin: 1.96 * Math.sqrt(variance) };
}
