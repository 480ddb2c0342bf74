// What two answers of /pools tell: rates, percentiles and shares. Nothing here touches the page.

/** rate is what a total grew by in a second; null when it is not known: no earlier total, or it went backward. */
export function rate(now, before, seconds) {
  if (before === undefined || !(seconds > 0) || now < before) return null;
  return (now - before) / seconds;
}

const sum = (list, f) => list.reduce((n, x) => n + (f(x) ?? 0), 0);

// grown lists [bound in µs, how many] for the durations that were counted between two histograms.
function grown(now, before) {
  const had = new Map(before?.buckets);
  return (now.buckets ?? []).map(([us, n]) => [us, n - (had.get(us) ?? 0)]).filter(([, n]) => n > 0);
}

// quantiles of durations listed by grown; null for none.
function quantiles(list) {
  const total = sum(list, ([, n]) => n);
  if (!(total > 0)) return null;
  list.sort((a, b) => a[0] - b[0]);
  const at = (q) => {
    let left = q * total;
    for (const [us, n] of list) if ((left -= n) <= 1e-6) return us;
    return list.at(-1)[0];
  };
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

// durations of one half, "queue" or "server", of a server's latency, over all classes of command.
const durations = (s, before, half) =>
  Object.keys(s.latency ?? {}).flatMap((c) => grown(s.latency[c][half], before?.latency?.[c]?.[half]));

// answered is how many replies of a class there were.
const answered = (s, before, c) => sum(grown(s.latency?.[c]?.server ?? {}, before?.latency?.[c]?.server), ([, n]) => n);

const failures = (s) => s.server_err + s.timedout_connections + s.server_eof;

/**
 * sample is one moment of a pool: rates by the second and percentiles in µs since the answer before. Without one before,
 * or after a restart of the proxy, there are only the figures that are no totals.
 */
export function sample(pool, before, t, seconds) {
  const known = before !== undefined && seconds > 0;
  const r = (f) => (known ? rate(f(pool), f(before), seconds) : null);
  const were = new Map(before?.servers.map((s) => [s.name, s]));
  const servers = new Map(), queue = [], server = [], classes = { read: 0, write: 0, other: 0 };
  for (const s of pool.servers) {
    const b = were.get(s.name);
    const q = known && b ? durations(s, b, "queue") : [], v = known && b ? durations(s, b, "server") : [];
    for (const c of Object.keys(classes)) if (known && b) classes[c] += answered(s, b, c) / seconds;
    queue.push(...q);
    server.push(...v);
    servers.set(s.name, {
      requests: b ? rate(s.requests, b.requests, seconds) : null,
      errors: b ? rate(failures(s), failures(b), seconds) : null,
      hits: b ? rate(s.keyspace_hits ?? 0, b.keyspace_hits ?? 0, seconds) : null,
      misses: b ? rate(s.keyspace_misses ?? 0, b.keyspace_misses ?? 0, seconds) : null,
      queue: quantiles(q),
      server: quantiles(v),
    });
  }
  const rates = [...servers.values()];
  const some = known && rates.some((s) => s.requests !== null);
  return {
    t,
    requests: some ? sum(rates, (s) => s.requests) : null,
    failures: some ? sum(rates, (s) => s.errors) : null,
    hits: some ? sum(rates, (s) => s.hits) : null,
    misses: some ? sum(rates, (s) => s.misses) : null,
    classes: some ? classes : null,
    errors: r((p) => p.forward_error),
    local: r((p) => p.local_commands),
    bytesIn: r((p) => p.request_bytes_from_clients),
    bytesOut: r((p) => p.reply_bytes_to_clients),
    queue: quantiles(queue),
    server: quantiles(server),
    writeBack: known ? quantiles(grown(pool.write_back, before.write_back)) : null,
    servers,
  };
}

// ofProcess is a moment of a pool as the process has kept it, in the shape of sample.
function ofProcess(s, pool) {
  const p = s.pools[pool];
  if (!p) return null;
  const [read, write, other] = p.classes;
  return {
    t: Date.parse(s.at) / 1000, requests: p.requests, failures: p.failures, errors: p.errors, local: p.local, bytesIn: p.in, bytesOut: p.out, hits: p.hits, misses: p.misses,
    classes: { read, write, other }, queue: p.queue, server: p.server, writeBack: p.write_back, busy: s.busy,
    servers: new Map(Object.entries(p.servers ?? {}).map(([name, requests]) => [name, { requests }])),
  };
}

/** History keeps the samples of each pool for the last ten minutes, and the last answer to compare the next one with. */
export class History {
  static span = 600; // seconds
  last = null; // the answer of /pools
  pools = new Map(); // name to samples, oldest first
  gap = true; // nobody had looked before the last answer
  restarts = []; // times, in seconds since 1970

  add(answer) {
    const t = Date.parse(answer.at) / 1000;
    const seconds = this.last ? t - Date.parse(this.last.at) / 1000 : 0;
    const same = this.last !== null && this.last.started === answer.started;
    this.gap = this.last === null || seconds > 10;
    const busy = same && seconds > 0 ? (answer.loops_worked_us ?? []).map((us, i) => Math.min(Math.max((us - this.last.loops_worked_us[i]) / 1e6 / seconds, 0), 1)) : null;
    if (this.last !== null && !same) this.restarts.push(t);
    const were = new Map(same ? this.last.pools.map((p) => [p.name, p]) : []);
    for (const name of this.pools.keys()) if (!answer.pools.some((p) => p.name === name)) this.pools.delete(name);
    for (const p of answer.pools) {
      const list = this.pools.get(p.name) ?? [];
      if (seconds > 10 && list.length > 0) list.push({ t: t - seconds / 2, servers: new Map() }); // not looked: a gap
      list.push({ ...sample(p, were.get(p.name), t, seconds), busy });
      while (list[0].t < t - History.span) list.shift();
      this.pools.set(p.name, list);
    }
    this.restarts = this.restarts.filter((at) => at > t - History.span);
    this.last = answer;
  }

  /** seed takes what the process has kept of a pool, where nobody looked from here. */
  seed(pool, told) {
    const own = this.samples(pool), seen = own.filter((s) => s.requests !== null && s.requests !== undefined);
    const kept = told.samples.map((s) => ofProcess(s, pool)).filter((s) => s !== null && (own.length === 0 || s.t < own.at(-1).t) && !seen.some((o) => Math.abs(o.t - s.t) < told.step_seconds));
    const near = (s) => kept.some((k) => Math.abs(k.t - s.t) < 2 * told.step_seconds); // else there is a gap, or nothing is known yet
    const rest = own.filter((s) => (s.requests !== undefined && s.requests !== null) || !near(s));
    this.pools.set(pool, [...kept, ...rest].sort((a, b) => a.t - b.t));
  }

  /** lately are the samples of the last so many seconds. */
  lately(pool, seconds) {
    const list = this.samples(pool);
    return list.filter((s) => s.t > list.at(-1).t - seconds);
  }

  /** samples of a pool, oldest first; empty for a pool that is not known. */
  samples(pool) {
    return this.pools.get(pool) ?? [];
  }

  /** traffic is each server's share of the requests of the last minute: name to a number from 0 to 1. */
  traffic(pool) {
    const list = this.samples(pool), by = new Map();
    let total = 0;
    for (const s of list.filter((x) => x.t > list.at(-1).t - 60)) {
      for (const [name, f] of s.servers) {
        by.set(name, (by.get(name) ?? 0) + (f.requests ?? 0));
        total += f.requests ?? 0;
      }
    }
    for (const [name, n] of by) by.set(name, total > 0 ? n / total : 0);
    return by;
  }
}

// How figures are written. A null is a figure that is not known (yet).

const three = (n) => (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2));

