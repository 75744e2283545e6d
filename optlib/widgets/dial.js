// The dial: a learning rate against the sharpness of the place where it walks. Needs, in front of it in the
// module: kit.js, the traced tables OPTIMIZERS and PROBLEMS, and DIAL (what Python knows).

const ASPECT = 0.62; // height over width of the landscape
const GRID = [80, 50];
const LONG = 2000; // steps of a run that is judged

function render({ model, el, signal, page = false }) {
  const { ranges } = DIAL, coordinate = (index) => ({ ...inLink.number(-6, 6), trait: "start", index });
  const lab = openLab({ model, el, page, name: "dial", link: {
    lr: inLink.number(...ranges.lr), x: coordinate(0), y: coordinate(1), steps: inLink.whole(...ranges.steps),
  } });
  const { get, act } = lab, problem = PROBLEMS.ProductModel, p = problem.defaults;
  const walk = (lr, start, steps) => trajectory(OPTIMIZERS.GD, problem, p, start, { ...OPTIMIZERS.GD.defaults, lr }, steps);
  const [[left, right], [low, high]] = DIAL.window;

  // ---- measurements, all by running the traced rule and the traced gradient
  const g1 = new Float64Array(2), g2 = new Float64Array(2);
  function sharpness(x, y) { // the largest eigenvalue of the Hessian, from differences of the gradient
    const h = 1e-4, H = [];
    for (const [a, b] of [[h, 0], [0, h]]) {
      problem.grad([x + a, y + b], p, g1); problem.grad([x - a, y - b], p, g2);
      H.push((g1[0] - g2[0]) / (2 * h), (g1[1] - g2[1]) / (2 * h));
    }
    return (H[0] + H[3]) / 2 + Math.hypot((H[0] - H[3]) / 2, (H[1] + H[2]) / 2);
  }
  function verdict(lr, start) { // what becomes of a run
    const path = walk(lr, start, LONG), n = 2 * LONG, f = (t) => problem.f([path[2 * t], path[2 * t + 1]], p), first = f(0);
    const lands = Math.max(Math.abs(path[n]), Math.abs(path[n + 1])) < DIAL.far; // false for NaN, too
    let falls = lands, top = first;
    for (let t = 1, before = first; lands && t <= LONG; t++) {
      const now = f(t);
      if (now > before + 1e-12 * first) falls = false;
      if (now > top) top = now;
      before = now;
    }
    return { lands, falls, first, rise: lands ? top / first : Infinity, end: lands ? sharpness(path[n], path[n + 1]) : NaN };
  }
  const kind = (v) => (!v.lands ? "diverges" : v.falls ? "falls at every step" : v.rise > 1 + 1e-9 ? "rises above its start, then lands" : "rises on the way, below its start");
  const MARK = { "falls at every step": "good", "rises on the way, below its start": "faint", "rises above its start, then lands": "accent", diverges: "bad" };

  // ---- elements
  const map = h("canvas", { className: "lab-map", "aria-hidden": "true" }), curve = h("canvas", { className: "lab-curve", "aria-hidden": "true" });
  const knob = lab.knob("start", "Start point", map, {
    view: () => ({ left, top: high, width: right - left, height: high - low }), bounds: () => [left, right, low, high], grid: () => [0.025, 0.025],
  });
  const stage = h("div", { className: "lab-stage" }, map, knob.dot);
  const strip = h("canvas", { className: "dial-tried", "aria-hidden": "true" }), told = h("p", { className: "optlib-spoken" });
  const lr = lab.bound("lr", "Learning rate η", ranges.lr, 0.001, { log: true, set: (v) => { turned = true; act({ lr: v }); } });
  const steps = lab.bound("steps", "Steps shown", ranges.steps, 0.01, { log: true, whole: true }), point = lab.point("start", "Start", 6);
  const back = h("button", { type: "button" }, "Reset"), clear = h("button", { type: "button" }, "Clear the marks");
  back.addEventListener("click", () => { act({ start: [...DIAL.start], lr: 0.02, steps: 100 }); });
  clear.addEventListener("click", () => { tried = []; lab.refresh(); });
  el.append(
    h("div", { className: "lab-pictures" }, stage, curve),
    h("p", { className: "dial-legend" }, "Thick green: minima whose sharpness is below 2/η. Thin red: minima that are too sharp for this η."),
    h("div", { className: "lab-controls" }, lr.row,
      h("div", { className: "lab-strip" }, h("span", {}, "Tried from here"), strip, h("span", {})), told,
      h("p", { className: "dial-key" }, "● the loss falls at every step  ○ it rises, below its start  ▲ it rises above its start and lands  ✕ it diverges"),
      steps.row, point.row),
    h("div", { className: "dial-buttons" }, back, clear),
    lab.note, lab.status,
  );

  // ---- what is computed: once per change
  let path = [], loss = [], sharp_ = [], now = null, tried = [], from = "", turned = false;
  function simulate() {
    const n = get("steps");
    path = walk(get("lr"), get("start"), n);
    loss = new Float64Array(n + 1); sharp_ = new Float64Array(n + 1);
    for (let t = 0; t <= n; t++) { const x = path[2 * t], y = path[2 * t + 1]; loss[t] = problem.f([x, y], p); sharp_[t] = Math.max(Math.abs(x), Math.abs(y)) < DIAL.far ? sharpness(x, y) : NaN; }
    now = verdict(get("lr"), get("start"));
    const here = get("start").join();
    if (here !== from) { tried = []; from = here; }
  }
  function mark() { // remembered once the dial rests, or every rate that a drag passes would be one
    const rate = get("lr");
    if (!tried.some((t) => Math.abs(Math.log(t.lr / rate)) < 0.004)) tried.push({ lr: rate, kind: kind(now) });
    if (tried.length > 200) tried.shift();
  }

  // ---- drawing
  let W = 0, H = 0, ground = null, colour = {}, side = [0, 0], thin = 0;
  const X = (x) => ((x - left) / (right - left)) * W, Y = (y) => ((high - y) / (high - low)) * H;
  function drawGround() {
    const [nx, ny] = GRID, Z = new Float64Array(nx * ny);
    for (let j = 0; j < ny; j++) for (let i = 0; i < nx; i++) Z[j * nx + i] = problem.f([left + (i / (nx - 1)) * (right - left), high - (j / (ny - 1)) * (high - low)], p);
    ground = document.createElement("canvas");
    const c = sharp(ground, W, H), kx = W / (nx - 1), ky = H / (ny - 1);
    Object.assign(c, { strokeStyle: colour.line, lineWidth: 1 });
    c.beginPath();
    contours(Z, nx, ny, [0.1, 0.5, 1.5, 4, 9, 18, 32, 55, 90], (a, b, d, e) => { c.moveTo(a * kx, b * ky); c.lineTo(d * kx, e * ky); });
    c.stroke();
  }
  function drawMap() {
    const c = sharp(map, W, H), limit = 2 / get("lr");
    c.drawImage(ground, 0, 0, W, H);
    for (const sign of [1, -1]) for (const safe of [false, true]) {
      Object.assign(c, { strokeStyle: safe ? colour.good : colour.bad, lineWidth: safe ? 5 : 1.2 });
      c.beginPath();
      let pen = false;
      for (const [a, b, s] of DIAL.minima) { if (s < limit === safe) { pen ? c.lineTo(X(sign * a), Y(sign * b)) : c.moveTo(X(sign * a), Y(sign * b)); pen = true; } else pen = false; }
      c.stroke();
    }
    Object.assign(c, { strokeStyle: colour.run, fillStyle: colour.run, lineWidth: 2 });
    c.beginPath(); c.moveTo(X(path[0]), Y(path[1]));
    const dots = [];
    for (let t = 1; t <= get("steps"); t++) {
      const x = X(path[2 * t]), y = Y(path[2 * t + 1]);
      if (!(Math.abs(x) < 1e5 && Math.abs(y) < 1e5)) break;
      c.lineTo(x, y); dots.push(x, y);
    }
    c.stroke();
    for (let k = 0; k < Math.min(dots.length, 400); k += 2) { c.beginPath(); c.arc(dots[k], dots[k + 1], 2, 0, 7); c.fill(); }
    if (dots.length) { c.beginPath(); c.arc(dots.at(-2), dots.at(-1), 5, 0, 7); c.fill(); }
    const [x, y] = get("start");
    knob.show(Math.min(W, Math.max(0, X(x))), Math.min(H, Math.max(0, Y(y))));
  }
  function drawCurve() {
    const [w, tall] = side, n = get("steps"), c = sharp(curve, w, tall), half = Math.round(tall / 2), left = 46, right = w - 8;
    const line = (values, px, y) => {
      Object.assign(c, { strokeStyle: colour.run, lineWidth: 2 }); c.beginPath();
      let pen = false;
      for (let t = 0; t <= n; t++) {
        const v = y(values[t]);
        if (!Number.isFinite(v)) { if (pen) break; continue; }
        pen ? c.lineTo(px(t), v) : c.moveTo(px(t), v); pen = true;
      }
      c.stroke();
    };
    { // the loss, in powers of ten
      const top = 28, bottom = half - 8, { px, py } = axes(c, { low: -8, high: 4, log: true, every: 4, title: "loss", colour, left, right, top, bottom });
      line(loss, (t) => left + ((right - left) * t) / n, (v) => (Number.isFinite(v) ? Math.max(top - 6, Math.min(bottom, py(Math.max(v, 1e-8)))) : NaN));
    }
    { // the sharpness, and the limit
      const top = half + 32, bottom = tall - 24, limit = 2 / get("lr"), high = 1.5 * Math.max(sharp_[0], 2);
      const { px, py } = axes(c, { steps: n, low: 0, high, every: high / 2, title: "sharpness", colour, left, right, top, bottom });
      const y = (v) => (Number.isFinite(v) ? Math.max(top - 6, py(v)) : NaN);
      line(sharp_, px, y);
      Object.assign(c, { strokeStyle: colour.ink, lineWidth: 2, fillStyle: colour.ink, textAlign: "right" });
      c.setLineDash([6, 4]); c.beginPath(); c.moveTo(left, y(limit)); c.lineTo(right, y(limit)); c.stroke(); c.setLineDash([]);
      c.fillText(`2/η = ${say(limit)}${limit > high ? " (above)" : ""}`, right, top - 9);
    }
  }
  function drawStrip() {
    const w = thin, c = sharp(strip, w, 22), [a, b] = DIAL.ranges.lr.map(Math.log10), px = (v) => 8 + ((w - 16) * (Math.log10(v) - a)) / (b - a);
    Object.assign(c, { strokeStyle: colour.line, lineWidth: 1 });
    c.beginPath(); c.moveTo(8, 11); c.lineTo(w - 8, 11); c.stroke();
    const list = "Tried: " + [...tried].sort((u, v) => u.lr - v.lr).map((t) => `${say(t.lr, 4)} ${t.kind}`).join("; ");
    lab.text(told, list);
    for (const t of tried) {
      const x = px(t.lr), tone = colour[MARK[t.kind]];
      Object.assign(c, { fillStyle: tone, strokeStyle: tone, lineWidth: 2 });
      c.beginPath();
      if (MARK[t.kind] === "good") { c.arc(x, 11, 4.5, 0, 7); c.fill(); }
      else if (MARK[t.kind] === "faint") { c.arc(x, 11, 4, 0, 7); c.stroke(); }
      else if (MARK[t.kind] === "accent") { c.moveTo(x, 4); c.lineTo(x + 6, 16); c.lineTo(x - 6, 16); c.fill(); }
      else { c.moveTo(x - 4, 7); c.lineTo(x + 4, 15); c.moveTo(x + 4, 7); c.lineTo(x - 4, 15); c.stroke(); }
    }
  }
  function rested() { // when the reader pauses: mark the strip, judge the missions, speak
    mark(); tasks.judge(); drawStrip();
    const end = now.lands ? ` It ends at sharpness ${say(now.end, 4)}.` : "";
    return `η = ${say(get("lr"), 4)}, 2/η = ${say(2 / get("lr"))}; sharpness at the start ${say(sharp_[0], 4)}. ${now.lands ? "The loss" : "The run"} ${kind(now)}.${end}`;
  }
  const draw = () => { drawMap(); drawCurve(); drawStrip(); lab.speak(rested); };
  function layout() {
    W = stage.clientWidth; H = Math.round(W * ASPECT);
    stage.style.height = `${H}px`;
    side = [curve.clientWidth, curve.clientHeight]; thin = strip.clientWidth; // read here, once: in a frame it would cost a layout
    colour = lab.palette(); colour.run = DIAL.colour[+colour.dark];
    drawGround();
  }
  const show = () => { for (const part of [lr, steps, point]) part.show(); };

  // ---- missions: judged by running the rule, not by a formula that is typed here
  const home = () => get("start").every((v, i) => v === DIAL.start[i]);
  const brink = (start) => { // the largest rate that still lands, found by running
    let a = DIAL.ranges.lr[0], b = DIAL.ranges.lr[1];
    for (let k = 0; k < 40 && b / a > 1.0005; k++) { const m = Math.sqrt(a * b); verdict(m, start).lands ? (a = m) : (b = m); }
    return a;
  };
  const landings = new Map();
  let dealt = -1, peeked = false;
  const facing = (what) => `η = ${say(get("lr"), 4)}: 2/η = ${say(2 / get("lr"), 4)}, sharpness at the start ${say(sharp_[0], 4)}${what}.`;
  const quest = [
    {
      key: "descent", task: "From (4, 0.2): find the largest η with which the loss falls at every step, within 3 %. What is 2/η there?",
      progress() { return this.text ?? ""; },
      look() { if (home() && now.falls && !verdict(1.03 * get("lr"), get("start")).falls) { this.ok = true; this.text ??= facing(""); } },
    },
    {
      key: "catapult", task: "From (4, 0.2): land three times after a rise to more than ten times the first loss, with rates at least 5 % apart. Compare the sharpness at the end with 2/η.",
      progress() { return this.text ?? ""; },
      look() {
        if (!home() || !now.lands || now.rise < 10) return;
        const rate = get("lr");
        if ([...landings.keys()].every((o) => Math.max(o, rate) / Math.min(o, rate) >= 1.05)) landings.set(rate, now.end);
        this.text = [...landings].map(([v, s]) => `η = ${say(v, 4)}: 2/η = ${say(2 / v)}, ends at ${say(s)}`).join("; ") + ".";
        this.ok ||= landings.size >= 3;
      },
    },
    {
      key: "brink", task: "From (4, 0.2): find the largest η that still lands, within 2 %. What is η times the sharpness at the start?",
      progress() { return this.text ?? ""; },
      look() { if (home() && now.lands && !verdict(1.02 * get("lr"), get("start")).lands) { this.ok = true; this.text ??= facing(`, their product η·S = ${say(get("lr") * sharp_[0])}`); } },
    },
    { key: "predict", task: "Take a new start and, before you turn the dial, say from which η on it diverges. Within 4 %." },
  ];
  const tasks = lab.missions(quest);
  const guess = h("input", { type: "text", inputMode: "decimal", className: "lab-field", "aria-label": "It diverges from η =" }), tell = h("button", { type: "button" }, "Check"), deal = h("button", { type: "button" }, "New start");
  const reply = h("span", { role: "status" });
  quest[3].item.append(h("span", { className: "lab-answer" }, deal, "It diverges from η = ", guess, tell, reply));
  deal.addEventListener("click", () => {
    dealt = (dealt + 1) % DIAL.deals.length; peeked = false;
    act({ start: [...DIAL.deals[dealt]], lr: 0.02 }); turned = false; guess.value = "";
    reply.textContent = `Start (${DIAL.deals[dealt].join(", ")}), sharpness ${say(sharpness(...DIAL.deals[dealt]), 4)}. Your prediction?`;
  });
  const check = () => {
    const v = readNumber(guess.value);
    if (dealt < 0 || get("start").join() !== DIAL.deals[dealt].join()) reply.textContent = "First press New start.";
    else if (turned || peeked) reply.textContent = "You have turned the dial since: that is a measurement, no prediction. Press New start.";
    else if (!(v > 0)) reply.textContent = `“${guess.value}” is not a positive number.`;
    else {
      const edge = brink(get("start")); peeked = true;
      const near = Math.abs(v / edge - 1) <= 0.04;
      reply.textContent = near ? `Predicted: it lands up to ${say(edge)} and diverges beyond.` : `Not so: it lands up to ${say(edge)}. The sharpness at this start is ${say(sharp_[0], 4)}. Press New start to try again.`;
      if (near) { quest[3].ok = true; tasks.report(); }
    }
  };
  tell.addEventListener("click", check);
  onTyped(guess, () => { if (guess.value) check(); });

  return lab.start({ signal, watch: ["lr", "start", "steps"], stage, show, layout, simulate, draw });
}

export default { render };
