// kit.js: what the labs share. No update rule stands here: those are traced from optlib and follow it
// in the module, as the tables OPTIMIZERS and PROBLEMS.
//
// A lab in short (root_locus.js is the smallest example):
//   const lab = openLab({ model, el, page, name: "dial", link: { lr: inLink.number(0.01, 2) } });
//   el.append(pictures, controls made by slider, choice and lab.act, lab.note, lab.status);
//   const tasks = lab.missions([{ key, task, look(), progress(), done() }]);
//   return lab.start({ signal, watch: ["lr"], stage, simulate, draw, layout, show });

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
 * moves in decades, and with `scale`, {to, from}, as that says.
 */
function slider({ label, min, max, step, log = false, scale = log ? DECADES : { to: Number, from: Number }, unit = "", get, set, complain }) {
  const id = freshId("s"), { to, from } = scale;
  const range = h("input", { type: "range", id, min: to(min), max: to(max), step });
  const field = h("input", { type: "text", inputMode: "decimal", className: "lab-field", "aria-label": `${label}, typed` });
  range.addEventListener("input", () => { set(+say(from(+range.value), 4)); });
  const typed = () => {
    const v = readNumber(field.value);
    if (!(v >= min && v <= max)) { complain(`${label}: “${field.value}” is not a number from ${say(min, 4)} to ${say(max, 4)}.`); show(); return; }
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

const DECADES = { to: Math.log10, from: (v) => 10 ** v };

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
  write(values) { history.replaceState(history.state, "", fragment.text(values, fragment.read())); },
  text(values, p = new URLSearchParams()) {
    for (const [k, v] of Object.entries(values)) v === undefined ? p.delete(k) : p.set(k, v);
    // Readable where it may be: , ( ) ; = / ^
    return "#" + p.toString().replace(/%(2C|28|29|3B|3D|2F|5E)/g, decodeURIComponent);
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

/**
 * Axes of values against steps: level lines with their values, a title, the first and the last step. `log`
 * takes low and high as exponents of ten. A range that is nothing but rounding is widened to one that can be
 * drawn. Returns {px, py}: where a step and a value stand.
 */
function axes(c, { steps, low, high, log, title, colour, left = 46, right, top = 22, bottom, every }) {
  const least = 1e-12 * Math.max(Math.abs(low), Math.abs(high)) || 1;
  if (!(high - low >= least)) high = low + least;
  every ??= log ? Math.max(1, Math.ceil((high - low) / 6)) : (high - low) / 4;
  const level = (v) => bottom - ((bottom - top) * (v - low)) / (high - low);
  Object.assign(c, { font: FONT, fillStyle: colour.ink, strokeStyle: colour.line, lineWidth: 1, textAlign: "right", textBaseline: "middle" });
  const lines = Math.min(50, (high - low) / every + 1e-8); // counted: low + every may be low
  for (let k = 0; k <= lines; k++) {
    const v = low + k * every;
    c.beginPath(); c.moveTo(left, level(v)); c.lineTo(right, level(v)); c.stroke();
    c.fillText(log ? `1e${Math.round(v)}` : say(Math.abs(v) < 1e-12 ? 0 : v, 2), left - 5, level(v));
  }
  Object.assign(c, { textAlign: "left", textBaseline: "alphabetic" });
  c.fillText(title, 4, top - 9);
  if (steps) { c.fillText("0", left, bottom + 16); c.textAlign = "right"; c.fillText(`step ${steps}`, right, bottom + 16); }
  return { px: (t) => left + ((right - left) * t) / steps, py: (v) => level(log ? Math.log10(v) : v) };
}
const FONT = "12px system-ui, sans-serif";

/** A traced optimizer on a traced problem, at its start: {x, step(t)} for t = 1, 2, ... */
function walker(rule, problem, p, start, hyper) {
  const d = problem.dim, x = Float64Array.from(start), g = new Float64Array(d);
  const first = (k) => { const v = rule.initial[k] ?? 0; return v === "x" ? x : new Float64Array(d).fill(hyper[v] ?? v); };
  const m = Object.fromEntries(rule.memory.map((k) => [k, Float64Array.from(first(k))]));
  return { x, step(t) { problem.grad(x, p, g); rule.step(t, x, g, m, hyper); } };
}

/** Run a traced optimizer on a traced problem: iterates as [x0, y0, x1, y1, ...]. */
function trajectory(rule, problem, p, start, hyper, steps) {
  const d = problem.dim, path = new Float64Array(d * (steps + 1)), walk = walker(rule, problem, p, start, hyper);
  path.set(walk.x);
  for (let t = 1; t <= steps; t++) { walk.step(t); path.set(walk.x, d * t); }
  return path;
}

/** Calls back when the page or the notebook changes between light and dark. */
function onTheme(callback, signal) {
  const look = new MutationObserver(callback), media = matchMedia("(prefers-color-scheme: dark)");
  for (const e of [document.documentElement, document.body]) look.observe(e, { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light", "class", "theme"] });
  media.addEventListener("change", callback);
  signal?.addEventListener("abort", () => { look.disconnect(); media.removeEventListener("change", callback); });
}

/**
 * Kinds of settings in a link: how a value is written, read (undefined: nonsense) and described. One of a
 * list, such as a coordinate of the start, says so: `{ ...inLink.number(-6, 6), trait: "start", index: 0 }`.
 */
const inLink = {
  number(low, high) {
    const read = (text) => { const v = text.trim() === "" ? NaN : Number(text); return v >= low && v <= high ? v : undefined; };
    return { read, write: (v) => +v.toPrecision(6), expects: `a number from ${say(low)} to ${say(high)}` };
  },
  whole(low, high) {
    const number = inLink.number(low, high);
    return { ...number, read: (text) => { const v = number.read(text); return v === undefined ? v : Math.round(v); } };
  },
  one: (names) => ({ read: (text) => (names.includes(text) ? text : undefined), write: String, expects: names.length > 2 ? `one of ${names.join(", ")}` : names.join(" or ") }),
  some(names) {
    const read = (text) => { const v = text.split(",").filter(Boolean); return v.length && v.every((n) => names.includes(n)) ? v : undefined; };
    return { read, write: (v) => v.join(","), expects: `some of ${names.join(", ")}` };
  },
};

/**
 * What every lab shares: one door for changes, so that model, link and picture agree; complaints; what is
 * said once the reader pauses; missions; frames; and an end that leaves nothing behind. `link` maps the keys
 * of the URL fragment to kinds of `inLink`, with `trait` where the key is not the trait's name.
 */
function openLab({ model, el, page = false, name, link }) {
  el.classList.add("optlib", "lab", name);
  const get = (k) => model.get(k), timers = {};
  const later = (which, wait, f) => { clearTimeout(timers[which]); timers[which] = setTimeout(() => { delete timers[which]; f(); }, wait); };
  const text = (node, words) => { if (node.textContent !== words) node.textContent = words; };

  // ---- settings
  let unsaved = {};
  const set = (changes) => { for (const [k, v] of Object.entries(changes)) model.set(k, v); };
  function put(changes) {
    set(changes);
    Object.assign(unsaved, changes);
    if (!timers.save) later("save", 50, save);
    if (page) later("share", 250, share);
  }
  function save() { // set once more: a kernel's late echo of what was saved before may have undone it
    set(unsaved);
    unsaved = {};
    model.save_changes();
  }
  const settings = () => Object.fromEntries(Object.entries(link).map(([key, kind]) => {
    const v = get(kind.trait ?? key);
    return [key, kind.write(kind.index === undefined ? v : v[kind.index])];
  }));
  const share = () => fragment.write(settings());
  function adopt() { // settings from a link; what is nonsense is named and left as it was
    const p = fragment.read(), wrong = [], changes = {};
    for (const [key, kind] of Object.entries(link)) {
      if (!p.has(key)) continue;
      const v = kind.read(p.get(key)), trait = kind.trait ?? key;
      if (v === undefined) wrong.push(`${key}=${p.get(key)} (${kind.expects})`);
      else if (kind.index === undefined) changes[trait] = v;
      else (changes[trait] ??= [...get(trait)])[kind.index] = v;
    }
    set(changes);
    if (wrong.length || Object.keys(changes).length) el.dataset.linked = ""; // the page scrolls to what its address is about
    if (wrong.length) complain(`This link asks for ${wrong.join("; ")}. That part was left as it is.`);
  }

  // ---- words
  const status = h("p", { className: "lab-status", role: "status" }), note = h("p", { className: "lab-note", role: "alert", hidden: true });
  const complain = (words) => { text(note, words); note.hidden = !words; };
  const act = (changes) => { complain(""); put(changes); };
  let news = ""; // of a mission just solved: goes in front of what is said next
  /** Says `words()` once the reader pauses. */
  const speak = (words) => later("speech", 250, () => { const w = words(); text(status, `${news}${w}`); });

  // ---- controls that are bound to a trait
  /** A slider of a number; `whole` rounds it. More of slider()'s options may follow. */
  const bound = (key, label, [min, max], step, { whole = false, ...more } = {}) => slider({
    label, min, max, step, complain, get: () => get(key), set: (v) => act({ [key]: whole ? Math.round(v) : v }), ...more,
  });
  /** Two fields for a point, each from -limit to limit. */
  function point(key, label, limit) {
    const fields = ["x", "y"].map((axis, i) => {
      const field = h("input", { type: "text", inputMode: "decimal", className: "lab-field", "aria-label": `${label}, coordinate ${axis}` });
      onTyped(field, () => {
        const v = readNumber(field.value), to = [...get(key)];
        if (Math.abs(v) <= limit) { to[i] = v; act({ [key]: to }); } else complain(`${label}: “${field.value}” is not a number from ${-limit} to ${limit}.`);
        show();
      });
      return field;
    });
    const show = () => fields.forEach((field, i) => write(field, say(get(key)[i], 4)));
    return { row: h("div", { className: "lab-row" }, h("span", {}, `${label} (x, y)`), h("span", { className: "lab-pair" }, ...fields), h("span")), show };
  }
  /**
   * A knob for a point on a picture: dragged, or moved by arrow keys. `view()` is what the picture shows,
   * {left, top, width, height}; `bounds()` where the point may be, [left, right, low, high]; `grid()` its steps.
   */
  function knob(key, label, picture, { view, bounds, grid }) {
    const dot = h("button", { type: "button", className: "lab-knob", "aria-label": `${label}: drag, or use the arrow keys` });
    const move = (...to) => {
      const b = bounds(), unit = grid();
      act({ [key]: to.map((v, i) => Math.min(b[2 * i + 1], Math.max(b[2 * i], +(Math.round(v / unit[i]) * unit[i]).toPrecision(6)))) });
    };
    dot.addEventListener("pointerdown", (e) => { dot.setPointerCapture(e.pointerId); e.preventDefault(); dot.focus({ preventScroll: true }); });
    dot.addEventListener("pointermove", (e) => {
      if (!dot.hasPointerCapture(e.pointerId)) return;
      const r = picture.getBoundingClientRect(), v = view();
      move(v.left + ((e.clientX - r.left) / r.width) * v.width, v.top - ((e.clientY - r.top) / r.height) * v.height);
    });
    dot.addEventListener("keydown", (e) => {
      const d = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[e.key];
      if (!d) return;
      e.preventDefault();
      const n = e.shiftKey ? 40 : 4, unit = grid();
      move(...get(key).map((v, i) => v + n * unit[i] * d[i]));
    });
    return { dot, show: (x, y) => { dot.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`; } };
  }

  /** A button that copies the address of this page at these settings of this lab, and of no other. */
  function copier() {
    const button = h("button", { type: "button" }, "Copy a link to this setting"), reply = h("span", { role: "status" });
    button.addEventListener("click", async () => {
      share();
      try { await navigator.clipboard.writeText(location.href.split("#")[0] + fragment.text(settings())); text(reply, "The link is copied."); }
      catch { text(reply, "The browser does not let the page copy; the link stands in its address bar."); }
    });
    return h("p", { className: "lab-link" }, button, reply);
  }

  // ---- missions: {key, task, look(), progress(), done()}; `look` judges the present state by running things
  function missions(quest) {
    const list = h("ol", { className: "lab-missions" });
    for (const m of quest) {
      m.mark = h("span", { className: "lab-done" }); m.state = h("span", { className: "lab-progress" });
      m.item = h("li", {}, m.task, m.mark, m.state);
      list.append(m.item);
    }
    el.append(h("details", { className: "lab-details", open: true }, h("summary", {}, "Missions"), list));
    const done = (m) => (m.done ? m.done() : !!m.ok);
    function report() {
      for (const m of quest) { text(m.mark, done(m) ? " ✓ Solved." : ""); text(m.state, ` ${m.progress?.() ?? ""}`); }
      const solved = quest.filter(done).map((m) => m.key);
      if (solved.length > get("solved").length) {
        put({ solved });
        news = `Mission solved: ${solved.length} of ${quest.length}. `;
        text(status, news.trim());
        later("news", 1000, () => { news = ""; });
      }
    }
    return { judge() { for (const m of quest) m.look?.(); report(); }, report };
  }

  // ---- frames: once per frame, however many events came; `el.frames` keeps how long each took
  let raf = 0, stale = true, parts = {};
  function drawNow() {
    const t0 = performance.now();
    if (stale) { stale = false; parts.simulate?.(); }
    parts.draw();
    (el.frames ??= []).push(performance.now() - t0);
    if (el.frames.length > 2000) el.frames.length = 0;
  }
  function refresh() { raf ||= requestAnimationFrame(() => { raf = 0; if (el.clientWidth) drawNow(); }); }
  /** The colours of the page, light or dark, and whether it is `dark`. */
  function palette() {
    const style = getComputedStyle(el), colour = {};
    for (const k of ["ink", "line", "faint", "paper", "well", "accent", "good", "bad"]) colour[k] = style.getPropertyValue(`--${k}`).trim();
    return { ...colour, dark: colour.paper !== "#ffffff" };
  }
  /** Reset, Step, Play and a slider over the steps shown; `at()` is the step to draw. */
  function player(limit, seconds = 4) {
    let shown = Infinity, playing = 0;
    const at = () => Math.min(shown, limit());
    const scrub = h("input", { type: "range", min: 0, step: 1, "aria-label": "Step shown" });
    const back = h("button", { type: "button" }, "Reset"), one = h("button", { type: "button" }, "Step"), play = h("button", { type: "button" }, "Play");
    const halt = () => { cancelAnimationFrame(playing); playing = 0; play.textContent = "Play"; };
    const go = (t) => { halt(); shown = Math.max(0, Math.min(limit(), t)); refresh(); };
    back.addEventListener("click", () => go(0));
    one.addEventListener("click", () => go(at() >= limit() ? 1 : at() + 1));
    scrub.addEventListener("input", () => go(+scrub.value));
    play.addEventListener("click", () => {
      if (playing) { halt(); refresh(); return; }
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) return go(limit()); // the end, without the motion
      play.textContent = "Stop";
      const first = at() >= limit() ? 0 : at(), began = performance.now(), length = 1000 * seconds * (1 - first / limit());
      const tick = (now) => {
        const part = Math.min(1, Math.max(0, (now - began) / length));
        shown = Math.round(first + part * (limit() - first));
        if (part < 1) playing = requestAnimationFrame(tick); else halt();
        drawNow();
      };
      playing = requestAnimationFrame(tick);
    });
    return {
      row: h("div", { className: "lab-play" }, back, one, play, scrub), at, halt, playing: () => playing !== 0,
      toEnd: () => { if (!playing) shown = Infinity; },
      show() { scrub.max = limit(); scrub.value = at(); scrub.setAttribute("aria-valuetext", `step ${at()} of ${limit()}`); },
    };
  }

  // ---- life
  /**
   * Begins. `watch`: the traits that change the picture; `stage`: the element whose size matters; `layout()`:
   * after a change of size or colours; `changed(trait)`: before a frame that follows from a change; `simulate()`
   * and `draw()`: in a frame; `show()`: puts settings into controls; `end()`: at the end. Returns how to end.
   */
  function start({ signal, watch, stage, show, changed, layout, simulate, draw, end }) {
    parts = { simulate, draw };
    if (page && Object.keys(link).length) status.after(copier());
    // JupyterLab takes the arrow keys of a focused control unless the control itself says no.
    for (const e of el.querySelectorAll("input, button, select, summary, textarea, [tabindex]")) e.dataset.lmSuppressShortcuts = "true";
    const handlers = watch.map((k) => [`change:${k}`, () => { stale = true; changed?.(k); show(); refresh(); }]);
    for (const [event, f] of handlers) model.on(event, f);
    const hash = () => { complain(""); delete el.dataset.linked; adopt(); if ("linked" in el.dataset) el.scrollIntoView(); };
    if (page) { adopt(); window.addEventListener("hashchange", hash); }
    const fit = () => { if (!stage.clientWidth) return; layout?.(); refresh(); };
    const paper = () => { if (stage.clientWidth) { layout?.(); drawNow(); } }; // at once: who prints waits for no frame
    window.addEventListener("beforeprint", paper);
    const size = new ResizeObserver(fit);
    size.observe(stage);
    onTheme(fit, signal);
    const stop = () => {
      for (const [event, f] of handlers) model.off(event, f);
      window.removeEventListener("hashchange", hash);
      window.removeEventListener("beforeprint", paper);
      size.disconnect(); cancelAnimationFrame(raf);
      for (const t of Object.values(timers)) clearTimeout(t);
      end?.();
    };
    signal?.addEventListener("abort", stop);
    show(); fit();
    return stop;
  }
  return { get, put, act, complain, status, note, speak, later, text, bound, point, knob, missions, player, palette, refresh, start, outdate() { stale = true; } };
}
