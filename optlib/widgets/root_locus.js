// Root locus: what memory does to one direction. Needs, in front of it in the module: kit.js, the traced
// tables OPTIMIZERS and PROBLEMS, and LOCUS (ranges, labels and colours, from Python).

/** One step of a rule as a map of (x, m) on curvature 1, found by taking it from both unit states. */
function oneStep(rule, etah, beta) {
  const [key] = rule.memory, bowl = PROBLEMS.Quadratic, g = new Float64Array(2);
  const column = (x0, m0) => {
    const x = Float64Array.of(x0, 0), m = { [key]: Float64Array.of(m0, 0) };
    bowl.grad(x, bowl.defaults, g);
    rule.step(1, x, g, m, { lr: etah, beta });
    return [x[0], m[key][0]];
  };
  const [a, c] = column(1, 0), [b, d] = column(0, 1);
  return { trace: a + d, det: a * d - b * c };
}

/** The eigenvalues of that map: [{re, im}, {re, im}], the larger first. */
function rootsOf(rule, etah, beta) {
  const { trace, det } = oneStep(rule, etah, beta), half = trace / 2, disc = half * half - det;
  if (disc < 0) return [{ re: half, im: Math.sqrt(-disc) }, { re: half, im: -Math.sqrt(-disc) }];
  const far = half + (half < 0 ? -1 : 1) * Math.sqrt(disc), near = far === 0 ? 0 : det / far;
  return [{ re: far, im: 0 }, { re: near, im: 0 }];
}
const sizeOf = (rule, etah, beta) => { const [z] = rootsOf(rule, etah, beta); return Math.hypot(z.re, z.im); };

