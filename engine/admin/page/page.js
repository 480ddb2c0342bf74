// The dashboard: asks the proxy every two seconds while the page is seen, and shows what it answered.

import { History, ago, bytes, clock, count, duration, percent } from "./figures.js";
import { Chart, band, colour, continuum, el, keyText, paint, svg } from "./draw.js";
import { hits, kinds, level, limits, marks, masters, out, ranked } from "./trouble.js";

const period = 2000; // ms between looks
const patience = 5000; // ms that an answer may take
const shownClients = 100;

const $ = (id) => document.getElementById(id);
const history = new History();

/** state is all that the page remembers beside its history: the choice of pool and the last answers. */
const state = {
  pool: new URLSearchParams(location.hash.slice(1)).get("pool"),
  looks: 0,
  ring: null, // of the pool, and what it was drawn for
  ringFor: "",
  highlight: null, // name of a server
  config: null,
  seeded: "", // the pool whose history the process was asked for
  unfolded: new Set(), // groups of the slow log whose worst entries are shown
  allPools: false, // also those without trouble, when there are many
  drawn: new Map(), // id of a section to what draws its last answer again
};

const now = () => Date.parse(history.last.at) / 1000;
const worstFirst = () => ranked(history.last.pools, (pool) => history.samples(pool).at(-1), now());

// chosen is the pool that is shown: the one that was chosen, or the one that was worst when the page was opened.
function chosen() {
  const pools = history.last?.pools ?? [];
  const found = pools.find((p) => p.name === state.pool);
  if (found || pools.length === 0) return found;
  const worst = worstFirst()[0].pool;
  state.pool = worst.name;
  return worst;
}

