// The lists below the tiles: upstreams with their endpoints, listeners, workers, ends, the process.
// What has a problem comes first; what is well is folded away once there is much of it, so that a
// thousand endpoints are neither drawn nor read where nobody asked for them.

import * as figures from "./figures.js";
import {el, icon, setAttribute, setChildren, setText, Table} from "./widgets.js";

const WELL_SHOWN = 12;     // Endpoints that are well and shown without being asked for,
const OPEN_BELOW = 24;     // in upstreams that are open from the start when there are so few in all.
const CARDS_SHOWN = 40;    // Upstreams and listeners that are well.
const MATCHES_SHOWN = 200; // Of what a filter found.

// Since when each endpoint has been in its state, as far as this page has seen.
export class Ages {
  #seen = new Map();

  look(document) {
    const seen = new Map();
    for (const {upstream, endpoint} of figures.endpointsOf(document)) {
      const key = keyOf(upstream, endpoint);
      const before = this.#seen.get(key);
      if (before?.state === endpoint.state) seen.set(key, before);
      else seen.set(key, {state: endpoint.state, at: document.now, changed: this.#seen.size > 0});
    }
    this.#seen = seen;
  }

  // "12 s" when the change was seen, "over 12 s" when it was so from the start.
  text(upstream, endpoint, now) {
    const it = this.#seen.get(keyOf(upstream, endpoint));
    return it === undefined ? "" : (it.changed ? "" : "over ") + figures.age(now - it.at);
  }

  clear() { this.#seen.clear(); }
}

function keyOf(upstream, endpoint) { return JSON.stringify([upstream.name, endpoint.address]); }

// A button for what is not shown.
class More {
  constructor(onPress) {
    this.all = false;
    this.node = el("button", {type: "button", class: "more"});
    this.node.addEventListener("click", () => { this.all = !this.all; onPress(); });
  }
  // text: undefined when there is nothing more.
  set(text) {
    this.node.hidden = text === undefined;
    setText(this.node, text ?? "");
    setAttribute(this.node, "aria-expanded", String(this.all));
  }
}

// Of `items`, first those with problems, then the others as far as `most` of them are wanted.
function choose(items, isWell, most) {
  const ill = items.filter((it) => !isWell(it));
  const well = items.filter(isWell);
  return {shown: [...ill, ...well.slice(0, most)], hidden: Math.max(0, well.length - most), well: well.length};
}

class Upstream {
  #open = null;  // What the reader wants; null: as the page thinks.

  constructor(name, redraw) {
    this.title = el("h3", {}, name);
    this.state = el("span", {class: "state"}, icon("i-none"), el("span"));
    this.strip = el("span", {class: "strip", "aria-hidden": "true"});
    this.facts = el("span", {class: "facts"});
    this.table = new Table("Endpoints of " + name, [{label: "State"}, {label: "Endpoint", kind: "head"},
      {label: "For"}, {label: "Sessions", kind: "number"}, {label: "Weight", kind: "number"}, {label: "Connect failures", kind: "number"}]);
    this.more = new More(redraw);
    const head = el("summary", {}, this.title, this.state, this.strip, this.facts);
    this.node = el("details", {class: "card upstream", "data-name": name}, head, this.table.node, this.more.node);
    // The click, not the toggle: the page opens and closes too.
    head.addEventListener("click", (event) => {
      event.preventDefault();
      this.#open = !this.node.open;
      this.node.open = this.#open;
      redraw();
    });
  }

  draw({upstream, endpoints, level, view, few}) {
    const ups = upstream.endpoints.filter((it) => it.state === "up").length;
    setAttribute(this.node, "data-level", level);
    setAttribute(this.state, "data-level", level);
    const symbol = {bad: "i-down", warn: "i-warning", note: "i-drain", mute: "i-none", ok: "i-up"}[level];
    setAttribute(this.state.firstChild.firstChild, "href", "#" + symbol);
    const health = `${figures.count(ups)} of ${figures.count(upstream.endpoints.length)} up`;
    setText(this.state.lastChild, upstream.removed ? "removed" : health);
    this.#drawStrip(upstream);
    this.#drawFacts(upstream, view);
    const open = this.#open ?? (view.filter !== "" || few || level === "bad" || level === "warn");
    if (this.node.open !== open) this.node.open = open;
    if (open) this.#drawEndpoints(upstream, endpoints, view);
  }

  // How the endpoints share out among the states: the text beside it says the same.
  #drawStrip(upstream) {
    const parts = Object.keys(figures.STATES).reverse().map((word) =>
      ({word, n: upstream.endpoints.filter((it) => it.state === word).length})).filter((it) => it.n > 0);
    const wanted = parts.map((it) => it.word + it.n).join();
    if (this.strip.drawn === wanted) return;
    this.strip.drawn = wanted;
    this.strip.replaceChildren(...parts.map(({word, n}) => {
      const part = el("span", {"data-level": figures.STATES[word].level});
      part.style.flexGrow = n;
      return part;
    }));
  }

  #drawFacts(upstream, view) {
    const before = view.upstreamsBefore.get(upstream.name);
    const facts = [["Sessions", figures.count(upstream.sessions_active)],
      ["To upstream", figures.bytesPerSecond(figures.rate(upstream, before, view.elapsed, "bytes_to_upstream"))],
      ["To client", figures.bytesPerSecond(figures.rate(upstream, before, view.elapsed, "bytes_to_client"))]];
    if (upstream.queue > 0) facts.push(["Waiting", figures.count(upstream.queue)]);
    if (upstream.pool !== null) {
      const {idle, wanted, hits_total: hits, misses_total: misses} = upstream.pool;
      const was = before?.pool;
      const asked = was ? hits + misses - was.hits_total - was.misses_total : 0;
      const hit = asked > 0 ? ` · ${figures.percent((hits - was.hits_total) / asked)} hits` : "";
      facts.push(["Pool ready", `${figures.count(idle)} of ${figures.count(wanted)}${hit}`]);
    }
    if (upstream.balance) facts.push(["Balance", upstream.balance]);
    if (this.facts.children.length !== facts.length) {
      this.facts.replaceChildren(...facts.map(() => el("span", {class: "fact"}, el("small"), el("b"))));
    }
    facts.forEach(([label, text], i) => {
      setText(this.facts.children[i].firstChild, label + " ");
      setText(this.facts.children[i].lastChild, text);
    });
  }

  #drawEndpoints(upstream, endpoints, view) {
    const sorted = [...endpoints].sort((a, b) => figures.state(a).order - figures.state(b).order);
    const most = view.filter !== "" ? MATCHES_SHOWN : this.more.all || upstream.endpoints.length <= WELL_SHOWN ? Infinity : 0;
    const {shown, hidden, well} = choose(sorted, (it) => it.state === "up", most);
    const ill = shown.slice(0, this.more.all ? Infinity : MATCHES_SHOWN);
    const busiest = Math.max(1, ...upstream.endpoints.map((it) => it.sessions_active));
    this.table.node.hidden = ill.length === 0;
    this.table.update(ill.map((it) => this.#row(upstream, it, busiest, view)));
    const rest = hidden + shown.length - ill.length;
    if (rest > 0) this.more.set(`Show ${figures.count(rest)} more ${rest === 1 ? "endpoint" : "endpoints"}${hidden === rest ? (rest === 1 ? " that is up" : " that are up") : ""}`);
    else this.more.set(this.more.all && well > WELL_SHOWN && view.filter === "" ? "Show fewer endpoints" : undefined);
  }

  #row(upstream, it, busiest, view) {
    const {level, icon: symbol} = figures.state(it);
    const limit = it.max_sessions > 0 ? ` of ${figures.count(it.max_sessions)}` : "";
    const word = it.removed ? "removed" : it.state;
    const by = it.override ? "by the admin API" : it.state === "up" && !it.checked ? "not checked" : "";
    return {
      key: it.address, level, cells: [
        {text: word, level, icon: symbol, sub: by},
        {text: it.address, sub: it.priority > 0 ? `priority ${it.priority}` : ""},
        view.ages.text(upstream, it, view.document.now),
        {text: figures.count(it.sessions_active) + limit, ratio: it.sessions_active / (it.max_sessions || busiest)},
        figures.count(it.override?.weight ?? it.weight), figures.count(it.connect_failures_total)],
    };
  }
}

function levelOf(upstream) {
  if (upstream.removed) return "note";
  const states = upstream.endpoints.map(figures.state);
  if (!upstream.endpoints.some((it) => it.state === "up")) return "bad";
  return ["bad", "warn", "note"].find((level) => states.some((it) => it.level === level)) ?? "ok";
}

export class Lists {
  #cards = new Map();

