// Curves that zoom, tables that sort, pictures that open. No library, no network.
(() => {
"use strict";
const root = document.documentElement;
// The parser knows the name space of SVG: no address stands in this page.
const NS = document.getElementById("ns").namespaceURI;
const svg = (name, attributes, parent) => {
  const e = document.createElementNS(NS, name);
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  if (parent) parent.appendChild(e);
  return e;
};
const html = (name, text, parent, kind) => {
  const e = document.createElement(name);
  if (text !== undefined && text !== null) e.textContent = text;
  if (kind) e.className = kind;
  if (parent) parent.appendChild(e);
  return e;
};
const ink = name => `var(--${name})`;
const DASHES = ["", "7 4", "2 3", "9 3 2 3"];

// Numbers: about four digits, thousands grouped.
const number = (v, most) => {
  if (v === null || v === undefined || !isFinite(v)) return "–";
  const a = Math.abs(v);
  const d = most !== undefined ? most : a >= 999.5 || a === 0 ? 0 : a >= 99.5 ? 1 : a >= 0.995 ? 2 : a >= 0.00995 ? 4 : 6;
  return v.toLocaleString("en-US", {maximumFractionDigits: d});
};
// Round steps over a range.
const ticks = (lo, hi, n) => {
  const raw = (hi - lo) / Math.max(n, 1), power = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = [1, 2, 2.5, 5, 10].map(m => m * power).find(s => s >= raw * 0.999) || raw;
  const out = [];
  for (let i = Math.ceil(lo / step - 1e-9); i <= hi / step + 1e-9 && out.length < 60; i++) out.push(i * step || 0);
  const decimals = Math.max(0, Math.min(6, Math.ceil(-Math.log10(step) - 1e-9) + (Math.abs(step / power - 2.5) < 1e-9 ? 1 : 0)));
  return {at: out, decimals};
};

// Civil time: milliseconds from the start of the window, with the zone's changes of offset.
const clock = x => {
  const shift = ms => { let s = 0; for (const [from, by] of x.shifts || []) if (ms >= from) s = by; return s; };
  const civil = ms => new Date(x.start + ms + shift(ms));
  const back = c => { const ms = c - x.start; return ms - shift(ms - shift(ms)); };
  const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const two = n => String(n).padStart(2, "0");
  const time = d => `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
  const day = d => `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`;
  const H = 3600e3, D = 24 * H;
  const steps = [60e3, 300e3, 900e3, 1800e3, H, 3 * H, 6 * H, 12 * H, D, 2 * D, 7 * D, 14 * D, 28 * D, 91 * D, 182 * D, 364 * D];
  return {
    full: ms => { const d = civil(ms); return `${DAYS[d.getUTCDay()]} ${day(d)} ${d.getUTCFullYear()} ${time(d)}`; },
    iso: ms => civil(ms).toISOString().slice(0, 19),
    ticks: (lo, hi, n) => {
      const step = steps.find(s => (hi - lo) / s <= n) || steps[steps.length - 1];
      // Weeks begin on a Monday: the epoch of dates was a Thursday.
      const base = step >= 7 * D ? 4 * D : 0;
      const first = Math.ceil((civil(lo).getTime() - base) / step) * step + base, out = [];
      for (let c = first; out.length < 60; c += step) {
        const ms = back(c);
        if (ms > hi) break;
        const d = new Date(c), midnight = c % D === 0;
        out.push([ms, step >= D ? day(d) : midnight ? `${DAYS[d.getUTCDay()]} ${day(d)}` : time(d)]);
      }
      return out;
    },
  };
};

const groups = new Map();
let patterns = 0;

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.plot = figure.querySelector(".plot");
    const spec = this.spec = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const n = spec.series[0].v.length;
    if (spec.every) {
      this.at = Array.from({length: n + 1}, (_, i) => Math.min(i * spec.every, spec.end));
    } else {
      this.at = spec.at;
    }
    this.step = !!spec.every;
    this.n = n;
    this.names = spec.x.kind === "names";
    this.time = spec.x.kind === "time" ? clock(spec.x) : null;
    const pad = this.step ? 0 : this.names ? 0.5 : Math.max((this.at[n - 1] - this.at[0]) * 0.03, 1e-9);
    this.whole = [this.at[0] - pad, this.at[this.at.length - 1] + pad];
    this.view = this.whole.slice();
    this.off = spec.series.map(s => !!s.off);
    this.cursor = null;
    if (spec.group) {
      if (!groups.has(spec.group)) groups.set(spec.group, []);
      groups.get(spec.group).push(this);
    }
    this.tip = html("div", null, this.plot, "tip");
    this.tip.hidden = true;
    this.tip.setAttribute("role", "status");
    this.below();
    this.listen();
    this.draw();
    new ResizeObserver(() => this.draw()).observe(this.plot);
  }

  // The key, whose entries hide and show curves, and the tools.
  below() {
    const under = html("div", null, this.figure, "under"), legend = html("span", null, under, "legend");
    this.spec.series.forEach((s, i) => {
      const b = html("button", null, legend);
      b.type = "button";
      const k = svg("svg", {viewBox: "0 0 22 10", "aria-hidden": "true"}, b);
      if (this.spec.stack || s.fill) {
        const r = svg("rect", {x: 0, y: 0, width: 22, height: 10, rx: 2}, k);
        r.style.fill = ink(s.ink);
      } else {
        const l = svg("path", {d: "M0 5H22", "stroke-width": 3, "stroke-dasharray": DASHES[s.dash || 0]}, k);
        l.style.stroke = ink(s.ink);
      }
      b.appendChild(document.createTextNode(s.name));
      b.setAttribute("aria-pressed", String(!this.off[i]));
      b.title = "Click: hide or show. Double click: this one alone, or all again";
      b.addEventListener("click", () => { this.off[i] = !this.off[i]; this.keys(legend); });
      b.addEventListener("dblclick", () => {
        const alone = this.off.every((o, j) => o === (j !== i));
        this.off = this.off.map((_, j) => !alone && j !== i);
        this.keys(legend);
      });
    });
    if (this.spec.series.length < 2) legend.querySelectorAll("button").forEach(b => { b.disabled = true; b.style.opacity = 1; });
    const tools = html("span", null, under, "tools");
    const tool = (text, title, act) => {
      const b = html("button", text, tools);
      b.type = "button";
      b.title = title;
      b.setAttribute("aria-label", title);
      b.addEventListener("click", act);
      return b;
    };
    if (!this.names) {
      tool("+", "Zoom in", () => this.zoom(0.5));
      tool("−", "Zoom out", () => this.zoom(2));
      this.reset = tool("All", "Show all", () => this.show(this.whole));
    }
    tool("CSV", "Save the figures behind this chart as CSV", () => this.csv());
  }
  keys(legend) {
    legend.querySelectorAll("button").forEach((b, i) => b.setAttribute("aria-pressed", String(!this.off[i])));
    this.draw();
  }

  show(view) {
    const whole = this.whole, span = Math.min(view[1] - view[0], whole[1] - whole[0]);
    const least = (whole[1] - whole[0]) / Math.max(this.n, 2) * (this.step ? 2 : 0.5);
    const s = Math.max(span, Math.min(least, whole[1] - whole[0]));
    const from = Math.max(whole[0], Math.min(view[0], whole[1] - s));
    const all = this.spec.group ? groups.get(this.spec.group) : [this];
    for (const c of all) { c.view = [Math.max(from, c.whole[0]), Math.min(from + s, c.whole[1])]; c.draw(); }
  }
  zoom(by, around) {
    const [a, b] = this.view, m = around === undefined ? (this.cursor !== null ? this.middle(this.cursor) : (a + b) / 2) : around;
    this.show([m - (m - a) * by, m + (b - m) * by]);
  }
  middle(i) { return this.step ? (this.at[i] + this.at[i + 1]) / 2 : this.at[i]; }
  index(x) {
    let best = 0, least = Infinity;
    if (this.step) return Math.max(0, Math.min(this.n - 1, Math.floor(x / this.spec.every)));
    for (let i = 0; i < this.n; i++) { const d = Math.abs(this.at[i] - x); if (d < least) { least = d; best = i; } }
    return best;
  }

  listen() {
    const p = this.plot;
    const x = e => { const b = p.getBoundingClientRect(); return this.invert((e.clientX - b.left) * this.width / b.width); };
    let drag = null;
    p.addEventListener("pointerdown", e => {
      if (this.names || e.button !== 0) return;
      drag = {from: x(e), px: e.clientX, view: this.view.slice(), pan: e.shiftKey, moved: false};
      p.setPointerCapture(e.pointerId);
    });
    p.addEventListener("pointermove", e => {
      if (drag && Math.abs(e.clientX - drag.px) > 5) drag.moved = true;
      if (drag && drag.moved && drag.pan) {
        const by = (drag.px - e.clientX) / (this.width - this.left - this.right) * (drag.view[1] - drag.view[0]);
        this.show([drag.view[0] + by, drag.view[1] + by]);
      } else if (drag && drag.moved) {
        this.brush(drag.from, x(e));
      } else {
        this.point(this.index(x(e)));
      }
    });
    p.addEventListener("pointerup", e => {
      if (drag && drag.moved && !drag.pan) { const to = x(e); this.show([Math.min(drag.from, to), Math.max(drag.from, to)]); }
      drag = null;
    });
    p.addEventListener("pointercancel", () => { drag = null; this.draw(); });
    p.addEventListener("pointerleave", () => { if (!drag) this.point(null); });
    p.addEventListener("dblclick", () => this.show(this.whole));
    p.addEventListener("wheel", e => {
      if (this.names || !(e.shiftKey || e.ctrlKey)) return;
      e.preventDefault();
      this.zoom((e.deltaY || e.deltaX) > 0 ? 1.25 : 0.8, x(e));
    }, {passive: false});
    p.addEventListener("keydown", e => {
      const span = this.view[1] - this.view[0], step = {ArrowLeft: -1, ArrowRight: 1}[e.key];
      if (step && e.shiftKey) {
        this.show([this.view[0] + step * span / 8, this.view[1] + step * span / 8]);
      } else if (step) {
        const next = this.cursor === null ? this.index(step > 0 ? this.view[0] : this.view[1]) : this.cursor + step;
        const i = Math.max(0, Math.min(this.n - 1, next)), m = this.middle(i);
        if (m < this.view[0] || m > this.view[1]) this.show([this.view[0] + step * span / 4, this.view[1] + step * span / 4]);
        this.point(i);
      } else if ((e.key === "+" || e.key === "=") && !this.names) {
        this.zoom(0.5);
      } else if (e.key === "-" && !this.names) {
        this.zoom(2);
      } else if (e.key === "0" || e.key === "Escape") {
        this.show(this.whole);
        this.point(null);
      } else {
        return;
      }
      e.preventDefault();
    });
    p.addEventListener("blur", () => this.point(null));
  }

  invert(px) { return this.view[0] + (px - this.left) / (this.width - this.left - this.right) * (this.view[1] - this.view[0]); }
  px(x) { return this.left + (x - this.view[0]) / (this.view[1] - this.view[0]) * (this.width - this.left - this.right); }
  py(y) { return this.height - this.bottom - (y - this.low) / (this.high - this.low) * (this.height - this.top - this.bottom); }

  // The ends of what is seen of the curves that are shown.
  range() {
    let lo = Infinity, hi = -Infinity;
    const [a, b] = this.view;
    for (let i = 0; i < this.n; i++) {
      const from = this.at[i], to = this.step ? this.at[i + 1] : from;
      if (to < a || from > b) continue;
      let sum = 0;
      this.spec.series.forEach((s, k) => {
        if (this.off[k]) return;
        for (const v of [s.v[i], s.low && s.low[i], s.high && s.high[i]]) {
          if (v === null || v === undefined) continue;
          lo = Math.min(lo, v);
          if (this.spec.stack) sum += v; else hi = Math.max(hi, v);
        }
      });
      if (this.spec.stack) hi = Math.max(hi, sum);
    }
    if (!isFinite(hi)) return [0, 1];
    // What is never below nothing has no interval below it that means anything.
    if (lo < 0 && this.spec.series.every(s => s.v.every(v => v === null || v >= 0))) lo = 0;
    for (const m of this.spec.lines || []) if (m.at <= hi * 3 || hi <= 0) hi = Math.max(hi, m.at);
    if (this.spec.stack || this.spec.zero || (lo >= 0 && lo < 0.4 * hi)) lo = Math.min(0, lo);
    const pad = (hi - lo) * 0.05 || Math.abs(hi) * 0.05 || 1;
    return [lo === 0 ? 0 : lo - pad, this.spec.most ? Math.min(hi + pad, Math.max(this.spec.most, hi)) : hi + pad];
  }

  draw() {
    const width = Math.max(300, Math.round(this.plot.clientWidth || 900));
    this.width = width;
    this.height = this.spec.tall || 300;
    [this.low, this.high] = this.range();
    const y = ticks(this.low, this.high, 5);
    const labels = y.at.map(v => number(v, y.decimals));
    this.left = Math.max(...labels.map(t => t.length), 3) * 7.4 + 12;
    this.right = 14;
    this.top = 26;
    this.bottom = 44;
    const old = this.plot.querySelector("svg");
    const s = svg("svg", {viewBox: `0 0 ${width} ${this.height}`, role: "img", "aria-label": this.plot.dataset.label || ""});
    const [x0, x1, y0, y1] = [this.left, width - this.right, this.top, this.height - this.bottom];
    const id = `p${++patterns}`;
    const defs = svg("defs", {}, s);
    svg("rect", {x: x0, y: y0 - 2, width: x1 - x0, height: y1 - y0 + 4}, svg("clipPath", {id: `${id}clip`}, defs));
    const write = (x, y, text, anchor, kind) => {
      const t = svg("text", {x, y, "text-anchor": anchor, class: kind || "axis"}, s);
      t.textContent = text;
      return t;
    };
    y.at.forEach((v, i) => {
      const at = this.py(v);
      svg("path", {d: `M${x0} ${at}H${x1}`, class: "grid"}, s);
      write(x0 - 8, at + 4, labels[i], "end");
    });
    write(0, 12, this.low > 0 ? `${this.spec.y} (the axis does not begin at 0)` : this.spec.y, "start");
    write(x1, this.height - 6, this.spec.x.label, "end");
    const room = Math.max(2, Math.floor((x1 - x0) / 90));
    let marks;
    if (this.time) marks = this.time.ticks(this.view[0], this.view[1], room);
    else if (this.names) marks = this.spec.x.names.map((t, i) => [i, t]);
    else if (this.spec.x.ticks && this.spec.x.ticks.length <= room * 2) marks = this.spec.x.ticks;
    else { const t = ticks(this.view[0], this.view[1], room); marks = t.at.map(v => [v, number(v, t.decimals)]); }
    let end = -Infinity;
    for (const [v, text] of marks) {
      const at = this.px(v);
      if (at < x0 - 1 || at > x1 + 1) continue;
      svg("path", {d: `M${at} ${y0}V${y1 + 5}`, class: "grid"}, s);
      const half = text.length * 3.4;
      // A label at an end stays within the figure.
      const middle = Math.max(half, Math.min(at, width - half - 2));
      if (middle - half > end + 8) { write(middle, y1 + 19, text, "middle"); end = middle + half; }
    }
    const g = svg("g", {"clip-path": `url(#${id}clip)`}, s);
    if (this.spec.stack) this.stacked(g); else this.curves(g);
    for (const m of this.spec.lines || []) {
      const at = this.py(m.at);
      if (at < y0) continue;
      const l = svg("path", {d: `M${x0} ${at}H${x1}`, "stroke-width": 1.6, "stroke-dasharray": "10 5", fill: "none"}, s);
      l.style.stroke = ink(m.ink || "vermilion");
      write(x1 - 4, at - 5, m.name, "end", "");
    }
    svg("path", {d: `M${x0} ${y1}H${x1}`, class: "base"}, s);
    this.over = svg("g", {}, s);
    if (old) old.replaceWith(s); else this.plot.prepend(s);
    if (this.reset) this.reset.disabled = this.view[0] <= this.whole[0] && this.view[1] >= this.whole[1];
    if (this.cursor !== null) this.point(this.cursor);
  }

  // First and last bucket in view, with one more at either side.
  part() {
    let a = 0, b = this.n;
    if (this.step) { a = Math.max(0, this.index(this.view[0]) - 1); b = Math.min(this.n, this.index(this.view[1]) + 2); }
    return [a, b];
  }
  outline(v, from, to, back) {
    const out = [], f = x => Math.round(x * 10) / 10;
    if (this.step) for (let i = from; i < to; i++) out.push([f(this.px(this.at[i])), f(this.py(v[i]))], [f(this.px(this.at[i + 1])), f(this.py(v[i]))]);
    else for (let i = from; i < to; i++) out.push([f(this.px(this.at[i])), f(this.py(v[i]))]);
    if (back) out.reverse();
    return out;
  }
  stacked(g) {
    const [a, b] = this.part();
    let base = new Array(this.n).fill(0);
    this.spec.series.forEach((s, k) => {
      if (this.off[k]) return;
      const top = base.map((v, i) => v + (s.v[i] || 0));
      const points = this.outline(top, a, b).concat(this.outline(base, a, b, true));
      const area = svg("path", {d: "M" + points.map(p => p.join(" ")).join("L") + "Z"}, g);
      area.style.fill = ink(s.ink);
      area.style.stroke = "var(--card)";
      area.style.strokeWidth = "0.5";
      base = top;
    });
  }
  curves(g) {
    const [a, b] = this.part();
    this.spec.series.forEach((s, k) => {
      if (this.off[k]) return;
      // Whole stretches without a gap.
      for (let i = a; i < b;) {
        if (s.v[i] === null) { i++; continue; }
        let j = i;
        while (j < b && s.v[j] !== null) j++;
        if (s.low && !this.names) {
          const ends = (v, o) => v.map((x, q) => x === null ? s.v[q] : x);
          const band = this.outline(ends(s.high), i, j).concat(this.outline(ends(s.low), i, j, true));
          const p = svg("path", {d: "M" + band.map(q => q.join(" ")).join("L") + "Z"}, g);
          p.style.fill = ink(s.ink);
          p.style.fillOpacity = 0.18;
        }
        const points = this.outline(s.v, i, j);
        if (!this.names) {
          const line = svg("path", {d: "M" + points.map(q => q.join(" ")).join("L"), fill: "none", "stroke-width": 2, "stroke-linejoin": "round", "stroke-dasharray": DASHES[s.dash || 0]}, g);
          line.style.stroke = ink(s.ink);
          if (s.fill) {
            const foot = this.py(Math.max(this.low, 0)), under = points.concat([[points[points.length - 1][0], foot], [points[0][0], foot]]);
            const p = svg("path", {d: "M" + under.map(q => q.join(" ")).join("L") + "Z"}, g);
            p.style.fill = ink(s.ink);
            p.style.fillOpacity = 0.16;
          }
        }
        i = j;
      }
      if (!this.step) for (let i = 0; i < this.n; i++) {
        if (s.v[i] === null) continue;
        const shift = this.names ? (k - (this.spec.series.length - 1) / 2) * 14 : 0, x = this.px(this.at[i]) + shift;
        if (this.names && s.low && s.low[i] !== null) {
          const p = svg("path", {d: `M${x} ${this.py(s.low[i])}V${this.py(s.high[i])}`, "stroke-width": 3}, g);
          p.style.stroke = ink(s.ink);
        }
        const c = svg("circle", {cx: x, cy: this.py(s.v[i]), r: 4}, g);
        c.style.fill = ink(s.ink);
      }
    });
  }

  brush(a, b) {
    this.over.replaceChildren();
    this.tip.hidden = true;
    const [x0, x1] = [this.px(Math.min(a, b)), this.px(Math.max(a, b))];
    const r = svg("rect", {x: x0, y: this.top, width: Math.max(0, x1 - x0), height: this.height - this.top - this.bottom}, this.over);
    r.style.fill = ink("blue");
    r.style.fillOpacity = 0.18;
  }

  label(i) {
    if (this.time) return this.time.full(this.at[i]);
    if (this.names) return this.spec.x.names[i];
    const known = (this.spec.x.ticks || []).find(t => t[0] === this.at[i]);
    return `${this.spec.x.label}: ${known ? known[1] : number(this.at[i])}`;
  }
  point(i) {
    this.cursor = i;
    this.over.replaceChildren();
    this.tip.hidden = i === null;
    if (i === null) return;
    const x = this.px(this.middle(i)), unit = this.spec.unit ? ` ${this.spec.unit}` : "";
    const l = svg("path", {d: `M${x} ${this.top}V${this.height - this.bottom}`, "stroke-dasharray": "3 3", class: "thin"}, this.over);
    l.style.stroke = "var(--text)";
    this.tip.replaceChildren();
    html("b", this.label(i), this.tip);
    const t = html("table", null, this.tip);
    let sum = 0, rows = 0;
    const order = this.spec.series.map((s, k) => [s, k]);
    if (this.spec.stack) order.reverse();
    for (const [s, k] of order) {
      const v = s.v[i];
      if (this.off[k] || v === null || (this.spec.stack && v === 0)) continue;
      sum += v;
      rows++;
      const r = html("tr", null, t), name = html("td", null, r);
      const w = html("span", null, name, "swatch");
      w.style.background = ink(s.ink);
      name.appendChild(document.createTextNode(s.name));
      const ends = s.low && s.low[i] !== null && s.low[i] !== undefined ? ` [${number(s.low[i])}, ${number(s.high[i])}]` : "";
      html("td", number(v) + unit + ends, r);
      if (!this.spec.stack) { const c = svg("circle", {cx: x, cy: this.py(v), r: 3.5}, this.over); c.style.fill = ink(s.ink); }
    }
    if (this.spec.stack && rows > 1) { const r = html("tr", null, t); html("b", "all", html("td", null, r)); html("b", number(sum) + unit, html("td", null, r)); }
    const scale = this.plot.clientWidth / this.width, at = x * scale, w = this.tip.offsetWidth;
    this.tip.style.top = "28px";
    this.tip.style.left = `${at + 14 + w > this.plot.clientWidth ? Math.max(0, at - 14 - w) : at + 14}px`;
  }

  csv() {
    const head = [this.spec.x.label];
    for (const s of this.spec.series) { head.push(s.name); if (s.low) head.push(`${s.name} low`, `${s.name} high`); }
    const rows = [head];
    for (let i = 0; i < this.n; i++) {
      const row = [this.time ? this.time.iso(this.at[i]) : this.names ? this.spec.x.names[i] : String(this.at[i])];
      for (const s of this.spec.series) { row.push(s.v[i]); if (s.low) row.push(s.low[i], s.high[i]); }
      rows.push(row);
    }
    save(rows, `${this.figure.id}.csv`);
  }
}

// Rows as CSV (RFC 4180) in a file of the reader's.
const save = (rows, name) => {
  const cell = v => v === null || v === undefined ? "" : /[",\n]/.test(v) ? `"${String(v).replace(/"/g, '""')}"` : String(v);
  const text = rows.map(r => r.map(cell).join(",") + "\n").join("");
  const a = html("a"), url = URL.createObjectURL(new Blob([text], {type: "text/csv"}));
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 5000);
};

// Tables: a click on a head sorts, another turns it round, a third gives the first order back.
const sortable = table => {
  const body = table.tBodies[0], first = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const b = html("button", "CSV", table.caption, "tools save");
  b.type = "button";
  b.setAttribute("aria-label", "Save this table as CSV");
  b.addEventListener("click", () => {
    const value = c => c.dataset.v !== undefined ? c.dataset.v : c.textContent.trim();
    save([heads.map(h => h.textContent.trim()), ...Array.from(body.rows, r => Array.from(r.cells, value))], `${table.id}.csv`);
  });
  heads.forEach((h, i) => {
    const b = h.querySelector("button");
    if (!b) return;
    b.addEventListener("click", () => {
      const numbers = h.classList.contains("n");
      const order = numbers ? ["descending", "ascending", "none"] : ["ascending", "descending", "none"];
      const next = order[(order.indexOf(h.getAttribute("aria-sort") || "none") + 1) % 3];
      heads.forEach(o => { if (o.hasAttribute("aria-sort")) o.setAttribute("aria-sort", "none"); });
      h.setAttribute("aria-sort", next);
      let rows = first.slice();
      if (next !== "none") {
        const sign = next === "ascending" ? 1 : -1;
        const key = r => { const c = r.cells[i]; return numbers ? (c.dataset.v === undefined || c.dataset.v === "" ? null : Number(c.dataset.v)) : c.textContent.trim() || null; };
        rows = rows.map((r, at) => [key(r), at, r]).sort((a, b) => {
          // What is not known stands last, whichever way.
          if (a[0] === null || b[0] === null) return (a[0] === null) - (b[0] === null) || a[1] - b[1];
          const d = numbers ? a[0] - b[0] : a[0].localeCompare(b[0], "en", {numeric: true});
          return sign * d || a[1] - b[1];
        }).map(r => r[2]);
      }
      body.append(...rows);
    });
  });
};
const filter = input => {
  const table = document.getElementById(input.dataset.table), rows = Array.from(table.tBodies[0].rows), told = input.parentElement.querySelector("output");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(w => w);
    let shown = 0;
    for (const r of rows) {
      const text = r.textContent.toLowerCase();
      r.hidden = !words.every(w => text.includes(w));
      if (!r.hidden) shown++;
    }
    told.textContent = `${shown} of ${rows.length}`;
  });
};

const theme = document.getElementById("theme");
const dark = () => root.dataset.theme === "dark";
const set = to => { root.dataset.theme = to; if (theme) { theme.textContent = to === "dark" ? "Light" : "Dark"; theme.setAttribute("aria-label", `Switch to ${to === "dark" ? "light" : "dark"} colours`); } };
set(window.matchMedia && matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
if (theme) theme.addEventListener("click", () => set(dark() ? "light" : "dark"));

const charts = Array.from(document.querySelectorAll("figure.curves")).map(f => new Chart(f));
document.querySelectorAll("table.sort").forEach(sortable);
document.querySelectorAll("input[data-table]").forEach(filter);

const dialog = document.getElementById("large");
if (dialog) {
  document.querySelectorAll(".deck button").forEach(b => b.addEventListener("click", () => {
    const i = b.querySelector("img"), large = dialog.querySelector("img");
    large.src = i.src;
    large.alt = i.alt;
    dialog.showModal();
  }));
  dialog.addEventListener("click", () => dialog.close());
}

// On paper: light, everything open.
let before = null;
addEventListener("beforeprint", () => {
  before = {theme: root.dataset.theme, closed: Array.from(document.querySelectorAll("details:not([open])"))};
  set("light");
  before.closed.forEach(d => { d.open = true; });
});
addEventListener("afterprint", () => {
  if (!before) return;
  set(before.theme);
  before.closed.forEach(d => { d.open = false; });
  before = null;
});
root.dataset.ready = String(charts.length);
})();
