// Reshape the spectrum: a polynomial, iterated, on singular values. Needs, in front of it in the module: kit.js,
// the traced step press(s, a, b, c) of optlib's Newton-Schulz, and SPECTRUM (ranges, coefficients, vectors).

/** The values after n steps with coefficients k = [a, b, c]. */
function pressed(values, k, n) {
  return values.map((s) => { for (let i = 0; i < n; i++) s = press(s, ...k); return s; });
}
/** Divided by their Euclidean norm, which is the Frobenius norm of the matrix. */
function scaled(values) {
  const norm = Math.hypot(...values);
  return values.map((v) => v / norm);
}
/** Least and largest result of all singular values from `floor` to 1: [low, high]. */
function band(k, n, floor) {
  let low = Infinity, high = -Infinity;
  const look = (s) => { const [v] = pressed([s], k, n); low = Math.min(low, v); high = Math.max(high, v); if (!(Math.abs(v) < 1e6)) high = Infinity; };
  for (let i = 0; i <= 600; i++) { look(floor ** (1 - i / 600)); look(floor + (1 - floor) * (i / 600)); }
  return high === Infinity ? [-Infinity, Infinity] : [low, high];
}
/** How wide a band is: its largest over its least; infinite if it touches zero. */
const spread = ([low, high]) => (low > 0 ? high / low : Infinity);
/** The matrix with these singular values, row by row. */
function matrixOf(values) {
  return SPECTRUM.left.map((u) => SPECTRUM.right.map((v) => u.reduce((sum, x, k) => sum + x * values[k] * v[k], 0)));
}

