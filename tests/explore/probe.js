/**
 * What a test asks an open page: what is printed on it, and whether anything is in another's way.
 */
globalThis.probe = (() => {
  const texts = (selector, from = document) => [...from.querySelectorAll(selector)].map((each) => each.textContent);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  /** The numbers of an explanation, as text; the test adds them up. */
  function printed() {
    return {
      title: document.querySelector(".explain h2").textContent,
      tables: all(".explain .products table").map((table) => texts("td", table)),
      sum: Object.fromEntries(all(".explain dl.sum dt").map((dt) => [dt.textContent, dt.nextElementSibling.textContent])),
      bars: all(".explain .signed li").map((li) => li.querySelector(".number").textContent),
      sentences: texts(".explain .sentence").map((text) => text.replace(/[^-−\d.,+=×÷→√()]/g, "")),
      terms: texts(".explain .sentence .term .number"),
    };
  }

  /** The rows of the first table, as text. */
  function table() {
    return all(".explain tbody tr").map((tr) => [...tr.children].map((td) => td.textContent));
  }

  /** How many pixels of the nth canvas are painted. */
  function painted(selector, n) {
    const canvas = all(selector)[n];
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((_, i) => i % 4 === 3).filter(Boolean).length;
  }

  /** The rows of the image that the network looks at, red only, 0 to 255. */
  function image() {
    const canvas = document.querySelector('[data-layer="@image"] canvas');
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Array.from({ length: canvas.height }, (_, row) => Array.from({ length: canvas.width }, (_, column) => data[4 * (row * canvas.width + column)]));
  }

  /** Row and column of the brightest pixel of the image. */
  function brightest() {
    const rows = image();
    const best = Math.max(...rows.flat());
    const row = rows.findIndex((each) => each.includes(best));
    return [row, rows[row].indexOf(best)];
  }

  /** The point of the window where a number of a layer with one map lies. */
  function point(layer, row, column) {
    const canvas = document.querySelector(`#network [data-layer="${layer}"] canvas`);
    canvas.scrollIntoView({ block: "center" });
    const box = canvas.getBoundingClientRect();
    return [box.left + ((column + 0.5) * box.width) / canvas.width, box.top + ((row + 0.5) * box.height) / canvas.height];
  }

  /** What lies in another's way, or beyond the window's edge, or is cut off. */
  function layout() {
    const boxes = all("#input, #network, #panel").filter((e) => getComputedStyle(e).display !== "contents").map((e) => e.getBoundingClientRect());
    const crosses = (a, b) =>
      Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
    const seen = all("body *").filter((e) => !e.closest(".unseen, svg") && e.getBoundingClientRect().width > 0);
    return {
      sideways: document.documentElement.scrollWidth - innerWidth,
      overlaps: boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => crosses(a, b))).length,
      wide: seen.filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => `${e.tagName}.${e.className}`),
      cut: all("button, h2, h3").filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0).map((e) => e.textContent),
    };
  }

  /** What a screen reader hears of the grid that has the focus. */
  function heard() {
    return document.getElementById(document.activeElement.getAttribute("aria-activedescendant")).textContent;
  }

  /** From now on, count the frames that the page asks for. */
  function countFrames() {
    globalThis.frames_ = 0;
    const own = requestAnimationFrame;
    globalThis.requestAnimationFrame = (action) => {
      globalThis.frames_++;
      return own(action);
    };
  }

  return { printed, table, painted, image, brightest, point, layout, heard, countFrames };
})();
