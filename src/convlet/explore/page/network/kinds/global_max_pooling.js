/**
 * The largest number of each channel in the whole image: max pooling with one window as large as the image.
 */

/** @import {Kind} from "../layers.js" */

import { maxPooling } from "./max_pooling.js";

/** @type {Kind} */
export const globalMaxPooling = maxPooling;
