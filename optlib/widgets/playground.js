// The playground: any rules against each other on any landscape. Needs, in front of it in the module: kit.js,
// the traced tables OPTIMIZERS, PROBLEMS and CALC, LANGUAGE, PLAY (facts from Python), and typed.js.

const SLICE = 2; // milliseconds of computing in one frame; what is longer goes on in the next
const GRID = [67, 45]; // points of the landscape; the surface takes every second one
const RATES = Array.from({ length: 49 }, (_, k) => +(10 ** (-5 + k / 8)).toPrecision(4));
const LINES = 17; // values of a second number in a sweep
const SETTINGS = ["problem", "loss", "rules", "steps", "start", "middle", "width", "view", "axis", "sweep", "turn", "tilt"];
const GONE = 1e12; // a run that is farther away than this is not followed

/** "Adam(lr=0.1)" as {name, values}; nonsense is an Error that names it. The twin of read_call in playground.py. */
function readCall(text, known, what) {
  const m = new RegExp(`^(?:${PLAY.call})$`).exec(text);
  if (!m) throw new Error(`“${text}” is not of the form Name(key=number, key=number)`);
  const name = m[1], inside = (m[2] ?? "").trim(), values = {};
  if (!Object.hasOwn(known, name)) throw new Error(`there is no ${what} “${name}”; there are ${Object.keys(known).join(", ")}`);
  const spans = known[name].spans;
  for (const part of inside ? inside.split(",") : []) {
    const [key, number = ""] = part.split(/=(.*)/s).map((piece) => piece.trim());
    if (!Object.hasOwn(spans, key)) throw new Error(`${name} has no number “${key}”; it has ${Object.keys(spans).join(", ") || "none"}`);
    const [low, high] = spans[key], v = number === "" ? NaN : Number(number);
    if (!(v >= low && v <= high)) throw new Error(`${name}: ${key}=${number} must lie between ${say(low, 4)} and ${say(high, 4)}`);
    values[key] = v;
  }
  return { name, values };
}
function readRules(text) {
  const found = text.split(";").filter((part) => part.trim()).map((part) => readCall(part, PLAY.rules, "rule"));
  if (found.length < 1 || found.length > PLAY.most) throw new Error(`name 1 to ${PLAY.most} rules, separated by semicolons`);
  return found;
}
/** The inverse; of the numbers, the rate and what differs from the rule's defaults. */
function writeRules(rules) {
  return rules.map(({ name, values }) => {
    const { defaults } = OPTIMIZERS[name], kept = Object.keys(defaults).filter((k) => k in values && (k === "lr" || values[k] !== defaults[k]));
    return kept.length ? `${name}(${kept.map((k) => `${k}=${+values[k].toPrecision(6)}`).join(",")})` : name;
  }).join(";");
}
/** Scales of sliders: a decay is moved by the logarithm of what it lacks to 1. */
const SCALES = {
  log: { to: Math.log10, from: (v) => 10 ** v, step: 0.01 },
  decay: { to: (v) => -Math.log10(1 - v), from: (v) => 1 - 10 ** -v, step: 0.01 },
  linear: { to: Number, from: Number },
};

