// Time tunnel: one matrix, used at every step, and the gradient that comes back through all of them. Needs,
// in front of it in the module: kit.js, the traced ACTIVATIONS and nextNumber, and TIME (what Python knows).

/** An orthogonal matrix, the directions of input and loss, and the inputs of a seed, as in Python. */
function drawTimes(seed) {
  const { width: n, sequences: m, noise, modulus, ranges } = TIME, values = new Float64Array(n * n + 2 * n + ranges.length[1] * m);
  let s = seed * 1000003;
  for (let k = -20; k < values.length; k++) {
    s = nextNumber(k < 0 ? s + 12345 : s);
    if (k >= 0) values[k] = ((2 * s) / modulus - 1) * Math.sqrt(3);
  }
  const turn = values.subarray(0, n * n), row = (i) => turn.subarray(i * n, (i + 1) * n), unit = (a) => { const size = Math.sqrt(dot(a, a)); for (let k = 0; k < n; k++) a[k] /= size; return a; };
  for (let i = 0; i < n; i++) { // Gram and Schmidt
    for (let j = 0; j < i; j++) { const c = dot(row(i), row(j)); for (let k = 0; k < n; k++) turn[i * n + k] -= c * turn[j * n + k]; }
    unit(row(i));
  }
  const X = values.subarray(n * n + 2 * n).map((v, k) => (k < m ? 1 : noise * v));
  return { turn, u: unit(values.subarray(n * n, n * n + n)), r: unit(values.subarray(n * n + n, n * n + 2 * n)), X };
}
function dot(a, b) {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

/** Forward, back, and the gradient of the matrix: {gradient, shares, norm, cosine, right, ratio, factor}. */
function throughTime({ turn, u, r, X }, { rho, length: T, cut }) {
  const { width: n, sequences: m } = TIME, size = m * n, phi = ACTIVATIONS.tanh, H = [new Float64Array(size)], S = [null];
  for (let t = 1; t <= T; t++) {
    const z = new Float64Array(size), slope = new Float64Array(size), from = H[t - 1];
    for (let i = 0; i < m; i++) {
      const x = X[(t - 1) * m + i], o = i * n;
      for (let k = 0; k < n; k++) z[o + k] = x * u[k];
      for (let j = 0; j < n; j++) { const v = from[o + j] * rho; for (let k = 0; k < n; k++) z[o + k] += v * turn[j * n + k]; }
      for (let k = 0; k < n; k++) { const y = phi.f(z[o + k]); slope[o + k] = phi.df(1, z[o + k], y); z[o + k] = y; }
    }
    H.push(z); S.push(slope);
  }
  let g = new Float64Array(size);
  for (let k = 0; k < size; k++) g[k] = r[k % n];
  const gradient = new Float64Array(T), shares = new Float64Array(T), full = new Float64Array(n * n), kept = new Float64Array(n * n), part = new Float64Array(n * n);
  for (let t = T; t >= 1; t--) {
    gradient[t - 1] = Math.sqrt(dot(g, g) / m);
    const back = new Float64Array(size), slope = S[t], from = H[t - 1];
    part.fill(0);
    for (let i = 0; i < m; i++) {
      const o = i * n;
      for (let k = 0; k < n; k++) g[o + k] *= slope[o + k];
      for (let j = 0; j < n; j++) {
        let sum = 0;
        const before = from[o + j] / m;
        for (let k = 0; k < n; k++) { part[j * n + k] += before * g[o + k]; sum += g[o + k] * turn[j * n + k]; }
        back[o + j] = sum * rho;
      }
    }
    shares[t - 1] = Math.sqrt(dot(part, part));
    for (let k = 0; k < n * n; k++) { full[k] += part[k]; if (t > T - cut) kept[k] += part[k]; }
    g = back;
  }
  const end = H[T], mean = new Float64Array(n);
  for (let k = 0; k < size; k++) mean[k % n] += end[k];
  let right = 0;
  for (let i = 0; i < m; i++) {
    const h = end.subarray(i * n, (i + 1) * n);
    if (dot(h, mean) - dot(h, h) > 0) right++; // the others' mean, times their number
  }
  const norm = Math.sqrt(dot(kept, kept)), both = norm * Math.sqrt(dot(full, full));
  return { gradient, shares, norm, cosine: both ? dot(full, kept) / both : 1, right, ratio: gradient[0], factor: gradient[0] ** (1 / (T - 1)) };
}

function render({ model, el, signal, page = false }) {
  const { ranges, goals, limit, sequences } = TIME;
  const lab = openLab({ model, el, page, name: "time", link: {
    rho: inLink.number(...ranges.rho), length: inLink.whole(...ranges.length), cut: inLink.whole(...ranges.cut),
    clip: inLink.one(["off", "on"]), seed: inLink.whole(...ranges.seed),
  } });
  const { get, act, bound, text } = lab, KEYS = ["rho", "length", "cut", "clip", "seed"];

  // ---- elements
  const strips = [0, 1].map(() => h("canvas", { className: "time-strip", "aria-hidden": "true" }));
  const rho = bound("rho", "Stretch ρ", ranges.rho, 0.005), length = bound("length", "Steps T", ranges.length, 1, { whole: true });
  const cut = bound("cut", "Steps back k", ranges.cut, 1, { whole: true });
  const clip = choice({ label: `Clip the gradient of U at ${limit}`, options: [["off", "off"], ["on", "on"]], get: () => get("clip"), set: (v) => act({ clip: v }) });
  const other = h("button", { type: "button" }, "Other weights");
  other.addEventListener("click", () => act({ seed: (get("seed") % ranges.seed[1]) + 1 }));
  const meter = h("meter", { min: 0, max: sequences, "aria-label": "Sequences that remember" });
  const fact = (words, ...more) => { const cell = h("span", {}); return { cell, row: h("tr", {}, h("th", { scope: "row" }, words), h("td", {}, ...more, cell)) }; };
  const facts = [
    fact("What comes back: first state over last"), fact("The same for each step, on average"),
    fact("Norm of the gradient of U, computed"), fact("What the optimizer gets"),
    fact("Angle to the gradient of all steps"), fact(`First input remembered, of ${sequences} sequences`, meter),
  ];
  el.append(
    ...strips,
    h("p", { className: "time-key" }, "Log axes. Hollow: what the cut leaves out."),
    h("div", { className: "lab-controls" }, rho.row, length.row, cut.row),
    h("div", { className: "lab-sets" }, clip.row, other),
    h("table", { className: "time-facts" }, h("tbody", {}, ...facts.map((f) => f.row))),
    lab.note, lab.status,
  );

  // ---- what is computed: once per change
  let dice = null, now = null, looked = false;
  const run = (changes = {}) => {
    const at = { ...Object.fromEntries(KEYS.map((k) => [k, get(k)])), ...changes };
    if (dice?.seed !== at.seed) dice = { seed: at.seed, ...drawTimes(at.seed) };
    return throughTime(dice, at);
  };
  const shortened = () => (get("clip") === "on" ? limit / Math.max(now.norm, limit) : 1);
  function simulate() { now = run(); if (get("length") === goals.lengths[2]) looked = true; }

  // ---- drawing
  let colour = {}, sizes = [];
  function layout() {
    colour = lab.palette(); sizes = strips.map((s) => [s.clientWidth, s.clientHeight]);
    colour.runs = TIME.colours.map((pair) => pair[+colour.dark]);
  }
  function drawStrip(i, title, bars, scale) {
    const [w, tall] = sizes[i], c = sharp(strips[i], w, tall), T = get("length"), left = 46, right = w - 8, top = 32, bottom = tall - 24;
    const seen = [...bars].map((v) => v * scale).filter((v) => v > 0 && Number.isFinite(v)).map(Math.log10);
    const from = Math.min(-2, ...seen), to = Math.max(1, ...seen), every = Math.ceil((to - from) / 5), low = every * Math.floor(from / every), high = every * Math.ceil(to / every);
    const y = (v) => (v > 0 ? bottom - ((bottom - top) * (Math.min(high, Math.max(low, Math.log10(v))) - low)) / (high - low) : bottom);
    axes(c, { low, high, every, log: true, title, colour, left, right, top, bottom });
    const slot = (right - left) / T, wide = Math.max(2, slot * 0.7), x = (t) => left + slot * (t - 0.5), first = T - Math.min(T, get("cut"));
    const bar = (t) => { const v = y(bars[t - 1] * scale); c.rect(x(t) - wide / 2, v - 1, wide, bottom - v + 1); };
    Object.assign(c, { fillStyle: colour.runs[i], strokeStyle: colour.faint, lineWidth: 1 });
    c.beginPath(); for (let t = first + 1; t <= T; t++) bar(t); c.fill();
    c.beginPath(); for (let t = 1; t <= first; t++) bar(t); c.stroke();
    Object.assign(c, { fillStyle: colour.ink, textAlign: "center" });
    for (const t of [1, T]) c.fillText(t === 1 ? "step 1" : `${T}`, Math.max(x(t), t === 1 ? left + 18 : 0), bottom + 16);
  }
  const degrees = () => Math.round((180 / Math.PI) * Math.acos(Math.max(-1, Math.min(1, now.cosine))));
  function draw() {
    const gets = now.norm * shortened();
    drawStrip(0, "← gradient at each state  (last = 1)", now.gradient, 1);
    drawStrip(1, "each step’s share of the gradient of U, as used", now.shares, shortened());
    const values = [say(now.ratio), `× ${say(now.factor, 4)}`, say(now.norm), say(gets), `${degrees()}°`, ` ${now.right}`];
    facts.forEach((f, i) => text(f.cell, values[i]));
    meter.value = now.right;
    lab.speak(() => { tasks.judge(); return words(); });
  }
  function words() {
    const T = get("length"), k = get("cut"), cuts = k < T ? `, cut after ${k}` : "";
    return `ρ = ${say(get("rho"), 4)}, ${T} steps${cuts}, clipping ${get("clip")}. ${say(now.ratio)} of the gradient comes back to the first state, × ${say(now.factor, 4)} per step. ` +
      `The optimizer gets a gradient of norm ${say(now.norm * shortened())}; computed was ${say(now.norm)}. ${now.right} of ${sequences} sequences remember.`;
  }
  const show = () => { for (const part of [rho, length, cut, clip]) part.show(); };

  // ---- missions
  const near = (v, f) => v <= f && v >= 1 / f, whole = () => get("cut") >= get("length");
  const law = {
    key: "law", task: `Find the ρ with which a thousandth of the gradient comes back to the first state, within 20 %: for T = ${goals.lengths[0]}, and for T = ${goals.lengths[1]}. Compare the two.`, found: {},
    look() { const T = get("length"); if (goals.lengths.slice(0, 2).includes(T) && near(now.ratio / goals.arrives, 1.2)) this.found[T] = get("rho"); },
    done() { return Object.keys(this.found).length === 2; },
    progress() { return Object.entries(this.found).map(([T, v]) => `T = ${T}: ρ = ${say(v, 4)}.`).join(" "); },
  };
  const predict = { key: "predict", task: `Before you look at T = ${goals.lengths[2]}: which ρ will do it there, to a factor of ${goals.within} in what comes back?` };
  const tasks = lab.missions([
    law, predict,
    {
      key: "explosion", task: `At least ${goals.long} steps: make the gradient of U longer than ${goals.explodes}. Then switch clipping on. Which numbers of the table change, and which do not?`,
      look() {
        if (get("length") < goals.long || now.norm <= goals.explodes) return;
        const at = `${get("rho")} ${get("length")} ${get("cut")} ${get("seed")}`;
        if (get("clip") === "off") this.at = at;
        else if (this.at === at) { this.ok = true; this.text = `${say(now.norm)} became ${say(now.norm * shortened())}; what comes back stayed ${say(now.ratio)}.`; }
      },
      progress() { return this.text ?? (this.at ? "Now clip." : ""); },
    },
    {
      key: "vanishing", task: `At least ${goals.long} steps, and ρ so small that less than a millionth comes back. Switch clipping on: does it help? Then find what brings at least a tenth back.`,
      look() {
        if (get("length") < goals.long || !whole()) return;
        if (now.ratio < goals.vanished && get("clip") === "on") this.seen = `With clipping on, ρ = ${say(get("rho"), 4)}: ${say(now.ratio)} came back, and the gradient of U was multiplied by ${say(shortened())}.`;
        if (this.seen && !this.ok && now.ratio >= 0.1) { this.ok = true; this.text = ` With ρ = ${say(get("rho"), 4)}: ${say(now.ratio)}.`; }
      },
      progress() { return (this.seen ?? "") + (this.text ?? ""); },
    },
    {
      key: "cut", task: `T = ${goals.long}. Move k: find the least number of steps back with which the gradient of U still points the right way, to ${Math.round((180 / Math.PI) * Math.acos(goals.cosine))}°; with ρ = ${goals.rhos[0]}, and with ρ = ${goals.rhos[1]}. Where could you afford to cut?`, found: {},
      look() {
        const r = get("rho"), k = get("cut");
        if (get("length") !== goals.long || !goals.rhos.includes(r) || k >= goals.long || now.cosine < goals.cosine) return;
        if (k === 1 || run({ cut: k - 1 }).cosine < goals.cosine) this.found[r] = k;
      },
      done() { return Object.keys(this.found).length === 2; },
      progress() { return Object.entries(this.found).map(([r, k]) => `ρ = ${r}: k = ${k}.`).join(" "); },
    },
    {
      key: "memory", task: `T = ${ranges.length[1]}: find a ρ with which at least ${goals.remember} of ${sequences} sequences still know their first input, while what comes back stays within a factor of ${goals.band}. Then try ρ = 2.`,
      look() { if (get("length") === ranges.length[1] && now.right >= goals.remember && near(now.ratio, goals.band)) { this.ok = true; this.text = `ρ = ${say(get("rho"), 4)}: ${now.right} remember, ${say(now.ratio)} comes back.`; } },
      progress() { return this.text ?? ""; },
    },
  ]);
  const guess = h("input", { type: "text", inputMode: "decimal", className: "lab-field", "aria-label": "ρ predicted" }), tell = h("button", { type: "button" }, "Check"), reply = h("span", { role: "status" });
  predict.item.append(h("span", { className: "lab-answer" }, "ρ = ", guess, tell, reply));
  const check = () => {
    const v = readNumber(guess.value), [low, high] = ranges.rho;
    if (looked && !predict.ok) { reply.textContent = `You have looked at T = ${goals.lengths[2]}: that is a measurement. Press Other weights, and predict again.`; return; }
    if (!(v >= low && v <= high)) { reply.textContent = `“${guess.value}” is not a number from ${low} to ${high}.`; return; }
    const { ratio } = run({ rho: v, length: goals.lengths[2] }), hit = near(ratio / goals.arrives, goals.within);
    reply.textContent = `${hit ? "Predicted" : "Not so"}: ${say(ratio)} comes back.`;
    if (hit) { predict.ok = true; tasks.report(); }
  };
  other.addEventListener("click", () => { looked = get("length") === goals.lengths[2]; });
  tell.addEventListener("click", check);
  guess.addEventListener("keydown", (e) => { if (e.key === "Enter") { e.preventDefault(); check(); } });

  return lab.start({ signal, watch: KEYS, stage: strips[0], show, layout, simulate, draw });
}

export default { render };
