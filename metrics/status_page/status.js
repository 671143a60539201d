// The status page: asks for the status document about once a second and shows it. It changes nothing
// on the proxy; it can only ask.

import * as figures from "./figures.js";
import {Ages, Lists} from "./lists.js";
import {Chart, setAttribute, setChildren, setText} from "./widgets.js";

// A verdict is to be seen within a second, also where the machine is busy.
const POLL_MS = 600;
const FIRST_RATE_MS = 400;
const HIDDEN_POLL_MS = 10_000;
const TIMEOUT_MS = 2500;

const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((node) => [node.id, node]));
const history = new figures.History();
const ages = new Ages();
const lists = new Lists(page, () => draw());

const chart = {
  sessions: new Chart("Sessions", [""], figures.count),
  started: new Chart("New sessions", [""], figures.perSecond),
  toUpstream: new Chart("To upstream", [""], figures.bytesPerSecond, {binary: true}),
  toClient: new Chart("To client", [""], figures.bytesPerSecond, {binary: true}),
  setup: new Chart("Set-up time", ["median", "99th percentile"], figures.seconds),
  busy: new Chart("Workers busy", [""], figures.percent, {maximum: 1}),
  pool: new Chart("Pooled, ready", ["ready", "wanted"], figures.count),
  endpoints: new Chart("Endpoints up", [""], figures.count),
};
const charts = Object.values(chart);
page.tiles.append(...charts.map((it) => it.node));

// ---- Figures ----

function sum(items, pick) { return items.reduce((all, it) => all + pick(it), 0); }

function addSamples(now, earlier, elapsed) {
  const {totals} = now;
  const per = (field) => figures.rate(totals, earlier?.totals, elapsed, field);
  const at = now.now;
  const rejected = per("rejected_total");
  chart.sessions.add(at, [totals.sessions_active], figures.count(totals.sessions_active), `${figures.count(totals.sessions_total)} have ended`);
  chart.started.add(at, [per("accepted_total")], figures.perSecond(per("accepted_total")), rejected > 0 ? `${figures.perSecond(rejected)} turned away` : "none turned away");
  for (const [tile, field] of [[chart.toUpstream, "bytes_to_upstream"], [chart.toClient, "bytes_to_client"]]) {
    tile.add(at, [per(field)], figures.bytesPerSecond(per(field)), figures.bytes(totals[field]) + " in all");
  }
  const [p50, p99] = [0.5, 0.99].map((q) => earlier ? figures.quantile(q, totals.setup_seconds, earlier.totals.setup_seconds) : null);
  chart.setup.add(at, [p50, p99], figures.seconds(p50), p50 === null ? "no new sessions" : `median; 99 % within ${figures.seconds(p99)}`);
  const loads = now.workers.map((it, i) => figures.rate(it, earlier?.workers[i], elapsed, "busy_seconds_total"));
  const busy = loads.includes(null) || loads.length === 0 ? null : sum(loads, (it) => it) / loads.length;
  chart.busy.add(at, [busy], figures.percent(busy), busy === null ? "" : `the busiest of ${loads.length}: ${figures.percent(Math.max(...loads))}`);
  const pools = now.upstreams.filter((it) => it.pool !== null).map((it) => it.pool);
  const [ready, wanted] = [sum(pools, (it) => it.idle), sum(pools, (it) => it.wanted)];
  chart.pool.add(at, [ready, wanted], pools.length > 0 ? figures.count(ready) : "–", pools.length > 0 ? `of ${figures.count(wanted)} wanted` : "no upstream has a pool");
  const all = figures.endpointsOf(now);
  const up = all.filter(({endpoint}) => endpoint.state === "up").length;
  chart.endpoints.maximum = Math.max(1, all.length);
  chart.endpoints.add(at, [up], figures.count(up), up === all.length ? `all of ${figures.count(all.length)}` : `of ${figures.count(all.length)}`);
  const level = all.some(({endpoint}) => endpoint.state === "down") ? "bad" : up === all.length ? "" : "warn";
  setAttribute(chart.endpoints.node, "data-level", level);
}

// ---- Earlier figures: where a pointer is, or by the arrow keys; all charts show the same moment ----

let moment = null;

function pointAt(at) {
  moment = at;
  charts.forEach((it) => it.pointAt(at));
}

charts.forEach((it) => { it.onPoint = pointAt; });

page.tiles.addEventListener("keydown", (event) => {
  const times = chart.sessions.times;
  if (times.length === 0) return;
  const last = times.length - 1;
  const here = moment === null ? last : Math.max(0, times.findLastIndex((it) => it <= moment));
  const to = {ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: last}[event.key];
  if (event.key === "Escape") pointAt(null);
  else if (to === undefined) return;
  else pointAt(times[Math.min(last, Math.max(0, to))]);
  event.preventDefault();
  setText(page["chart-reader"], moment === null ? "Now" : `${Math.round(times[last] - moment)} s ago: ${charts.map((it) => it.title + " " + it.value.textContent).join(", ")}`);
});
page.tiles.addEventListener("blur", () => pointAt(null));