async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(patience), cache: "no-store" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${answer.statusText}`);
  return answer.json();
}

// ---- looking

let timer = 0, looking = false;

// look asks once and arranges for the next time. What is seldom needed is asked for less often, or when it changed.
async function look() {
  clearTimeout(timer);
  if (looking) return;
  looking = true;
  try {
    const answer = await ask("/pools").catch(lost);
    if (answer) {
      found();
      history.add(answer);
      await seed();
      showPool();
      await lookFurther(state.looks++);
    }
  } finally {
    looking = false;
    if (!document.hidden) timer = setTimeout(look, period);
  }
}

// seed asks for what the process has kept of the pool, once, and again when nobody has looked for a while.
async function seed() {
  const pool = chosen()?.name;
  if (pool === undefined || (state.seeded === pool && !history.gap)) return;
  const told = await ask(`/history?${new URLSearchParams({ pool })}`).catch(() => null); // without it, charts begin now
  if (told) history.seed(pool, told);
  state.seeded = pool;
}

const lookFurther = (n) => Promise.all([
  ringWhenChanged(),
  n % 2 === 0 && section("slow", `/slowlog/groups?${new URLSearchParams({ pool: chosen().name })}`, showSlow),
  n % 2 === 0 && section("events", "/events?n=60", showEvents),
  n % 2 === 0 && section("hot", "/hotkeys?n=20", showHot),
  n % 5 === 0 && clients(),
  n % 15 === 0 && section("config", "/config", showConfig),
]);

function lost(e) {
  if (!document.body.classList.contains("stale")) {
    const why = /^\/pools/.test(e.message) ? ` (${e.message})` : "";
    $("lost").textContent = `Connection lost at ${clock(Date.now() / 1000)}${why}. What you see is from before; trying again every ${period / 1000} s.`;
    $("lost").hidden = false;
  }
  document.body.classList.add("stale");
}

function found() {
  $("lost").hidden = true;
  document.body.classList.remove("stale");
}

// section asks for one part of the page; when only that fails, only that part says so.
async function section(id, path, show) {
  const answer = await ask(path).catch((e) => paint($(id), el("p", { class: "empty" }, `Not available: ${e.message}`)));
  if (!answer) return;
  state.drawn.set(id, () => show(answer));
  show(answer);
}

const clients = () => ($("clients-box").open && history.last ? section("clients", `/clients?pool=${encodeURIComponent(chosen().name)}`, showClients) : undefined);

// ringWhenChanged asks for the ring when the pool, or who has which share of it, is not what was drawn.
async function ringWhenChanged() {
  const p = chosen();
  const want = JSON.stringify([p.name, p.servers.map((s) => [s.name, s.share, s.state])]);
  if (want === state.ringFor) return;
  await section("ring", `/ring?pool=${encodeURIComponent(p.name)}`, (ring) => {
    state.ring = ring;
    if (ring.pool === chosen().name) state.ringFor = want;
    showRing();
  });
}

// ---- showing

function showPool() {
  const p = chosen();
  showHead();
  showOverview();
  showTiles(p);
  for (const chart of charts) chart.show(history.samples(p.name), history.restarts);
  showServers(p);
  showRing();
  showRefused(p);
  $("clients-count").textContent = `${count(p.client_connections)} connected`;
}

function showHead() {
  const a = history.last, p = chosen();
  if (!a) return;
  const levels = new Map(worstFirst().map((r) => [r.pool.name, r.level]));
  paint($("pool"), a.pools.map((q) => el("option", { value: q.name }, marks[levels.get(q.name)] + q.name)));
  $("pool").value = p.name;
  document.title = `${marks[Math.max(...levels.values())]}${p.name} – cashew`;
  $("where").textContent = `${p.protocol} on ${p.listen}`;
  const fact = (name, value, title, bad) => el("div", { title }, el("dt", null, name), el("dd", { class: bad ? "bad-text" : null }, value));
  const hash = (name, h) => h && fact(name, el("span", { class: "mono" }, h.slice(0, 10)), `${h}: the same on all proxies that are configured alike`);
  const r = a.reload;
  paint($("facts"),
    fact("version", a.version),
    fact("up", ago((Date.parse(a.at) - Date.parse(a.started)) / 1000)),
    fact("loops", String(a.loops)),
    fact("connections", count(a.curr_connections), `${count(a.total_connections)} since the start`),
    fact("reloads", r.succeeded + r.failed === 0 ? "none" : `${r.succeeded} done${r.failed ? `, ${r.failed} failed` : ""}`, null, r.err),
    a.panics > 0 && fact("panics survived", count(a.panics), null, true),
    hash("config", state.config?.hash),
    hash("ring", state.config?.ring_hash?.[p.name]));
  const notes = [];
  if (a.draining) notes.push("Draining: no new clients are accepted, and the proxy ends once its clients have their replies.");
  if (r.err) notes.push(`The reload at ${clock(Date.parse(r.at) / 1000)} changed nothing: ${r.err}`);
  $("notice").textContent = notes.join(" ");
  $("notice").hidden = notes.length === 0;
}

const manyPools = 10;

// showOverview has all pools, worst first. Of many, those without trouble are shown when they are asked for.
function showOverview() {
  const rows = worstFirst(), sick = rows.filter((r) => r.level > 0), many = rows.length > manyPools;
  $("overview-card").hidden = rows.length < 2 && sick.length === 0;
  const bad = rows.filter((r) => r.level === 2).length;
  $("overview-sum").textContent = sick.length === 0 ? `all ${rows.length} without trouble` : `${bad} in trouble, ${sick.length - bad} to be watched, ${rows.length - sick.length} fine`;
  table("overview", [
    ["Pool", (r) => el("button", { type: "button", class: "link", "data-pool": r.pool.name, "aria-current": r.pool === chosen() ? "true" : null }, r.pool.name), "lead"],
    ["", (r) => el("span", { class: `state ${kinds[r.level]}` }, ["fine", "watch", "trouble"][r.level])],
    ["What", (r) => (r.troubles.length === 0 ? el("span", { class: "quiet" }, "–") : r.troubles.slice(0, 4).map(([l, text]) => el("div", { class: `${kinds[l]}-text` }, text))), "across"],
    ["Requests/s", (r) => count(r.sample?.requests), "num"],
    ["Errors/s", (r) => figure(count(r.sample?.errors), r.sample?.errors > 0 ? 2 : 0), "num"],
    ["p99", (r) => figure(duration(r.sample?.server?.p99), level(r.sample?.server?.p99, limits.p99)), "num"],
    ["Hits", (r) => percent(hits(history.lately(r.pool.name, 60))), "num"],
    ["Servers", (r) => `${r.pool.live} of ${masters(r.pool).length}`, "num"],
    ["Clients", (r) => count(r.pool.client_connections), "num"],
  ], many && !state.allPools ? rows.slice(0, Math.max(sick.length, 3)) : rows, "There are no pools.");
  $("overview-more").hidden = !many;
  $("overview-more").textContent = state.allPools ? "only those in trouble" : `all ${rows.length} pools`;
}

// figure colours what is past a limit.
const figure = (text, l) => el("span", { class: l > 0 ? `${kinds[l]}-text` : null }, text);

function showTiles(p) {
  const s = history.samples(p.name).at(-1), minute = history.lately(p.name, 60), ratio = hits(minute);
  const busy = (s.busy ?? []).map((_, i) => mean(history.lately(p.name, 10).map((x) => x.busy?.[i]))), most = busy.length > 0 ? Math.max(...busy) : null;
  const found = minute.reduce((n, x) => n + (x.hits ?? 0) + (x.misses ?? 0), 0) / Math.max(minute.length, 1);
  const [half, halfUnit] = duration(s.server?.p50).split(" ");
  const [tail, tailUnit] = duration(s.server?.p99).split(" ");
  const tile = (id, label, value, unit, sub, l = 0) => el("div", { class: l > 0 ? `tile ${kinds[l]}` : "tile", id: `tile-${id}` },
    el("div", { class: "label" }, label),
    el("div", { class: "value" }, value, unit && " ", unit && el("span", { class: "unit" }, unit)),
    el("div", { class: "sub", title: sub }, sub));
  paint($("tiles"),
    tile("requests", "Requests", count(s.requests), "/s", `in ${bytes(s.bytesIn)}/s · out ${bytes(s.bytesOut)}/s`),
    tile("errors", "Errors to clients", count(s.errors), "/s", `failures of servers ${count(s.failures)}/s`, s.errors > 0 ? 2 : 0),
    tile("clients", "Clients", count(p.client_connections), "", [p.profiles.resp3 && `${count(p.profiles.resp3)} of RESP3`, `${count(p.in_flight)} in flight`, `${count(p.client_blocked)} held back`].filter(Boolean).join(" · "), p.client_blocked > 0 ? 1 : 0),
    tile("p50", "Server time, p50", half, halfUnit, `proxy queue ${duration(s.queue?.p50)}`),
    tile("p99", "Server time, p99", tail, tailUnit, `queue ${duration(s.queue?.p99)} · write ${duration(s.writeBack?.p99)}`, Math.max(level(s.server?.p99, limits.p99), level(s.queue?.p99, limits.queue))),
    tile("hits", "Hit ratio", ratio === null ? "–" : (100 * ratio).toFixed(1), ratio === null ? "" : "%", ratio === null ? "nothing was looked up in a minute" : `${count(found)} look-ups/s, last minute`),
    tile("busy", "Busiest loop", most === null ? "–" : (100 * most).toFixed(0), most === null ? "" : "%", busy.length > 1 ? `${busy.length} loops, ${percent(mean(busy))} on average` : "share of its time at work", level(most, limits.busy)),
    tile("servers", "Servers live", String(p.live), `of ${masters(p).length}`, `${count(p.server_ejects)} ejections since the start`, p.live < masters(p).length ? 2 : 0));
}

const mean = (list) => {
  const known = list.filter((x) => x !== null && x !== undefined);
  return known.length > 0 ? known.reduce((a, b) => a + b, 0) / known.length : 0;
};

const bar = (...parts) => el("div", { class: "bar", "aria-hidden": "true" }, parts.map(([kind, share]) => el("i", { class: kind, style: { width: `${(100 * share).toFixed(2)}%` } })));

const dot = (i) => el("i", { class: "dot", style: { "--c": colour(i) } });

// table shows rows as a table that a phone shows as blocks. A column is [heading, cell of a row, class, title]; below is what stands below a row.
function table(id, columns, rows, empty, attrs, below) {
  if (rows.length === 0) return paint($(id), el("p", { class: "empty" }, empty));
  paint($(id), el("table", { class: "rows", role: "table" },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, columns.map(([name, , kind, title]) => el("th", { scope: "col", role: "columnheader", class: kind?.includes("num") ? "num" : null, title }, name)))),
    el("tbody", { role: "rowgroup" }, rows.map((row, i) => [el("tr", { role: "row", ...attrs?.(row, i) },
      columns.map(([name, cell, kind]) => el("td", { role: "cell", class: kind, "data-label": name }, cell(row, i)))), below?.(row, columns.length)]))));
}

function showServers(p) {
  const samples = history.samples(p.name).at(-1).servers, traffic = history.traffic(p.name);
  const f = (s) => samples.get(s.name) ?? {};
  const most = Math.max(...p.servers.map((s) => s.share), ...traffic.values(), 0.01); // the longest bar
  table("servers", [
    ["Server", (s, i) => el("div", { class: "server" }, dot(i), el("div", { class: "names" }, 
      el("b", null, s.name, s.weight !== 1 && el("small", { title: `weight ${s.weight}` }, `×${s.weight}`)), s.addr !== s.name && el("span", null, s.addr), s.replica_of && el("span", null, `replica of ${s.replica_of}${s.lag_seconds > 0 ? `, ${duration(s.lag_seconds * 1e6)} behind` : ""}`))), "lead"],
    ["State", (s) => [el("span", { class: `state ${s.state}`, title: s.why ? s.why : s.server_ejected_at ? `last ejected ${ago(now() - s.server_ejected_at / 1e6)} ago` : "never ejected" }, s.state),
      out(s, now()) && el("small", { class: "out" }, out(s, now()))]],
    ["Requests/s", (s) => count(f(s).requests), "num"],
    ["Errors/s", (s) => el("span", { class: f(s).errors > 0 ? "bad-text" : "" }, count(f(s).errors)), "num", "timeouts, errors and closed connections of this server"],
    ["Queued", (s) => figure(count(s.in_queue), level(s.in_queue, limits.queued)), "num", "requests that are not written to the server yet"],
    ["In flight", (s) => count(s.out_queue), "num", "requests that wait for the server's reply"],
    ["Server p50", (s) => duration(f(s).server?.p50), "num", "from writing a request to the last byte of its reply"],
    ["Server p99", (s) => figure(duration(f(s).server?.p99), level(f(s).server?.p99, limits.p99)), "num"],
    ["Queue p50", (s) => duration(f(s).queue?.p50), "num", "from taking a command to writing it to the server"],
    ["Queue p99", (s) => figure(duration(f(s).queue?.p99), level(f(s).queue?.p99, limits.queue)), "num"],
    ["Hits", (s) => percent(hits(history.lately(p.name, 60).map((x) => x.servers.get(s.name) ?? {}))), "num", "share of look-ups that found something, last minute"],
    ["Keys / traffic", (s, i) => el("div", { class: "shares", style: { "--c": colour(i) } },
      bar(["keys", s.share / most]), el("span", { class: "num" }, percent(s.share)),
      bar(["traffic", (traffic.get(s.name) ?? 0) / most]), el("span", { class: "num" }, percent(traffic.get(s.name)))), "across", "share of the hash space, and of the requests of the last minute"],
  ], p.servers, "This pool has no servers.", (s) => ({ "data-server": s.name }),
  (s, columns) => s.why && el("tr", { role: "row", class: "below why" }, el("td", { role: "cell", colspan: columns, class: "across" }, s.why)));
}

function showRing() {
  const ring = state.ring, p = chosen();
  if (!ring || ring.pool !== p.name) return;
  const place = new Map(p.servers.map((s, i) => [s.name, i]));
  const traffic = history.traffic(p.name), all = [...traffic.values()];
  const paths = (kind, width, ds, names) => ds.map((d, i) => d && svg("path", {
    d, fill: "none", stroke: colour(place.get(names[i]) ?? i), "stroke-width": width, "data-band": kind, "data-server": names[i],
    class: state.highlight && state.highlight !== names[i] ? "dim" : null,
  }));
  const ringNames = ring.servers.map((s) => s.name), names = p.servers.map((s) => s.name);
  const shares = p.servers.map((s) => s.share), hot = names.map((n) => traffic.get(n) ?? 0);
  const s = p.servers.find((x) => x.name === state.highlight);
  const text = (y, kind, ...t) => svg("text", { x: 150, y, class: kind }, ...t);
  $("ring-kind").textContent = `${ring.distribution}, ${count(ring.total_points)} points`;
  const said = p.servers.map((x) => `${x.name} ${percent(x.share)} of keys, ${percent(traffic.get(x.name))} of traffic`).join("; ");
  paint($("ring"),
    svg("svg", { viewBox: "0 0 300 300", role: "img", "aria-label": said },
      paths("ring", 26, continuum(ring, 133), ringNames),
      paths("keys", 16, band(shares, 106), names),
      paths("traffic", 16, all.some((x) => x > 0) ? band(hot, 86) : [], names),
      s ? [text(140, "name", s.name), text(158, "", `${percent(s.share)} of keys`), text(174, "", `${percent(traffic.get(s.name))} of traffic`)]
        : [text(146, "big", `${p.live}/${masters(p).length}`), text(164, "", "servers live")]),
    el("p", { class: "legend" }, "outside in: ring, keys, traffic of a minute"),
    p.servers.length <= 16 && el("div", { class: "legend" }, names.map((n, i) => el("button", { type: "button", "data-server": n, "aria-label": `show ${n} in the ring` }, dot(i), n))));
}

function showHot(found) {
  showKeys("hot", found.hot ?? [], (k) => k.requests, (n, k) => [count(n), k.error > 0 && el("small", { title: "how far it may be off" }, `± ${count(k.error)}`)], "Requests", [
    ["From", (k) => (k.clients ?? []).join(" "), "quiet"],
    ["Near", (k) => (k.near ? percent(k.near / k.requests) : k.writes * 2 > k.requests ? "written" : ""), "num"],
  ]);
  showKeys("big", found.big ?? [], (k) => k.bytes, bytes, "Size");
}

function showConfig(c) {
  state.config = c;
  $("config").textContent = JSON.stringify(c.config, null, 2);
  showHead();
}

function showKeys(id, found, figure, format, heading, more = []) {
  const p = chosen();
  const rows = found.filter((k) => k.pool === p.name).sort((a, b) => figure(b) - figure(a)).slice(0, 10);
  const most = Math.max(...rows.map(figure), 1);
  table(id, [
    ["Key", (k) => keyText(k.key), "lead"],
    ["Server", (k) => k.server, "quiet"],
    ...more,
    [heading, (k) => el("div", { class: "weigh" }, bar(["plain", figure(k) / most]), el("span", { class: "num" }, format(figure(k), k))), "across figure"],
  ], rows, "None noticed yet.");
}

// showSlow folds the slow log: a line for each command and pattern of its keys, those that took most themselves first.
function showSlow(groups) {
  const p = chosen();
  const rows = groups.filter((g) => g.pool === p.name).slice(0, 20);
  const most = Math.max(...rows.map((g) => g.own_us + g.waited_us), 1);
  const id = (g) => JSON.stringify([g.pool, g.command, g.pattern]);
  table("slow", [
    ["Command", (g) => el("button", { type: "button", class: "link mono", "data-group": id(g), "aria-expanded": String(state.unfolded.has(id(g))) }, g.command), "lead"],
    ["Keys", (g) => keyText(g.pattern), "across"],
    ["Times", (g) => count(g.times), "num"],
    ["Took itself", (g) => figure(duration(g.own_max_us), level(g.own_max_us, limits.p99)), "num", "at most: since it was written, or since the reply before it on its connection"],
    ["Waited", (g) => duration(g.waited_max_us), "num", "at most: in the proxy's queue, and behind others at the server"],
    ["Servers", (g) => Object.keys(g.servers).slice(0, 3).join(" ") + (Object.keys(g.servers).length > 3 ? " …" : ""), "quiet"],
    ["Last", (g) => clock(Date.parse(g.at) / 1000), "mono"],
    ["In all", (g) => el("div", { class: "weigh", title: `took ${duration(g.own_us)} itself, waited ${duration(g.waited_us)} for others` },
      bar(["server-part", g.own_us / most], ["queue", g.waited_us / most]),
      el("span", { class: "num" }, `${duration(g.own_us)} + ${duration(g.waited_us)}`)), "across figure"],
  ], rows, "No command was slow enough.", null, (g, columns) => state.unfolded.has(id(g)) && el("tr", { role: "row", class: "below" }, el("td", { role: "cell", colspan: columns, class: "across" }, g.worst.map(slowEntry))));
}

// slowEntry is one command of the slow log.
const slowEntry = (e) => el("div", { class: "entry" },
  el("span", { class: "mono" }, clock(Date.parse(e.at) / 1000)), " ", keyText(e.key), e.keys > 1 && [" ", el("small", null, `and ${e.keys - 1} more`)], " ",
  el("b", null, `took ${duration(e.own_us)}`), `, waited ${duration(e.waited_us)} (${duration(e.queue_us)} of it in the proxy), ${bytes(e.bytes)} from `,
  e.server, e.addr && e.addr !== e.server && ` (${e.addr})`, " for ", e.client_name && [keyText(e.client_name), " "], e.client);

// showEvents has what happened lately, to all pools and to the process.
function showEvents(events) {
  table("events", [
    ["Time", (e) => clock(Date.parse(e.at) / 1000), "mono"],
    ["Pool", (e) => (e.pool ? el("span", { class: e.pool === chosen().name ? null : "quiet" }, e.pool) : el("span", { class: "quiet" }, "–"))],
    ["What", (e) => [el("span", { class: { warn: "watch-text", error: "bad-text" }[e.level] ?? null }, e.text), e.server && [" ", el("b", null, e.server)], e.more && el("small", null, keyText(e.more))], "across"],
  ], events, "Nothing has happened yet.");
}

function showRefused(p) {
  const rows = Object.entries(p.refused ?? {}).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  table("refused", [["Command", ([name]) => keyText(name), "lead"], ["Times", ([, n]) => count(n), "num"]], rows, "None.");
}

function showClients(list) {
  const p = chosen(), held = (c) => c.in_bytes + c.out_bytes;
  const all = list.filter((c) => c.pool === p.name).sort((a, b) => held(b) - held(a) || b.in_flight - a.in_flight || b.commands - a.commands);
  table("clients", [
    ["Client", (c) => [el("span", { class: "mono" }, c.addr), c.name && [" ", keyText(c.name)]], "lead"],
    ["Library", (c) => (c.lib ? keyText(`${c.lib} ${c.lib_ver}`) : "–"), "quiet"],
    ["Age", (c) => ago(c.age_us / 1e6), "num"],
    ["Idle", (c) => ago(c.idle_us / 1e6), "num"],
    ["In flight", (c) => count(c.in_flight), "num"],
    ["Kept in / out", (c) => `${bytes(c.in_bytes)} / ${bytes(c.out_bytes)}`, "num"],
    ["Commands", (c) => count(c.commands), "num"],
    ["Protocol", (c) => c.protocol.toUpperCase(), "quiet"],
    ["Last", (c) => el("span", { class: "mono" }, c.last_command)],
    ["", (c) => (c.blocked ? el("span", { class: "state trial", title: "nothing more is taken from it for now" }, "held back") : "")],
  ], all.slice(0, shownClients), "No clients.");
  if (all.length > shownClients) $("clients").append(el("p", { class: "empty" }, `The ${shownClients} that hold most, of ${count(all.length)}.`));
}

function showPlace(places) {
  const line = (name, value, kind) => [el("dt", null, name), el("dd", { class: kind }, value)];
  const hex = (n) => `0x${n.toString(16).padStart(8, "0")}`;
  paint($("place"), places.map((p) => el("dl", { class: "place" },
    line("Server", p.server === "" ? "none is live" : p.name === p.addr ? p.addr : `${p.name} at ${p.addr}`, "answer"),
    line("Key", keyText(p.key)),
    p.hashed !== p.key && line("Hashed part", keyText(p.hashed)),
    line(p.hash_name, el("span", { class: "mono" }, `${hex(p.hash)} (${p.hash})`)),
    line(p.distribution, ["point ", el("span", { class: "mono" }, hex(p.point)), ` (${p.point})`]),
    line("Why", p.reason))));
}

// ---- what the reader does

function choose(pool) {
  state.pool = pool;
  window.history.replaceState(null, "", `#${new URLSearchParams({ pool })}`);
  state.looks = 0;
  state.highlight = null;
  state.unfolded.clear();
  paint($("ring"));
  paint($("place"));
  state.drawn.delete("place");
  if (history.last) showPool();
  for (const draw of state.drawn.values()) draw();
  look();
}