function render({ model, el, signal, page = false }) {
  const check = (f) => { // a kind of setting in a link that says itself what is wrong
    const kind = { expects: "", write: String, read(text) { try { f(text); return text; } catch (error) { kind.expects = error.message; return undefined; } } };
    return kind;
  };
  const point = {
    expects: `two numbers from ${-PLAY.far} to ${PLAY.far}`, write: (v) => v.map((a) => +a.toPrecision(6)).join(","),
    read(text) { const v = text.split(",").map((a) => (a.trim() === "" ? NaN : Number(a))); return v.length === 2 && v.every((a) => Math.abs(a) <= PLAY.far) ? v : undefined; },
  };
  const only = (when, kind) => ({ ...kind, get expects() { return kind.expects; }, write: (v) => (when() ? kind.write(v) : undefined) });
  const surfaceOnly = (key) => only(() => get("view") === "surface", inLink.number(...PLAY.ranges[key]));
  const lab = openLab({ model, el, page, name: "play", link: {
    problem: check((text) => readCall(text, PLAY.problems, "problem")),
    loss: only(() => place().name === "typed", check(readLoss)),
    rules: check(readRules), steps: inLink.whole(...PLAY.ranges.steps), start: point, middle: point,
    width: inLink.number(...PLAY.ranges.width), view: inLink.one(Object.keys(PLAY.views)), axis: inLink.one(["log", "linear"]),
    sweep: only(() => get("view") === "rates" && second(), check((text) => { if (text && !sweepOf(text, linked())) throw new Error("a runner's number, a dot and one of its numbers but lr, such as 1.beta1"); })),
    turn: surfaceOnly("turn"), tilt: surfaceOnly("tilt"),
  } });
  const { get, act, bound, text: say_ } = lab;
  const linked = () => { try { return readRules(fragment.read().get("rules") ?? get("rules")); } catch { return runners(); } };

  // ---- settings, read
  const kept = {}; // the latest text of each setting, read once
  const once = (key, text, read) => { if (kept[key]?.text !== text) kept[key] = { text, value: read(text) }; return kept[key].value; };
  const place = () => once("problem", get("problem"), (text) => readCall(text, PLAY.problems, "problem"));
  const runners = () => once("rules", get("rules"), readRules);
  const facts = () => PLAY.problems[place().name];
  const land = () => (place().name === "typed" ? once("loss", get("loss"), typedProblem) : once("land", place().name, (name) => ({ ...PROBLEMS[name], dim: 2 }))); // of one variable: y rests
  const numbers = () => ({ ...land().defaults, ...place().values });
  const hyper = ({ name, values }) => ({ ...OPTIMIZERS[name].defaults, ...values });
  function sweepOf(text, rules) {
    const [number, key] = text.split("."), runner = rules[number - 1];
    return runner && key !== "lr" && Object.hasOwn(OPTIMIZERS[runner.name].defaults, key) ? { index: number - 1, key } : null;
  }
  const second = () => sweepOf(get("sweep"), runners());
  const setRunner = (i, change) => act({ rules: writeRules(runners().map((r, k) => (k === i ? change(r) : r))) });

  // ---- elements
  const left = h("canvas", { className: "play-left", "aria-hidden": "true" }), curve = h("canvas", { className: "lab-curve", "aria-hidden": "true" });
  const limit = () => get("steps"), view = () => ({ left: get("middle")[0] - get("width") / 2, top: get("middle")[1] + (get("width") * PLAY.aspect) / 2, width: get("width"), height: get("width") * PLAY.aspect });
  const far = [-PLAY.far, PLAY.far];
  const knob = lab.knob("start", "Start point", left, { view, bounds: () => [...far, ...far], grid: () => [get("width") / 400, get("width") / 400] });
  const cursor = h("button", { type: "button", className: "play-cursor", "aria-label": "Cursor of the sweep: arrow keys move it, Enter takes the rate" });
  const stage = h("div", { className: "lab-stage play-stage" }, left, knob.dot, cursor);
  const play = lab.player(limit);
  const look = choice({ label: "Picture", options: Object.entries(PLAY.views), get: () => get("view"), set: (v) => act({ view: v }) });
  const axis = choice({ label: "Losses", options: [["log", "log"], ["linear", "linear"]], get: () => get("axis"), set: (v) => act({ axis: v }) });

  const pick = h("select", { id: freshId("p") }, ...Object.entries(PLAY.problems).map(([name, { label }]) => h("option", { value: name }, label)));
  pick.addEventListener("change", () => { const { start, middle, width } = PLAY.problems[pick.value]; act({ problem: pick.value, start: [...start], middle: [...middle], width }); });
  const typed = h("input", { type: "text", id: freshId("p"), className: "play-loss", spellcheck: false, autocomplete: "off", autocapitalize: "off" });
  const hint = h("p", { className: "play-hint", id: freshId("p") });
  typed.setAttribute("aria-describedby", hint.id);
  const HINT = `In x and y, with + - * / ^ and ${Object.keys(LANGUAGE.functions).join(", ")}.`;
  function tryLoss(loud) { // while one types, the picture follows every text that is a loss
    let wrong = "";
    try { readLoss(typed.value); } catch (error) { wrong = error.message; }
    typed.wrong = !!wrong;
    typed.setAttribute("aria-invalid", String(!!wrong));
    say_(hint, wrong ? `Not yet a loss: ${wrong}.` : HINT);
    if (!wrong && typed.value !== get("loss")) act({ loss: typed.value });
    else if (loud) lab.complain(wrong && `Not a loss: ${wrong}.`);
  }
  onTyped(typed, () => tryLoss(true));
  typed.addEventListener("input", () => lab.later("typed", 400, () => tryLoss(false)));
  const typedRow = h("div", { className: "lab-row play-typed" }, h("label", { htmlFor: typed.id }, "Loss f(x, y) ="), typed, hint);
  const steps = bound("steps", "Steps", PLAY.ranges.steps, 0.01, { log: true, whole: true }), start = lab.point("start", "Start", PLAY.far);
  const middle = lab.point("middle", "Middle of the picture", PLAY.far), width = bound("width", "Width of the picture", PLAY.ranges.width, 0.01, { log: true });
  const turn = bound("turn", "Turn (degrees)", PLAY.ranges.turn, 1), tilt = bound("tilt", "Tilt (degrees)", PLAY.ranges.tilt, 1);
  const across = h("select", { id: freshId("p") });
  across.addEventListener("change", () => act({ sweep: across.value }));
  const acrossRow = h("div", { className: "lab-row" }, h("label", { htmlFor: across.id }, "Sweep the rate against"), across);
  const table = h("div", { className: "play-table" });
  const shape = h("div", { className: "lab-controls" }), race = h("div", { className: "play-race", role: "group", "aria-label": "Runners" });
  const add = h("button", { type: "button" }, "Add a runner");
  add.addEventListener("click", () => {
    const free = ["GD", "Momentum", "Adam", "RMSprop", "Nesterov", "Adagrad"].find((n) => !runners().some((r) => r.name === n)) ?? "GD";
    act({ rules: writeRules([...runners(), { name: free, values: { lr: runners().at(-1).values.lr ?? OPTIMIZERS[free].defaults.lr } }]) });
    race.lastElementChild.querySelector("select").focus();
  });
  el.append(
    h("div", { className: "lab-sets" }, look.row, axis.row),
    h("div", { className: "lab-pictures" }, stage, curve),
    table, play.row, lab.note, lab.status,
    h("div", { className: "lab-controls" },
      acrossRow, turn.row, tilt.row,
      h("div", { className: "lab-row" }, h("label", { htmlFor: pick.id }, "Landscape"), pick), typedRow),
    shape, race,
    h("div", { className: "play-buttons" }, add),
    h("div", { className: "lab-controls" }, steps.row, start.row, middle.row, width.row),
  );
  const quiet = (box) => { for (const e of box.querySelectorAll("input, button, select, summary")) e.dataset.lmSuppressShortcuts = "true"; };

  // ---- sliders of a rule and of a landscape, made anew when another one is chosen
  const number = (label, [low, high, scale], get, set) => slider({ label, min: low, max: high, step: SCALES[scale].step ?? (high - low) / 400, scale: SCALES[scale], get, set, complain: lab.complain });
  let shapes = [], cards = [];
  function build() {
    const name = place().name;
    if (shape.dataset.of !== name) {
      shape.dataset.of = name;
      const { defaults } = land();
      shapes = Object.entries(facts().spans).map(([key, span]) => number(PLAY.words[key] ?? key, span, () => place().values[key] ?? defaults[key], (v) => {
        const values = { ...place().values, [key]: v };
        act({ problem: `${name}(${Object.entries(values).map(([k, a]) => `${k}=${+a.toPrecision(6)}`).join(",")})` });
      }));
      shape.replaceChildren(...shapes.map((s) => s.row));
      quiet(shape);
    }
    const names = runners().map((r) => r.name).join();
    if (race.dataset.of === names) return;
    race.dataset.of = names;
    const held = [...race.children].findIndex((card) => card.contains(document.activeElement)), what = document.activeElement?.className;
    cards = runners().map((runner, i) => card(runner.name, i));
    race.replaceChildren(...cards.map((c) => c.box));
    quiet(race);
    if (held >= 0) (cards[Math.min(held, cards.length - 1)].box.querySelector(what === "play-away" ? "button:not(:disabled)" : "select") ?? add).focus();
    paint();
  }
  function card(name, i) {
    const { defaults } = OPTIMIZERS[name], which = h("select", { "aria-label": `Rule of runner ${i + 1}` }, ...Object.keys(OPTIMIZERS).map((n) => h("option", { value: n, selected: n === name }, n)));
    which.addEventListener("change", () => setRunner(i, ({ values }) => ({ name: which.value, values: { lr: values.lr ?? defaults.lr } })));
    const away = h("button", { type: "button", className: "play-away", "aria-label": `Remove runner ${i + 1}, ${name}`, disabled: runners().length === 1 }, "×");
    away.addEventListener("click", () => act({ rules: writeRules(runners().filter((_, k) => k !== i)) }));
    const swatch = h("canvas", { className: "lab-swatch", "aria-hidden": "true" });
    const sliders = Object.entries(PLAY.rules[name].spans).map(([key, span]) => ({ key, ...number(`${i + 1} ${PLAY.words[key] ?? key}`, span, () => runners()[i]?.values[key] ?? defaults[key], (v) => setRunner(i, (r) => ({ ...r, values: { ...r.values, [key]: v } }))) }));
    const open = sliders.filter(({ key }) => key === "lr" || key === "beta"), more = sliders.filter((s) => !open.includes(s));
    const box = h("div", { className: "play-card" }, h("div", { className: "play-head" }, h("b", {}, `${i + 1}`), swatch, which, away), ...open.map((s) => s.row));
    if (more.length) box.append(h("details", {}, h("summary", {}, `More numbers of runner ${i + 1}`), ...more.map((s) => s.row)));
    return { box, swatch, show() { for (const s of sliders) s.show(); } };
  }
  function show() {
    build();
    pick.value = place().name;
    const is = { typed: place().name === "typed", surface: get("view") === "surface", rates: get("view") === "rates", map: get("view") === "map" };
    typedRow.hidden = !is.typed; acrossRow.hidden = table.hidden = !is.rates; turn.row.hidden = tilt.row.hidden = !is.surface;
    knob.dot.hidden = !is.map; cursor.hidden = !is.rates; play.row.hidden = is.rates;
    add.disabled = runners().length >= PLAY.most;
    if (!typed.wrong && !typed.typing) { typed.value = get("loss"); say_(hint, HINT); }
    const options = [["", "the runners"], ...runners().flatMap(({ name }, i) => Object.keys(PLAY.rules[name].spans).filter((k) => k !== "lr").map((k) => [`${i + 1}.${k}`, `${i + 1} ${name}: ${PLAY.words[k] ?? k}`]))];
    if (across.dataset.of !== String(options)) { across.dataset.of = String(options); across.replaceChildren(...options.map(([value, words]) => h("option", { value }, words))); }
    across.value = second() ? get("sweep") : "";
    for (const part of [look, axis, steps, start, middle, width, turn, tilt, ...shapes, ...cards]) part.show();
  }

  // ---- what is computed: in slices, so that no frame waits; each job is done anew when its settings change
  let jobs = {}, queue = [], runs = [], ground = null, sweep = null;
  const pace = () => Math.max(1, Math.round(4000 / (land().size ?? 20))); // evaluations between two looks at the clock
  function* racing() {
    const p = numbers(), from = get("start"), n = limit(), problem = land(), every = pace();
    const fresh = [];
    for (const runner of runners()) {
      const run = { ...runner, path: new Float64Array(2 * n + 2).fill(NaN), loss: new Float64Array(n + 1).fill(NaN), at: 0, gone: null };
      fresh.push(run);
      const walk = walker(OPTIMIZERS[runner.name], problem, p, from, hyper(runner));
      for (let t = 0; t <= n; t++) {
        if (t) walk.step(t);
        const [x, y] = walk.x, f = problem.f(walk.x, p);
        if (!(Math.abs(x) < GONE && Math.abs(y) < GONE)) { run.gone = t; break; }
        run.path[2 * t] = x; run.path[2 * t + 1] = y; run.loss[t] = f; run.at = t;
        if (!Number.isFinite(f)) { run.gone = t; break; }
        if (t % every === 0) yield;
      }
    }
    runs = fresh;
  }
  function* surveying() {
    const [nx, ny] = GRID, Z = new Float64Array(nx * ny), p = numbers(), problem = land(), v = view(), x = [0, 0], every = pace();
    for (let j = 0, k = 0; j < ny; j++) for (let i = 0; i < nx; i++, k++) {
      x[0] = v.left + (i / (nx - 1)) * v.width; x[1] = v.top - (j / (ny - 1)) * v.height;
      Z[k] = problem.f(x, p);
      if (k % every === 0) yield;
    }
    const sorted = Z.filter(Number.isFinite).sort();
    const made = { Z, v, sorted, holes: Z.length - sorted.length, canvas: null };
    yield;
    yield* charting(made);
    ground = made;
  }
  function* charting(made) { // the level lines, on a canvas of their own
    const [nx, ny] = GRID, { Z, sorted } = made, sx = W / (nx - 1), sy = H / (ny - 1);
    made.canvas = h("canvas"); made.size = `${W} ${colour.paper}`;
    const c = sharp(made.canvas, W, H), levels = [...new Set(Array.from({ length: 14 }, (_, k) => sorted[Math.floor((sorted.length - 1) * (0.01 + 0.95 * (k / 13) ** 1.4))]))];
    if (made.holes) { // where the loss has no finite value: hatched
      c.fillStyle = colour.well;
      c.strokeStyle = colour.faint; c.lineWidth = 1; c.beginPath();
      for (let j = 0; j < ny - 1; j++) for (let i = 0; i < nx - 1; i++) {
        const k = j * nx + i;
        if ([k, k + 1, k + nx, k + nx + 1].every((q) => Number.isFinite(Z[q]))) continue;
        c.fillRect(i * sx, j * sy, sx + 0.5, sy + 0.5); c.moveTo(i * sx, (j + 1) * sy); c.lineTo((i + 1) * sx, j * sy);
      }
      c.stroke();
      yield;
    }
    Object.assign(c, { strokeStyle: colour.line, lineWidth: 1 });
    for (let j = 0; j < ny - 1; j += 4) {
      const rows = Math.min(5, ny - j);
      c.beginPath();
      contours(Z.subarray(j * nx, (j + rows) * nx), nx, rows, levels, (a, b, d, e) => { if (Number.isFinite(a + b + d + e)) { c.moveTo(a * sx, (j + b) * sy); c.lineTo(d * sx, (j + e) * sy); } });
      c.stroke();
      yield;
    }
  }
  /** Where a number stands that is swept along its slider: `part` from 0 to 1. */
  const along = ([low, high, scale], part) => { const { to, from } = SCALES[scale]; return +from(to(low) + part * (to(high) - to(low))).toPrecision(4); };
  function* sweeping_() {
    const p = numbers(), from = get("start"), n = limit(), problem = land(), every = pace(), two = second(), rules = runners();
    const rows = two ? Array.from({ length: LINES }, (_, k) => {
      const r = rules[two.index], value = along(PLAY.rules[r.name].spans[two.key], 1 - k / (LINES - 1));
      return { name: r.name, index: two.index, value, values: { ...r.values, [two.key]: value } };
    }) : rules.map((r, index) => ({ ...r, index }));
    const ends = new Float64Array(rows.length * RATES.length).fill(NaN);
    sweep = { rows, ends, two, first: problem.f(from, p), done: 0 };
    for (let k = 0, count = 0; k < ends.length; k++) {
      const row = rows[Math.floor(k / RATES.length)], walk = walker(OPTIMIZERS[row.name], problem, p, from, hyper({ ...row, values: { ...row.values, lr: RATES[k % RATES.length] } }));
      let f = sweep.first;
      for (let t = 1; t <= n; t++) {
        walk.step(t);
        const [x, y] = walk.x;
        if (!(Math.abs(x) < GONE && Math.abs(y) < GONE)) { f = f < sweep.first ? -Infinity : NaN; break; }
        if (t === n || Math.abs(x) + Math.abs(y) > 1e6) f = problem.f(walk.x, p); // far out one has to know whether it falls
        if (++count % every === 0) yield;
      }
      ends[k] = Number.isFinite(f) || f === -Infinity ? f : NaN;
      sweep.done = k + 1;
    }
    tabulate();
  }
  function changed(trait) {
    const does = { problem: "rgs", loss: "rgs", rules: "rs", steps: "rs", start: "rs", middle: "g", width: "g", sweep: "s" }[trait] ?? "";
    for (const k of does) { jobs[k] = null; if (k === "s") sweep = null; }
    if (trait === "sweep") spot.own = false;
    if (!play.playing()) play.toEnd();
  }
  function plan() { // what is missing, in the order in which a reader needs it
    const wanted = { r: racing, g: surveying, ...(get("view") === "rates" ? { s: sweeping_ } : {}) };
    for (const [k, f] of Object.entries(wanted)) jobs[k] ??= { key: k, steps: f(), done: false };
    queue = Object.keys(wanted).map((k) => jobs[k]).filter((j) => !j.done);
  }
  function work() {
    plan();
    const until = performance.now() + SLICE;
    while (queue.length && performance.now() < until) {
      if (queue[0].steps.next().done) { queue[0].done = true; queue.shift(); }
    }
    el.dataset.busy = queue.map((j) => j.key).join("");
    if (queue.length) { lab.outdate(); lab.refresh(); }
  }

  // ---- what is said about losses
  /** What losses are counted from: the known minimum, else the least value in the picture. */
  function floor() {
    if (facts().floor !== null) return facts().floor;
    let least = ground?.sorted[0] ?? 0;
    const v = view();
    for (const { path, loss } of runs) for (let t = 0; t < loss.length; t++) if (loss[t] < least && path[2 * t] > v.left && path[2 * t] < v.left + v.width && path[2 * t + 1] < v.top && path[2 * t + 1] > v.top - v.height) least = loss[t];
    return least;
  }
  const counted = () => (facts().floor === null ? "loss above the least in the picture" : "loss above the minimum");
  function verdict(run, t, low) {
    const first = run.loss[0], v = run.loss[Math.min(t, run.at)];
    if (run.gone !== null && run.gone <= t) {
      if (run.gone <= run.at) return `at a point without a finite loss since step ${run.gone}`;
      return v < first ? `falls without end, out of sight since step ${run.gone}` : `diverged, out of sight since step ${run.gone}`;
    }
    return v - low > 1e6 * (first - low || 1) ? `diverged, ${say(v - low)}` : say(v - low);
  }
  function words() {
    if (get("view") === "rates") return cellWords();
    const t = play.at(), low = floor(), [x, y] = get("start");
    const parts = runs.map((run, i) => `${i + 1} ${run.name}: ${verdict(run, t, low)}`);
    const holes = ground?.holes ? ground.sorted.length ? " Hatched: there the loss is not a finite number." : " In this picture the loss is nowhere a finite number." : "";
    return `From (${say(x)}, ${say(y)}), step ${t}: ${counted()}: ${parts.join("; ")}.${holes}`;
  }

  // ---- drawing
  let W = 0, H = 0, side = [0, 0], colour = {}, looks = [];
  const mix = (a, b, part) => { const n = (s, k) => parseInt(s.slice(k, k + 2), 16); return `rgb(${[1, 3, 5].map((k) => Math.round(n(a, k) + part * (n(b, k) - n(a, k)))).join(" ")})`; };
  function paint() { // colours of the runners: the rule's, unless another runner has it
    if (!colour.ink) return;
    const taken = [];
    looks = runners().map(({ name }) => {
      const free = [PLAY.rules[name].colour, ...PLAY.spare].find(([c]) => !taken.includes(c)) ?? PLAY.rules[name].colour;
      taken.push(free[0]);
      return { colour: free[+colour.dark], dash: PLAY.rules[name].dash };
    });
    cards.forEach(({ swatch }, i) => {
      const c = sharp(swatch, 34, 12);
      Object.assign(c, { strokeStyle: looks[i].colour, lineWidth: 2.5 });
      c.setLineDash(looks[i].dash); c.beginPath(); c.moveTo(0, 6); c.lineTo(34, 6); c.stroke();
    });
  }
  function layout() {
    W = stage.clientWidth; H = Math.round(W * PLAY.aspect); side = [curve.clientWidth, curve.clientHeight]; colour = lab.palette();
    paint();
    if (ground && ground.size !== `${W} ${colour.paper}`) { jobs.g = null; lab.outdate(); }
  }
  /** Steps of a path that are drawn: all, or every 3rd, 5th, ...: an odd number, or a bounce would look like rest. */
  const stride = () => { const s = Math.ceil((runs.length * play.at()) / 2400); return s % 2 ? s : s + 1; };
  const tag = (c, i, x, y) => { // the runner's number at the end of its path
    c.fillStyle = looks[i].colour; c.beginPath(); c.arc(x, y, 8, 0, 7); c.fill();
    Object.assign(c, { fillStyle: colour.paper, font: "bold 11px system-ui, sans-serif", textAlign: "center", textBaseline: "middle" });
    c.fillText(i + 1, x, y + 0.5);
  };
  function drawMap() {
    const c = sharp(left, W, H), v = view(), X = (x) => ((x - v.left) / v.width) * W, Y = (y) => ((v.top - y) / v.height) * H, s = stride();
    if (ground?.canvas) { // while a new one is made, the old one moves along
      const o = ground.v;
      c.drawImage(ground.canvas, X(o.left), Y(o.top), (o.width / v.width) * W, (o.height / v.height) * H);
    }
    Object.assign(c, { strokeStyle: colour.faint, lineWidth: 2 });
    for (const [a, b] of facts().minima) { c.beginPath(); c.moveTo(X(a) - 5, Y(b)); c.lineTo(X(a) + 5, Y(b)); c.moveTo(X(a), Y(b) - 5); c.lineTo(X(a), Y(b) + 5); c.stroke(); }
    const ends = [];
    runs.forEach(({ path, at }, i) => {
      const last = Math.min(at, play.at()), dots = last <= 120;
      Object.assign(c, { strokeStyle: looks[i].colour, fillStyle: looks[i].colour, lineWidth: 2 });
      c.setLineDash(looks[i].dash); c.beginPath(); c.moveTo(X(path[0]), Y(path[1]));
      let x = X(path[0]), y = Y(path[1]);
      for (let t = Math.min(s, last); t <= last; t = t === last ? last + 1 : Math.min(t + s, last)) {
        const a = X(path[2 * t]), b = Y(path[2 * t + 1]);
        if (!(Math.abs(a) < 1e5 && Math.abs(b) < 1e5)) break;
        x = a; y = b; c.lineTo(x, y);
      }
      c.stroke(); c.setLineDash([]);
      if (dots) { c.beginPath(); for (let t = 1; t <= last; t++) c.rect(X(path[2 * t]) - 1.5, Y(path[2 * t + 1]) - 1.5, 3, 3); c.fill(); }
      ends.push([x, y]);
    });
    ends.forEach(([x, y], i) => tag(c, i, Math.min(W - 9, Math.max(9, x)), Math.min(H - 9, Math.max(9, y))));
    const [x, y] = get("start");
    knob.show(Math.min(W, Math.max(0, X(x))), Math.min(H, Math.max(0, Y(y))));
  }
  /** Heights from 0 to 1: of the loss, or of its logarithm; the walls of the highest 4 % are cut. */
  function heights() {
    const log = get("axis") === "log", low = floor(), { sorted } = ground, n = sorted.length;
    const least = Math.max(sorted[Math.floor(0.015 * n)] - low, (sorted[n - 1] - low) * 1e-9, 1e-12), T = (f) => (log ? Math.log10(Math.max(f - low, least)) : f);
    const a = log ? Math.log10(least) : sorted[0], b = T(sorted[Math.floor(0.96 * (n - 1))]);
    return (f) => Math.min(1.05, Math.max(0, (T(f) - a) / (b - a || 1)));
  }
  /** What of the surface does not depend on the eye: heights, and the paths cut into pieces that lie on it. */
  function relief() {
    const { Z, v } = ground, [nx, ny] = GRID, cast = `${get("axis")} ${floor()}`, pieces = new Map(), s = stride();
    if (ground.cast !== cast) { ground.cast = cast; ground.z = Float32Array.from(Z, heights()); }
    const { z } = ground;
    const onGround = (x, y) => { // the height of the drawn cell between its corners
      const i = Math.min(nx - 3, 2 * Math.floor(x / 2)), j = Math.min(ny - 3, 2 * Math.floor(y / 2)), p = (x - i) / 2, q = (y - j) / 2, k = j * nx + i;
      return (1 - p) * (1 - q) * z[k] + p * (1 - q) * z[k + 2] + (1 - p) * q * z[k + 2 * nx] + p * q * z[k + 2 * nx + 2];
    };
    const spot = (x, y) => [-1 + (2 * x) / (nx - 1), PLAY.aspect * (1 - (2 * y) / (ny - 1)), onGround(x, y) + 0.012];
    const ends = runs.map(({ path, at: end }, r) => {
      const last = Math.min(end, play.at());
      let x = NaN, y = NaN;
      for (let t = 0, count = 0; t <= last && count < 600; t = t === last ? last + 1 : Math.min(t + s, last)) {
        const i = ((path[2 * t] - v.left) / v.width) * (nx - 1), j = ((v.top - path[2 * t + 1]) / v.height) * (ny - 1);
        if (!(i >= 0 && j >= 0 && i <= nx - 1 && j <= ny - 1)) { x = y = NaN; continue; } // outside the picture
        const far = Math.max(Math.abs(i - x), Math.abs(j - y));
        if (far < 0.3 && t < last) continue; // too short to see
        for (let q = 0, n = Math.min(30, Math.ceil(far)); q < n; q++, count++) { // a piece belongs to a cell, which hides what is behind
          const from = spot(x + (q / n) * (i - x), y + (q / n) * (j - y)), to = spot(x + ((q + 1) / n) * (i - x), y + ((q + 1) / n) * (j - y));
          const m = (q + 0.5) / n, cell = Math.min(ny - 3, 2 * Math.floor((y + m * (j - y)) / 2)) * nx + Math.min(nx - 3, 2 * Math.floor((x + m * (i - x)) / 2));
          if (!pieces.has(cell)) pieces.set(cell, []);
          (pieces.get(cell)[r] ??= []).push(from, to);
        }
        x = i; y = j;
      }
      return Number.isFinite(x) ? spot(x, y) : null;
    });
    return { z, pieces, ends };
  }
  let shaped = null;
  function drawSurface() {
    const c = sharp(left, W, H);
    if (!ground?.sorted.length) return;
    const key = [get("axis"), play.at(), floor()].join();
    if (shaped?.key !== key || shaped.runs !== runs || shaped.ground !== ground) shaped = { ...relief(), key, runs, ground };
    const [nx, ny] = GRID, { z, pieces, ends } = shaped, { Z } = ground, a = (get("turn") * Math.PI) / 180, e = (get("tilt") * Math.PI) / 180;
    const ca = Math.cos(a), sa = Math.sin(a), ce = Math.cos(e), se = Math.sin(e), size = W * 0.4, cy = H * (0.5 + 0.28 * ce);
    const at = ([u, w, up]) => [W / 2 + size * (u * ca - w * sa), cy - size * (0.75 * up * ce + (u * sa + w * ca) * se)];
    const P = new Float32Array(2 * nx * ny);
    for (let j = 0; j < ny; j += 2) for (let i = 0; i < nx; i += 2) { const k = j * nx + i; [P[2 * k], P[2 * k + 1]] = at([-1 + (2 * i) / (nx - 1), PLAY.aspect * (1 - (2 * j) / (ny - 1)), z[k]]); }
    const columns = Array.from({ length: (nx - 1) / 2 }, (_, i) => 2 * i), rows = Array.from({ length: (ny - 1) / 2 }, (_, j) => 2 * j);
    if (sa > 0) columns.reverse(); // far ones first
    if (ca < 0) rows.reverse();
    const shades = Array.from({ length: 24 }, (_, k) => mix(colour.accent, colour.well, k / 23)), down = 2 * nx;
    c.lineJoin = "round";
    const whole = (k) => Number.isFinite(Z[k] + Z[k + 2] + Z[k + down] + Z[k + down + 2]);
    const strip = (list, along, across) => { // a row of cells, its mesh in one stroke, and the paths on it
      for (const k of list) {
        if (!whole(k)) continue;
        c.fillStyle = shades[Math.min(23, Math.floor((23 * (z[k] + z[k + 2] + z[k + down] + z[k + down + 2])) / 4))];
        c.beginPath();
        for (const q of [k, k + 2, k + down + 2, k + down]) c.lineTo(P[2 * q], P[2 * q + 1]);
        c.fill();
      }
      c.beginPath();
      for (const k of list) if (whole(k)) { c.moveTo(P[2 * (k + along)], P[2 * (k + along) + 1]); c.lineTo(P[2 * k], P[2 * k + 1]); c.lineTo(P[2 * (k + across)], P[2 * (k + across) + 1]); }
      Object.assign(c, { lineWidth: 0.6, strokeStyle: colour.faint });
      c.stroke();
      for (const k of list) (pieces.get(k) ?? []).forEach((spots, r) => {
        Object.assign(c, { lineWidth: 2.6, strokeStyle: looks[r].colour });
        c.beginPath();
        spots.forEach((p, n) => (n % 2 ? c.lineTo(...at(p)) : c.moveTo(...at(p))));
        c.stroke();
      });
    };
    if (Math.abs(ca) > Math.abs(sa)) for (const j of rows) strip(columns.map((i) => j * nx + i), 2, down);
    else for (const i of columns) strip(rows.map((j) => j * nx + i), down, 2);
    ends.forEach((p, i) => { if (p) tag(c, i, ...at(p)); });
    Object.assign(c, { font: FONT, fillStyle: colour.ink, textAlign: "left", textBaseline: "alphabetic" });
    c.fillText(get("axis") === "log" ? "height: log of the loss" : "height: loss", 6, 15);
    for (const [label, u, w] of [["x", 0, -PLAY.aspect - 0.14], ["y", -1.14, 0]]) c.fillText(label, ...at([u, w, 0]));
  }
  let hatches = [];
  function hatch(c, twice) { // strokes for what ended higher than it began, crosses for what diverged
    const tile = h("canvas", { width: 12, height: 12 }), t = tile.getContext("2d");
    Object.assign(t, { strokeStyle: colour.bad, lineWidth: 1.2 });
    t.moveTo(-2, 14); t.lineTo(14, -2);
    if (twice) { t.moveTo(-2, -2); t.lineTo(14, 14); }
    t.stroke();
    return c.createPattern(tile, "repeat");
  }
  // The picture of the sweep: where its cells lie.
  const cells = () => { const [a, b, top] = [second() ? 62 : 96, W - 8, 24]; return { a, b, top, bottom: H - 34, w: (b - a) / RATES.length, h: (H - 34 - top) / (sweep?.rows.length ?? 1) }; };
  let spot = { i: 0, j: 0, own: false };
  const lowest = () => { // what the ends of a sweep are counted from
    let low = facts().floor ?? ground?.sorted[0] ?? 0;
    if (facts().floor === null) for (const v of sweep.ends) if (v > -Infinity && v < low) low = v;
    return low;
  };
  function drawRates() {
    const c = sharp(left, W, H);
    if (!sweep) return;
    const { a, b, top, bottom, w, h: tall } = cells(), { rows, ends, two, first } = sweep, low = lowest();
    const shades = Array.from({ length: 25 }, (_, k) => mix(colour.well, colour.accent, k / 24));
    const [once, twice] = hatches.of === colour.bad ? hatches : (hatches = Object.assign([hatch(c, false), hatch(c, true)], { of: colour.bad }));
    c.font = FONT;
    const look = (v) => {
      if (Number.isNaN(v)) return twice;
      if (v > first) return once;
      return shades[v === -Infinity ? 24 : Math.round(3 * Math.min(8, -Math.log10(Math.max((v - low) / (first - low || 1), 1e-8))))];
    };
    for (let k = 0; k < sweep.done;) { // equal neighbours are one rectangle
      const i = k % RATES.length, y = top + Math.floor(k / RATES.length) * tall, fill = look(ends[k]);
      let n = 1;
      while (i + n < RATES.length && k + n < sweep.done && look(ends[k + n]) === fill) n++;
      c.fillStyle = fill; c.fillRect(a + i * w, y, n * w + 0.3, tall + 0.3);
      k += n;
    }
    Object.assign(c, { strokeStyle: colour.faint, fillStyle: colour.ink, textAlign: "center", textBaseline: "alphabetic" });
    c.strokeRect(a, top, b - a, bottom - top);
    for (let k = 0; k < RATES.length; k += 8) { const x = a + (k + 0.5) * w; c.beginPath(); c.moveTo(x, bottom); c.lineTo(x, bottom + 4); c.stroke(); c.fillText(`1e${k / 8 - 5}`, x, bottom + 16); }
    c.textAlign = "left"; c.fillText(two ? `${two.index + 1} ${rows[0].name}: ${PLAY.words[two.key] ?? two.key} (up)` : "runners", 4, 14);
    c.textAlign = "right"; c.fillText("learning rate η", b, H - 4); c.textBaseline = "middle";
    rows.forEach(({ name, value, index }, j) => {
      const y = top + (j + 0.5) * tall;
      if (!two) { c.textAlign = "left"; c.fillText(`${index + 1} ${name.length > 11 ? `${name.slice(0, 10)}…` : name}`, 4, y); c.textAlign = "right"; }
      else if (j % 4 === 0) c.fillText(say(value, 4), a - 5, y);
    });
    runners().forEach((r, i) => { // where the runners are now
      const j = two ? (i === two.index ? nearest(rows.map((row) => row.value), hyper(r)[two.key]) : -1) : i;
      if (j < 0) return;
      const x = a + Math.min(RATES.length - 0.5, Math.max(0.5, 8 * (Math.log10(hyper(r).lr) + 5) + 0.5)) * w;
      if (looks[i]) tag(c, i, x, top + (j + 0.5) * tall);
    });
    if (!spot.own || spot.j >= rows.length) { // where the (first) runner is, until the reader moves it
      const now = hyper(runners()[rows[0].index]);
      spot = { i: Math.round(8 * (Math.log10(now.lr) + 5)), j: two ? nearest(rows.map((row) => row.value), now[two.key]) : 0, own: false };
    }
    spot.i = Math.min(RATES.length - 1, Math.max(0, spot.i));
    Object.assign(cursor.style, { transform: `translate(${a + (spot.i + 0.5) * w}px, ${top + (spot.j + 0.5) * tall}px) translate(-50%, -50%)` });
  }
  const nearest = (list, value) => list.reduce((best, v, k) => (Math.abs(v - value) < Math.abs(list[best] - value) ? k : best), 0);
  const endWords = (v) => (Number.isNaN(v) ? "diverges" : v === -Infinity ? "falls without end" : `${say(v - lowest())}${v > sweep.first ? ", higher than at the start" : ""}`);
  function cellWords() {
    if (!sweep) return "";
    const done = sweep.done < sweep.ends.length ? `The sweep is running: ${Math.floor((100 * sweep.done) / sweep.ends.length)} %. ` : "";
    const row = sweep.rows[spot.j], at = spot.j * RATES.length + spot.i, what = sweep.two ? `, ${PLAY.words[sweep.two.key] ?? sweep.two.key} = ${say(row.value, 4)}` : "";
    const v = at < sweep.done ? endWords(sweep.ends[at]) : "not yet run";
    return `${done}Cursor: ${row.index + 1} ${row.name}, η = ${say(RATES[spot.i], 4)}${what}. After ${limit()} steps, ${counted()}: ${v}.`;
  }
  /** The same in words: for each runner the best rate, and the largest that does not end above the start. */
  function tabulate() {
    const { rows, ends, two, first } = sweep, head = (t) => h("th", { scope: "col" }, t), lines = [];
    const place = (v) => (Number.isNaN(v) ? Infinity : v);
    const groups = two ? [rows.map((_, j) => j)] : rows.map((_, j) => [j]);
    for (const group of groups) {
      let best = null, most = null;
      for (const j of group) for (let i = 0; i < RATES.length; i++) {
        const v = ends[j * RATES.length + i];
        if (!best || place(v) < place(best.v)) best = { v, i, j };
        if (v <= first && (most === null || RATES[i] > most)) most = RATES[i];
      }
      const row = rows[best.j];
      lines.push(h("tr", {}, h("th", { scope: "row" }, `${row.index + 1} ${row.name}${two ? `, ${PLAY.words[two.key] ?? two.key} = ${say(row.value, 4)}` : ""}`), ...[say(RATES[best.i], 4), endWords(best.v), most === null ? "none" : say(most, 4)].map((t) => h("td", {}, t))));
    }
    table.replaceChildren(h("table", {},
      h("caption", {}, `Best of ${RATES.length} learning rates from ${say(RATES[0])} to ${say(RATES.at(-1))}, ${limit()} steps. The stronger a cell's colour, the lower it ended: full colour is a hundred millionth of the start. Hatched: higher than it began; crossed: diverged.`),
      h("thead", {}, h("tr", {}, ...["Runner", "Best η", "Loss there", "Largest η that ends no higher"].map(head))), h("tbody", {}, ...lines)));
  }
  function drawCurve() {
    const [w, tall] = side;
    if (!w) return;
    const c = sharp(curve, w, tall), log = get("axis") === "log", base = log ? floor() : 0, n = limit(), box = { left: 46, right: w - 8, top: 22, bottom: tall - 30 };
    let most = -Infinity, least = Infinity;
    for (const { loss } of runs) for (const f of loss) { const v = f - base; if (Number.isFinite(v) && (!log || v > 0)) { if (v > most) most = v; if (v < least) least = v; } }
    if (!(most >= least)) { most = 1; least = log ? 0.1 : 0; }
    const first = (runs[0]?.loss[0] ?? 1) - base;
    let [low, high] = log ? [Math.floor(Math.log10(Math.max(least, 1e-16)) + 1e-9), Math.ceil(Math.log10(Math.min(most, 1e30)) - 1e-9)] : [Math.max(least, first - 20 * (Math.abs(first) + 1)), Math.min(most, first + 3 * (Math.abs(first) + 1))];
    if (!(high > low)) high = low + 1;
    const { px, py } = axes(c, { steps: n, low, high, log, title: log ? counted() : "loss", colour, ...box });
    const Y = (f) => { const v = f - base; return Math.max(box.top - 6, Math.min(box.bottom, v > 0 || !log ? py(v) : box.bottom)); };
    runs.forEach(({ loss, at }, i) => {
      const last = Math.min(at, play.at()), bucket = Math.max(1, Math.ceil(n / 300));
      Object.assign(c, { strokeStyle: looks[i].colour, lineWidth: 2 });
      c.setLineDash(looks[i].dash); c.beginPath();
      let end = null;
      for (let t = 0; t <= last; t += bucket) { // of many steps in one pixel, the highest and the lowest
        let up = -Infinity, down = Infinity;
        for (let k = t; k < t + bucket && k <= last; k++) if (Number.isFinite(loss[k])) { up = Math.max(up, loss[k]); down = Math.min(down, loss[k]); }
        if (up < down) break;
        c.lineTo(px(t), Y(up)); if (bucket > 1) c.lineTo(px(t), Y(down));
        end = [px(t), Y(down)];
      }
      c.stroke(); c.setLineDash([]);
      if (end) tag(c, i, Math.min(end[0], w - 9), end[1]);
    });
  }
  let drawn = { left: [], curve: [] };
  const news = (which, ...now) => { // only what has changed is drawn anew
    const same = now.length === drawn[which].length && now.every((v, i) => v === drawn[which][i]);
    drawn[which] = now;
    return !same;
  };
  function draw() {
    if (!W) return;
    const what = get("view"), at = play.at(), all = [colour, W, what, get("axis"), runs, looks];
    if (runs.length === runners().length && looks.length === runs.length) {
      if (what !== "rates" && news("left", ...all, at, ground, get("middle"), get("width"), get("start"), get("turn"), get("tilt"))) what === "map" ? drawMap() : drawSurface();
      if (news("curve", ...all, at, facts().floor === null && ground)) drawCurve();
    }
    if (what === "rates" && news("left", ...all, sweep, sweep && Math.floor((20 * sweep.done) / sweep.ends.length), spot.i, spot.j, get("rules"), queue.length)) drawRates();
    play.show();
    if (!play.playing()) lab.speak(words);
  }

  // ---- hands
  const take = () => { // the cell under the cursor becomes the setting
    const row = sweep?.rows[spot.j];
    if (!row) return;
    setRunner(row.index, (r) => ({ ...r, values: { ...r.values, lr: RATES[spot.i], ...(sweep.two ? { [sweep.two.key]: row.value } : {}) } }));
  };
  cursor.addEventListener("click", take);
  cursor.addEventListener("keydown", (e) => {
    const d = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], Home: [-99, 0], End: [99, 0] }[e.key];
    if (!d || !sweep) return;
    e.preventDefault();
    spot = { i: Math.min(RATES.length - 1, Math.max(0, spot.i + d[0] * (e.shiftKey ? 8 : 1))), j: Math.min(sweep.rows.length - 1, Math.max(0, spot.j + d[1])), own: true };
    lab.refresh();
  });
  let grip = null;
  left.addEventListener("pointerdown", (e) => {
    const r = left.getBoundingClientRect(), x = e.clientX - r.left, y = e.clientY - r.top;
    if (get("view") === "surface") { grip = { x: e.clientX, y: e.clientY, turn: get("turn"), tilt: get("tilt") }; left.setPointerCapture(e.pointerId); }
    if (get("view") !== "rates" || !sweep) return;
    const { a, top, w, h: tall } = cells(), i = Math.floor((x - a) / w), j = Math.floor((y - top) / tall);
    if (i >= 0 && i < RATES.length && j >= 0 && j < sweep.rows.length) { spot = { i, j, own: true }; take(); }
  });
  left.addEventListener("pointermove", (e) => {
    if (!grip || !left.hasPointerCapture(e.pointerId)) return;
    const inside = (v, [low, high]) => Math.min(high, Math.max(low, Math.round(v))), around = (v) => ((((v + 180) % 360) + 360) % 360) - 180;
    act({ turn: Math.round(around(grip.turn + (e.clientX - grip.x) / 2)), tilt: inside(grip.tilt + (e.clientY - grip.y) / 2, PLAY.ranges.tilt) });
  });
  left.addEventListener("lostpointercapture", () => { grip = null; });

  // ---- links: one that names a landscape starts where that one starts
  function arrive(event) {
    const p = fragment.read();
    let name = null;
    try { name = p.has("problem") ? readCall(p.get("problem"), PLAY.problems, "problem").name : p.has("loss") && readLoss(p.get("loss")) ? "typed" : null; } catch { /* said by the lab */ }
    if (name) {
      const { start, middle, width } = PLAY.problems[name];
      if (!p.has("problem")) model.set("problem", name);
      for (const [k, v] of Object.entries({ start: [...start], middle: [...middle], width })) model.set(k, v);
    }
    if (SETTINGS.some((k) => p.has(k))) el.scrollIntoView({ block: "start" });
    if (event) typed.wrong = false;
  }
  if (page) { arrive(); window.addEventListener("hashchange", arrive); }
  return lab.start({
    signal, stage, layout, simulate: work, draw, show, changed,
    watch: SETTINGS,
    end() { window.removeEventListener("hashchange", arrive); play.halt(); },
  });
}

export default { render };
