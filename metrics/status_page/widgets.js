// What the page is made of: elements, small charts and tables that are updated in place. Only text
// is ever written into the page, never markup: a name of the configuration cannot become a script.

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, attributes = {}, ...children) {
  const node = ["svg", "path", "use", "line"].includes(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function icon(name) {
  return el("svg", {class: "icon", "aria-hidden": "true"}, el("use", {href: "#" + name}));
}

// Writes only what is different: the page is asked for little, and a selection survives.
export function setText(node, text) { if (node.textContent !== text) node.textContent = text; }
export function setAttribute(node, name, value) { if (node.getAttribute(name) !== value) node.setAttribute(name, value); }

// The nodes in this order and no others. What is in place is not touched: the focus stays.
export function setChildren(parent, nodes) {
  const kept = new Set(nodes);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  nodes.forEach((node, i) => { if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] ?? null); });
}

// ---- Charts ----

const SPAN_S = 120;
const WIDTH = 240, HEIGHT = 56;

// The next 1, 2 or 5 times a power of ten, of bytes a power of two: an axis that does not jump with
// every sample.
function niceMax(value, binary) {
  if (!(value > 0)) return 1;
  if (binary) return 2 ** Math.ceil(Math.log2(value));
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

// A figure with the last two minutes of one value or two of a kind. names: of the values. onPoint: told
// the time that a pointer is at, null when it leaves.
export class Chart {
  #samples = [];  // {at, values}
  #moment = null;  // An earlier time that is shown instead of now.

  constructor(title, names, format, {maximum = null, binary = false} = {}) {
    Object.assign(this, {title, names, format, maximum, binary});
    this.value = el("p", {class: "value"}, "…");
    this.sub = el("p", {class: "sub"}, "\u00a0");
    this.top = el("span", {class: "top", "aria-hidden": "true"});
    this.lines = names.map((_, i) => el("path", {class: "line line" + i}));
    this.area = el("path", {class: "area"});
    this.cursor = el("line", {class: "cursor", y1: 0, y2: HEIGHT, hidden: ""});
    this.svg = el("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": title + ": no figures yet"},
      this.area, ...this.lines, this.cursor);
    this.plot = el("div", {class: "plot"}, this.svg, this.top);
    this.node = el("figure", {class: "tile"}, el("figcaption", {}, title), this.value, this.sub, this.plot);
    this.plot.addEventListener("pointermove", (event) => this.onPoint(this.#timeAt(event)));
    this.plot.addEventListener("pointerleave", () => this.onPoint(null));
  }

  clear() { this.#samples = []; }

  add(at, values, main, sub) {
    this.#samples.push({at, values});
    while (this.#samples[0].at < at - SPAN_S - 5) this.#samples.shift();
    Object.assign(this, {main, subText: sub});
  }

  get times() { return this.#samples.map((it) => it.at); }

  #timeAt(event) {
    const box = this.svg.getBoundingClientRect();
    return (this.times.at(-1) ?? 0) - SPAN_S * (1 - (event.clientX - box.left) / box.width);
  }

  pointAt(at) {
    this.#moment = at;
    this.draw();
  }

  #nearest() {
    if (this.#moment === null || this.#samples.length === 0) return null;
    const off = (it) => Math.abs(it.at - this.#moment);
    return this.#samples.reduce((best, it) => off(it) < off(best) ? it : best);
  }

  draw() {
    const last = this.#samples.at(-1);
    if (last === undefined) return;
    const known = this.#samples.flatMap((it) => it.values).filter((it) => it !== null);
    const max = this.maximum ?? niceMax(Math.max(0, ...known), this.binary);
    const x = (at) => WIDTH * (1 - (last.at - at) / SPAN_S);
    const y = (value) => (HEIGHT - 1.5) - (HEIGHT - 4) * Math.min(1, value / max);
    this.lines.forEach((line, i) => {
      // Where nothing is known the line has a gap.
      let path = "", area = "", from = null;
      const close = (to) => { if (from !== null) area += `L${to} ${HEIGHT}L${from} ${HEIGHT}Z`; from = null; };
      let at = 0;
      for (const sample of this.#samples) {
        const value = sample.values[i];
        if (value === null) { close(at); continue; }
        const point = `${(at = x(sample.at).toFixed(1))} ${y(value).toFixed(1)}`;
        path += (from === null ? "M" : "L") + point;
        area += (from === null ? "M" : "L") + point;
        if (from === null) from = at;
      }
      close(at);
      line.setAttribute("d", path);
      if (i === 0) this.area.setAttribute("d", area);
    });
    setText(this.top, known.length > 0 ? this.format(max).replace(/\.0+(?!\d)/, "") : "");
    this.#label(last, known);
    const shown = this.#nearest();
    this.cursor.toggleAttribute("hidden", shown === null);
    if (shown === null) {
      setText(this.value, this.main);
      setText(this.sub, this.subText || "\u00a0");
      return;
    }
    this.cursor.setAttribute("x1", x(shown.at).toFixed(1));
    this.cursor.setAttribute("x2", x(shown.at).toFixed(1));
    setText(this.value, shown.values.map((it) => this.format(it)).join(" · "));
    setText(this.sub, `${Math.round(last.at - shown.at)} s ago`);
  }

  // The same in words, for who does not see the chart.
  #label(last, known) {
    const now = this.names.map((name, i) => (name ? name + " " : "") + this.format(last.values[i])).join(", ");
    const range = known.length === 0 ? "" : `; in the last two minutes between ${this.format(Math.min(...known))} and ${this.format(Math.max(...known))}`;
    setAttribute(this.svg, "aria-label", `${this.title}: now ${now}${range}`);
  }
}

// ---- Tables ----

// Fills a cell. value: text, or {text, sub, level, icon, ratio, note}: a second line, the level of a
// state with its icon, how full a bar is, and what a pointer is told.
function setCell(cell, value) {
  const {text, sub = "", level = "", icon: symbol = "", ratio = null, note = ""} = typeof value === "object" ? value : {text: value};
  if (!cell.firstChild) {
    cell.parts = {icon: null, main: el("span"), sub: null, bar: null};
    cell.append(cell.parts.main);
  }
  const parts = cell.parts;
  setText(parts.main, text);
  if (symbol && !parts.icon) cell.prepend(parts.icon = icon(symbol));
  if (symbol) setAttribute(parts.icon.firstChild, "href", "#" + symbol);
  if (parts.icon) parts.icon.toggleAttribute("hidden", !symbol);
  if (sub && !parts.sub) cell.append(parts.sub = el("span", {class: "second"}));
  if (parts.sub) setText(parts.sub, sub);
  if (ratio !== null && !parts.bar) cell.append(parts.bar = el("span", {class: "bar", "aria-hidden": "true"}, el("span")));
  if (parts.bar) {
    parts.bar.toggleAttribute("hidden", ratio === null);
    const size = (Math.min(1, ratio ?? 0) * 100).toFixed(1) + "%";
    if (parts.bar.size !== size) parts.bar.firstChild.style.inlineSize = parts.bar.size = size;
  }
  if (level || cell.dataset.level) setAttribute(cell, "data-level", level);
  if (note || cell.title) cell.title = note;
}

// columns: {label, kind}; kind "number" is set flush right, "head" names the row. Roles are spelled
// out because a narrow screen lays rows out as blocks, which would take them away.
export class Table {
  #rows = new Map();

  constructor(caption, columns) {
    this.columns = columns;
    this.body = el("tbody", {role: "rowgroup"});
    const heads = columns.map((it) => el("th", {scope: "col", role: "columnheader", class: it.kind ?? ""}, it.label));
    this.caption = el("caption", {class: "unseen"}, caption);
    this.node = el("table", {role: "table"}, this.caption,
      el("thead", {role: "rowgroup"}, el("tr", {role: "row"}, ...heads)), this.body);
  }

  // rows: {key, level, cells}, in the order of the columns.
  update(rows) {
    const nodes = rows.map(({key, level = "", cells}) => {
      let row = this.#rows.get(key);
      if (!row) {
        row = el("tr", {role: "row", "data-key": key}, ...this.columns.map((it) => it.kind === "head"
          ? el("th", {scope: "row", role: "rowheader", class: "head"})
          : el("td", {role: "cell", class: it.kind ?? "", "data-label": it.label})));
        this.#rows.set(key, row);
      }
      setAttribute(row, "data-level", level);
      cells.forEach((value, i) => setCell(row.children[i], value));
      return row;
    });
    if (this.#rows.size > nodes.length) {
      const kept = new Set(rows.map((it) => it.key));
      for (const key of this.#rows.keys()) if (!kept.has(key)) this.#rows.delete(key);
    }
    setChildren(this.body, nodes);
  }
}
