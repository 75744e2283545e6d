// Signal tunnel: what a deep network does to a signal and to a gradient. Needs, in front of it in the
// module: kit.js, the traced ACTIVATIONS and nextNumber, and TUNNEL (what Python knows).

/** Inputs, the gradient at the end, and all matrices of a seed: uniform, of variance 1, as in Python. */
function drawNumbers(seed) {
  const { width: n, examples: m, modulus, ranges } = TUNNEL, out = new Float64Array(2 * m * n + ranges.depth[1] * n * n);
  let s = seed * 1000003;
  for (let k = -20; k < out.length; k++) {
    s = nextNumber(k < 0 ? s + 12345 : s); // the addition parts the seeds
    if (k >= 0) out[k] = ((2 * s) / modulus - 1) * Math.sqrt(3);
  }
  return { X: out.subarray(0, m * n), G: out.subarray(m * n, 2 * m * n), W: out.subarray(2 * m * n) };
}

/** Through the network and back: {signal, spread, gradient} layer by layer, flat, and the ratios. */
function passThrough(dice, { activation, depth, gain, skip, branch }) {
  const { width: n, examples: m, steepest } = TUNNEL, phi = ACTIVATIONS[activation], limit = 0.01 * steepest[activation];
  const size = m * n, scale = gain / Math.sqrt(n), H = [dice.X], slopes = [], s = skip === "on" ? branch : 1;
  let flat = 0;
  for (let l = 0; l < depth; l++) {
    const z = new Float64Array(size), slope = new Float64Array(size), from = H[l], W = dice.W, at = l * n * n;
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) {
      const v = from[i * n + j] * scale;
      for (let k = 0, w = at + j * n, o = i * n; k < n; k++) z[o + k] += v * W[w + k];
    }
    for (let k = 0; k < size; k++) {
      const y = phi.f(z[k]), d = phi.df(1, z[k], y);
      if (d < limit) flat++;
      slope[k] = s * d; z[k] = skip === "on" ? from[k] + s * y : y;
    }
    H.push(z); slopes.push(slope);
  }
  const gradient = new Float64Array(depth + 1), part = new Float64Array(size);
  let g = dice.G;
  gradient[depth] = rms(g);
  for (let l = depth - 1; l >= 0; l--) {
    const back = skip === "on" ? Float64Array.from(g) : new Float64Array(size), W = dice.W, at = l * n * n;
    for (let k = 0; k < size; k++) part[k] = g[k] * slopes[l][k] * scale;
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0, w = at + j * n, o = i * n; k < n; k++) sum += part[o + k] * W[w + k];
      back[i * n + j] += sum;
    }
    g = back; gradient[l] = rms(g);
  }
  const signal = Float64Array.from(H, rms), spread = Float64Array.from(H, (a) => apart(a, m, n));
  const backward = gradient[1] / gradient[depth];
  return {
    signal, spread, gradient, flat: flat / (size * depth), backward, factor: backward ** (1 / (depth - 1)),
    forward: signal[depth] / signal[1], apart: spread[depth] / spread[1],
  };
}
function rms(a) {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * a[k];
  return Math.sqrt(sum / a.length);
}
/** Root mean square distance of the examples from their mean. */
function apart(a, m, n) {
  let sum = 0;
  for (let k = 0; k < n; k++) {
    let mean = 0;
    for (let i = 0; i < m; i++) mean += a[i * n + k] / m;
    for (let i = 0; i < m; i++) sum += (a[i * n + k] - mean) ** 2;
  }
  return Math.sqrt(sum / (m * n));
}

