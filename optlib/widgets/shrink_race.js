// Shrink race: what two rules leave of two weights. Needs, in front of it in the module: kit.js, the traced
// table OPTIMIZERS, and SHRINK (ranges, names, labels and colours, from Python).

/** Two weights from 1 under gradients of these sizes and of changing sign: [a0, b0, a1, b1, ...]. */
function shrink(name, sizes, { decay, lr, steps }) {
  let sign = -1;
  const noise = { dim: 2, grad(x, p, g) { sign = -sign; g[0] = sign * sizes[0]; g[1] = sign * sizes[1]; } };
  return trajectory(OPTIMIZERS[name], noise, {}, [1, 1], { ...OPTIMIZERS[name].defaults, lr, [SHRINK.pull[name]]: decay }, steps);
}

function render({ model, el, signal, page = false }) {
  const { ranges, labels } = SHRINK, NAMES = Object.keys(OPTIMIZERS), KEYS = ["a", "b", "decay", "lr", "steps"];
  const lab = openLab({ model, el, page, name: "shrink", link: Object.fromEntries(KEYS.map((k) => [k, (k === "steps" ? inLink.whole : inLink.number)(...ranges[k])])) });
  const { get, bound, text } = lab;

  // ---- elements
  const panels = ["A", "B"].map(() => h("canvas", { className: "shrink-panel", "aria-hidden": "true" }));
  const stage = h("div", { className: "shrink-pictures" }, ...panels);
  const cells = Object.fromEntries(NAMES.map((name) => [name, [h("td"), h("td")]]));
  const swatch = (name) => h("span", { className: `shrink-swatch shrink-${name}` });
  const left = h("table", { className: "shrink-left" },
    h("caption", {}, "What is left of each weight"),
    h("thead", {}, h("tr", {}, ...["rule", "A", "B"].map((c) => h("th", { scope: "col" }, c)))),
    h("tbody", {}, ...NAMES.map((name) => h("tr", {}, h("th", { scope: "row" }, swatch(name), labels[name]), ...cells[name]))));
  const rows = [
    bound("a", "Gradients of A, ±", ranges.a, 0.02, { log: true }), bound("b", "Gradients of B, ±", ranges.b, 0.02, { log: true }),
    bound("decay", "Decay λ", ranges.decay, 0.01, { log: true }), bound("lr", "Learning rate η", ranges.lr, 0.01, { log: true }),
    bound("steps", "Steps", ranges.steps, 10, { whole: true }),
  ];
  el.append(stage, left, h("div", { className: "lab-controls" }, ...rows.map((r) => r.row)), lab.note, lab.status);

  // ---- what is computed, again only when a setting changed
  let paths = {}, ends = {};
  function simulate() {
    const settings = Object.fromEntries(KEYS.map((k) => [k, get(k)]));
    for (const name of NAMES) {
      paths[name] = shrink(name, [settings.a, settings.b], settings);
      ends[name] = [...paths[name].slice(-2)];
      cells[name].forEach((cell, i) => text(cell, say(ends[name][i])));
    }
    tasks.judge();
  }

  // ---- drawing
  let colour = {}, size = [];
  function layout() { // sizes are read here, once: in a frame it would cost a layout of the page
    colour = lab.palette(); size = panels.map((p) => [p.clientWidth, p.clientHeight]);
    for (const name of NAMES) el.style.setProperty(`--${name}`, (colour[name] = SHRINK.colours[name][+colour.dark]));
  }
  function panel(i) {
    const [w, tall] = size[i], c = sharp(panels[i], w, tall), n = get("steps"), right = w - 8, bottom = tall - 26;
    const title = `weight ${"AB"[i]}, gradients ±${say(get("ab"[i]))}`;
    const { px, py } = axes(c, { steps: n, low: 0, high: 1, title, colour, left: 36, right, bottom });
    const every = Math.max(1, Math.floor(n / w));
    for (const name of NAMES) {
      Object.assign(c, { strokeStyle: colour[name], lineWidth: name === "AdamW" ? 2 : 3 });
      c.setLineDash(name === "AdamW" ? [] : [3, 4]);
      c.beginPath(); c.moveTo(px(0), py(1));
      for (let t = every; t <= n; t += every) c.lineTo(px(t), py(Math.min(1.05, Math.max(-0.05, paths[name][2 * t + i]))));
      c.stroke();
    }
    c.setLineDash([]);
  }
  const words = () => `λ = ${say(get("decay"))}, η = ${say(get("lr"))}, ${get("steps")} steps. ${NAMES.map((name) => `${labels[name]} leaves ${say(ends[name][0])} of A (gradients ±${say(get("a"))}) and ${say(ends[name][1])} of B (±${say(get("b"))})`).join("; ")}.`;
  const draw = () => { panel(0); panel(1); lab.speak(words); };

  // ---- missions: judged by what the rules have left
  const apart = (found, v, factor) => [...found.keys()].every((o) => o === v || Math.max(o, v) / Math.min(o, v) >= factor);
  const told = (found, say1) => (found.size ? [...found].map(say1).join("; ") + "." : "");
  const tasks = lab.missions([
    {
      key: "silent", found: new Map(),
      task: "Make the gradients of A vanish (0.0001 or less). What does λ do to A under Adam + L2? Try three values, each at least 8 times the one before, with between 5 and 95 % of A left.",
      look() {
        const v = get("decay"), end = ends.AdamL2[0];
        if (get("a") <= 1e-4 && end > 0.05 && end < 0.95 && apart(this.found, v, 8)) this.found.set(v, end);
      },
      progress() { return told(this.found, ([v, end]) => `λ = ${say(v)}: ${say(end)} left`); },
      done() { return this.found.size >= 3; },
    },
    {
      key: "agree", found: new Map(),
      task: "Predict: at which size of gradients do the two rules pull equally hard? Find the size for A, to 1 % of what is left, for three values of λ that differ by a factor of 2 or more. AdamW should leave 95 % or less.",
      look() {
        const v = get("decay"), [l2] = ends.AdamL2, [w] = ends.AdamW;
        if (w <= 0.95 && w >= 0.05 && Math.abs(l2 / w - 1) <= 0.01 && apart(this.found, v, 2)) this.found.set(v, get("a"));
      },
      progress() { return told(this.found, ([v, at]) => `λ = ${say(v)}: ±${say(at)}`); },
      done() { return this.found.size >= 3; },
    },
    {
      key: "half",
      task: "Give A gradients at least 100 times as large as those of B, and let Adam + L2 leave half of A (0.45 to 0.55). What has it left of B?",
      look() { const [a, b] = ends.AdamL2; if (get("a") >= 99.9 * get("b") && a >= 0.45 && a <= 0.55) { this.ok = true; this.left = b; } },
      progress() { return this.ok ? `Of B: ${say(this.left)}.` : ""; },
    },
    {
      key: "horizon", found: new Map(), steps: 0,
      task: "AdamW: leave half of the weights (0.49 to 0.51) with three learning rates that differ by a factor of 2 or more. Do not touch the steps. Which λ goes with each η?",
      look() {
        if (get("steps") !== this.steps) { this.found.clear(); this.steps = get("steps"); }
        const v = get("lr"), [w] = ends.AdamW;
        if (w >= 0.49 && w <= 0.51 && apart(this.found, v, 2)) this.found.set(v, get("decay"));
      },
      progress() { return told(this.found, ([v, at]) => `η = ${say(v)}: λ = ${say(at)}`); },
      done() { return this.found.size >= 3; },
    },
  ]);

  return lab.start({ signal, watch: KEYS, stage, show: () => rows.forEach((r) => r.show()), layout, simulate, draw });
}

export default { render };
