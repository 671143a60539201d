// Asked of the page by looks_test.py; the last line gives the functions names there.
const colour = (text) => {
  const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
  return text.startsWith("color(srgb") ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
};
const mix = (over, under, alpha) => over.slice(0, 3).map((it, i) => it * alpha + under[i] * (1 - alpha));
const grey = ([r, g, b]) => Array(3).fill(0.2126 * r + 0.7152 * g + 0.0722 * b);
const luminance = (rgb) => rgb.slice(0, 3).map((it) => it / 255).map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4)
  .reduce((all, it, i) => all + it * [0.2126, 0.7152, 0.0722][i], 0);
const ratio = (a, b) => (Math.max(luminance(a), luminance(b)) + 0.05) / (Math.min(luminance(a), luminance(b)) + 0.05);

// What lies under an element's text: the colours of its ancestors, one over the other.
function ground(element) {
  if (element === null) return colour(getComputedStyle(document.documentElement).colorScheme.includes("dark") ? "rgb(18,18,18)" : "rgb(255,255,255)");
  const own = colour(getComputedStyle(element).backgroundColor);
  return own[3] === 1 ? own : mix(own, ground(element.parentElement), own[3]);
}

// A colour inside an element as it comes out of what its ancestors do to all they hold.
function painted(element, rgb) {
  for (let at = element; at !== null; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (style.filter === "grayscale(1)") rgb = grey(rgb);
    else if (style.filter !== "none") throw new Error("a filter that this test does not know: " + style.filter);
    if (style.opacity !== "1") rgb = mix(rgb, ground(at.parentElement), Number(style.opacity));
  }
  return rgb;
}

function isSeen(element) {
  if (!element.checkVisibility({visibilityProperty: true, opacityProperty: true}) || element.closest(".unseen, .symbols")) return false;
  const box = element.getBoundingClientRect();
  return box.width > 1 && box.height > 1 && box.bottom + scrollY > 0;
}

function contrast(element, foreground) {
  const under = ground(element);
  const own = colour(foreground);
  return ratio(painted(element, mix(own, under, own[3])), painted(element, under));
}

// [{text, ratio}] of every text that is seen, the worst first.
function contrasts() {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const parent = walker.currentNode.parentElement;
    if (text !== "" && !["SCRIPT", "NOSCRIPT"].includes(parent.tagName) && isSeen(parent)) {
      found.push({text, ratio: contrast(parent, getComputedStyle(parent).color)});
    }
  }
  for (const element of document.querySelectorAll("body *")) {
    for (const pseudo of ["::before", "::after"]) {
      const style = getComputedStyle(element, pseudo);
      if (/\w/.test(style.content) && !["none", "normal"].includes(style.content) && isSeen(element)) {
        found.push({text: element.className + pseudo, ratio: contrast(element, style.color)});
      }
    }
    if (element.placeholder) found.push({text: element.placeholder, ratio: contrast(element, getComputedStyle(element, "::placeholder").color)});
  }
  return found.sort((a, b) => a.ratio - b.ratio);
}

// Icons and lines that mean something, against what they lie on.
function shapes() {
  const found = [];
  const add = (element, text, foreground) => { if (isSeen(element)) found.push({text, ratio: contrast(element.parentElement, foreground)}); };
  for (const it of document.querySelectorAll("svg.icon:not([hidden])")) add(it, "icon " + it.firstElementChild.getAttribute("href"), getComputedStyle(it).color);
  for (const it of document.querySelectorAll("path.line")) if (it.getAttribute("d")) found.push({text: it.getAttribute("class"), ratio: contrast(it.closest("svg"), getComputedStyle(it).stroke)});
  for (const it of document.querySelectorAll(".strip span")) add(it, "strip " + it.dataset.level, getComputedStyle(it).backgroundColor);
  return found.sort((a, b) => a.ratio - b.ratio);
}

// Everything that a person can act on, as [[description, element]].
function interactive() {
  return [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex], [onclick], [contenteditable]")]
    .filter((it) => it.tabIndex >= 0 && it.checkVisibility({visibilityProperty: true}) && it.getClientRects().length > 0);
}

function describe(element) {
  if (element === null || element === document.body) return "body";
  return element.tagName.toLowerCase() + (element.id ? "#" + element.id : "") + " " + (element.innerText || element.getAttribute("aria-label") || "").split("\n")[0].slice(0, 30);
}

// The ring around what has the focus: its width, its contrast, and whether it is on the screen.
function ring() {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return {
    name: describe(element), width: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    ratio: contrast(element.parentElement, style.outlineColor),
    seen: box.bottom > 0 && box.top < innerHeight && box.width > 0 && box.left >= 0 && box.right <= innerWidth + 1,
  };
}

return {contrasts, shapes, interactive: () => interactive().map(describe), ring}[arguments[0]]();
