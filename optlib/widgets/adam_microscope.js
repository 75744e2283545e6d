// Adam microscope: what a rule makes of the gradients of one parameter. Needs, in front of it in the module:
// kit.js, the traced tables OPTIMIZERS and SCHEDULES, the traced formula corrected, and MICRO (from Python).

const SLICE = 3; // milliseconds of a frame that a long stream may take
const MARGIN = { left: 46, right: 8 };

/** A rule about to take its first step: `x`, its memory, and `step(g)`, which returns how far it went down. */
function patient(name, hyper, correct, start = 0) {
  const rule = OPTIMIZERS[name], x = Float64Array.of(start), slope = new Float64Array(1);
  const h = { ...rule.defaults, ...hyper };
  const memory = Object.fromEntries(rule.memory.map((k) => { const v = rule.initial[k] ?? 0; return [k, Float64Array.of(rule.defaults[v] ?? v)]; }));
  let t = MICRO.correctable.includes(name) && !correct ? MICRO.forever : 0;
  return {
    x, memory, t: () => t,
    step(g, lr = 1) {
      const at = x[0];
      slope[0] = g; h.lr = lr; t += 1;
      rule.step(t, x, slope, memory, h);
      return at - x[0];
    },
  };
}

/** What the rule makes of each bar: rows of {m, v, mHat, vHat, step}; as `look` of the Python side. */
function lookAt(name, bars, { before, fill, correct, ...hyper }) {
  const it = patient(name, hyper, correct), [first, second] = MICRO.views[name], n = bars.length;
  for (let k = before; k > 0; k--) it.step(fill === "repeat" ? bars[(n - (k % n)) % n] : 0);
  return bars.map((g) => {
    it.x[0] = 0; // else a long way would cost digits
    const step = it.step(g), m = first ? it.memory[first][0] : g, v = it.memory[second][0];
    return { m, v, mHat: first ? corrected(m, hyper.beta1, it.t()) : m, vHat: first ? corrected(v, hyper.beta2, it.t()) : v, step };
  });
}

/** A run on one of Reddi's streams, to be taken in pieces: `on(until)` goes on, `path` holds [t, x, ...]. */
function streamRun(name, stream, { correct, ...hyper }) {
  const it = patient(name, hyper, correct, stream.start), path = [0, stream.start], every = Math.ceil(stream.steps / 400);
  const rate = { value: stream.lr, warmup: 1 };
  let t = 0;
  return {
    path, done: () => t >= stream.steps, end: () => it.x[0],
    on(ready) {
      while (t < stream.steps && !ready()) for (let stop = Math.min(stream.steps, t + 1000); t < stop;) {
        const g = t % stream.period ? stream.small : stream.large;
        it.step(g, SCHEDULES.InverseSqrt.at(++t, rate));
        it.x[0] = Math.min(1, Math.max(-1, it.x[0]));
        if (t % every === 0 || t === stream.steps) path.push(t, it.x[0]);
      }
    },
  };
}

