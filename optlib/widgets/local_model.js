// Local model: what slope and curvature see at a point, and three steps from there. Needs, in front of it in
// the module: kit.js, the traced tables OPTIMIZERS and PROBLEMS (with Hessians), the traced formulas
// shifted_x, shifted_y, lowest and model, and LOCAL (landscapes, ranges and colours, from Python).

const SHAPE = 0.8; // height over width of the landscape
const GRID_OF = { loss: [60, 48], model: [44, 35] }; // the model is drawn afresh in every frame

/** Value, gradient, Hessian [a, b, d] and the smaller curvature at a point. */
function lookAt(name, at) {
  const q = PROBLEMS[name], p = q.defaults, g = new Float64Array(2), H = new Float64Array(4);
  q.grad(at, p, g); q.hess(at, p, H);
  const h = [H[0], H[1], H[3]];
  return { f: q.f(at, p), g, h, low: lowest(...h), high: H[0] + H[3] - lowest(...h) };
}

/** The step of the shift s: (H + s I) p = -g. */
const shifted = ({ g, h }, s) => [shifted_x(...g, ...h, s), shifted_y(...g, ...h, s)];

/** The p no longer than the radius at which the model is lowest. */
function within(here, radius) {
  const { h: [a, b, d], low } = here, size = (s) => Math.hypot(...shifted(here, s));
  if (low > 0 && size(0) <= radius) return shifted(here, 0);
  const least = 1e-14 * (Math.abs(a) + Math.abs(b) + Math.abs(d)); // nearer to the edge, rounding rules
  let from = Math.max(0, -low), to = from + Math.max(Math.hypot(...here.g) / radius, least);
  for (let k = 0; k < 200 && to - from > least; k++) { // the length falls as the shift grows
    const mid = (from + to) / 2;
    if (size(mid) > radius) from = mid; else to = mid;
  }
  const p = shifted(here, to), rest = radius * radius - p[0] * p[0] - p[1] * p[1];
  if (low < 0 && rest > 1e-9 * radius * radius) { // no slope along the most negative curvature: go along it
    const v = a > d ? [b, low - a] : [low - d, b], n = Math.hypot(...v), tau = n ? Math.sqrt(rest) / n : 0;
    return n ? [p[0] + tau * v[0], p[1] + tau * v[1]] : [Math.sqrt(rest), 0];
  }
  return p;
}

/** The three steps from a point: {p, f} each, and for the last what it kept of its promise. */
function threeSteps(name, at, lr, radius) {
  const here = lookAt(name, at), q = PROBLEMS[name];
  const moved = Float64Array.from(at);
  OPTIMIZERS.GD.step(1, moved, here.g, {}, { lr });
  const value = (p) => { const f = q.f([at[0] + p[0], at[1] + p[1]], q.defaults); return { p, f, model: here.f + model(...here.g, ...here.h, ...p) }; };
  const steps = { gradient: value([moved[0] - at[0], moved[1] - at[1]]), Newton: value(shifted(here, 0)), "trust region": value(within(here, radius)) };
  const t = steps["trust region"];
  t.kept = (here.f - t.f) / (here.f - t.model);
  return { ...here, steps };
}