function render({ model, el, signal, page = false }) {
  const { ranges, labels, band, goals } = TUNNEL, yesNo = inLink.one(["off", "on"]);
  const lab = openLab({ model, el, page, name: "tunnel", link: {
    activation: inLink.one(Object.keys(labels)), depth: inLink.whole(...ranges.depth), gain: inLink.number(...ranges.gain),
    skip: yesNo, branch: inLink.number(...ranges.branch), seed: inLink.whole(...ranges.seed),
  } });
  const { get, act, bound, text } = lab, KEYS = ["activation", "depth", "gain", "skip", "branch", "seed"];
  const settings = () => Object.fromEntries(KEYS.map((k) => [k, get(k)]));

  // ---- elements
  const strips = [0, 1].map(() => h("canvas", { className: "tunnel-strip", "aria-hidden": "true" }));
  const which = choice({ label: "Activation", options: Object.entries(labels), get: () => get("activation"), set: (v) => act({ activation: v }) });
  const depth = bound("depth", "Hidden layers", ranges.depth, 1, { whole: true }), gain = bound("gain", "Gain of the weights", ranges.gain, 0.005, { log: true });
  const skip = choice({ label: "Skip connections", options: [["off", "none"], ["on", "around each layer"]], get: () => get("skip"), set: (v) => act({ skip: v }) });
  const branch = bound("branch", "Branch scale s", ranges.branch, 0.01, { log: true });
  const other = h("button", { type: "button" }, "Other weights");
  other.addEventListener("click", () => act({ seed: (get("seed") % ranges.seed[1]) + 1 }));
  const fact = (words) => { const cell = h("td", {}); return { cell, row: h("tr", {}, h("th", { scope: "row" }, words), cell) }; };
  const facts = [
    fact("Signal: last layer over first"), fact("Distance of the examples: last layer over first"),
    fact("Gradient: first layer over last"), fact("The same for each layer, on average"), fact("Numbers where the activation is flat"),
  ];
  el.append(
    ...strips,
    h("p", { className: "tunnel-key" }, "Bars: root mean square. Dots: how far the examples lie apart. Shaded: within a factor of 10."),
    h("div", { className: "lab-controls" }, depth.row, gain.row, branch.row),
    h("div", { className: "lab-sets" }, which.row, skip.row, other),
    h("table", { className: "tunnel-facts" }, h("tbody", {}, ...facts.map((f) => f.row))),
    lab.note, lab.status,
  );

  // ---- what is computed: once per change
  let dice = null, now = null;
  const drawn = (seed) => (dice?.seed === seed ? dice : (dice = { seed, ...drawNumbers(seed) }));
  const run = (changes = {}) => { const at = { ...settings(), ...changes }; return passThrough(drawn(at.seed), at); };
  function simulate() {
    now = run();
    if (dealt >= 0 && facing() && get("depth") > first) peeked = true;
  }

  // ---- drawing
  let colour = {}, sizes = [];
  function layout() { // sizes are read here, once: in a frame it would cost a layout of the page
    colour = lab.palette(); sizes = strips.map((s) => [s.clientWidth, s.clientHeight]);
    colour.runs = TUNNEL.colours.map((pair) => pair[+colour.dark]);
  }
  function drawStrip(i, title, bars, dots) {
    const [w, tall] = sizes[i], c = sharp(strips[i], w, tall), L = get("depth"), left = 46, right = w - 8, top = 32, bottom = tall - 24;
    const seen = [...bars, ...(dots ?? [])].filter((v) => v > 0 && Number.isFinite(v)).map(Math.log10);
    const from = Math.min(-2, ...seen), to = Math.max(2, ...seen), every = Math.ceil((to - from) / 5), low = every * Math.floor(from / every), high = every * Math.ceil(to / every); // so that 1e0 has a line
    const level = (e) => bottom - ((bottom - top) * (e - low)) / (high - low), y = (v) => level(v > 0 ? Math.min(high, Math.max(low, Math.log10(v))) : low);
    c.fillStyle = colour.well; c.fillRect(left, y(band), right - left, y(1 / band) - y(band));
    axes(c, { low, high, every, log: true, title, colour, left, right, top, bottom });
    const slot = (right - left) / L, wide = Math.max(2, slot * 0.7), x = (l) => left + slot * (l - 0.5);
    c.fillStyle = colour.runs[i]; c.beginPath();
    for (let l = 1; l <= L; l++) { const v = y(bars[l]); c.rect(x(l) - wide / 2, Math.min(v, level(0)) - 1, wide, Math.abs(v - level(0)) + 2); }
    c.fill();
    if (dots) {
      Object.assign(c, { fillStyle: colour.paper, strokeStyle: colour.ink, lineWidth: 1.5 });
      c.beginPath(); // one shape for all: a stroke of each would take most of the frame
      for (let l = 1; l <= L; l++) { const v = y(dots[l]); c.moveTo(x(l) + 2.5, v); c.arc(x(l), v, 2.5, 0, 7); }
      c.fill(); c.stroke();
    }
    Object.assign(c, { strokeStyle: colour.ink, fillStyle: colour.ink, lineWidth: 1, textAlign: "center" });
    c.beginPath(); c.moveTo(left, level(0)); c.lineTo(right, level(0)); c.stroke();
    for (const l of [1, L]) c.fillText(l === 1 ? "layer 1" : `${L}`, Math.max(x(l), l === 1 ? left + 18 : 0), bottom + 16);
  }
  const per = (a, base) => a.map((v) => v / a[base]);
  function draw() {
    drawStrip(0, "signal going in →  (layer 1 = 1)", per(now.signal, 1), per(now.spread, 1));
    drawStrip(1, `← gradient coming back  (layer ${get("depth")} = 1)`, per(now.gradient, get("depth")), null);
    [now.forward, now.apart, now.backward].forEach((v, i) => text(facts[i].cell, Number.isNaN(v) ? "nothing arrives" : say(v)));
    text(facts[3].cell, Number.isNaN(now.factor) ? "" : `× ${say(now.factor)}`);
    text(facts[4].cell, `${Math.round(100 * now.flat)} %`);
    lab.speak(() => { tasks.judge(); return words(); }); // once the reader rests: judging sends another signal through
  }
  const trouble = (v) => (v > band ? "explodes" : v >= 1 / band ? "is within a factor of 10" : "vanishes");
  function words() {
    const skips = get("skip") === "on" ? `, skip connections with s = ${say(get("branch"))}` : "";
    return `${labels[get("activation")]}, ${get("depth")} layers, gain ${say(get("gain"), 4)}${skips}. The signal ${trouble(now.forward)}: ${say(now.forward)}. ` +
      `The gradient ${trouble(now.backward)}: ${say(now.backward)}, × ${say(now.factor)} per layer.`;
  }
  const show = () => { for (const part of [which, depth, gain, skip, branch]) part.show(); branch.row.hidden = get("skip") === "off"; };

  // ---- missions: judged by sending the signal through, not by a formula
  const near = (v, f) => v <= f && v >= 1 / f, plain = (name) => get("activation") === name && get("skip") === "off";
  const found = () => `Gain ${say(get("gain"), 4)}: signal × ${say(now.forward)}, gradient × ${say(now.backward)}`;
  const flat = (name) => ({
    key: name, task: `${labels[name]}, at least ${goals.deep} layers, no skip connections: find a gain with which the last signal and the first gradient both stay within a factor of ${goals.near}.`,
    look() { if (plain(name) && get("depth") >= goals.deep && near(now.forward, goals.near) && near(now.backward, goals.near)) { this.ok = true; this.text = `${found()}.`; } },
    progress() { return this.text ?? ""; },
  });
  let dealt = -1, peeked = false;
  const asked = { depth: 40, skip: "off", activation: "relu" }, first = 20, within = 5;
  const facing = () => plain("relu") && get("gain") === goals.gains[dealt];
  const predict = {
    key: "predict", task: `ReLU: press New gain, look at ${first} layers, and predict the ratio of the gradients with ${asked.depth} layers, to a factor of ${within}.`,
  };
  const tasks = lab.missions([
    flat("tanh"), flat("relu"),
    {
      key: "sigmoid", task: `Sigmoid, at least ${goals.sigmoid} layers, no skip connections. The signal looks fine with every gain; look at the dots and at the gradient. Up to gain 4, how far can you get? Then go on until the gradient stays within a factor of 10. What does the last line of the table say there?`,
      look() {
        if (!plain("sigmoid") || get("depth") < goals.sigmoid) return;
        if (get("gain") <= 4 && !(this.best > now.backward)) { this.best = now.backward; this.at = get("gain"); }
        if (this.best && near(now.backward, band)) { this.ok = true; this.text = ` ${found()}, flat ${Math.round(100 * now.flat)} %.`; }
      },
      progress() { return (this.best ? `Up to gain 4, the most was ${say(this.best)}, with gain ${say(this.at)}.` : "") + (this.text ?? ""); },
    },
    {
      key: "skip", task: "ReLU, 50 layers, gain 1.414, skip connections: find the largest branch scale s with which the gradient grows by less than a factor of 10, within 10 %. Compare it with 1/\u2060√50 = 0.141.",
      look() {
        if (get("activation") !== "relu" || get("skip") !== "on" || get("depth") !== 50 || Math.abs(get("gain") - Math.SQRT2) > 0.03) return;
        const most = (s) => run({ branch: s }).backward, s = get("branch");
        if (now.backward <= 10 && most(Math.min(1.1 * s, 1)) > 10) { this.ok = true; this.text = `s = ${say(s)}: gradient × ${say(now.backward)}.`; }
      },
      progress() { return this.text ?? ""; },
    },
    predict,
  ]);
  const guess = h("input", { type: "text", inputMode: "decimal", className: "lab-field", "aria-label": "Ratio predicted" }), tell = h("button", { type: "button" }, "Check"), deal = h("button", { type: "button" }, "New gain");
  const reply = h("span", { role: "status" });
  predict.item.append(h("span", { className: "lab-answer" }, deal, `With ${asked.depth} layers: `, guess, tell, reply));
  deal.addEventListener("click", () => {
    dealt = (dealt + 1) % goals.gains.length; guess.value = "";
    act({ activation: "relu", skip: "off", depth: first, gain: goals.gains[dealt] });
    peeked = false; reply.textContent = `Gain ${goals.gains[dealt]}. Your prediction?`;
  });
  const check = () => {
    const v = readNumber(guess.value);
    if (dealt < 0 || !facing()) reply.textContent = "First press New gain.";
    else if (peeked) reply.textContent = "You have looked at more layers: that is a measurement, no prediction. Press New gain.";
    else if (!(v > 0)) reply.textContent = `“${guess.value}” is not a positive number.`;
    else {
      const { backward, factor } = run(asked), hit = near(v / backward, within);
      reply.textContent = `${hit ? "Predicted" : "Not so"}: it is ${say(backward)}, × ${say(factor)} per layer.${hit ? "" : " Press New gain to try again."}`;
      peeked = true;
      if (hit) { predict.ok = true; tasks.report(); }
    }
  };
  tell.addEventListener("click", check);
  guess.addEventListener("keydown", (e) => { if (e.key === "Enter") { e.preventDefault(); check(); } }); // not on leaving the field: Check would come second

  return lab.start({ signal, watch: KEYS, stage: strips[0], show, layout, simulate, draw });
}

export default { render };
