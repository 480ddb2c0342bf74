// Makes and changes elements. Text comes in as text nodes only: there is no way from here to HTML.

const SVG = "http://www.w3.org/2000/svg";

function build(e, attrs, children) {
  for (const [name, value] of Object.entries(attrs ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "style") for (const [k, v] of Object.entries(value)) e.style.setProperty(k, v);
    else e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.flat(2).filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}

/** el is a new HTML element; children are elements, strings and lists of them. */
export const el = (tag, attrs, ...children) => build(document.createElement(tag), attrs, children);

/** svg is a new SVG element. */
export const svg = (tag, attrs, ...children) => build(document.createElementNS(SVG, tag), attrs, children);

/** paint makes the content of box like children, and keeps every element that can stay: with it focus and selection. */
export function paint(box, ...children) {
  morphChildren(box, build(document.createDocumentFragment(), null, children));
}

function morphChildren(old, now) {
  const want = [...now.childNodes];
  want.forEach((w, i) => (old.childNodes[i] ? morph(old.childNodes[i], w) : old.append(w)));
  while (old.childNodes.length > want.length) old.lastChild.remove();
}

function morph(old, now) {
  if (old.nodeName !== now.nodeName) {
    old.replaceWith(now);
  } else if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== now.data) old.data = now.data;
  } else {
    for (const name of old.getAttributeNames()) if (!now.hasAttribute(name)) old.removeAttribute(name);
    for (const name of now.getAttributeNames()) {
      if (name === "style") {
        if (old.style.cssText !== now.style.cssText) old.style.cssText = now.style.cssText; // the policy forbids the attribute
      } else if (old.getAttribute(name) !== now.getAttribute(name)) {
        old.setAttribute(name, now.getAttribute(name));
      }
    }
    morphChildren(old, now);
  }
}