function take(now) {
  if (history.add(now)) {
    charts.forEach((it) => it.clear());
    pointAt(null);
    ages.clear();
  }
  ages.look(now);
  const earlier = history.earlier();
  addSamples(now, earlier, earlier ? now.now - earlier.now : 0);
}

function draw() {
  const now = history.latest();
  if (now === undefined) return;
  const earlier = history.earlier();
  setText(page.program, `${now.version} · ${now.transport} · process ${now.pid}`);
  drawBanner(unanswered === null ? figures.summary(now, earlier) : lostSummary());
  charts.forEach((it) => it.draw());
  const filter = page.filter.value.trim().toLowerCase();
  const found = lists.draw({document: now, earlier, elapsed: earlier ? now.now - earlier.now : 0, filter, ages});
  setText(page["n-upstreams"], figures.count(now.upstreams.length));
  setText(page["n-listeners"], figures.count(now.listeners.length));
  const text = filter === "" ? "" : `${figures.count(found.upstreams)} of ${figures.count(figures.endpointsOf(now).length)} endpoints, ${figures.count(found.listeners)} of ${figures.count(now.listeners.length)} listeners`;
  setText(page["filter-result"], text);
}

const ICONS = {bad: "i-down", warn: "i-warning", note: "i-drain", ok: "i-up", lost: "i-none"};

function drawBanner({level, headline, details, announcement}) {
  setAttribute(page.banner, "data-level", level);
  setAttribute(page["banner-icon"], "href", "#" + ICONS[level]);
  setText(page.headline, headline + ".");
  const shown = details.slice(0, 5).map((it) => it.text);
  if (details.length > 5) shown.push(`And ${details.length - 5} more.`);
  page.details.hidden = shown.length === 0;
  while (page.details.children.length < shown.length) page.details.append(document.createElement("li"));
  setChildren(page.details, [...page.details.children].slice(0, shown.length));
  shown.forEach((text, i) => setText(page.details.children[i], text));
  setText(page.announcer, announcement);
  document.title = level === "ok" ? "Millrace: all well" : `${level === "bad" ? "✕" : "!"} ${headline} – Millrace`;
}

// ---- Asking ----

let lastAnswer = null;  // When the last one came, on this machine's clock.
let unanswered = null;  // Why there was none since; null: there was.
let timer = null;
let asked = 0;

function setLink(kind, text) {
  setAttribute(page.link, "data-link", kind);
  setText(page["link-text"], text);
  document.body.classList.toggle("stale", kind === "lost");
}

function lostSummary() {
  const said = (announcement, more) => ({level: "lost", headline: `${announcement} (${unanswered})${more}`, details: [], announcement});
  if (lastAnswer === null) return said("No answer from the proxy", "");
  return said("Connection lost", `: these figures are ${figures.age((Date.now() - lastAnswer) / 1000)} old`);
}

function lost(reason) {
  unanswered = reason;
  setLink("lost", lastAnswer === null ? "No answer yet" : "Connection lost");
  drawBanner(lostSummary());
}

async function poll() {
  clearTimeout(timer);
  const mine = ++asked;
  const begun = performance.now();
  try {
    const answer = await fetch("status.json", {cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(TIMEOUT_MS)});
    if (!answer.ok) throw new Error("status " + answer.status);
    const now = await answer.json();
    if (mine !== asked) return;
    lastAnswer = Date.now();
    unanswered = null;
    setLink("live", document.hidden ? "Live, slower while hidden" : "Live");
    take(now);
    draw();
    if (mine === 1) performance.mark("first-figures");
  } catch (error) {
    if (mine !== asked) return;
    lost(error.name === "TimeoutError" ? "no answer in time" : error instanceof TypeError ? "cannot be reached" : error.message);
  }
  const pause = document.hidden ? HIDDEN_POLL_MS : mine === 1 ? FIRST_RATE_MS : POLL_MS;
  timer = setTimeout(poll, Math.max(0, pause - (performance.now() - begun)));
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });

// ---- Theme and filter ----

const THEMES = ["auto", "light", "dark"];

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  setText(page.theme, "Theme: " + theme);
  page.theme.dataset.theme = theme;
}

// Storage may be forbidden; then the choice lasts as long as the page.
function remembered() { try { return localStorage.getItem("theme"); } catch { return null; } }
function remember(theme) { try { localStorage.setItem("theme", theme); } catch { /* See above. */ } }

setTheme(THEMES.includes(remembered()) ? remembered() : "auto");
page.theme.addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(page.theme.dataset.theme) + 1) % THEMES.length];
  setTheme(next);
  remember(next);
});

page.filter.addEventListener("input", draw);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== page.filter && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    page.filter.focus();
  } else if (event.key === "Escape" && document.activeElement === page.filter) {
    page.filter.value = "";
    draw();
  }
});

poll();
