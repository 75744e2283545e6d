// kit.js: what the labs share. No update rule stands here: those are traced from optlib and follow it
// in the module, as the tables OPTIMIZERS and PROBLEMS.

/** An element with properties and children; a property with a hyphen becomes an attribute. */
function h(tag, props = {}, ...kids) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) k.includes("-") || k === "role" || k === "for" ? e.setAttribute(k, v) : (e[k] = v);
  e.append(...kids);
  return e;
}

let idCount = 0;
const freshId = (name) => `${name}-${++idCount}`;

/** A number for people: 0.0123, 1500, 3.5e-8. */
function say(v, digits = 3) {
  if (!Number.isFinite(v)) return v > 0 ? "infinity" : "not a number";
  if (v === 0) return "0";
  const a = Math.abs(v);
  return a >= 1e5 || a < 1e-3 ? v.toExponential(digits - 1).replace("e+", "e").replace(/\.?0+e/, "e") : String(+v.toPrecision(digits));
}

/** What a reader typed, as a number: also 1e-3, 1/25 and a decimal comma; NaN when it is none. */
function readNumber(text) {
  const parts = text.trim().replace(/−/g, "-").replace(/,/g, ".").split("/");
  if (parts.length > 2 || parts.some((p) => p.trim() === "")) return NaN;
  const values = parts.map(Number);
  return values.length === 2 ? values[0] / values[1] : values[0];
}

/** Calls back when a typed field is done: on leaving it and on Enter, which JupyterLab swallows. */
function onTyped(field, callback) {
  const done = () => { field.typing = false; callback(); };
  field.addEventListener("input", () => { field.typing = true; });
  field.addEventListener("change", done);
  field.addEventListener("keydown", (e) => { if (e.key === "Enter") { e.preventDefault(); done(); } });
}

/** Shows a value in a typed field, unless the reader is in the middle of typing another. */
function write(field, text) {
  if (!field.typing) field.value = text;
}

/**
 * A labelled slider with a field to type in. `get` and `set` speak in real values; with `log` the slider
 * moves in decades. `valid(v)` returns a complaint or null.
 */
function slider({ label, min, max, step, log = false, unit = "", get, set, complain }) {
  const id = freshId("s"), to = log ? Math.log10 : Number, from = log ? (v) => 10 ** v : Number;
  const range = h("input", { type: "range", id, min: to(min), max: to(max), step });
  const field = h("input", { type: "text", inputMode: "decimal", className: "lab-field", "aria-label": `${label}, typed` });
  range.addEventListener("input", () => { set(+say(from(+range.value), 4)); });
  const typed = () => {
    const v = readNumber(field.value);
    if (!(v >= min && v <= max)) { complain(`${label}: “${field.value}” is not a number from ${say(min)} to ${say(max)}.`); show(); return; }
    set(v);
  };
  onTyped(field, typed);
  const show = () => {
    range.value = to(get());
    range.setAttribute("aria-valuetext", `${say(get(), 4)}${unit}`);
    write(field, say(get(), 4));
  };
  show();
  return { row: h("div", { className: "lab-row" }, h("label", { htmlFor: id }, label), range, field), show };
}

/** A group of radio buttons; returns {row, show}. */
function choice({ label, options, get, set }) {
  const name = freshId("r"), set_ = h("fieldset", { className: "lab-choice" }, h("legend", {}, label));
  const boxes = options.map(([value, text]) => {
    const box = h("input", { type: "radio", name, value });
    box.addEventListener("change", () => set(value));
    set_.append(h("label", {}, box, text));
    return box;
  });
  const show = () => boxes.forEach((b) => (b.checked = b.value === get()));
  show();
  return { row: set_, show };
}

/**
 * The URL fragment as a store of settings, `#lr=0.3&kappa=100`: read once, rewritten on change. Keys of
 * others are left alone; a fragment that names a section of the page is no store and is not touched
 * until the reader moves something.
 */
const fragment = {
  read() {
    const text = location.hash.slice(1);
    return text.includes("=") ? new URLSearchParams(text) : new URLSearchParams();
  },
  write(values) {
    const p = fragment.read();
    for (const [k, v] of Object.entries(values)) p.set(k, v);
    history.replaceState(history.state, "", "#" + p.toString().replace(/%2C/g, ","));
  },
};

/** Level lines by marching squares: calls line(x1, y1, x2, y2) in units of the grid. */
function contours(Z, nx, ny, levels, line) {
  for (let j = 0; j < ny - 1; j++) for (let i = 0; i < nx - 1; i++) {
    const k = j * nx + i, a = Z[k], b = Z[k + 1], c = Z[k + nx + 1], d = Z[k + nx];
    const low = Math.min(a, b, c, d), high = Math.max(a, b, c, d);
    for (const v of levels) {
      if (v <= low || v > high) continue;
      const q = [];
      if (a < v !== b < v) q.push(i + (v - a) / (b - a), j);
      if (b < v !== c < v) q.push(i + 1, j + (v - b) / (c - b));
      if (d < v !== c < v) q.push(i + (v - d) / (c - d), j + 1);
      if (a < v !== d < v) q.push(i, j + (v - a) / (d - a));
      for (let n = 0; n + 3 < q.length; n += 4) line(q[n], q[n + 1], q[n + 2], q[n + 3]);
    }
  }
}

/** A canvas that is sharp on every screen: returns its 2-D context scaled to CSS pixels. */
function sharp(canvas, width, height) {
  const dpr = Math.min(window.devicePixelRatio || 1, 2);
  if (canvas.width !== Math.round(width * dpr) || canvas.height !== Math.round(height * dpr)) {
    canvas.width = Math.round(width * dpr);
    canvas.height = Math.round(height * dpr);
  }
  const c = canvas.getContext("2d");
  c.setTransform(dpr, 0, 0, dpr, 0, 0);
  c.clearRect(0, 0, width, height);
  return c;
}

/** Run a traced optimizer on a traced problem: iterates as [x0, y0, x1, y1, ...]. */
function trajectory(rule, problem, p, start, hyper, steps) {
  const d = problem.dim, path = new Float64Array(d * (steps + 1)), x = Float64Array.from(start), g = new Float64Array(d);
  const first = (k) => { const v = rule.initial[k] ?? 0; return v === "x" ? x : new Float64Array(d).fill(hyper[v] ?? v); };
  const m = Object.fromEntries(rule.memory.map((k) => [k, Float64Array.from(first(k))]));
  path.set(x);
  for (let t = 1; t <= steps; t++) {
    problem.grad(x, p, g);
    rule.step(t, x, g, m, hyper);
    path.set(x, d * t);
  }
  return path;
}

/** Calls back when the page or the notebook changes between light and dark. */
function onTheme(callback, signal) {
  const look = new MutationObserver(callback), media = matchMedia("(prefers-color-scheme: dark)");
  for (const e of [document.documentElement, document.body]) look.observe(e, { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light", "class", "theme"] });
  media.addEventListener("change", callback);
  signal?.addEventListener("abort", () => { look.disconnect(); media.removeEventListener("change", callback); });
}
