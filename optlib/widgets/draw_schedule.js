// Draw your own schedule. Needs, in front of it in the module: kit.js, the traced SCHEDULES, the traced
// formulas afterStep, place and between, and DRAW (what Python knows).

const EVERY = 10; // steps between two points of a loss curve

/** The expected loss after each EVERY-th of the steps from `first` on; `squares` goes from there to the end. */
function lossAlong(lr, squares, first, steps) {
  const h = DRAW.curvatures, n = h.length, out = new Float64Array(steps / EVERY + 1);
  const loss = () => { let sum = 0; for (let i = 0; i < n; i++) sum += h[i] * squares[i]; return 0.5 * sum; };
  out[0] = loss();
  for (let t = 1; t <= steps; t++) {
    const rate = lr(first + t);
    for (let i = 0; i < n; i++) squares[i] = afterStep(squares[i], rate, h[i]);
    if (t % EVERY === 0) out[t / EVERY] = loss();
  }
  return out;
}

/** The learning rate of a step, between its two knots. */
function drawn(knots, t) {
  const at = place(t), i = Math.min(Math.floor(at), knots.length - 2);
  return between(knots[i], knots[i + 1], at - i);
}

function render({ model, el, signal, page = false }) {
  const { steps: T, knots: K, more: MORE, range: [LOW, HIGH] } = DRAW, ALL = K + MORE;
  const hold = (v) => [...v, ...Array(ALL - v.length).fill(v.at(-1))];
  const inDrawing = {
    trait: "drawing", expects: `${K} or ${ALL} numbers from ${LOW} to ${HIGH}`,
    read(text) { const v = text.split(",").map(Number); return [K, ALL].includes(v.length) && v.every((x) => x >= LOW && x <= HIGH) ? hold(v) : undefined; },
    write: (v) => (v.slice(K).every((x) => x === v[K - 1]) ? v.slice(0, K) : v).map((x) => +x.toPrecision(3)).join(","),
  };
  const lab = openLab({ model, el, page, name: "sketch", link: { draw: inDrawing, budget: inLink.one(Object.keys(DRAW.budgets)) } });
  const { get, act, text } = lab, twice = () => get("budget") === "twice", total = () => (twice() ? 2 * T : T);
  const open = (k) => (twice() ? k >= K : k < K); // the knots that may be moved
  const stepOf = (k) => (k < K ? (k * T) / (K - 1) : T + ((k - K + 1) * T) / MORE);

  // ---- elements
  const pad = h("canvas", { className: "sketch-pad", "aria-hidden": "true" }), stage = h("div", { className: "sketch-stage" }, pad);
  const curve = h("canvas", { className: "sketch-curve", "aria-hidden": "true" });
  let focused = -1;
  const knobs = Array.from({ length: ALL }, (_, k) => { // seen only through the picture, and reached by keyboard
    const knob = h("input", { type: "range", min: Math.log10(LOW), max: Math.log10(HIGH), step: 0.01, className: "sketch-knob", "aria-label": `Learning rate at step ${Math.round(stepOf(k))}` });
    knob.addEventListener("input", () => put(k, 10 ** +knob.value, k));
    knob.addEventListener("focus", () => { focused = k; lab.refresh(); });
    knob.addEventListener("blur", () => { focused = -1; lab.refresh(); });
    stage.append(knob);
    return knob;
  });
  const begin = Object.keys(SCHEDULES).map((name) => {
    const button = h("button", { type: "button" }, name);
    button.addEventListener("click", () => {
      const s = SCHEDULES[name], p = { ...s.defaults, value: DRAW.rivals[name].lr };
      change((k) => s.at(Math.min(T, 1 + stepOf(k)), p));
    });
    return button;
  });
  const budget = choice({ label: "Budget", options: Object.entries(DRAW.budgets), get: () => get("budget"), set: (v) => act({ budget: v }) });
  const body = h("tbody"), later = h("th", { scope: "col" }, `after ${2 * T}`);
  const rows = new Map(["your drawing", ...Object.keys(DRAW.rivals)].map((name) => {
    const cells = [h("td"), h("td")];
    return [name, { cells, row: h("tr", { className: name === "your drawing" ? "sketch-own" : "" }, h("th", { scope: "row" }, name === "your drawing" ? name : `${name}, η = ${DRAW.rivals[name].lr}`), ...cells) }];
  }));
  el.append(
    h("div", { className: "sketch-pictures" }, stage, curve),
    h("div", { className: "sketch-begin" }, h("span", {}, "Begin with the tuned"), ...begin),
    h("div", { className: "lab-sets" }, budget.row),
    h("table", { className: "sketch-board" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "schedule, with its best rate"), h("th", { scope: "col" }, `loss after ${T}`), later)), body),
    lab.note, lab.status,
  );

  // ---- drawing by hand
  const tidy = (v) => +Math.min(HIGH, Math.max(LOW, v)).toPrecision(3);
  /** New values for the knots that may be moved; what follows the drawing goes on with its last rate. */
  function change(value) {
    const next = get("drawing").map((v, k) => (open(k) ? tidy(value(k)) : v));
    act({ drawing: twice() ? next : hold(next.slice(0, K)) });
  }
  const put = (k, v, from, was = v) => change((j) => { // from knot `from` to knot k in one stroke
    if (j === k) return v;
    const onTheWay = j > Math.min(k, from) && j < Math.max(k, from);
    return onTheWay ? between(was, v, (j - from) / (k - from)) : get("drawing")[j];
  });
  let last = null, W = 0, H = 0, left = 46, right = 0, top = 24, bottom = 0;
  function hand(e) {
    const box = pad.getBoundingClientRect(), t = ((e.clientX - box.left - left) / (right - left)) * total();
    const share = Math.min(1, Math.max(0, (bottom - (e.clientY - box.top)) / (bottom - top)));
    const v = between(LOW, HIGH, share);
    let k = 0;
    for (let j = 1; j < (twice() ? ALL : K); j++) if (Math.abs(stepOf(j) - t) < Math.abs(stepOf(k) - t)) k = j;
    if (twice() && k < K) { last = null; lab.complain(`The first ${T} steps are over. Draw the second half.`); return; }
    put(k, v, last ? last.k : k, last ? last.v : v);
    last = { k, v };
  }
  stage.addEventListener("pointerdown", (e) => { e.preventDefault(); stage.setPointerCapture(e.pointerId); last = null; hand(e); });
  stage.addEventListener("pointermove", (e) => { if (stage.hasPointerCapture(e.pointerId)) hand(e); });

  // ---- what is computed
  const memory = { key: "", loss: null, squares: null };
  const fresh = () => new Float64Array(DRAW.curvatures.length).fill(DRAW.start ** 2);
  let first = null, second = null, rivals = null;
  function simulate() {
    const knots = get("drawing"), key = knots.slice(0, K).join();
    if (memory.key !== key) {
      const squares = fresh();
      Object.assign(memory, { key, loss: lossAlong((t) => drawn(knots, t), squares, 0, T), squares });
    }
    first = memory.loss;
    second = twice() ? lossAlong((t) => drawn(knots, t), memory.squares.slice(), T, T) : null;
    if (second && !first.every(fine)) second.fill(Infinity); // what was lost once is not found again
    rivals ??= ["cosine"].map((name) => {
      const s = SCHEDULES[name], p = { ...s.defaults, value: DRAW.rivals[name].lr };
      return { name, lr: (t) => s.at(t, p), loss: lossAlong((t) => s.at(t, p), fresh(), 0, 2 * T) };
    });
    tasks.judge();
  }
  // On paper a loss of 10^280 can be forgotten; no run survives it.
  const fine = (v) => v < 1e3, end = (part) => (part.every(fine) ? part[T / EVERY] : Infinity);

  // ---- pictures
  let colour = {}, side = [0, 0];
  function layout() {
    colour = lab.palette();
    for (const [name, pair] of Object.entries(DRAW.colours)) colour[name] = pair[+colour.dark];
    W = stage.clientWidth; H = stage.clientHeight; side = [curve.clientWidth, curve.clientHeight];
    right = W - 10; bottom = H - 26;
  }
  function line(c, n, px, py, value) {
    c.beginPath();
    for (let i = 0; i <= n; i++) { const v = value(i); if (!Number.isFinite(v)) break; c.lineTo(px(i), py(v)); }
    c.stroke();
  }
  function drawPad() {
    const c = sharp(pad, W, H), knots = get("drawing"), n = twice() ? ALL : K;
    const { px, py } = axes(c, { steps: total(), low: Math.log10(LOW), high: Math.log10(HIGH), log: true, title: "learning rate: draw here", colour, left, right, top, bottom });
    if (twice()) { c.fillStyle = colour.well; c.globalAlpha = 0.6; c.fillRect(left, top, px(T) - left, bottom - top); c.globalAlpha = 1; }
    Object.assign(c, { strokeStyle: colour.bad, fillStyle: colour.ink, lineWidth: 1 });
    c.setLineDash([2, 3]); c.beginPath(); c.moveTo(left, py(DRAW.limit)); c.lineTo(right, py(DRAW.limit)); c.stroke(); c.setLineDash([]);
    c.textAlign = "right"; c.fillText("2/L", right, py(DRAW.limit) - 4);
    Object.assign(c, { strokeStyle: colour.cosine, lineWidth: 1.2 });
    c.setLineDash([5, 4]);
    line(c, 100, (i) => px((i * T) / 100), py, (i) => Math.max(LOW, rivals[0].lr(Math.max(1, (i * T) / 100))));
    c.setLineDash([]);
    Object.assign(c, { strokeStyle: colour.yours, fillStyle: colour.yours, lineWidth: 2.5 });
    line(c, n - 1, (k) => px(stepOf(k)), py, (k) => knots[k]);
    for (let k = 0; k < n; k++) {
      if (open(k)) { c.beginPath(); c.arc(px(stepOf(k)), py(knots[k]), 3.5, 0, 7); c.fill(); }
      if (k === focused) { c.strokeStyle = colour.ink; c.beginPath(); c.arc(px(stepOf(k)), py(knots[k]), 9, 0, 7); c.stroke(); c.strokeStyle = colour.yours; }
      knobs[k].style.left = `${px(stepOf(k)) - 12}px`;
    }
  }
  function drawCurve() {
    const [w, tall] = side, c = sharp(curve, w, tall), to = total();
    const { px, py } = axes(c, { steps: to, low: -4, high: 1, log: true, title: "expected loss; dashed: cosine", colour, left: 46, right: w - 10, top: 24, bottom: tall - 26 });
    const clip = (v) => Math.min(10, Math.max(1e-4, v));
    c.save(); c.beginPath(); c.rect(46, 20, w - 56, tall - 44); c.clip();
    Object.assign(c, { strokeStyle: colour.cosine, lineWidth: 1.5 });
    c.setLineDash([5, 4]);
    line(c, to / EVERY, (i) => px(i * EVERY), py, (i) => clip(rivals[0].loss[i]));
    c.setLineDash([]);
    Object.assign(c, { strokeStyle: colour.yours, lineWidth: 2.5 });
    line(c, T / EVERY, (i) => px(i * EVERY), py, (i) => clip(first[i]));
    if (second) line(c, T / EVERY, (i) => px(T + i * EVERY), py, (i) => clip(second[i]));
    c.restore();
  }
  const plain = (v) => String(+v.toPrecision(3)), shown = (v) => (fine(v) ? plain(v) : "diverged");
  function board() {
    const ends = new Map(Object.entries(DRAW.rivals).map(([name, r]) => [name, r.ends]));
    ends.set("your drawing", [end(first), second ? end(second) : NaN]);
    const at = +twice(), size = (name) => { const v = ends.get(name)[at]; return fine(v) ? v : Infinity; };
    const order = [...rows.keys()].sort((a, b) => size(a) - size(b));
    for (const name of order) rows.get(name).cells.forEach((cell, i) => { text(cell, shown(ends.get(name)[i])); cell.hidden = i > at; });
    later.hidden = !at;
    if (order.some((name, i) => body.children[i] !== rows.get(name).row)) body.append(...order.map((name) => rows.get(name).row));
    return order.indexOf("your drawing") + 1;
  }
  let rank = 0;
  function words() {
    const own = second ? end(second) : end(first);
    if (!fine(own)) return `Your drawing diverges: somewhere the rate is above 2/L = ${DRAW.limit} for too long.`;
    return `After ${total()} steps your drawing is at ${plain(own)}, rank ${rank} of ${rows.size}. The tuned cosine is at ${plain(DRAW.rivals.cosine.ends[+twice()])}.`;
  }
  function draw() { drawPad(); drawCurve(); rank = board(); lab.speak(words); }

  // ---- missions
  // A hand wobbles by some pixels, of 4 % each; and the knot at the bend belongs to the fall.
  const wobble = () => { const v = get("drawing").slice(0, (3 * (K - 1)) / 4); return Math.max(...v) / Math.min(...v); };
  const flat = () => wobble() <= DRAW.level;
  const fall = () => first[(3 * T) / 4 / EVERY] / end(first);
  const quest = [
    {
      key: "drop",
      task: `Keep the rate level until step ${0.7 * T}, to within a factor of ${DRAW.level}. Then let the loss fall to a fifth in the last quarter. Nothing but the rate changes there: why does the loss fall at once?`,
      look() { this.ok ||= flat() && fine(end(first)) && fall() >= 5; this.now = !flat() ? `Level to a factor of ${say(wobble(), 2)}.` : fine(end(first)) ? `In the last quarter: ${say(fall(), 2)} times lower.` : ""; },
      progress() { return this.now ?? ""; },
    },
    {
      key: "cosine",
      task: `Beat the tuned cosine by a fifth: end below ${DRAW.goals.cosine} after ${T} steps. How long can the rate stay high, and how does it best come down?`,
      look() { this.ok ||= end(first) < DRAW.goals.cosine; },
    },
    {
      key: "surprise",
      task: `Without warning there are ${T} steps more: choose that budget. What is done is done. Draw the second half so that it ends below ${DRAW.goals.surprise}. Does it pay to go back to a high rate?`,
      look() { this.ok ||= !!second && end(second) < DRAW.goals.surprise; this.now = second && fine(end(second)) ? `Now: ${plain(end(second))}.` : ""; },
      progress() { return this.now ?? ""; },
    },
  ];
  const tasks = lab.missions(quest);

  const show = () => {
    budget.show();
    for (const b of begin) b.disabled = twice();
    knobs.forEach((knob, k) => {
      const v = get("drawing")[k];
      knob.value = Math.log10(v); knob.setAttribute("aria-valuetext", say(v));
      knob.disabled = !open(k); knob.hidden = k >= K && !twice();
    });
  };
  return lab.start({ signal, watch: ["drawing", "budget"], stage, show, layout, simulate, draw });
}

export default { render };