function highlight(e) {
  const name = e.type === "pointerleave" || e.type === "focusout" ? null : e.target.closest("[data-server]")?.dataset.server ?? null;
  if (name === state.highlight) return;
  state.highlight = name;
  showRing();
}

const charts = [];
const chart = (...settings) => charts.push(new Chart(...settings));

chart($("throughput"), "Throughput", {
  span: History.span, clock, format: count,
  series: [
    { label: "requests/s", colour: "var(--accent)", area: true, value: (s) => s.requests },
    { label: "errors/s", colour: "var(--bad)", own: true, value: (s) => s.errors },
  ],
});

chart($("classes"), "Commands by class", {
  span: History.span, clock, format: count,
  series: [
    { label: "reads/s", colour: "var(--p50)", area: true, value: (s) => s.classes?.read },
    { label: "writes/s", colour: "var(--p99)", value: (s) => s.classes?.write },
    { label: "others/s", colour: "var(--p90)", value: (s) => s.classes?.other },
    { label: "by the proxy/s", colour: "var(--queue)", thin: true, value: (s) => s.local },
  ],
});

chart($("ratios"), "Hit ratio and event loops", {
  span: History.span, clock, format: percent, top: 1,
  series: [
    { label: "hits", colour: "var(--good)", value: (s) => hits([s]) },
    { label: "busiest loop", colour: "var(--p90)", area: true, value: (s) => (s.busy?.length > 0 ? Math.max(...s.busy) : null) },
  ],
});

