// Jitter box: what noise in the gradient leaves behind. Needs, in front of it in the module: kit.js, the
// traced tables RULES and PROBLEMS, the traced formula noiseFloor, and BOX (what Python knows).

const SHAPE = 0.62; // height over width of the bowl's picture

/** Normal numbers from a seed: the same on every machine and for every setting, so that sliders compare. */
function normals(count, seed) {
  let s = seed >>> 0;
  const uniform = () => { // mulberry32
    s = (s + 0x6d2b79f5) >>> 0;
    let u = Math.imul(s ^ (s >>> 15), 1 | s);
    u = (u + Math.imul(u ^ (u >>> 7), 61 | u)) ^ u;
    return ((u ^ (u >>> 14)) >>> 0) / 4294967296;
  };
  const out = new Float32Array(count);
  for (let k = 0; k < count; k += 2) { // Box and Muller
    const r = Math.sqrt(-2 * Math.log(1 - uniform())), a = 2 * Math.PI * uniform();
    out[k] = r * Math.cos(a);
    if (k + 1 < count) out[k + 1] = r * Math.sin(a);
  }
  return out;
}

function render({ model, el, signal, page = false }) {
  const { ranges } = BOX, RESULTS = { last: "the newest point", average: "the average" };
  const lab = openLab({ model, el, page, name: "jitter", link: {
    lr: inLink.number(...ranges.lr), noise: inLink.number(...ranges.noise), batch: inLink.whole(...ranges.batch),
    steps: inLink.whole(...ranges.steps), result: inLink.one(Object.keys(RESULTS)),
  } });
  const { get, act, bound, text } = lab, N = BOX.runs, bowl = PROBLEMS.Bowl, shape = bowl.defaults;
  const KEYS = ["lr", "noise", "batch", "steps"], limit = () => get("steps");

  // ---- elements
  const map = h("canvas", { className: "lab-map", "aria-hidden": "true" }), stage = h("div", { className: "lab-stage" }, map);
  const curve = h("canvas", { className: "lab-curve", "aria-hidden": "true" });
  const sliders = [
    bound("lr", "Learning rate η", ranges.lr, 0.005, { log: true }), bound("noise", "Noise σ of an example", ranges.noise, 0.01, { log: true }),
    bound("batch", "Batch size B", ranges.batch, 1, { whole: true }), bound("steps", "Steps", ranges.steps, 0.01, { log: true, whole: true }),
  ];
  const result = choice({ label: "Result", options: Object.entries(RESULTS), get: () => get("result"), set: (v) => act({ result: v }) });
  const player = lab.player(limit, 5), { at } = player;
  const fact = (text) => { const cell = h("td", {}); return { cell, row: h("tr", {}, h("th", { scope: "row" }, text), cell) }; };
  const measured = fact("Loss of the result, mean of 200 runs over the last quarter"), promised = fact("Floor of the newest point, by the formula"), bill = fact("Examples used in one run");
  el.append(
    h("div", { className: "lab-pictures" }, stage, curve),
    player.row,
    h("div", { className: "lab-controls" }, ...sliders.map((s) => s.row)),
    h("div", { className: "lab-sets" }, result.row),
    h("table", { className: "jitter-facts" }, h("tbody", {}, measured.row, promised.row, bill.row)),
    lab.note, lab.status,
  );

  // ---- what is computed: all runs as one long vector, stepped by the traced rule
  let dice = null, run = null, reference = null;
  function simulate({ lr, noise, batch, steps, result }, keep = true) {
    dice ??= normals(2 * N * BOX.ranges.steps[1], 20);
    const rule = RULES[result], size = 2 * N, x = new Float64Array(size), slope = new Float64Array(size);
    for (let k = 0; k < size; k++) x[k] = BOX.start[k % 2];
    const point = new Float64Array(2), uphill = new Float64Array(2);
    const hyper = { ...rule.defaults, lr, since: since(steps) };
    const m = Object.fromEntries(rule.memory.map((k) => [k, Float64Array.from(x)]));
    const here = result === "average" ? m.average : x, points = keep ? new Float32Array(size * (steps + 1)) : null;
    const loss = new Float64Array(steps + 1), jitter = noise / Math.sqrt(batch);
    const look = (t) => {
      let sum = 0;
      for (let k = 0; k < size; k += 2) {
        point[0] = here[k]; point[1] = here[k + 1];
        sum += bowl.f(point, shape);
      }
      loss[t] = sum / N;
      if (keep) points.set(here, size * t);
    };
    look(0);
    for (let t = 1; t <= steps; t++) {
      for (let k = 0, d = size * (t - 1); k < size; k += 2) {
        point[0] = x[k]; point[1] = x[k + 1];
        bowl.grad(point, shape, uphill);
        slope[k] = uphill[0] + jitter * dice[d + k]; slope[k + 1] = uphill[1] + jitter * dice[d + k + 1];
      }
      rule.step(t, x, slope, m, hyper);
      look(t);
    }
    const tail = Math.max(1, Math.floor(steps / 4));
    let sum = 0;
    for (let t = steps - tail + 1; t <= steps; t++) sum += loss[t];
    return { points, loss, end: sum / tail };
  }
  const settings = () => Object.fromEntries([...KEYS, "result"].map((k) => [k, get(k)]));
  const floor = () => BOX.curvatures.reduce((sum, c) => sum + (get("lr") * c < 2 ? noiseFloor(get("lr"), c, get("noise"), get("batch")) : Infinity), 0);
  const blown = (v) => !(v < 1e3); // the start has a loss of less than 8

  // ---- pictures
  let W = 0, H = 0, side = [0, 0], view = null, colour = {};
  const ground = document.createElement("canvas");
  function frame() { // the window of the bowl, widened so that both axes have one scale
    const [[a, b], [c, d]] = BOX.window, width = Math.max(b - a, (d - c) / SHAPE), height = width * SHAPE;
    view = { left: (a + b) / 2 - width / 2, top: (c + d) / 2 + height / 2, width, height };
  }
  const X = (x) => ((x - view.left) / view.width) * W, Y = (y) => ((view.top - y) / view.height) * H;
  function drawGround() {
    const c = sharp(ground, W, H), nx = 60, ny = 40, Z = new Float64Array(nx * ny);
    for (let j = 0; j < ny; j++) for (let i = 0; i < nx; i++) Z[j * nx + i] = bowl.f([view.left + (view.width * i) / (nx - 1), view.top - (view.height * j) / (ny - 1)], shape);
    Object.assign(c, { strokeStyle: colour.line, lineWidth: 1 });
    c.beginPath();
    contours(Z, nx, ny, [0.1, 0.5, 1.5, 3, 5, 8, 12], (a, b, d, e) => { c.moveTo((a * W) / (nx - 1), (b * H) / (ny - 1)); c.lineTo((d * W) / (nx - 1), (e * H) / (ny - 1)); });
    c.stroke();
  }
  function drawMap() {
    const c = sharp(map, W, H), t = at(), size = 2 * N, p = run.points;
    c.drawImage(ground, 0, 0, W, H);
    Object.assign(c, { strokeStyle: colour.faint, lineWidth: 1 });
    c.beginPath(); c.moveTo(X(p[0]), Y(p[1]));
    for (let k = 1; k <= t && Math.abs(p[size * k]) < 50 && Math.abs(p[size * k + 1]) < 50; k++) c.lineTo(X(p[size * k]), Y(p[size * k + 1]));
    c.stroke();
    c.fillStyle = colour.run;
    c.beginPath(); // one shape for all dots: a fill of each would take most of the frame
    for (let i = 0; i < N; i++) {
      const x = p[size * t + 2 * i], y = p[size * t + 2 * i + 1];
      if (Math.abs(x) < 50 && Math.abs(y) < 50) c.rect(X(x) - 1.5, Y(y) - 1.5, 3, 3);
    }
    c.fill();
    c.font = "12px system-ui, sans-serif"; c.fillStyle = colour.ink;
    c.fillText(`step ${t}: ${N} runs, the path of one`, 8, 16);
  }
  function drawCurve() {
    const [w, hgt] = side;
    if (!w) return;
    const c = sharp(curve, w, hgt), left = 46, right = w - 8, top = 22, bottom = hgt - 30, low = floor();
    let small = Math.min(low, 1), big = 10;
    for (const v of run.loss) if (v > 0 && v < 1e6) { small = Math.min(small, v); big = Math.max(big, v); }
    const { px, py } = axes(c, {
      steps: limit(), low: Math.floor(Math.log10(small)), high: Math.ceil(Math.log10(big)), log: true,
      title: "mean loss; dashed: formula", colour, left, right, top, bottom,
    });
    if (Number.isFinite(low)) {
      Object.assign(c, { strokeStyle: colour.ink, lineWidth: 1.2 }); c.setLineDash([5, 4]);
      c.beginPath(); c.moveTo(left, py(low)); c.lineTo(right, py(low)); c.stroke(); c.setLineDash([]);
    }
    Object.assign(c, { strokeStyle: colour.run, lineWidth: 2 });
    c.beginPath();
    for (let t = 0; t <= at(); t++) {
      const v = run.loss[t];
      if (!Number.isFinite(v)) break;
      c.lineTo(px(t), Math.max(top - 8, Math.min(bottom, py(Math.max(v, 1e-12)))));
    }
    c.stroke();
  }
  function words() {
    const v = run.loss[at()], low = floor();
    return `Step ${at()}: mean loss ${blown(v) ? "diverged" : say(v)}. ` +
      (Number.isFinite(low) ? `The formula's floor of the newest point is ${say(low)}.` : "Beyond 2/L there is no floor: the runs diverge.");
  }
  function draw() {
    drawMap(); drawCurve(); player.show();
    const low = floor();
    text(measured.cell, blown(run.end) ? "diverged" : say(run.end));
    text(promised.cell, Number.isFinite(low) ? say(low) : "none");
    text(bill.cell, `${get("batch") * limit()}`);
    if (!player.playing()) lab.speak(words);
  }
  function layout() {
    W = stage.clientWidth; H = Math.round(W * SHAPE);
    stage.style.height = `${H}px`;
    side = [curve.clientWidth, curve.clientHeight]; // read here, once: in a frame it would cost a layout
    colour = lab.palette(); colour.run = BOX.colour[+colour.dark];
    drawGround();
  }
  const show = () => { for (const part of [...sliders, result]) part.show(); };

  // ---- missions: judged by the runs themselves
  const same = (but) => Object.entries(BOX.reference).every(([k, v]) => k === but || get(k) === v);
  const target = () => (reference ??= simulate({ ...BOX.reference, steps: BOX.ranges.steps[1] }, false)).end;
  const price = (loss) => { for (let t = 1; t <= limit(); t++) if (loss[t] <= 0.6 * target()) return t; return null; };
  const quest = [
    ["rate", "lr", "the learning rate alone"], ["batch", "batch", "the batch alone"], ["average", "result", "averaging alone"],
  ].map(([key, setting, how]) => ({
    key, solved: "", now: "",
    task: `From η = ${BOX.reference.lr}, σ = ${BOX.reference.noise}, B = ${BOX.reference.batch} and the newest point: halve the loss that stays, by ${how}.`,
    look() {
      this.now = "";
      if (!same(setting) || same("")) return;
      const share_ = run.end / target(), t = price(run.loss), near = key === "average" ? share_ <= 0.55 : share_ >= 0.4 && share_ <= 0.55;
      this.now = blown(run.end) ? " Now: diverged." : ` Now: ${say(100 * share_, 2)} % of it.`;
      if (near && t) { this.solved = ` ${setting === "lr" ? `η = ${say(get("lr"))}` : setting === "batch" ? `B = ${get("batch")}` : "average"}: ${say(100 * share_, 2)} % of it. Near the goal after ${t} steps, ${t * get("batch")} examples.`; this.bill = { t, examples: t * get("batch") }; }
    },
    progress() { return (this.solved || this.now).trim(); },
    done() { return !!this.solved; },
  }));
  quest.push({
    key: "bill",
    task: "The bill. Compare the three: which way to half the loss takes about as many steps as before, but more examples in each?",
    look() {}, progress: () => "", done() { return this.ok; },
  });
  const tasks = lab.missions(quest);
  const last = quest.at(-1), pick = h("select", { "aria-label": "The way with more examples in each step" }, ...[["", "choose"], ["rate", "a smaller learning rate"], ["batch", "a larger batch"], ["average", "averaging"]].map(([value, label]) => h("option", { value }, label)));
  const reply = h("span", { role: "status" });
  last.item.append(h("span", { className: "lab-answer" }, pick, reply));
  pick.addEventListener("change", () => {
    const solved = quest.slice(0, 3).every((m) => m.done());
    const dearest = solved && quest.slice(0, 3).reduce((p, q) => (p.bill.examples / p.bill.t >= q.bill.examples / q.bill.t ? p : q)).key;
    if (!pick.value) reply.textContent = "";
    else if (!solved) reply.textContent = "First solve the other three: they hold the numbers.";
    else if (pick.value === dearest) { reply.textContent = "Yes. Its steps can be computed side by side, if you have the machines."; last.ok = true; tasks.report(); }
    else reply.textContent = "Divide the examples by the steps in the lines above.";
  });

  frame();
  return lab.start({
    signal, watch: [...KEYS, "result"], stage, show, layout, draw, changed: player.toEnd, end: player.halt,
    simulate() { run = simulate(settings()); tasks.judge(); },
  });
}

export default { render };