function render({ model, el, signal, page = false }) {
  const { ranges } = LOCUS;
  const lab = openLab({ model, el, page, name: "locus", link: {
    rule: inLink.one(Object.keys(OPTIMIZERS)), etah: inLink.number(...ranges.etah), beta: inLink.number(...ranges.beta),
    steps: inLink.whole(...ranges.steps), axis: inLink.one(["linear", "log"]),
  } });
  const { get, act, bound } = lab, rule = () => OPTIMIZERS[get("rule")];

  // ---- elements
  const disc = h("canvas", { className: "locus-disc", "aria-hidden": "true" });
  const curve = h("canvas", { className: "locus-curve", "aria-hidden": "true" });
  const which = choice({ label: "Rule", options: Object.entries(LOCUS.labels), get: () => get("rule"), set: (v) => act({ rule: v }) });
  const etah = bound("etah", "Rate times curvature, ηh", ranges.etah, 0.002, { log: true }), beta = bound("beta", "Momentum β", ranges.beta, 0.001);
  const steps = bound("steps", "Steps", ranges.steps, 0.01, { log: true, whole: true });
  const axis = choice({ label: "Trajectory axis", options: [["linear", "linear"], ["log", "log"]], get: () => get("axis"), set: (v) => act({ axis: v }) });
  el.append(
    h("div", { className: "locus-pictures" }, disc, curve),
    h("div", { className: "lab-controls" }, etah.row, beta.row, steps.row),
    h("div", { className: "lab-sets" }, which.row, axis.row),
    lab.note, lab.status,
  );

  // ---- what is computed, again only when a setting changed
  let now = null, trail = {};
  function simulate() {
    const bowl = PROBLEMS.Quadratic, hyper = { lr: get("etah"), beta: get("beta") };
    const both = trajectory(rule(), bowl, bowl.defaults, LOCUS.start, hyper, get("steps"));
    const path = both.filter((_, i) => i % 2 === 0), roots = rootsOf(rule(), get("etah"), get("beta"));
    const key = `${get("rule")} ${get("beta")}`;
    if (trail.key !== key) { // where the roots go when only the learning rate moves
      trail = { key, spots: [] };
      for (let k = 0; k <= 160; k++) trail.spots.push(...rootsOf(rule(), 4 * (k / 160) ** 2, get("beta")));
    }
    now = { path, roots, size: Math.hypot(roots[0].re, roots[0].im) };
    tasks.judge();
  }

  // ---- drawing
  let colour = {}, wide = 0, side = [0, 0];
  function layout() { // sizes are read here, once: in a frame it would cost a layout of the page
    colour = lab.palette(); wide = disc.clientWidth; side = [curve.clientWidth, curve.clientHeight];
    for (const [name, pair] of Object.entries(LOCUS.colours)) colour[name] = pair[+colour.dark];
  }
  function drawDisc() {
    const w = wide, c = sharp(disc, w, w), mid = w / 2, unit = w / 2.7;
    const X = (v) => mid + unit * v, Y = (v) => mid - unit * v;
    const ring = (r) => { c.beginPath(); c.arc(mid, mid, r * unit, 0, 7); c.stroke(); };
    Object.assign(c, { font: FONT, strokeStyle: colour.line, fillStyle: colour.ink, lineWidth: 1 });
    c.beginPath(); c.moveTo(0, mid); c.lineTo(w, mid); c.moveTo(mid, 0); c.lineTo(mid, w); c.stroke();
    Object.assign(c, { strokeStyle: colour.ink, lineWidth: 1.5 });
    ring(1);
    c.textAlign = "left"; c.fillText("1", X(1) + 4, mid - 5);
    c.textAlign = "right"; c.fillText("−1", X(-1) - 4, mid - 5);
    if (now.size < 1) { Object.assign(c, { strokeStyle: colour.faint, lineWidth: 1 }); c.setLineDash([4, 4]); ring(now.size); c.setLineDash([]); }
    c.fillStyle = colour.faint;
    c.beginPath();
    for (const z of trail.spots) c.rect(X(z.re) - 0.75, Y(z.im) - 0.75, 1.5, 1.5);
    c.fill();
    Object.assign(c, { fillStyle: colour[get("rule")], strokeStyle: colour.ink, lineWidth: 1.5 });
    const apart = Math.hypot(now.roots[0].re - now.roots[1].re, now.roots[0].im - now.roots[1].im);
    now.roots.forEach((z, i) => {
      c.beginPath(); c.arc(Math.max(6, Math.min(w - 6, X(z.re))), Y(z.im), 6, 0, 7); c.fill(); c.stroke();
      if (i && apart < 0.02) { c.beginPath(); c.arc(X(z.re), Y(z.im), 10, 0, 7); c.stroke(); } // two in one place
    });
    c.fillStyle = colour.ink; c.textAlign = "left";
    c.fillText("roots on the unit disc", 6, 15);
  }
  function drawCurve() {
    const [w, tall] = side, c = sharp(curve, w, tall), n = get("steps"), log = get("axis") === "log";
    const left = 46, right = w - 8, top = 24, bottom = tall - 26, finite = [...now.path].map(Math.abs).filter(Number.isFinite);
    const most = Math.max(...finite.map((v) => Math.min(v, 1e12)), 1);
    const least = Math.max(1e-12, Math.min(...finite.filter((v) => v > 0), 0.1));
    const [low, high] = log ? [Math.floor(Math.log10(least)), Math.max(1, Math.ceil(Math.log10(most)))] : [-Math.min(most, 1e3), Math.min(most, 1e3)];
    const { px, py: level } = axes(c, { steps: n, low, high, log, title: log ? "distance |x|" : "x, from 1", colour, left, right, top, bottom });
    const py = (v) => level(log ? Math.max(Math.abs(v), 10 ** low) : v);
    Object.assign(c, { strokeStyle: colour[get("rule")], fillStyle: colour[get("rule")], lineWidth: 2 });
    c.save(); c.beginPath(); c.rect(left - 4, top - 4, right - left + 8, bottom - top + 8); c.clip();
    c.beginPath();
    for (let t = 0; t <= n && Number.isFinite(now.path[t]); t++) t ? c.lineTo(px(t), py(now.path[t])) : c.moveTo(px(t), py(now.path[t]));
    c.stroke();
    if (n <= 120) for (let t = 0; t <= n && Number.isFinite(now.path[t]); t++) { c.beginPath(); c.arc(px(t), py(now.path[t]), 2, 0, 7); c.fill(); }
    c.restore();
  }
  function words() {
    const [z, y] = now.roots, end = now.path[get("steps")], round = (v) => say(Math.abs(v) < 5e-4 ? 0 : +v.toFixed(3));
    const where = z.im ? `${round(z.re)} ± ${round(z.im)} i` : `${round(z.re)} and ${round(y.re)}`;
    const verdict = now.size > 1 + 1e-9 ? "outside the disc: it grows" : now.size > 1 - 1e-9 ? "on the circle: it neither grows nor dies out" : "inside: in the long run the distance shrinks by that factor per step";
    return `${get("rule")}, ηh = ${say(get("etah"))}, β = ${say(get("beta"))}. Roots ${where}. Larger size ${say(now.size, 4)}, ${verdict}. After ${get("steps")} steps x = ${Number.isFinite(end) ? say(end) : "out of range"}.`;
  }
  const draw = () => { drawDisc(); drawCurve(); lab.speak(words); };

  // ---- missions: judged by taking steps of the rules, not by a formula that is typed here
  const speed = (at, b) => -Math.log(sizeOf(OPTIMIZERS.Momentum, at, b));
  const fastest = (at) => { // the best of all the betas on the slider: coarsely, then closely around the best
    let best = 0;
    for (let k = 0; k < 100; k++) if (speed(at, k / 100) > speed(at, best)) best = k / 100;
    for (let k = -10, middle = best; k <= 10; k++) {
      const b = middle + k / 1000;
      if (b >= 0 && b <= LOCUS.ranges.beta[1] && speed(at, b) > speed(at, best)) best = b;
    }
    return speed(at, best);
  };
  const border = (name) => ({
    found: new Map(),
    look() {
      const b = get("beta"), at = get("etah"), r = OPTIMIZERS[name];
      if (get("rule") !== name || [...this.found.keys()].some((o) => o !== b && Math.abs(o - b) < 0.15)) return;
      if (sizeOf(r, at, b) <= 1 + 1e-6 && sizeOf(r, 1.02 * at, b) > 1 + 1e-6) this.found.set(b, at);
    },
    progress() { return this.found.size ? [...this.found].map(([b, at]) => `β = ${say(b)}: ηh = ${say(at)}`).join("; ") + "." : ""; },
    done() { return this.found.size >= 3; },
  });
  const tasks = lab.missions([
    {
      key: "fastest", found: new Map(),
      task: "Momentum: keep ηh and find the β with which the distance shrinks fastest in the long run. Do so for three values of ηh below 1 that differ by a factor of 2 or more. Where do the two roots stand each time? Which law gives β?",
      look() {
        const at = get("etah"), b = get("beta");
        if (get("rule") !== "Momentum" || at >= 0.9 || at < 0.004 || [...this.found.keys()].some((o) => o !== at && Math.max(o, at) / Math.min(o, at) < 2)) return;
        if (speed(at, b) >= 0.95 * fastest(at)) this.found.set(at, b);
      },
      progress() { return this.found.size ? [...this.found].map(([at, b]) => `ηh = ${say(at)}: β = ${say(b)}`).join("; ") + "." : ""; },
      done() { return this.found.size >= 3; },
    },
    { key: "heavy ball", ...border("Momentum"), task: "Momentum: find the largest ηh that does not diverge, for three values of β at least 0.15 apart. Get within 2 %. Does memory widen the range of gradient descent (β = 0) or narrow it?" },
    { key: "nesterov", ...border("Nesterov"), task: "Nesterov: the same three borders. Predict first: wider or narrower?" },
  ]);

  const show = () => { for (const part of [which, etah, beta, steps, axis]) part.show(); };
  return lab.start({ signal, watch: ["rule", "etah", "beta", "steps", "axis"], stage: disc, show, layout, simulate, draw });
}

export default { render };