chart($("latency"), "Latency", {
  span: History.span, clock, format: duration, log: true,
  series: [
    { label: "p50", colour: "var(--p50)", value: (s) => s.server?.p50 },
    { label: "p90", colour: "var(--p90)", value: (s) => s.server?.p90 },
    { label: "p99", colour: "var(--p99)", value: (s) => s.server?.p99 },
    { label: "queue p99", colour: "var(--queue)", thin: true, value: (s) => s.queue?.p99 },
  ],
});

$("pool").addEventListener("change", (e) => choose(e.target.value));
window.addEventListener("hashchange", () => choose(new URLSearchParams(location.hash.slice(1)).get("pool")));
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
$("clients-box").addEventListener("toggle", clients);
for (const box of [$("ring"), $("servers")]) {
  for (const type of ["pointerover", "pointerleave", "focusin", "focusout"]) box.addEventListener(type, highlight);
}
document.addEventListener("click", (e) => {
  const button = e.target.closest("button");
  if (button?.dataset.pool !== undefined) choose(button.dataset.pool);
  if (button?.id === "overview-more") {
    state.allPools = !state.allPools;
    showOverview();
  }
  if (button?.dataset.group !== undefined) {
    const group = button.dataset.group;
    if (!state.unfolded.delete(group)) state.unfolded.add(group);
    state.drawn.get("slow")();
  }
});
$("explain").addEventListener("submit", (e) => {
  e.preventDefault();
  const query = new URLSearchParams({ key: $("explain-key").value, pool: chosen()?.name ?? "" });
  section("place", `/explain?${query}`, showPlace);
});

look();
