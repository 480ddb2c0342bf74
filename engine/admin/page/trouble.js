// What is wrong, how bad it is, and in which order to look at it. Nothing here touches the page.

import { ago, count, duration } from "./figures.js";

/** From where on a figure is to be watched, and from where on it is bad. Times are in microseconds. */
export const limits = {
  p99: [10_000, 100_000], // of servers
  queue: [5_000, 50_000], // p99, in the proxy
  errors: [0, 0.01], // share of the requests; the first counts from any on
  busy: [0.7, 0.9], // share of its time that an event loop is at work
  queued: [100, 1_000], // requests not yet written to one server
};

/** level is 2 for bad, 1 for what is to be watched, 0 for fine, also for what is not known. */
export function level(value, [watch, bad]) {
  if (value === null || value === undefined || !(value > 0)) return 0;
  return value >= bad ? 2 : value >= watch ? 1 : 0;
}

/** names of the levels, as classes and as words. */
export const kinds = ["fine", "watch", "bad"];
export const marks = ["", "▲ ", "✖ "];

export const masters = (pool) => pool.servers.filter((s) => !s.replica_of);

/** out says of a server since when it is ejected, and when it will be asked again. */
export function out(server, now) {
  if (server.state !== "ejected") return "";
  const parts = [];
  if (server.server_ejected_at) parts.push(`for ${ago(Math.max(now - server.server_ejected_at / 1e6, 0))}`);
  if (server.next_try_at) parts.push(`next try in ${ago(Math.max(server.next_try_at / 1e6 - now, 0))}`);
  return parts.join(", ");
}

/** troubles of a pool, worst first: [level, text]. s is its last sample, now in seconds since 1970. */
export function troubles(pool, s, now) {
  const list = [];
  const add = (l, text) => l > 0 && list.push([l, text]);
  const all = masters(pool);
  const gone = all.filter((x) => x.state === "ejected");
  if (pool.live === 0 && all.length > 0) add(2, `no server is live, of ${all.length}`);
  else if (gone.length > 0) add(2, `${gone.length} of ${all.length} servers ejected: ${gone.slice(0, 3).map((x) => x.name).join(", ")}${gone.length > 3 ? ", …" : ""}`);
  if (pool.discovery && pool.discovery.known === 0) add(2, "no server has been discovered");
  if (pool.cluster?.unowned > 0) add(2, `${count(pool.cluster.unowned)} slots have no server`);
  const words = { trial: "on trial", held: "about to be replaced", unknown: "not found yet", unwell: "get no reads" };
  for (const [state, text] of Object.entries(words)) {
    const some = pool.servers.filter((x) => x.state === state);
    if (some.length > 0) add(state === "unknown" ? 2 : 1, `${some.map((x) => x.name).slice(0, 3).join(", ")} ${text}${some.length > 3 ? `, of ${some.length}` : ""}`);
  }
  if (s?.errors > 0) add(Math.max(level(s.errors / Math.max(s.requests ?? 0, s.errors), limits.errors), 1), `${count(s.errors)} errors/s to clients`);
  add(level(s?.server?.p99, limits.p99), `server p99 is ${duration(s?.server?.p99)}`);
  add(level(s?.queue?.p99, limits.queue), `p99 in the queue is ${duration(s?.queue?.p99)}`);
  if (pool.client_blocked > 0) add(1, `${count(pool.client_blocked)} clients held back`);
  if (pool.discovery && !pool.discovery.up) add(1, "its source of servers does not answer");
  return list.sort((a, b) => b[0] - a[0]);
}

/** ranked lists pools worst first, each with its troubles: by the worst of them, then how many, then errors. */
export function ranked(pools, sampleOf, now) {
  const rows = pools.map((pool) => {
    const s = sampleOf(pool.name), list = troubles(pool, s, now);
    return { pool, sample: s, troubles: list, level: list[0]?.[0] ?? 0 };
  });
  const weight = (r) => r.level * 1000 + r.troubles.length;
  return rows.sort((a, b) => weight(b) - weight(a) || (b.sample?.errors ?? 0) - (a.sample?.errors ?? 0));
}

/** hits is the share of what was found, over the samples given; null if nothing was looked for. */
export function hits(samples) {
  let found = 0, all = 0;
  for (const s of samples) {
    found += s.hits ?? 0;
    all += (s.hits ?? 0) + (s.misses ?? 0);
  }
  return all > 0 ? found / all : null;
}

