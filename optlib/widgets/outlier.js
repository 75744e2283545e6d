// Drag the outlier: each loss has its own answer to one question. Needs, in front of it in the module: kit.js,
// the traced table LOSSES (value and slope of a loss for one number), and FACTS (what Python knows).

/** The least and the greatest number with the smallest loss: where the slope changes sign, by halving. */
function bestConstants(loss, y, p) {
  const slope = (z) => { let sum = 0; for (const v of y) sum += loss.slope(z, v, p); return sum; };
  const edge = (beyond) => {
    let low = Math.min(...y) - 1, high = Math.max(...y) + 1;
    for (let k = 0; k < 60; k++) {
      const middle = (low + high) / 2;
      if (beyond(slope(middle))) high = middle; else low = middle;
    }
    return low;
  };
  return [edge((s) => s >= -1e-9), edge((s) => s > 1e-9)];
}
const meanLoss = (loss, z, y, p) => { let sum = 0; for (const v of y) sum += loss.f(z, v, p); return sum / y.length; };

const ROOM = { top: 26, curves: 176, row: 17, lanes: 236, tall: 152, thumb: 13 }; // of the picture, in pixels
const FAR = 15, HONEST = 4; // where a point counts as moved away, and up to where the others lie

function render({ model, el, signal, page = false }) {
  const { ranges, windows, times } = FACTS, [from, to] = windows.outlier;
  const fivePoints = {
    read(text) { const v = text.split(",").map((t) => (t.trim() === "" ? NaN : Number(t))); return v.length === 5 && v.every((x) => x >= from && x <= to) ? v : undefined; },
    write: (v) => v.map((x) => +x.toPrecision(6)).join(","), expects: `five numbers from ${from} to ${to}`,
  };
  const lab = openLab({ model, el, page, name: "outlier", link: {
    tab: inLink.one(Object.keys(windows)), points: fivePoints, delta: inLink.number(...ranges.delta), tau: inLink.number(...ranges.tau),
  } });
  const { get, act } = lab, onTab = (name) => get("tab") === name;
  const huber = (delta, y = get("points")) => bestConstants(LOSSES.huber, y, { delta })[0];

  // ---- elements
  const canvas = h("canvas", { className: "out-picture", "aria-hidden": "true" });
  const lanes = FACTS.points.map((_, i) => {
    const lane = h("input", { type: "range", className: "out-point", min: from, max: to, step: 0.1, "aria-label": `Point ${i + 1}` });
    lane.style.top = `${ROOM.lanes + (ROOM.tall / 5) * i}px`;
    lane.addEventListener("input", () => act({ points: get("points").map((v, k) => (k === i ? +lane.value : v)) }));
    return lane;
  });
  const stage = h("div", { className: "out-stage" }, canvas, ...lanes);
  const tab = choice({ label: "Data", options: [["outlier", "five points to move"], ["quantile", "ten delivery times"]], get: () => get("tab"), set: (v) => act({ tab: v }) });
  const delta = lab.bound("delta", "Huber's δ", ranges.delta, 0.002, { log: true }), tau = lab.bound("tau", "Pinball's τ", ranges.tau, 0.01);
  const back = h("button", { type: "button" }, `Points back to ${FACTS.points.join(", ")}`), key = h("p", { className: "out-key" });
  back.addEventListener("click", () => act({ points: [...FACTS.points] }));
  el.append(
    h("div", { className: "lab-sets" }, tab.row), stage, key,
    h("div", { className: "lab-controls" }, delta.row, tau.row), h("div", { className: "out-buttons" }, back),
    lab.note, lab.status,
  );

  // ---- what is computed, again only when a setting changed
  let now = null;
  function simulate() {
    const settings = { huber: { delta: get("delta") }, quantile: { tau: get("tau") } };
    const shown = onTab("outlier") ? Object.entries(FACTS.answers) : [["quantile", "pinball"]];
    const y = onTab("outlier") ? get("points") : times;
    const rows = shown.map(([k, name]) => { const p = settings[k] ?? {}; return { name, loss: LOSSES[k], p, best: bestConstants(LOSSES[k], y, p) }; });
    const last = rows.at(-1), z = (last.best[0] + last.best[1]) / 2; // whose pulls are drawn: Huber's, or those of the pinball
    now = { y, rows, z, last, pulls: y.map((v) => -last.loss.slope(z, v, last.p)) };
    tasks.judge();
  }
  const value = ([a, b]) => (b - a < 1e-6 ? say(+a.toFixed(6), 4) : `${say(a, 4)} to ${say(b, 4)}`);

  // ---- drawing
  let W = 0, colour = {};
  function layout() {
    colour = lab.palette(); W = stage.clientWidth;
    for (const [name, pair] of Object.entries(FACTS.colours)) colour[name] = pair[+colour.dark];
  }
  function draw() {
    const H = ROOM.lanes + ROOM.tall + 24, c = sharp(canvas, W, H), [a, b] = windows[get("tab")], { y, rows } = now;
    const X = (v) => ROOM.thumb + ((W - 2 * ROOM.thumb) * (v - a)) / (b - a), floor = ROOM.lanes + ROOM.tall;
    const lane = (i) => ROOM.lanes + (ROOM.tall / y.length) * (i + 0.5);
    Object.assign(c, { font: FONT, lineWidth: 1, strokeStyle: colour.line, fillStyle: colour.ink, textAlign: "center" });
    for (let v = Math.ceil(a / 5) * 5; v <= b; v += b - a > 30 ? 10 : 5) {
      c.beginPath(); c.moveTo(X(v), ROOM.top); c.lineTo(X(v), floor); c.stroke(); c.fillText(String(v), X(v), floor + 16);
    }
    c.textAlign = "left"; c.fillText(rows.length > 1 ? "loss of one number, each on a scale of its own" : "pinball loss of one number, in minutes", 4, 14);
    const line = (name, width = 2) => { Object.assign(c, { strokeStyle: colour[name], lineWidth: width }); c.setLineDash(FACTS.dashes[name].map((d) => 2 * d)); };
    rows.forEach(({ name, loss, p, best }) => {
      const n = Math.max(80, Math.round(W / 3)), f = Array.from({ length: n + 1 }, (_, k) => meanLoss(loss, a + ((b - a) * k) / n, y, p));
      const low = meanLoss(loss, best[0], y, p), high = Math.max(...f), Y = (v) => ROOM.curves - ((ROOM.curves - ROOM.top) * (v - low)) / (high - low);
      line(name);
      c.beginPath(); f.forEach((v, k) => c.lineTo(X(a + ((b - a) * k) / n), Y(v))); c.stroke();
      for (const z of best) { c.beginPath(); c.moveTo(X(z), ROOM.curves); c.lineTo(X(z), floor); c.stroke(); }
      c.setLineDash([]);
      if (best[1] - best[0] > 1e-6) { line(name, 6); c.setLineDash([]); c.beginPath(); c.moveTo(X(best[0]), ROOM.curves); c.lineTo(X(best[1]), ROOM.curves); c.stroke(); }
      c.fillStyle = colour[name];
      for (const z of best) { c.beginPath(); c.arc(X(z), ROOM.curves, 4.5, 0, 7); c.fill(); }
    });
    rows.forEach(({ name, best }, r) => { // names and values, each in a row of its own
      const words = `${name} ${value(best)}`, wide = c.measureText(words).width, x = Math.min(W - wide - 6, X(best[1]) + 7), base = ROOM.curves + 19 + ROOM.row * r;
      c.fillStyle = colour.paper; c.fillRect(x - 2, base - 12, wide + 4, 16);
      c.fillStyle = colour[name]; c.fillText(words, x, base);
    });
    const unit = rows.length > 1 ? X(1) - X(0) : 60; // a pull of Huber has the units of the points, one of the pinball none
    now.pulls.forEach((pull, i) => {
      const end = X(now.z) + unit * pull, name = now.last.name;
      Object.assign(c, { strokeStyle: colour[name], lineWidth: 5, globalAlpha: 0.55 });
      c.beginPath(); c.moveTo(X(now.z), lane(i)); c.lineTo(end, lane(i)); c.stroke();
      c.globalAlpha = 1;
      if (rows.length > 1 && Math.abs(pull) >= get("delta") - 1e-9) { c.lineWidth = 2; c.beginPath(); c.moveTo(end, lane(i) - 6); c.lineTo(end, lane(i) + 6); c.stroke(); }
      if (rows.length === 1) { c.fillStyle = colour.ink; c.beginPath(); c.arc(X(y[i]), lane(i), 5, 0, 7); c.fill(); }
    });
    lab.speak(words);
  }
  function words() {
    const { y, rows, pulls } = now, [first] = rows;
    if (rows.length > 1) {
      const full = pulls.filter((v) => Math.abs(v) >= get("delta") - 1e-9).length;
      return `Points ${y.map((v) => say(v, 4)).join(", ")}. Mean ${value(rows[0].best)}, median ${value(rows[1].best)}, Huber with δ = ${say(get("delta"), 4)}: ${value(rows[2].best)}. Points that pull with the full force δ: ${full} of 5.`;
    }
    const kept = (z) => y.filter((v) => v <= z + 1e-6).length, [low, high] = first.best;
    const flat = high - low > 1e-6 ? `Every number from ${say(low, 4)} to ${say(high, 4)} minutes is equally good.` : `Best is ${value(first.best)} minutes.`;
    return `τ = ${say(get("tau"))}. ${flat} ${kept(low)} of 10 deliveries take at most ${say(low, 4)} minutes.`;
  }

  // ---- missions, judged by the answers of the traced losses
  const atStart = () => onTab("outlier") && get("points").every((v, i) => v === FACTS.points[i]);
  const follows = (d) => { const y = get("points"), top = Math.max(...y); return Math.abs(huber(d) - huber(d, y.map((v) => (v === top ? v + 0.05 : v)))) > 1e-6; };
  const tasks = lab.missions([
    { key: "huber", task: "Leave the points where they are and find the δ for which Huber's answer is 3.75.", look() { this.ok ||= atStart() && Math.abs(huber(get("delta")) - 3.75) < 0.005; } },
    {
      key: "edge", task: "With that δ, drag the outlier, the last point. Does Huber's answer follow? With the outlier at 20, find the smallest δ with which it does, within 2 %. Which of the other answers has Huber's answer met there?",
      look() { const d = get("delta"); if (!this.ok && atStart() && follows(1.02 * d) && !follows(0.98 * d)) { this.ok = true; this.at = d; } },
      progress() { return this.at ? `δ = ${say(this.at, 4)}.` : ""; },
    },
    {
      key: "breakdown", held: new Set(), left: new Set(),
      task: `How many points must lie beyond ${FAR} before the median leaves the others, which stay between ${Math.min(...FACTS.points)} and ${HONEST}? Show the last state in which it holds and the first in which it does not.`,
      look() {
        const y = get("points"), away = y.filter((v) => v >= FAR).length, median = now.rows[1]?.best[0];
        if (!onTab("outlier") || y.some((v) => v < FAR && !(v >= FACTS.points[0] && v <= HONEST))) return;
        if (median <= HONEST + 1e-6) this.held.add(away); else if (median >= FAR - 1e-6) this.left.add(away);
      },
      progress() { const list = (s) => [...s].sort().join(", "); return [[this.held, "holds with"], [this.left, "gone with"]].filter(([s]) => s.size).map(([s, word]) => `The median ${word} ${list(s)} beyond ${FAR}.`).join(" "); },
      done() { return [...this.left].some((k) => this.held.has(k - 1)); },
    },
    {
      key: "late", task: "Ten delivery times: you promise a time, and nine of the ten shall keep it. Find a τ whose answer is such a time.",
      look() { if (!this.ok && onTab("quantile") && times.filter((v) => v <= now.rows[0].best[0] + 1e-6).length === 9) { this.ok = true; this.at = get("tau"); } },
      progress() { return this.at ? `τ = ${say(this.at)}.` : ""; },
    },
    {
      key: "flat", found: new Set(), task: "For some τ not one number is best, but a whole stretch. Find three of them. What do they have in common?",
      look() { const [low, high] = now.rows[0].best; if (onTab("quantile") && high - low > 0.01) this.found.add(get("tau")); },
      progress() { return this.found.size ? `τ = ${[...this.found].sort().map((v) => say(v)).join(", ")}.` : ""; },
      done() { return this.found.size >= 3; },
    },
  ]);

  function show() {
    for (const part of [tab, delta, tau]) part.show();
    const first = onTab("outlier");
    delta.row.hidden = back.hidden = !first; tau.row.hidden = first;
    lanes.forEach((lane, i) => { lane.hidden = !first; lane.value = get("points")[i]; lane.setAttribute("aria-valuetext", say(get("points")[i], 4)); });
    lab.text(key, first
      ? "Bars: how hard each point pulls on Huber's answer. None is longer than δ, and those to the left and to the right add up to the same."
      : "Bars: a delivery that comes after the promise pulls with τ, one before it with 1 − τ. Left and right add up to the same.");
  }
  return lab.start({ signal, watch: ["tab", "points", "delta", "tau"], stage, show, layout, simulate, draw });
}

export default { render };