/** keyText shows bytes that came from a client: what has no shape of its own, or turns text around, is written out. */
export function keyText(text) {
  if (text === "") return el("span", { class: "quiet" }, "(empty)");
  const parts = [];
  for (const c of text.match(/[\p{C}\p{Zl}\p{Zp}\uFFFD]|[^\p{C}\p{Zl}\p{Zp}\uFFFD]+/gu) ?? []) {
    const code = c.codePointAt(0);
    if (c === "\uFFFD") parts.push(el("span", { class: "odd", title: "a byte that is not UTF-8" }, c));
    else if (!/^[\p{C}\p{Zl}\p{Zp}]$/u.test(c)) parts.push(c);
    else parts.push(el("span", { class: "odd" }, code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`));
  }
  return el("span", { class: "key-text" }, parts);
}

const palette = ["#4269d0", "#efb118", "#e8604c", "#4fb3a5", "#3f9f4f", "#e57fa8", "#9a5fe8", "#7fa3e0", "#9c6b4e", "#8b8f98"];

/** colour is that of the server with this place in the pool. */
export const colour = (i) => palette[i] ?? `oklch(0.66 0.13 ${Math.round((i * 137.5) % 360)})`;

// ---- charts: lines over the last ten minutes

const size = { height: 190, left: 52, right: 6, top: 8, bottom: 20 };

const round = (figure) => figure.replace(/\.0+(?!\d)/, "");

const steps = (from, to) => {
  const list = [];
  for (let d = 10 ** Math.floor(Math.log10(from)); d <= to; d *= 10) for (const m of [1, 2, 5]) list.push(d * m);
  return list;
};

// scale finds the ends and ticks of a vertical axis for the values: from 0, or in powers of ten.
function scale(values, log, most) {
  if (most) return { ticks: [0, 0.25, 0.5, 0.75, 1].map((x) => x * most), at: (v) => Math.min(v / most, 1) };
  const top = Math.max(...values, log ? 10 : 1);
  if (!log) {
    const step = steps(top / 100, top).find((s) => top / s <= 4);
    const high = Math.ceil((top * 1.04) / step) * step;
    const ticks = [];
    for (let v = 0; v <= high * 1.0001; v += step) ticks.push(v);
    return { ticks, at: (v) => v / high };
  }
  const low = Math.min(...values, top / 10);
  const all = steps(Math.max(low, 1), top * 10);
  const first = Math.max(all.findLastIndex((s) => s <= low), 0), last = all.findIndex((s) => s >= top);
  let ticks = all.slice(first, last + 1);
  const [from, to] = [Math.log(ticks[0]), Math.log(ticks.at(-1))];
  if (ticks.length > 6) ticks = ticks.filter((v) => Number.isInteger(Math.round(Math.log10(v) * 1e6) / 1e6));
  return { ticks, at: (v) => (Math.log(Math.max(v, 1)) - from) / (to - from) };
}

/**
 * Chart draws series into box: each has a label, a CSS colour and a function from a sample to its value. One that is small
 * beside the others may have its own scale: its highest value reaches a third of the height. The legend reads the last
 * moment, or the one under the pointer or chosen with the arrow keys.
 */
export class Chart {
  constructor(box, name, { series, format, log = false, top, span, clock }) {
    Object.assign(this, { box, series, format, log, top, span, clock, name, cursor: null, samples: [], marks: [] });
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", `${name} over the last ten minutes. Arrow keys read earlier moments.`);
    box.addEventListener("pointermove", (e) => this.point(e.clientX - box.getBoundingClientRect().left));
    box.addEventListener("pointerleave", () => this.move(null));
    box.addEventListener("blur", () => this.move(null));
    box.addEventListener("keydown", (e) => this.key(e));
    new ResizeObserver(() => this.draw()).observe(box);
  }

  show(samples, marks) {
    Object.assign(this, { samples, marks });
    this.draw();
  }

  get width() {
    return Math.max(this.box.clientWidth, 200);
  }

  x(t) {
    const inner = this.width - size.left - size.right;
    return size.left + inner * (1 - (this.samples.at(-1).t - t) / this.span);
  }

  point(px) {
    const near = this.samples.reduce((best, s) => (!best || Math.abs(this.x(s.t) - px) < Math.abs(this.x(best.t) - px) ? s : best), null);
    this.move(near?.t ?? null);
  }

  key(e) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30 }[e.key];
    if (e.key === "Escape") this.move(null);
    if (step === undefined || this.samples.length === 0) return;
    e.preventDefault();
    const last = this.samples.length - 1;
    const at = this.cursor === null ? last : this.samples.findIndex((s) => s.t >= this.cursor);
    this.move(this.samples[Math.min(Math.max(at + step, 0), last)].t);
  }

  move(t) {
    this.cursor = t;
    this.draw();
  }

  draw() {
    if (this.samples.length === 0) return;
    const chosen = this.samples.find((s) => s.t === this.cursor);
    const read = chosen ?? this.samples.at(-1);
    const legend = el("p", { class: "legend", "aria-live": chosen ? "polite" : "off" }, chosen && el("span", null, this.clock(chosen.t)),
      this.series.map((s) => el("span", null, el("i", { class: "key", style: { "--c": s.colour } }), s.label, el("b", null, this.format(s.value(read))),
        s.own && el("small", null, `at most ${this.format(this.most(s))}`))));
    paint(this.box, legend, this.picture(chosen));
  }

  // most is the highest value of a series.
  most(series) {
    return Math.max(0, ...this.samples.map((s) => series.value(s) ?? 0));
  }

  picture(chosen) {
    const { width } = this, { height, left, right, top, bottom } = size;
    const known = (v) => v !== null && v !== undefined;
    const values = this.samples.flatMap((s) => this.series.filter((f) => !f.own).map((f) => f.value(s)).filter(known));
    const { ticks, at } = scale(values, this.log, this.top);
    const y = (v, share = at(v)) => height - bottom - (height - top - bottom) * share;
    const now = this.samples.at(-1).t;
    const parts = [];
    for (const v of ticks) {
      parts.push(svg("line", { class: "grid", x1: left, x2: width - right, y1: y(v), y2: y(v) }));
      parts.push(svg("text", { x: left - 8, y: y(v) + 4, "text-anchor": "end" }, round(this.format(v))));
    }
    const minutes = width < 420 ? 5 : 2;
    for (let m = 10; m >= 0; m -= minutes) {
      parts.push(svg("text", { x: this.x(now - 60 * m), y: height - 4, "text-anchor": m === 0 ? "end" : m === 10 ? "start" : "middle" }, m === 0 ? "now" : `−${m} min`));
    }
    for (const t of this.marks) {
      parts.push(svg("line", { class: "mark", x1: this.x(t), x2: this.x(t), y1: top, y2: height - bottom }, svg("title", null, "the proxy restarted")));
    }
    for (const s of this.series) {
      const most = s.own ? this.most(s) : 1;
      if (most === 0) continue;
      for (const run of runs(this.samples, (p) => known(s.value(p)))) {
        const points = run.map((p) => `${this.x(p.t).toFixed(1)},${y(s.value(p), s.own ? s.value(p) / most / 3 : undefined).toFixed(1)}`);
        if (s.area) {
          parts.push(svg("path", { class: "area", style: { "--c": s.colour }, d: `M${this.x(run[0].t).toFixed(1)},${y(0)}L${points.join("L")}L${this.x(run.at(-1).t).toFixed(1)},${y(0)}Z` }));
        }
        parts.push(svg("path", { class: s.thin ? "line thin" : "line", "data-series": s.label, style: { "--c": s.colour }, d: `M${points.join("L")}` }));
      }
    }
    if (chosen) parts.push(svg("line", { class: "cursor", x1: this.x(chosen.t), x2: this.x(chosen.t), y1: top, y2: height - bottom }));
    const last = this.samples.at(-1);
    const said = this.series.map((s) => `${s.label} ${this.format(s.value(last))}`).join(", ");
    return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${this.name} now: ${said}` }, parts);
  }
}