function render({ model, el, signal, page = false }) {
  const { ranges, quintic, cubic, floor, most } = SPECTRUM, letters = ["a", "b", "c"];
  const number = (key) => inLink.number(...ranges[key]);
  const lab = openLab({ model, el, page, name: "spectrum", link: {
    a: number("a"), b: number("b"), c: number("c"), steps: inLink.whole(...ranges.steps),
    ...Object.fromEntries([0, 1, 2, 3].map((index) => [`s${index + 1}`, { ...number("value"), trait: "values", index }])),
  } });
  const { get, act, bound } = lab, now = {}, mine = () => letters.map(get);

  // ---- elements
  const map = h("canvas", { className: "spectrum-map", "aria-hidden": "true" }), side = h("canvas", { className: "spectrum-side", "aria-hidden": "true" });
  const rows = [
    bound("a", "a, the slope at 0", ranges.a, 0.001), bound("b", "b, of s³", ranges.b, 0.001), bound("c", "c, of s⁵", ranges.c, 0.001),
    bound("steps", "Steps", ranges.steps, 1, { whole: true }),
  ];
  const put = (i, v) => { const values = [...get("values")]; values[i] = Math.min(ranges.value[1], Math.max(ranges.value[0], v)); act({ values }); };
  const sizes = [0, 1, 2, 3].map((i) => slider({
    label: `Singular value ${i + 1}`, min: ranges.value[0], max: ranges.value[1], step: 0.005, log: true, complain: lab.complain,
    get: () => get("values")[i], set: (v) => put(i, v),
  }));
  const preset = (text, [a, b, c]) => { const button = h("button", { type: "button" }, text); button.addEventListener("click", () => act({ a, b, c })); return button; };
  el.append(
    h("div", { className: "lab-pictures" }, map, side),
    h("div", { className: "spectrum-presets" }, preset("Cubic", cubic), preset("Muon's quintic", quintic)),
    h("div", { className: "spectrum-controls" }, ...[rows, sizes].map((parts) => h("div", { className: "lab-controls" }, ...parts.map((part) => part.row)))),
    lab.note, lab.status,
  );

  // ---- what is computed, again only when a setting changed
  const grid = Array.from({ length: 241 }, (_, i) => ranges.value[0] ** (1 - i / 240));
  let curves = { key: "" };
  const muons = pressed(grid, quintic, most);
  function simulate() {
    const k = mine(), n = get("steps");
    if (curves.key !== `${k} ${n}`) { // every step's curve from the one before
      curves = { key: `${k} ${n}`, list: [grid], band: band(k, n, floor) };
      for (let t = 1; t <= n; t++) curves.list.push(pressed(curves.list[t - 1], k, 1));
    }
    now.before = scaled(get("values"));
    now.after = pressed(now.before, k, n);
    now.least = Math.min(...now.before);
    tasks.judge();
  }

  // ---- drawing
  const LOW = -0.4, HIGH = 1.6;
  let colour = {}, size = {};
  function layout() { // sizes are read here, once: in a frame it would cost a layout of the page
    colour = lab.palette();
    for (const [name, pair] of Object.entries(SPECTRUM.colours)) colour[name] = pair[+colour.dark];
    size = { map: [map.clientWidth, map.clientHeight], side: [side.clientWidth, side.clientHeight] };
  }
  const inside = () => ({ left: 40, right: size.map[0] - 12, top: 24, bottom: size.map[1] - 30 });
  const decades = -Math.log10(ranges.value[0]);
  const px = (s) => { const { left, right } = inside(); return right + ((right - left) * Math.log10(s)) / decades; };
  const clip = (v) => (Number.isFinite(v) ? Math.min(HIGH, Math.max(LOW, v)) : HIGH);
  function drawMap() {
    const c = sharp(map, ...size.map), { left, right, top, bottom } = inside();
    const { py } = axes(c, { steps: 0, low: LOW, high: HIGH, every: 0.4, log: false, title: "after", colour, left, right, top, bottom });
    c.textAlign = "center";
    for (let d = 0; d <= decades; d++) c.fillText(d ? `1e-${d}` : "1", px(10 ** -d), bottom + 15);
    c.textAlign = "right"; c.fillText("singular value before, log", right, bottom + 28);
    const [low, high] = curves.band;
    c.fillStyle = colour.yours; c.globalAlpha = 0.13;
    c.fillRect(px(floor), py(clip(high)), right - px(floor), py(clip(low)) - py(clip(high)));
    c.globalAlpha = 1;
    const line = (ys, look) => {
      Object.assign(c, look); c.beginPath();
      ys.forEach((v, i) => (i ? c.lineTo : c.moveTo).call(c, px(grid[i]), py(clip(v))));
      c.stroke();
    };
    line([1, ...Array(240).fill(1)], { strokeStyle: colour.ink, lineWidth: 1 });
    c.setLineDash([5, 4]); line(muons, { strokeStyle: colour.muon, lineWidth: 1.5 }); c.setLineDash([]);
    curves.list.forEach((ys, t) => { const last = t === curves.list.length - 1; line(ys, { strokeStyle: last ? colour.yours : colour.faint, lineWidth: last ? 2.5 : 0.8 }); });
    now.before.forEach((s, i) => {
      const x = px(Math.max(ranges.value[0], s)), y = py(clip(now.after[i]));
      Object.assign(c, { strokeStyle: colour.ink, fillStyle: colour.ink, lineWidth: 1 });
      c.beginPath(); c.moveTo(x, bottom); c.lineTo(x, y); c.stroke();
      c.beginPath(); c.arc(x, y, 4, 0, 7); c.fill();
      c.beginPath(); c.moveTo(x, bottom - 7); c.lineTo(x + 7, bottom); c.lineTo(x, bottom + 7); c.lineTo(x - 7, bottom); c.fill();
    });
    Object.assign(c, { textAlign: "left", fillStyle: colour.muon });
    c.fillText("dashed: Muon’s five steps", left + 50, top - 9);
  }
  function drawSide() { // the matrix before and after, each cell by sign and size
    const [w, tall] = size.side, c = sharp(side, w, tall), two = [["before", matrixOf(now.before)], ["after", matrixOf(now.after)]];
    const cell = Math.min((w - 36) / 8, (tall - 34) / 6), top = 24;
    two.forEach(([title, rows], m) => {
      const left = 10 + m * (4 * cell + 16), largest = Math.max(1e-12, ...rows.flat().map((v) => (Number.isFinite(v) ? Math.abs(v) : 0)));
      Object.assign(c, { fillStyle: colour.ink, font: FONT, textAlign: "left" });
      c.fillText(title, left, 15);
      rows.forEach((row, i) => row.forEach((v, j) => {
        const part = Number.isFinite(v) ? Math.abs(v) / largest : 1;
        c.globalAlpha = part; c.fillStyle = v < 0 ? colour.low : colour.muon;
        c.fillRect(left + j * cell, top + i * cell, cell - 1, cell - 1);
        c.globalAlpha = 1; c.strokeStyle = colour.line; c.strokeRect(left + j * cell, top + i * cell, cell - 1, cell - 1);
      }));
    });
  }
  const round = (v) => (Number.isFinite(v) ? say(v) : "out of range");
  function words() {
    const [low, high] = curves.band, k = mine(), n = get("steps");
    const pairs = now.before.map((s, i) => `${round(s)} to ${round(now.after[i])}`).join(", ");
    const where = high === Infinity ? "leave every bound" : `go to ${round(low)} to ${round(high)}`;
    return `Slope at 0: ${say(k[0], 4)}, p(1) = ${say(pressed([1], k, 1)[0], 4)}. After ${n} steps values from ${floor} to 1 ${where}. The four, divided by their norm: ${pairs}.`;
  }
  const draw = () => { drawMap(); drawSide(); lab.speak(words); };

  // ---- singular values are dragged along the axis; by keyboard they have sliders
  let held = -1;
  const at = (e) => { const r = map.getBoundingClientRect(); return e.clientX - r.left; };
  map.addEventListener("pointerdown", (e) => {
    const gaps = now.before.map((s) => Math.abs(px(Math.max(ranges.value[0], s)) - at(e))), nearest = gaps.indexOf(Math.min(...gaps));
    if (gaps[nearest] > 24) return;
    held = nearest; map.setPointerCapture(e.pointerId); e.preventDefault();
  });
  map.addEventListener("pointermove", (e) => {
    if (held < 0 || !map.hasPointerCapture(e.pointerId)) return;
    const { left, right } = inside(), s = Math.min(0.995, 10 ** ((decades * (at(e) - right)) / (right - left)));
    const rest = Math.hypot(...get("values").filter((_, i) => i !== held));
    put(held, +say((s * rest) / Math.sqrt(1 - s * s), 4)); // so that s is what is left after dividing by the norm
  });
  for (const end of ["pointerup", "pointercancel"]) map.addEventListener(end, () => { held = -1; });

  // ---- missions
  const wins = () => get("steps") <= most && get("steps") > 0 && spread(curves.band) < spread(band(quintic, most, floor));
  const tasks = lab.missions([
    {
      key: "beat", ok: false, best: Infinity,
      task: `With at most ${most} steps bring all values from ${floor} to 1 closer together than Muon's quintic does: largest over least below ${say(spread(band(quintic, most, floor)))}.`,
      look() { const s = spread(curves.band); if (get("steps") <= most && get("steps") > 0) this.best = Math.min(this.best, s); this.ok ||= wins(); },
      progress() { return this.best < Infinity ? `Your best so far: ${say(this.best)}.` : ""; },
    },
    {
      key: "one", ok: false, task: "The same, and 1 stays at 1: p(1) = 1, to within 0.002. So Muon's p(1) = 0.701 is no necessity. Why was it chosen?",
      look() { this.ok ||= wins() && Math.abs(pressed([1], mine(), 1)[0] - 1) <= 0.002; },
    },
    {
      key: "slope", ok: false, worst: null,
      task: "Keep coefficients that win. Drag the smallest singular value down until Muon's quintic still brings it above 0.6 and yours leaves it below half of that. Which of your three numbers decides?",
      look() {
        if (!wins()) return;
        const [yours] = pressed([now.least], mine(), get("steps")), [theirs] = pressed([now.least], quintic, most);
        this.worst = [now.least, yours, theirs]; this.ok ||= theirs > 0.6 && yours < theirs / 2;
      },
      progress() { return this.worst ? `${say(this.worst[0])}: yours to ${say(this.worst[1])}, Muon's to ${say(this.worst[2])}.` : ""; },
    },
  ]);

  const show = () => { for (const part of [...rows, ...sizes]) part.show(); };
  return lab.start({ signal, watch: [...letters, "steps", "values"], stage: map, show, layout, simulate, draw });
}

export default { render };