  constructor(page, redraw) {
    this.redraw = redraw;
    this.upstreams = page.upstreams;
    this.moreUpstreams = new More(redraw);
    this.moreListeners = new More(redraw);
    this.listeners = new Table("Listeners", [{label: "State"}, {label: "Listener", kind: "head"}, {label: "Upstream"},
      {label: "Sessions", kind: "number"}, {label: "New", kind: "number"}, {label: "To upstream", kind: "number"},
      {label: "To client", kind: "number"}, {label: "Turned away", kind: "number"}]);
    page.listeners.append(this.listeners.node, this.moreListeners.node);
    this.workers = new Table("Workers", [{label: "Worker", kind: "head"}, {label: "Engine"},
      {label: "Busy", kind: "number"}, {label: "Sessions", kind: "number"}]);
    page.workers.append(this.workers.node);
    this.ends = new Table("How sessions ended", [{label: "Cause", kind: "head"}, {label: "By"},
      {label: "Now", kind: "number"}, {label: "In all", kind: "number"}]);
    this.noEnds = el("p", {class: "empty"}, "No session has ended yet.");
    page.ends.append(this.noEnds, this.ends.node);
    this.process = page.process;
  }

  // view: {document, earlier, elapsed, filter, ages}. Gives back what the filter found.
  draw(view) {
    view.upstreamsBefore = new Map((view.earlier?.upstreams ?? []).map((it) => [it.name, it]));
    const found = {upstreams: this.#drawUpstreams(view), listeners: this.#drawListeners(view)};
    this.#drawWorkers(view);
    this.#drawEnds(view);
    this.#drawProcess(view);
    return found;
  }

  #drawUpstreams(view) {
    const matches = (...words) => words.some((it) => it !== null && it.toLowerCase().includes(view.filter));
    const items = [];
    let endpoints = 0;
    for (const upstream of view.document.upstreams) {
      // An upstream that was named is shown whole.
      const kept = matches(upstream.name) ? upstream.endpoints : upstream.endpoints.filter((it) => matches(it.address, it.state));
      if (kept.length === 0 && !matches(upstream.name)) continue;
      endpoints += kept.length;
      items.push({upstream, endpoints: kept, level: levelOf(upstream), view});
    }
    items.sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
    const few = figures.endpointsOf(view.document).length <= OPEN_BELOW;
    const most = view.filter !== "" ? MATCHES_SHOWN : this.moreUpstreams.all ? Infinity : CARDS_SHOWN;
    const {shown, hidden} = choose(items, (it) => it.level === "ok", most);
    const nodes = shown.map((item) => {
      let card = this.#cards.get(item.upstream.name);
      if (!card) this.#cards.set(item.upstream.name, card = new Upstream(item.upstream.name, this.redraw));
      card.draw({...item, few});
      return card.node;
    });
    const names = new Set(view.document.upstreams.map((it) => it.name));
    for (const name of this.#cards.keys()) if (!names.has(name)) this.#cards.delete(name);
    this.moreUpstreams.set(hidden > 0 ? `Show ${figures.count(hidden)} more upstreams that are well` : this.moreUpstreams.all ? "Show fewer upstreams" : undefined);
    setChildren(this.upstreams, [...nodes, this.moreUpstreams.node]);
    return endpoints;
  }

  #drawListeners(view) {
    const before = new Map((view.earlier?.listeners ?? []).map((it) => [it.name, it]));
    const items = view.document.listeners.map((it) => ({it, was: before.get(it.name),
      problem: it.removed ? {level: "note", word: "removed"} : figures.listenerProblem(it, before.get(it.name), view.elapsed)}))
      .filter(({it, problem}) => [it.name, it.upstream ?? "", problem?.word ?? "accepting", ...it.binds]
        .some((word) => word.toLowerCase().includes(view.filter)));
    const most = view.filter !== "" ? MATCHES_SHOWN : this.moreListeners.all ? Infinity : CARDS_SHOWN;
    const {shown, hidden} = choose(items, (item) => item.problem === null, most);
    this.moreListeners.set(hidden > 0 ? `Show ${figures.count(hidden)} more listeners` : this.moreListeners.all ? "Show fewer listeners" : undefined);
    const ready = view.document.state === "ready";
    this.listeners.update(shown.map(({it, was, problem}) => {
      const per = (field) => figures.rate(it, was, view.elapsed, field);
      const level = problem?.level ?? (ready ? "ok" : "note");
      const symbol = problem ? {bad: "i-pause", warn: "i-warning", note: "i-drain"}[level] : ready ? "i-up" : "i-drain";
      const limit = it.max_sessions > 0 ? ` of ${figures.count(it.max_sessions)}` : "";
      return {key: it.name, level: problem ? level : "", cells: [
        {text: problem?.word ?? (ready ? "accepting" : view.document.state), level, icon: symbol},
        {text: it.name, sub: it.binds.join(", ")}, it.upstream ?? "–",
        {text: figures.count(it.sessions_active) + limit, ratio: it.max_sessions > 0 ? it.sessions_active / it.max_sessions : null},
        figures.perSecond(per("accepted_total")), figures.bytesPerSecond(per("bytes_to_upstream")),
        figures.bytesPerSecond(per("bytes_to_client")), figures.count(it.rejected_total)]};
    }));
    return items.length;
  }

