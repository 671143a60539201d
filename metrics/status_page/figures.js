// Figures of the status document: rates of two documents, quantiles of buckets, the one sentence
// that says how things are, and numbers as text. Knows nothing of the page, so that a test can ask.

// Rates are over at least this long: the bytes of long sessions are folded in once a second.
const RATE_S = 1.9;
// As many documents as a rate may need; charts keep samples of their own.
const KEPT = 8;

// Documents of one process, the oldest first.
export class History {
  #documents = [];

  // True when this one is of another process than the one before: the counters began again.
  add(document) {
    const last = this.latest();
    const restarted = last !== undefined && last.started !== document.started;
    if (restarted) this.#documents = [];
    this.#documents.push(document);
    if (this.#documents.length > KEPT) this.#documents.shift();
    return restarted;
  }

  latest() { return this.#documents.at(-1); }

  // The newest that is old enough to make a rate with the latest, or the oldest; undefined when
  // there is one only.
  earlier() {
    const now = this.latest();
    for (let i = this.#documents.length - 2; i >= 0; --i) {
      if (i === 0 || this.#documents[i].now <= now.now - RATE_S) return this.#documents[i];
    }
    return undefined;
  }
}

// Of a counter a second; null where it cannot be said (the first document, a new series).
export function rate(now, earlier, seconds, field) {
  if (earlier === undefined || earlier === null || !(seconds > 0)) return null;
  return Math.max(0, now[field] - earlier[field]) / seconds;
}

// The q-quantile in seconds of what came between two histograms of cumulative buckets, even inside a
// bucket; null when nothing came. What is beyond the last bound counts as the last bound.
export function quantile(q, now, earlier) {
  const total = now.count - earlier.count;
  if (total <= 0) return null;
  const wanted = q * total;
  let bound = 0, below = 0;
  for (let i = 0; i < now.buckets.length; ++i) {
    const [upper, count] = now.buckets[i];
    const seen = count - earlier.buckets[i][1];
    if (seen >= wanted && seen > below) {
      return bound + (upper - bound) * (wanted - below) / (seen - below);
    }
    bound = upper;
    below = seen;
  }
  return bound;
}

// ---- Numbers as text ----

const WHOLE = new Intl.NumberFormat("en-US", {maximumFractionDigits: 0});
const NO_VALUE = "–";

export function count(value) { return value === null || value === undefined ? NO_VALUE : WHOLE.format(value); }

function three(value) { return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2); }

export function perSecond(value) {
  if (value === null) return NO_VALUE;
  return (value === 0 || value >= 99.95 ? WHOLE.format(value) : three(value)) + "/s";
}

export function bytes(value) {
  if (value === null || value === undefined) return NO_VALUE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) { value /= 1024; ++unit; }
  return (unit === 0 ? value.toFixed(0) : three(value)) + " " + units[unit];
}

export function bytesPerSecond(value) { return value === null ? NO_VALUE : bytes(value) + "/s"; }

export function seconds(value) {
  if (value === null) return NO_VALUE;
  if (value < 0.0009995) return Math.round(value * 1e6) + " µs";
  if (value < 0.9995) return three(value * 1e3) + " ms";
  return three(value) + " s";
}

export function percent(ratio) { return ratio === null ? NO_VALUE : (ratio * 100).toFixed(ratio < 0.0995 ? 1 : 0) + " %"; }

// How long something has been so: the two largest units.
export function age(value) {
  const s = Math.max(0, Math.floor(value));
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min " + (s % 60) + " s";
  if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
  return Math.floor(s / 86400) + " d " + Math.floor(s % 86400 / 3600) + " h";
}

function things(n, one, many = one + "s") { return count(n) + " " + (n === 1 ? one : many); }

// ---- The one sentence ----

// Each state of an endpoint: what it is worth, its icon, and its place in the list.
export const STATES = {
  down: {level: "bad", icon: "i-down", order: 0},
  ejected: {level: "warn", icon: "i-warning", order: 1},
  maintenance: {level: "note", icon: "i-pause", order: 2},
  draining: {level: "note", icon: "i-drain", order: 3},
  weightless: {level: "mute", icon: "i-none", order: 4},
  up: {level: "ok", icon: "i-up", order: 5},
};
export function state(endpoint) { return STATES[endpoint.state] ?? STATES.weightless; }

const LEVELS = ["bad", "warn", "note", "ok"];

export function endpointsOf(document) {
  return document.upstreams.flatMap((upstream) =>
    upstream.endpoints.map((endpoint) => ({upstream, endpoint})));
}

export function listenerProblem(listener, earlier, elapsed) {
  if (listener.paused) return {level: "bad", word: "paused", text: "does not accept clients: descriptors have run out"};
  if (listener.max_sessions > 0 && listener.sessions_active >= listener.max_sessions) {
    return {level: "warn", word: "full", text: `is at its limit of ${things(listener.max_sessions, "session")}`};
  }
  if (rate(listener, earlier, elapsed, "rejected_total") > 0) {
    return {level: "warn", word: "rejecting", text: "turns clients away"};
  }
  return null;
}

// In this order of importance: who cannot be served, who is missing, what else is odd.
function problemsOf(document, earlier) {
  const problems = [];
  const say = (level, text) => problems.push({level, text});
  const elapsed = earlier === undefined ? 0 : document.now - earlier.now;
  const used = new Set(document.listeners.map((listener) => listener.upstream));
  for (const upstream of document.upstreams) {
    if (upstream.removed || upstream.endpoints.some((it) => it.state === "up")) continue;
    const has = upstream.endpoints.length === 0 ? "has no address" : "has no usable endpoint";
    say(used.has(upstream.name) ? "bad" : "warn", `Upstream ${upstream.name} ${has}`);
  }
  const all = endpointsOf(document);
  for (const [word, level, is, are] of [["down", "bad", "is down", "are down"], ["ejected", "warn", "is ejected", "are ejected"]]) {
    const found = all.filter(({endpoint}) => endpoint.state === word);
    if (found.length === 0) continue;
    const named = found.slice(0, 3).map(({upstream, endpoint}) => `${endpoint.address} of ${upstream.name}`);
    if (found.length > 3) named.push(`${count(found.length - 3)} more`);
    say(level, `${things(found.length, "endpoint")} ${found.length === 1 ? is : are}: ${named.join(", ")}`);
  }
  const listenersBefore = new Map((earlier?.listeners ?? []).map((it) => [it.name, it]));
  for (const listener of document.listeners) {
    const problem = listenerProblem(listener, listenersBefore.get(listener.name), elapsed);
    if (problem) say(problem.level, `Listener ${listener.name} ${problem.text}`);
  }
  for (const upstream of document.upstreams) {
    if (upstream.queue > 0) say("warn", `Sessions wait for a place at upstream ${upstream.name}`);
  }
  if (!document.config.last_reload_accepted) {
    say("warn", `The last reload was refused: configuration ${document.config.generation} stays in force`);
  }
  const {open_fds: open, max_fds: max} = document.process;
  if (open !== null && max !== null && open > 0.9 * max) say("warn", "More than 90 % of the descriptors are in use");
  if (earlier && document.access_log.dropped > earlier.access_log.dropped) say("warn", "The access log drops lines: nobody reads its output in time");
  for (const [word, is, are] of [["maintenance", "is in maintenance", "are in maintenance"], ["draining", "is draining", "are draining"]]) {
    const n = all.filter(({endpoint}) => endpoint.state === word).length;
    if (n > 0) say("note", `${things(n, "endpoint")} ${n === 1 ? is : are}`);
  }
  return problems.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
}

// {level, headline, details: [{level, text}], announcement}: the announcement has no figure that
// changes by itself, so that a reader hears of changes of state only.
export function summary(document, earlier) {
  const problems = problemsOf(document, earlier);
  if (document.state === "draining") {
    return {
      level: "note", headline: `Draining: no new sessions; ${things(document.totals.sessions_active, "session")} left`,
      details: problems, announcement: "Draining",
    };
  }
  if (document.state === "starting") return {level: "note", headline: "Starting", details: problems, announcement: "Starting"};
  const [first, ...others] = problems;
  if (first && first.level !== "note") {
    return {level: first.level, headline: first.text, details: others, announcement: problems.map((it) => it.text).join(". ")};
  }
  const listeners = document.listeners.filter((it) => !it.removed).length;
  const upstreams = document.upstreams.filter((it) => !it.removed).length;
  const has = [things(listeners, "listener"), things(upstreams, "upstream"), things(endpointsOf(document).length, "endpoint")];
  return {
    level: "ok", headline: `All well: ${has.join(", ")}; ${things(document.totals.sessions_active, "session")}`,
    details: problems, announcement: ["All well", ...problems.map((it) => it.text)].join(". "),
  };
}