function render({ model: state, el, signal, page = false }) {
  const { ranges, landscapes, limit } = LOCAL, coordinate = (index) => ({ ...inLink.number(-limit, limit), trait: "point", index });
  const lab = openLab({ model: state, el, page, name: "local", link: {
    problem: inLink.one(Object.keys(landscapes)), x: coordinate(0), y: coordinate(1), lr: inLink.number(...ranges.lr), radius: inLink.number(...ranges.radius),
  } });
  const { get, act, bound } = lab, facts = () => landscapes[get("problem")];

  // ---- elements
  const map = h("canvas", { className: "lab-map", "aria-hidden": "true" }), side = h("canvas", { className: "lab-curve", "aria-hidden": "true" });
  const knob = lab.knob("point", "Point", map, { view: () => view, bounds: () => facts().window.flat(), grid: () => facts().window.map(([a, b]) => (b - a) / 400) });
  const stage = h("div", { className: "lab-stage" }, map, knob.dot);
  const pick = h("select", { id: freshId("p") }, ...Object.entries(landscapes).map(([k, v]) => h("option", { value: k }, v.label)));
  pick.addEventListener("change", () => act({ problem: pick.value, point: [...landscapes[pick.value].start] }));
  const lr = bound("lr", "Learning rate η", ranges.lr, 0.005, { log: true }), radius = bound("radius", "Radius Δ", ranges.radius, 0.005, { log: true });
  const point = lab.point("point", "Point", limit);
  const takes = h("div", { className: "local-takes", role: "group", "aria-label": "Take a step" }, "Take the step:");
  const buttons = Object.keys(LOCAL.colours).map((name) => {
    const button = h("button", { type: "button" }, name);
    button.addEventListener("click", () => take(name));
    takes.append(button);
    return [name, button];
  });
  const back = h("button", { type: "button" }, "Back");
  back.addEventListener("click", () => { if (trail.length > 1) { trail.pop(); act({ point: [...trail.at(-1).at] }); } });
  takes.append(back);
  el.append(
    h("div", { className: "lab-pictures" }, stage, side), takes,
    h("div", { className: "lab-controls" }, h("div", { className: "lab-row" }, h("label", { htmlFor: pick.id }, "Landscape"), pick), lr.row, radius.row, point.row),
    lab.note, lab.status,
  );

  // ---- what is computed; the trail is a run of steps taken from a point that was set by hand
  let now = null, trail = [], view = null;
  const same = (a, b) => a && a[0] === b[0] && a[1] === b[1];
  function take(name) {
    const at = get("point"), { p } = now.steps[name], to = [at[0] + p[0], at[1] + p[1]];
    if (!to.every((v) => Math.abs(v) <= limit)) return lab.complain(`The ${name} step from here leaves the range from ${-limit} to ${limit}, or there is none: the Hessian is singular.`);
    trail.push({ at: to, by: name });
    act({ point: to });
  }
  function simulate() {
    const at = get("point"), name = get("problem");
    if (trail.name !== name || !same(trail.at(-1)?.at, at)) { trail = [{ at: [...at], by: "hand" }]; trail.name = name; }
    now = threeSteps(name, at, get("lr"), get("radius"));
    tasks.judge();
  }
  const away = (at) => Math.min(...facts().minima.map((m) => Math.hypot(at[0] - m[0], at[1] - m[1])));

  // ---- drawing
  let W = 0, H = 0, edge = [0, 0], ground = null, groundOf = "", colour = {};
  const X = (x) => ((x - view.left) / view.width) * W, Y = (y) => ((view.top - y) / view.height) * H;
  function layout() { // sizes are read here, once: in a frame it would cost a layout of the page
    W = stage.clientWidth; H = Math.round(W * SHAPE); stage.style.height = `${H}px`; edge = [side.clientWidth, side.clientHeight];
    colour = lab.palette(); groundOf = "";
    for (const [name, button] of buttons) { colour[name] = LOCAL.colours[name][+colour.dark]; button.style.borderLeftColor = colour[name]; }
  }
  function overGrid(c, [nx, ny], value, levels) {
    const Z = new Float64Array(nx * ny), sx = W / (nx - 1), sy = H / (ny - 1);
    for (let j = 0; j < ny; j++) for (let i = 0; i < nx; i++) Z[j * nx + i] = value(view.left + (i / (nx - 1)) * view.width, view.top - (j / (ny - 1)) * view.height);
    c.beginPath();
    contours(Z, nx, ny, typeof levels === "function" ? levels(Z) : levels, (a, b, d, e) => { c.moveTo(a * sx, b * sy); c.lineTo(d * sx, e * sy); });
    c.stroke();
  }
  function drawGround() {
    const [[a, b], [c0, d]] = facts().window, w = Math.max(b - a, (d - c0) / SHAPE), q = PROBLEMS[get("problem")], x = [0, 0];
    view = { left: (a + b - w) / 2, top: (c0 + d + w * SHAPE) / 2, width: w, height: w * SHAPE };
    ground = document.createElement("canvas");
    const c = sharp(ground, W, H);
    Object.assign(c, { strokeStyle: colour.line, lineWidth: 1 });
    overGrid(c, GRID_OF.loss, (u, v) => { x[0] = u; x[1] = v; return q.f(x, q.defaults); }, (Z) => {
      const sorted = Float64Array.from(Z).sort();
      return [...new Set(Array.from({ length: 14 }, (_, k) => sorted[Math.floor((sorted.length - 1) * (0.01 + 0.95 * (k / 13) ** 1.4))]))];
    });
    Object.assign(c, { strokeStyle: colour.faint, lineWidth: 2 });
    for (const [u, v] of facts().minima) { c.beginPath(); c.moveTo(X(u) - 5, Y(v)); c.lineTo(X(u) + 5, Y(v)); c.moveTo(X(u), Y(v) - 5); c.lineTo(X(u), Y(v) + 5); c.stroke(); }
  }
  function drawMap() {
    const at = get("point"), c = sharp(map, W, H), { g, h: hess, steps } = now, dip = steps.Newton.model - now.f; // from here to where the model is level
    c.drawImage(ground, 0, 0, W, H);
    if (Number.isFinite(dip) && dip) {
      Object.assign(c, { strokeStyle: colour.accent, lineWidth: 1 }); c.setLineDash([3, 3]);
      const size = Math.abs(dip);
      overGrid(c, GRID_OF.model, (u, v) => model(...g, ...hess, u - at[0], v - at[1]), [-4, -2, -1, -0.3, 0.3, 1, 2, 4].map((k) => dip + k * size));
      c.setLineDash([]);
    }
    const px = (W / view.width) * get("radius");
    Object.assign(c, { strokeStyle: colour["trust region"], lineWidth: 1 }); c.setLineDash([6, 5]);
    c.beginPath(); c.arc(X(at[0]), Y(at[1]), px, 0, 7); c.stroke(); c.setLineDash([]);
    Object.assign(c, { font: `bold ${FONT}`, textAlign: "center", textBaseline: "middle" });
    for (const [name, radius] of [["gradient", 9], ["trust region", 12], ["Newton", 8]]) { // T shows around N where the two are one
      const { p } = steps[name];
      if (!p.every(Number.isFinite)) continue;
      const far = Math.max(1, Math.hypot(...p) / (3 * view.width)), x1 = X(at[0] + p[0] / far), y1 = Y(at[1] + p[1] / far);
      Object.assign(c, { strokeStyle: colour[name], fillStyle: colour[name], lineWidth: 2.5 });
      c.beginPath(); c.moveTo(X(at[0]), Y(at[1])); c.lineTo(x1, y1); c.stroke();
      c.beginPath(); c.arc(x1, y1, radius, 0, 7); c.fill();
      c.fillStyle = colour.paper; c.fillText(name[0].toUpperCase(), x1, y1 + 0.5);
    }
    Object.assign(c, { strokeStyle: colour.ink, lineWidth: 1, textBaseline: "alphabetic" });
    c.beginPath(); trail.forEach(({ at: [u, v] }, i) => (i ? c.lineTo(X(u), Y(v)) : c.moveTo(X(u), Y(v)))); c.stroke();
    knob.show(Math.min(W, Math.max(0, X(at[0]))), Math.min(H, Math.max(0, Y(at[1]))));
  }
  function drawSide() { // f and its model along the line of the Newton step
    const [w, tall] = edge, at = get("point"), q = PROBLEMS[get("problem")], { p } = now.steps.Newton, c = sharp(side, w, tall), n = 60;
    if (!p.every(Number.isFinite)) { Object.assign(c, { font: FONT, fillStyle: colour.ink }); c.fillText("The Hessian is singular: no Newton step.", 8, 20); return; }
    const a = (k) => -0.3 + (1.8 * k) / n, f = [], m = [];
    for (let k = 0; k <= n; k++) { const s = [a(k) * p[0], a(k) * p[1]]; f.push(q.f([at[0] + s[0], at[1] + s[1]], q.defaults)); m.push(now.f + model(...now.g, ...now.h, ...s)); }
    const reach = Math.max(...m.map((v) => Math.abs(v - now.f)), 1e-12), low = Math.min(...m, ...f.filter((v) => v > now.f - 2 * reach)), high = Math.max(...m, ...f.filter((v) => v < now.f + 2 * reach));
    const top = 24, bottom = tall - 26, right = w - 8, { py } = axes(c, { low, high, log: false, title: "along N: loss, and model dashed", colour, left: 52, right, top, bottom });
    const px = (k) => 52 + ((right - 52) * k) / n, k0 = (0.3 * n) / 1.8, k1 = (1.3 * n) / 1.8;
    c.save(); c.beginPath(); c.rect(52, top - 2, right - 52, bottom - top + 4); c.clip();
    for (const [values, stroke, dash, width] of [[m, colour.accent, [3, 3], 1.5], [f, colour.ink, [], 2]]) {
      Object.assign(c, { strokeStyle: stroke, lineWidth: width }); c.setLineDash(dash);
      c.beginPath(); values.forEach((v, k) => (k ? c.lineTo(px(k), py(v)) : c.moveTo(px(k), py(v)))); c.stroke();
    }
    c.setLineDash([]); c.restore();
    const dot = (k, v, fill) => { c.fillStyle = fill; c.beginPath(); c.arc(px(k), Math.min(bottom, Math.max(top, py(v))), 5, 0, 7); c.fill(); };
    dot(k0, now.f, colour.ink); dot(k1, now.steps.Newton.f, colour.Newton);
    Object.assign(c, { font: FONT, fillStyle: colour.ink, textAlign: "center" });
    c.fillText("here", px(k0), bottom + 16); c.fillText("Newton", px(k1), bottom + 16);
  }
  const shape = () => (now.low > 0 ? "a bowl" : now.high < 0 ? "a dome" : now.low < 0 && now.high > 0 ? "a saddle" : "a valley with a level floor");
  const goes = (f) => (!Number.isFinite(f) ? "does not exist" : f > now.f ? `climbs to ${say(f)}` : f < now.f ? `falls to ${say(f)}` : "stays");
  function words() {
    const at = get("point"), { gradient, Newton, "trust region": trust } = now.steps, [[a, b], [c, d]] = facts().window;
    const outside = at[0] < a || at[0] > b || at[1] < c || at[1] > d ? " (outside the picture)" : "";
    return `At (${say(at[0])}, ${say(at[1])})${outside}: loss ${say(now.f)}, curvatures ${say(now.low)} and ${say(now.high)}: the model is ${shape()}. `
      + `Gradient step: ${goes(gradient.f)}. Newton step: ${goes(Newton.f)}. Trust-region step: ${goes(trust.f)}, ${Number.isFinite(trust.kept) ? `${say(trust.kept, 2)} of what the model promised` : "nothing promised"}.`;
  }
  function draw() {
    const key = `${get("problem")} ${W}`;
    if (groundOf !== key) { drawGround(); groundOf = key; }
    drawMap(); drawSide(); back.disabled = trail.length < 2;
    lab.speak(words);
  }

  // ---- missions
  const tasks = lab.missions([
    {
      key: "climb", seen: {},
      task: "Find a point from which the Newton step raises the loss although both curvatures are positive, and one from which it does so where a curvature is negative. What goes wrong in each case? Look at the second picture.",
      look() { if (now.steps.Newton.f > now.f) { const kind = now.low > 0 ? "both positive" : "one negative"; this.seen[kind] ??= `${kind}: ${say(now.f)} to ${say(now.steps.Newton.f)} at (${say(get("point")[0])}, ${say(get("point")[1])})`; } },
      progress() { return Object.values(this.seen).join("; "); },
      done() { return Object.keys(this.seen).length === 2; },
    },
    {
      key: "lure",
      task: "Himmelblau: take Newton steps until they end somewhere that is no minimum. Which curvatures are there? Where does the trust-region step lead from that place?",
      look() { this.ok ||= get("problem") === "Himmelblau" && trail.length > 1 && trail.at(-1).by === "Newton" && Math.hypot(...now.g) < 1e-6 && now.low < 0; },
      done() { return !!this.ok; },
    },
    {
      key: "digits", text: "",
      task: "Rosenbrock or Himmelblau: from a point at least 0.3 away from every minimum, arrive by Newton steps alone within a hundred-millionth of one. What does each step make of the distance once it is small?",
      look() {
        const run = trail.slice(1).every(({ by }) => by === "Newton") && ["Rosenbrock", "Himmelblau"].includes(get("problem")) ? trail.map(({ at }) => away(at)) : [];
        this.text = run.length > 1 ? `Distances: ${run.slice(-6).map((v) => say(v, 2)).join(", ")}.` : "";
        if (run.length > 1 && run[0] >= 0.3 && run.at(-1) < 1e-8) this.ok = true;
      },
      progress() { return this.text; },
      done() { return !!this.ok; },
    },
    {
      key: "leash",
      task: "Stay at a point from which the Newton step climbs. Find the largest radius with which the trust-region step still keeps a quarter of its promise, within 5 %.",
      look() {
        const kept = (r) => threeSteps(get("problem"), get("point"), get("lr"), r).steps["trust region"].kept;
        if (now.steps.Newton.f > now.f && kept(get("radius")) >= 0.25 && kept(1.05 * get("radius")) < 0.25) this.ok = true;
      },
      done() { return !!this.ok; },
    },
  ]);

  return lab.start({
    signal, watch: ["problem", "point", "lr", "radius"], stage, layout, simulate, draw,
    show() { pick.value = get("problem"); for (const part of [lr, radius, point]) part.show(); },
  });
}

export default { render };