  #drawWorkers(view) {
    this.workers.update(view.document.workers.map((it, i) => {
      const busy = figures.rate(it, view.earlier?.workers[i], view.elapsed, "busy_seconds_total");
      return {key: it.index, cells: [String(it.index), it.engine || "starting",
        {text: figures.percent(busy), ratio: busy ?? 0, level: busy > 0.9 ? "warn" : ""}, figures.count(it.sessions_active)]};
    }));
  }

  #drawEnds(view) {
    const key = (it) => it.cause + " " + it.actor;
    const before = new Map((view.earlier?.ends ?? []).map((it) => [key(it), it]));
    const rows = [...view.document.ends].sort((a, b) => b.count - a.count).map((it) => {
      const now = view.earlier ? figures.rate(it, before.get(key(it)) ?? {count: 0}, view.elapsed, "count") : null;
      return {key: key(it), cells: [it.cause.replaceAll("_", " "), it.actor, figures.perSecond(now), figures.count(it.count)]};
    });
    this.noEnds.hidden = rows.length > 0;
    this.ends.node.hidden = rows.length === 0;
    this.ends.update(rows);
  }

  #drawProcess({document, earlier, elapsed}) {
    const {process, config, access_log: log} = document;
    const cpu = figures.rate(process, earlier?.process, elapsed, "cpu_seconds_total");
    const facts = [
      ["Up for", figures.age(document.now - document.started)],
      ["CPU", cpu === null ? "–" : figures.percent(cpu) + " of one"],
      ["Memory", figures.bytes(process.resident_bytes)],
      ["Descriptors", `${figures.count(process.open_fds)} of ${figures.count(process.max_fds)}`],
      ["Configuration", `generation ${figures.count(config.generation)}`],
      ["Reloads", `${figures.count(config.reloads_accepted)} accepted, ${figures.count(config.reloads_refused)} refused`],
      ["Overrides", figures.count(config.overrides)],
      ["Access log", `${figures.count(log.written)} lines, ${figures.count(log.dropped)} dropped`]];
    if (this.process.children.length !== facts.length) {
      this.process.replaceChildren(...facts.map(([label]) => el("div", {}, el("dt", {}, label), el("dd"))));
    }
    facts.forEach(([, text], i) => setText(this.process.children[i].lastChild, text));
  }
}

const ORDER = ["bad", "warn", "note", "mute", "ok"];
