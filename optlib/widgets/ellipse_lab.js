// Ellipse lab: how a learning rate meets a curvature. Needs, in front of it in the module: kit.js, the
// traced tables OPTIMIZERS and PROBLEMS, and LAB (what Python knows of the problems, and the styles).

const ASPECT = 0.62; // height over width of the landscape
const GRID = [66, 44];

function render({ model, el, signal, page = false }) {
  const { ranges } = LAB, coordinate = (index) => ({ ...inLink.number(-1e3, 1e3), trait: "start", index });
  const lab = openLab({ model, el, page, name: "ellipse", link: {
    problem: inLink.one(Object.keys(LAB.problems)), lr: inLink.number(...ranges.lr), kappa: inLink.number(...ranges.kappa),
    x: coordinate(0), y: coordinate(1), rules: { ...inLink.some(Object.keys(OPTIMIZERS)), trait: "optimizers" },
    steps: inLink.whole(...ranges.steps), loss: { ...inLink.one(["log", "linear"]), trait: "scale" },
  } });
  const { get, act, bound } = lab, problem = () => PROBLEMS[get("problem")], facts = () => LAB.problems[get("problem")];
  const parameters = () => ({ ...problem().defaults, ...("kappa" in problem().defaults ? { kappa: get("kappa") } : {}) });
  const hyper = (name) => ({ ...OPTIMIZERS[name].defaults, lr: get("lr") });

  // ---- elements
  const map = h("canvas", { className: "lab-map", "aria-hidden": "true" });
  const curve = h("canvas", { className: "lab-curve", "aria-hidden": "true" });
  const knob = lab.knob("start", "Start point", map, {
    view: () => view, bounds: () => facts().window.flat(), grid: () => facts().window.map(([a, b]) => (b - a) / 400),
  });
  const stage = h("div", { className: "lab-stage" }, map, knob.dot);

  const pick = h("select", { id: freshId("p") }, ...Object.entries(LAB.problems).map(([k, v]) => h("option", { value: k }, v.label)));
  pick.addEventListener("change", () => act({ problem: pick.value, start: [...LAB.problems[pick.value].start], lr: LAB.problems[pick.value].lr }));
  const lr = bound("lr", "Learning rate η", ranges.lr, 0.005, { log: true }), kappa = bound("kappa", "Condition number κ", ranges.kappa, 0.01, { log: true });
  const steps = bound("steps", "Steps", ranges.steps, 0.01, { log: true, whole: true }), point = lab.point("start", "Start", 1000);
  const scale = choice({ label: "Loss axis", options: [["log", "log"], ["linear", "linear"]], get: () => get("scale"), set: (v) => act({ scale: v }) });
  const race = h("fieldset", { className: "lab-race" }, h("legend", {}, "Race"));
  const runners = Object.keys(OPTIMIZERS).map((name) => {
    const box = h("input", { type: "checkbox", value: name });
    box.addEventListener("change", () => {
      const names = Object.keys(OPTIMIZERS).filter((n) => (n === name ? box.checked : get("optimizers").includes(n)));
      if (names.length) act({ optimizers: names }); else { lab.complain("At least one optimizer has to run."); box.checked = true; }
    });
    const line = h("canvas", { className: "lab-swatch", "aria-hidden": "true" }), row = h("label", {}, box, line, name);
    race.append(row);
    return { name, box, line, row };
  });
  const more = h("select", { className: "lab-more", "aria-label": "Add another rule to the race" }, h("option", { value: "" }, "more rules …"),
    ...runners.filter((r) => !LAB.featured.includes(r.name)).map((r) => h("option", { value: r.name }, r.name)));
  more.addEventListener("change", () => {
    if (more.value) act({ optimizers: Object.keys(OPTIMIZERS).filter((n) => n === more.value || get("optimizers").includes(n)) });
    more.value = "";
  });
  race.append(more);
  const limit = () => get("steps"), player = lab.player(limit), { at } = player;

  el.append(
    h("div", { className: "lab-pictures" }, stage, curve),
    player.row,
    h("div", { className: "lab-controls" },
      h("div", { className: "lab-row" }, h("label", { htmlFor: pick.id }, "Landscape"), pick),
      lr.row, kappa.row, steps.row, point.row),
    h("div", { className: "lab-sets" }, race, scale.row),
    lab.note, lab.status,
  );

  // ---- what is computed: one trajectory per runner, again only when a setting changed
  let runs = [], view = null;
  function simulate() {
    const p = parameters(), floor = facts().floor;
    runs = get("optimizers").map((name) => {
      const path = trajectory(OPTIMIZERS[name], problem(), p, get("start"), hyper(name), limit());
      const loss = new Float64Array(limit() + 1);
      for (let t = 0; t <= limit(); t++) {
        const x = [path[2 * t], path[2 * t + 1]];
        loss[t] = floor === null ? Math.hypot(x[0], x[1]) : problem().f(x, p) - floor;
      }
      return { name, path, loss };
    });
  }
  function frame() { // the window of the problem, widened so that both axes have one scale
    const [[a, b], [c, d]] = facts().window, w = Math.max(b - a, (d - c) / ASPECT), cx = (a + b) / 2, cy = (c + d) / 2;
    view = { left: cx - w / 2, top: cy + (w * ASPECT) / 2, width: w, height: w * ASPECT };
  }

  // ---- drawing
  let W = 0, H = 0, side = [0, 0], ground = null, colour = {};
  const X = (x) => ((x - view.left) / view.width) * W, Y = (y) => ((view.top - y) / view.height) * H;
  function palette() {
    colour = lab.palette();
    for (const { name, line } of runners) {
      colour[name] = LAB.styles[name].colour[+colour.dark];
      const c = sharp(line, 34, 12);
      Object.assign(c, { strokeStyle: colour[name], lineWidth: 2.5 });
      c.setLineDash(LAB.styles[name].dash); c.beginPath(); c.moveTo(0, 6); c.lineTo(34, 6); c.stroke();
    }
  }
  function drawGround() {
    const [nx, ny] = GRID, Z = new Float64Array(nx * ny), p = parameters(), f = problem().f, x = [0, 0];
    for (let j = 0; j < ny; j++) for (let i = 0; i < nx; i++) {
      x[0] = view.left + (i / (nx - 1)) * view.width; x[1] = view.top - (j / (ny - 1)) * view.height;
      Z[j * nx + i] = f(x, p);
    }
    const sorted = Float64Array.from(Z).sort(), levels = Array.from({ length: 14 }, (_, k) => sorted[Math.floor((sorted.length - 1) * (0.01 + 0.95 * (k / 13) ** 1.4))]);
    ground = document.createElement("canvas");
    const c = sharp(ground, W, H), sx = W / (nx - 1), sy = H / (ny - 1);
    Object.assign(c, { strokeStyle: colour.line, lineWidth: 1 });
    c.beginPath();
    contours(Z, nx, ny, [...new Set(levels)], (a, b, d, e) => { c.moveTo(a * sx, b * sy); c.lineTo(d * sx, e * sy); });
    c.stroke();
    c.fillStyle = colour.faint;
    for (const [a, b] of facts().minima) { c.beginPath(); c.moveTo(X(a) - 5, Y(b)); c.lineTo(X(a) + 5, Y(b)); c.moveTo(X(a), Y(b) - 5); c.lineTo(X(a), Y(b) + 5); c.strokeStyle = colour.faint; c.lineWidth = 2; c.stroke(); }
  }
  function drawMap() {
    const c = sharp(map, W, H);
    c.drawImage(ground, 0, 0, W, H);
    for (const { name, path } of runs) {
      Object.assign(c, { strokeStyle: colour[name], fillStyle: colour[name], lineWidth: 2 });
      c.setLineDash(LAB.styles[name].dash);
      c.beginPath(); c.moveTo(X(path[0]), Y(path[1]));
      let t = 1;
      for (; t <= at(); t++) {
        const x = X(path[2 * t]), y = Y(path[2 * t + 1]);
        if (!(Math.abs(x) < 1e5 && Math.abs(y) < 1e5)) break;
        c.lineTo(x, y);
      }
      c.stroke(); c.setLineDash([]);
      if (at() <= 200) for (let k = 1; k < t; k++) { c.beginPath(); c.arc(X(path[2 * k]), Y(path[2 * k + 1]), 2, 0, 7); c.fill(); }
      c.beginPath(); c.arc(X(path[2 * t - 2]), Y(path[2 * t - 1]), 4.5, 0, 7); c.fill();
    }
    const [x, y] = get("start");
    knob.show(Math.min(W, Math.max(0, X(x))), Math.min(H, Math.max(0, Y(y))));
  }
  function drawCurve() {
    const [w, tall] = side, c = sharp(curve, w, tall), left = 46, right = w - 8, top = 22, bottom = tall - 30, log = get("scale") === "log";
    const all = runs.flatMap((r) => [...r.loss]).filter((v) => Number.isFinite(v) && (!log || v > 0));
    let most = Math.max(...all.map((v) => Math.min(v, 1e30)), log ? 1e-12 : 1e-6), least = log ? Math.max(Math.min(...all, most), 1e-16) : 0;
    if (!log) most = Math.min(most, 4 * runs[0].loss[0] || most);
    let [low, high] = log ? [Math.floor(Math.log10(least) + 1e-9), Math.ceil(Math.log10(most) - 1e-9)] : [0, most];
    if (low === high) high = low + 1;
    const title = facts().floor === null ? "distance from the saddle" : "loss above the minimum";
    const { px, py } = axes(c, { steps: limit(), low, high, log, title, colour, left, right, top, bottom });
    for (const { name, loss } of runs) {
      Object.assign(c, { strokeStyle: colour[name], lineWidth: 2 });
      c.setLineDash(LAB.styles[name].dash); c.beginPath();
      let pen = false;
      for (let t = 0; t <= at(); t++) {
        const v = log && loss[t] <= 0 ? 10 ** low : loss[t];
        if (!Number.isFinite(v)) break;
        const y = Math.max(top - 8, Math.min(bottom, py(v)));
        pen ? c.lineTo(px(t), y) : c.moveTo(px(t), y); pen = true;
      }
      c.stroke(); c.setLineDash([]);
    }
  }
  function words() {
    const [x, y] = get("start"), kind = facts().floor === null ? "distance from the saddle" : "loss above the minimum";
    const parts = runs.map(({ name, loss }) => {
      const v = loss[at()];
      const verdict = !Number.isFinite(v) || (facts().floor !== null && v > 1e6 * (loss[0] || 1)) ? "diverged" : say(v);
      return `${name} ${verdict}`;
    });
    return `From (${say(x)}, ${say(y)}), step ${at()}: ${kind} ${parts.join(", ")}.`;
  }
  let groundStale = true;
  function draw() {
    if (groundStale) { frame(); drawGround(); groundStale = false; }
    drawMap(); drawCurve(); player.show();
    if (!player.playing()) lab.speak(words);
  }
  function layout() {
    W = stage.clientWidth; H = Math.round(W * ASPECT);
    stage.style.height = `${H}px`;
    side = [curve.clientWidth, curve.clientHeight]; // read here, once: in a frame it would cost a layout
    groundStale = true; palette();
  }
  function show() {
    pick.value = get("problem");
    for (const part of [lr, kappa, steps, point, scale]) part.show();
    kappa.row.hidden = !("kappa" in problem().defaults);
    runners.forEach(({ name, box, row }) => {
      box.checked = get("optimizers").includes(name);
      row.hidden = !box.checked && !LAB.featured.includes(name) && document.activeElement !== box; // what one just unticked stays under the hand
    });
  }

  // ---- missions: judged by running the rules, not by a formula that is typed here
  const bounded = (rate, p) => { // does GD stay bounded on this ellipse?
    const path = trajectory(OPTIMIZERS.GD, PROBLEMS.Quadratic, p, [1, 1], { lr: rate }, 3000), k = path.length - 2;
    return Math.hypot(path[k], path[k + 1]) < 1e3;
  };
  const stepsTo = (rate, p, start) => { // until GD is a million times nearer to the minimum
    const path = trajectory(OPTIMIZERS.GD, PROBLEMS.Quadratic, p, start, { lr: rate }, 4000), goal = 1e-6 * Math.hypot(...start);
    for (let t = 0; 2 * t < path.length; t++) if (Math.hypot(path[2 * t], path[2 * t + 1]) <= goal) return t;
    return Infinity;
  };
  const fewest = (p, start) => { // the best of all the rates on the slider
    let best = Infinity;
    for (let e = Math.log10(LAB.ranges.lr[0]); e <= Math.log10(LAB.ranges.lr[1]); e += 0.005) best = Math.min(best, stepsTo(10 ** e, p, start));
    return best;
  };
  const escapes = () => { const r = runs.find((run) => run.name === "GD"); if (r) for (let t = 0; t <= limit(); t++) if (Math.abs(r.path[2 * t + 1]) >= 1) return t; return null; };
  const found = new Map(), left = new Map();
  let measured = null, answer = null; // mission 3: the reader's number
  const quest = [
    {
      key: "edge",
      task: "Ellipse: find the largest learning rate with which GD does not diverge, for three values of κ that differ by a factor of 2 or more. Get within 3 %. Which law connects them?",
      look() {
        const k = get("kappa");
        if (get("problem") !== "Quadratic" || k < 2 || [...found.keys()].some((o) => o !== k && Math.max(o, k) / Math.min(o, k) < 2)) return;
        if (bounded(get("lr"), parameters()) && !bounded(get("lr") * 1.03, parameters())) found.set(k, get("lr"));
      },
      progress: () => (found.size ? [...found].map(([k, v]) => `κ = ${say(k)}: η = ${say(v)}, η·κ = ${say(k * v)}`).join("; ") + "." : ""),
      done: () => found.size >= 3,
    },
    {
      key: "fewest",
      task: "Ellipse with κ at least 10: find the learning rate with which GD comes a million times nearer to the minimum in the fewest steps.",
      mine: null,
      look() {
        if (get("problem") !== "Quadratic" || get("kappa") < 10 || !get("optimizers").includes("GD")) return void (this.mine = null);
        this.mine = stepsTo(get("lr"), parameters(), get("start"));
        // 900 runs take a moment: only when the reader rests, and in a pause of the browser
        lab.later("fewest", 400, () => { if (Number.isFinite(this.mine) && this.mine > 3 && this.mine <= 1.02 * fewest(parameters(), get("start")) + 1) { this.ok = true; tasks.report(); } });
      },
      progress() { return this.mine === null ? "" : Number.isFinite(this.mine) ? `Now: ${this.mine} steps.` : "Now: not within 4000 steps."; },
      done() { return this.ok; },
    },
    {
      key: "saddle",
      task: "Saddle: start at x = 1 and a small y. GD leaves when |y| reaches 1. Try three values of y, each a power of ten apart, at one learning rate. How many steps does each further decade cost?",
      look() {
        const y = Math.abs(get("start")[1]), t = get("problem") === "Saddle" ? escapes() : null;
        if (measured !== get("lr")) { left.clear(); measured = get("lr"); }
        if (y > 0 && y < 0.5 && t) left.set(+y.toPrecision(3), t);
      },
      progress: () => (get("problem") === "Saddle" && !escapes() ? `Not yet left after ${limit()} steps: raise Steps. ` : "") + [...left].sort((a, b) => b[0] - a[0]).slice(0, 6).map(([y, t]) => `y = ${say(y)}: ${t} steps`).join("; ") + (left.size ? "." : ""),
      slope() {
        const rows = [...left].sort((a, b) => b[0] - a[0]), [y0, t0] = rows[0] ?? [], [y1, t1] = rows.at(-1) ?? [];
        return rows.length >= 3 && y0 / y1 >= 90 ? (t1 - t0) / Math.log10(y0 / y1) : null;
      },
      done() { return this.ok; },
    },
  ];
  const third = quest[2];
  const tasks = lab.missions(quest);
  const guess = h("input", { type: "text", inputMode: "decimal", className: "lab-field", "aria-label": "Steps per decade" }), tell = h("button", { type: "button" }, "Check");
  const reply = h("span", { role: "status" });
  third.item.append(h("span", { className: "lab-answer" }, "Steps per decade: ", guess, tell, reply));
  const check = () => {
    const slope = third.slope(), v = readNumber(guess.value);
    if (slope === null) reply.textContent = "First measure: three starts, spread over two decades or more.";
    else if (!Number.isFinite(v)) reply.textContent = `“${guess.value}” is not a number.`;
    else if (Math.abs(v - slope) <= Math.max(0.6, 0.06 * slope)) { reply.textContent = "That is what you measured."; third.ok = true; tasks.report(); }
    else reply.textContent = "Not what you measured: divide the extra steps by the number of decades.";
  };
  tell.addEventListener("click", check);
  onTyped(guess, () => { if (guess.value) check(); });

  return lab.start({
    signal, watch: ["problem", "lr", "kappa", "start", "optimizers", "steps", "scale"], stage, show, layout, draw, end: player.halt,
    simulate() { simulate(); tasks.judge(); },
    changed(key) { if (key === "kappa" || key === "problem") groundStale = true; if (key !== "scale") player.toEnd(); },
  });
}

export default { render };