/** count writes 1234 as "1,234" and 84210 as "84.2k". */
export function count(n) {
  if (n === null || n === undefined) return "–";
  if (n >= 1e9) return three(n / 1e9) + "G";
  if (n >= 1e6) return three(n / 1e6) + "M";
  if (n >= 1e4) return three(n / 1e3) + "k";
  if (n >= 1000) return Math.round(n).toLocaleString("en-US");
  return Number.isInteger(n) || n >= 100 ? String(Math.round(n)) : three(n);
}

/** duration writes microseconds. */
export function duration(us) {
  if (us === null || us === undefined) return "–";
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1e6) return `${three(us / 1e3)} ms`;
  if (us < 6e7) return `${three(us / 1e6)} s`;
  return ago(us / 1e6);
}

/** ago writes seconds in the one or two units that matter. */
export function ago(s) {
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export function bytes(n) {
  if (n === null || n === undefined) return "–";
  if (n < 1024) return `${Math.round(n)} B`;
  if (n < 1 << 20) return `${three(n / 1024)} KiB`;
  if (n < 1 << 30) return `${three(n / (1 << 20))} MiB`;
  return `${three(n / (1 << 30))} GiB`;
}

export const percent = (x) => (x === null || x === undefined ? "–" : `${(100 * x).toFixed(1)}%`);

/** clock is the time of day of seconds since 1970. */
export const clock = (t) => new Date(t * 1000).toLocaleTimeString([], { hour12: false });