// runs splits samples where a value is missing.
function runs(samples, has) {
  const list = [];
  let run = [];
  for (const s of [...samples, null]) {
    if (s !== null && has(s)) run.push(s);
    else if (run.length > 0) (list.push(run), (run = []));
  }
  return list;
}

// ---- the ring

const slices = 2048; // of the outer band: finer than a pixel

// arc is a part of a circle around (150, 150), from and to as shares of the turn, clockwise from the top.
function arc(radius, from, to) {
  const end = Math.min(to, from + 0.9999); // a whole turn would start where it ends
  const at = (turn) => `${(150 + radius * Math.sin(turn * 2 * Math.PI)).toFixed(2)},${(150 - radius * Math.cos(turn * 2 * Math.PI)).toFixed(2)}`;
  return `M${at(from)}A${radius},${radius} 0 ${end - from > 0.5 ? 1 : 0} 1 ${at(end)}`;
}

// owners lists, for each slice of the turn, the index in ring.servers of the server that has it.
function owners(ring) {
  const list = [];
  let p = 0;
  for (let i = 0; i < slices; i++) {
    const value = Math.floor(((i + 0.5) / slices) * ring.span);
    while (p < ring.points.length && ring.points[p][0] < value) p++;
    list.push(ring.points[p % ring.points.length][1]); // past the last point comes the first
  }
  return list;
}

/** continuum draws where on the ring each server's keys lie: for each index in ring.servers the arcs as one path. */
export function continuum(ring, radius) {
  const paths = ring.servers.map(() => "");
  if (ring.points.length === 0) return paths;
  const list = owners(ring);
  for (let from = 0, i = 1; i <= slices; i++) {
    if (i < slices && list[i] === list[from]) continue;
    paths[list[from]] += arc(radius, from / slices, i / slices);
    from = i;
  }
  return paths;
}

/** band draws shares one after the other, with a small space between. */
export function band(shares, radius) {
  let from = 0;
  return shares.map((share) => {
    const path = share > 0 ? arc(radius, from + Math.min(0.0012, share / 4), from + share - Math.min(0.0012, share / 4)) : "";
    from += share;
    return path;
  });
}