function render({ model, el, signal, page = false }) {
  const { ranges, streams, presets } = MICRO, NAMES = Object.keys(OPTIMIZERS), hundredths = inLink.whole(-100, 100);
  const drawn = { // the bars in a link, in hundredths
    read(text) { const v = text.split(",").map((part) => hundredths.read(part)); return v.length === MICRO.bars && v.every((g) => g !== undefined) ? v.map((g) => g / 100) : undefined; },
    write: (v) => v.map((g) => Math.round(100 * g)).join(","), expects: `${MICRO.bars} whole numbers from -100 to 100`,
  };
  const lab = openLab({ model, el, page, name: "micro", link: {
    rule: inLink.one(NAMES), stream: inLink.one(["bars", ...Object.keys(streams)]), bars: drawn, before: inLink.whole(...ranges.before),
    fill: inLink.one(["zeros", "repeat"]), correct: { ...inLink.one(["true", "false"]), read: (s) => ({ true: true, false: false })[s] },
    beta1: inLink.number(...ranges.beta1), beta2: { ...inLink.number(...ranges.beta2), write: String }, eps: inLink.number(...ranges.eps), bar: inLink.whole(...ranges.bar),
  } });
  const { get, act, bound, text, complain } = lab, byHand = () => get("stream") === "bars", uses = (key) => key in OPTIMIZERS[get("rule")].defaults;
  const SETTINGS = ["before", "fill", "correct", "beta1", "beta2", "eps"];
  const settings = () => Object.fromEntries(SETTINGS.map((k) => [k, get(k)]));

  // ---- elements
  const pad = h("canvas", { className: "micro-pad", "aria-hidden": "true" }), scope = h("canvas", { className: "micro-scope", "aria-hidden": "true" });
  const stage = h("div", { className: "micro-stage" }, pad, scope);
  const radio = (key, label, options) => choice({ label, options, get: () => get(key), set: (v) => act({ [key]: v }) });
  const rule = radio("rule", "Rule", NAMES.map((k) => [k, k])), stream = radio("stream", "Gradients", Object.entries(MICRO.labels));
  const fill = radio("fill", "Before is", [["zeros", "zeros"], ["repeat", "the same bars, again and again"]]);
  const bar = bound("bar", "Bar", ranges.bar, 1, { whole: true });
  const setBar = (i, g) => { const bars = [...get("bars")]; bars[i] = Math.round(100 * Math.min(1, Math.max(-1, g))) / 100; return bars; };
  const height = slider({ label: "Its gradient", min: -1, max: 1, step: 0.01, complain, get: () => get("bars")[get("bar") - 1], set: (v) => act({ bars: setBar(get("bar") - 1, v) }) });
  const before = bound("before", "Steps before", ranges.before, 10, { whole: true });
  const beta1 = bound("beta1", "β₁", ranges.beta1, 0.01), eps = bound("eps", "ε", ranges.eps, 0.1, { log: true });
  const beta2 = slider({ label: "1 − β₂", min: 1e-5, max: 0.95, step: 0.01, log: true, complain, get: () => +(1 - get("beta2")).toPrecision(6), set: (v) => act({ beta2: +(1 - v).toPrecision(6) }) });
  const tick = h("input", { type: "checkbox" }), correct = h("label", { className: "micro-check" }, tick, "Bias correction");
  tick.addEventListener("change", () => act({ correct: tick.checked }));
  const shapes = h("span", { className: "micro-shapes", role: "group", "aria-label": "Ready-made gradients" }, ...Object.keys(presets).map((name) => {
    const b = h("button", { type: "button" }, name);
    b.addEventListener("click", () => act({ bars: [...presets[name]], bar: MICRO.bars }));
    return b;
  }));
  const COLUMNS = ["g", "m", "v", "m̂", "v̂", "step / η"], cells = COLUMNS.map(() => h("td", {}));
  const facts = h("table", { className: "micro-facts" }, h("thead", {}, h("tr", {}, ...COLUMNS.map((c) => h("th", { scope: "col" }, c)))), h("tbody", {}, h("tr", {}, ...cells)));
  const hand = [shapes, bar.row, height.row, facts, before.row, fill.row];
  el.append(
    h("div", { className: "lab-sets" }, stream.row), stage, shapes, h("div", { className: "lab-controls" }, bar.row, height.row), facts,
    h("div", { className: "lab-sets" }, rule.row, correct),
    h("div", { className: "lab-controls" }, before.row), h("div", { className: "lab-sets" }, fill.row),
    h("div", { className: "lab-controls" }, beta1.row, beta2.row, eps.row),
    lab.note, lab.status,
  );
  const spot = (e) => { // the bar and the value under the pointer
    const r = pad.getBoundingClientRect(), inner = r.width - MARGIN.left - MARGIN.right;
    const i = Math.floor(((e.clientX - r.left - MARGIN.left) / inner) * MICRO.bars);
    return { i: Math.min(MICRO.bars - 1, Math.max(0, i)), g: 1 - (2 * (e.clientY - r.top - TOP)) / (r.height - TOP - FOOT) };
  };
  let last = null;
  function stroke(e) { // all bars that the pointer passed since the last event
    const to = spot(e), from = last ?? to, bars = [...get("bars")], n = Math.abs(to.i - from.i);
    for (let k = 0; k <= n; k++) { const part = n ? k / n : 1; bars[from.i + Math.sign(to.i - from.i) * k] = Math.round(100 * Math.min(1, Math.max(-1, from.g + part * (to.g - from.g)))) / 100; }
    last = to;
    act({ bars, bar: to.i + 1 });
  }
  pad.addEventListener("pointerdown", (e) => { if (!byHand()) return; e.preventDefault(); pad.setPointerCapture(e.pointerId); last = null; stroke(e); });
  pad.addEventListener("pointermove", (e) => { if (pad.hasPointerCapture(e.pointerId)) stroke(e); });

  // ---- what is computed
  let rows = [], now = null, long = null;
  function simulate() {
    if (byHand()) {
      long = null;
      rows = lookAt(get("rule"), get("bars"), settings());
      const sizes = rows.map((r) => Math.abs(r.step)), bars = get("bars"), rms = (v) => Math.sqrt(v.reduce((s, x) => s + x * x, 0) / v.length);
      const longest = Math.max(...sizes);
      now = { longest, at: sizes.findIndex((s) => s >= (1 - 1e-9) * longest) + 1, rms: rms(sizes), mean: bars.reduce((s, g) => s + g, 0) / bars.length, size: rms(bars) };
      tasks.judge();
    } else {
      const { beta1, beta2, eps, correct } = settings();
      long = streamRun(get("rule"), streams[get("stream")], { correct, beta1, beta2, eps });
    }
  }

  // ---- drawing
  const TOP = 22, FOOT = 8;
  let colour = {}, wide = 0, tall = [0, 0];
  function layout() {
    wide = stage.clientWidth; tall = [pad.clientHeight, scope.clientHeight];
    colour = lab.palette();
  }
  const right = () => wide - MARGIN.right, ink = () => MICRO.colours[get("rule")][+colour.dark];
  const unit = () => (right() - MARGIN.left) / MICRO.bars, px = (k) => MARGIN.left + (k + 0.5) * unit();
  function barsOn(c, values, py, fillStyle, strong) {
    for (let k = 0; k < values.length; k++) {
      c.fillStyle = k === strong ? colour.ink : fillStyle;
      const y = py(values[k]), zero = py(0);
      c.fillRect(px(k) - 0.38 * unit(), Math.min(y, zero), 0.76 * unit(), Math.max(1, Math.abs(y - zero)));
    }
  }
  function chosen(c, height) { c.fillStyle = colour.well; c.fillRect(px(get("bar") - 1) - unit() / 2, TOP - 4, unit(), height - TOP); }
  function drawPad() {
    const c = sharp(pad, wide, tall[0]);
    chosen(c, tall[0]);
    const { py } = axes(c, { low: -1, high: 1, every: 1, title: "gradients: draw here", colour, left: MARGIN.left, right: right(), top: TOP, bottom: tall[0] - FOOT });
    barsOn(c, get("bars"), py, colour.faint, get("bar") - 1);
  }
  function drawScope() {
    const c = sharp(scope, wide, tall[1]), half = Math.round(tall[1] / 2), view = { colour, left: MARGIN.left, right: right() };
    chosen(c, tall[1]);
    // what it keeps, in units of the largest of it
    const root = (v) => Math.sqrt(Math.max(v, 0)), most = Math.max(1e-9, ...rows.map((r) => Math.max(Math.abs(r.mHat), Math.abs(r.m), root(r.vHat), root(r.v)))) * 1.08;
    const memory = MICRO.views[get("rule")][0] !== null;
    let { py } = axes(c, { ...view, low: -most, high: most, every: most, title: memory ? "thick: m̂ between ±√v̂; dashed: m, √v" : "thick: g between ± the root of what is kept", top: TOP, bottom: half - 6 });
    const line = (f, style, width, dash = []) => {
      Object.assign(c, { strokeStyle: style, lineWidth: width }); c.setLineDash(dash);
      c.beginPath(); rows.forEach((r, k) => c.lineTo(px(k), py(f(r)))); c.stroke(); c.setLineDash([]);
    };
    for (const sign of [1, -1]) line((r) => sign * root(r.vHat), colour.ink, 1.6);
    if (memory) { line((r) => root(r.v), colour.ink, 1, [3, 3]); line((r) => r.m, ink(), 1.2, [3, 3]); }
    line((r) => r.mHat, ink(), 2.4);
    // what it does
    let far = 2;
    while (far < now.longest) far *= 2;
    ({ py } = axes(c, { ...view, low: -far, high: far, every: far / 2, title: "step / η", top: half + TOP, bottom: tall[1] - FOOT }));
    barsOn(c, rows.map((r) => r.step), py, ink(), get("bar") - 1);
  }
  function drawStream() {
    const s = streams[get("stream")], c = sharp(scope, wide, tall[1]);
    const { px, py } = axes(c, { steps: s.steps, low: -1, high: 1, title: "x; the best point is −1", colour, left: MARGIN.left, right: right(), top: TOP, bottom: tall[1] - 24 });
    Object.assign(c, { strokeStyle: ink(), lineWidth: 2.4 });
    c.beginPath();
    for (let k = 0; k < long.path.length; k += 2) c.lineTo(px(long.path[k]), py(long.path[k + 1]));
    c.stroke();
  }
  function words() {
    const who = `${get("rule")}${MICRO.correctable.includes(get("rule")) && !get("correct") ? " without correction" : ""}`;
    if (!byHand()) return `${who}, β₂ = ${say(get("beta2"), 6)}: after ${streams[get("stream")].steps} steps x = ${say(long.end())}.`;
    const r = rows[get("bar") - 1];
    return `${who}. Bar ${get("bar")}: gradient ${say(get("bars")[get("bar") - 1])}, step ${say(r.step)} η. Longest step ${say(now.longest, 4)} η, at bar ${now.at}; rms of the steps ${say(now.rms)} η. Mean gradient ${say(+now.mean.toFixed(4))}, rms ${say(now.size)}.`;
  }
  function draw() {
    if (long) {
      if (!long.done()) {
        const began = performance.now();
        long.on(() => performance.now() - began > SLICE);
        if (long.done()) tasks.judge(); else lab.refresh();
      }
      drawStream();
      if (long.done()) lab.speak(words);
      return;
    }
    drawPad(); drawScope();
    const r = rows[get("bar") - 1];
    [get("bars")[get("bar") - 1], r.m, r.v, r.mHat, r.vHat, r.step].forEach((v, i) => text(cells[i], say(v)));
    lab.speak(words);
  }

  // ---- missions: judged by the steps that the rule took
  const usual = () => get("rule") === "Adam" && get("beta1") === 0.9 && get("eps") <= 1e-6;
  const beyond = (limit, task) => ({
    key: `beyond ${limit}`, best: 0, task,
    look() { if (byHand() && usual() && get("beta2") === 0.999 && get("correct")) this.best = Math.max(this.best, now.longest); },
    progress() { return this.best > 1.05 ? `Longest so far ${say(this.best)} η.` : ""; },
    done() { return this.best > limit; },
  });
  const tasks = lab.missions([
    beyond(3.2, "Adam at its usual settings (β₁ = 0.9, β₂ = 0.999, correction on): make one step longer than 3.2 η. What has to come before?"),
    beyond(5, "Make one longer than 5 η."),
    beyond(7, "And one longer than 7 η. The ready-made growth does not do it: draw your own, and say what is better about it."),
    {
      key: "noise", found: 0, now: "",
      task: "Adam at its usual settings, 1000 or more steps of the same before: find gradients whose mean is less than a fifth of their rms, such that the steps have an rms from 0.21 to 0.25 η. Begin with noise. Which bars of the same kind give far less, which far more?",
      look() {
        this.now = "";
        if (!(byHand() && usual() && get("beta2") === 0.999 && get("correct") && get("fill") === "repeat" && get("before") >= 1000)) return;
        this.now = `Now ${say(now.rms)} η.`;
        if (Math.abs(now.mean) < 0.2 * now.size && now.rms >= 0.21 && now.rms <= 0.25) this.found = now.rms;
      },
      progress() { return this.found ? `Found ${say(this.found)} η.` : this.now; },
      done() { return this.found > 0; },
    },
    {
      key: "uncorrected", long: 0, short: null,
      task: "Adam with the correction off, all bars alike, nothing before: how long does the longest step get? Then change β₂ alone until none is longer than 1.2 η.",
      look() {
        const bars = get("bars");
        if (!byHand() || !usual() || get("correct") || get("before") || !bars[0] || bars.some((g) => g !== bars[0])) return;
        if (get("beta2") === 0.999) this.long = now.longest; else if (now.longest <= 1.2 && this.long) this.short = get("beta2");
      },
      progress() { return (this.long ? `β₂ = 0.999: ${say(this.long, 4)} η. ` : "") + (this.short !== null ? `β₂ = ${say(this.short)}: at most 1.2 η.` : ""); },
      done() { return this.long > 0 && this.short !== null; },
    },
    {
      key: "cure", wrong: null, right: null,
      task: "Reddi's stream of 101 steps, Adam, correction on: see where it goes with β₂ = 0.99. Then change β₂ alone until it ends below −0.9.",
      look() {
        if (get("stream") !== "online" || !long?.done() || !usual() || !get("correct")) return;
        if (long.end() > 0.9) this.wrong = get("beta2");
        if (long.end() < -0.9 && this.wrong !== null) this.right = get("beta2");
      },
      progress() { return (this.wrong !== null ? `β₂ = ${say(this.wrong, 6)}: the worst point. ` : "") + (this.right !== null ? `β₂ = ${say(this.right, 6)}: the best.` : ""); },
      done() { return this.right !== null; },
    },
  ]);

  function show() {
    for (const part of [rule, stream, fill, bar, height, before, beta1, beta2, eps]) part.show();
    tick.checked = get("correct");
    correct.hidden = !MICRO.correctable.includes(get("rule"));
    for (const e of hand) e.hidden = !byHand();
    pad.hidden = !byHand();
    beta1.row.hidden = !uses("beta1"); beta2.row.hidden = !uses("beta2");
    tall = [pad.clientHeight, scope.clientHeight];
  }
  return lab.start({ signal, watch: ["rule", "stream", "bars", "bar", ...SETTINGS], stage, show, layout, simulate, draw });
}

export default { render };
