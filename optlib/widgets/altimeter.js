// Altimeter versus spirit level: what a valley costs by heights and by slopes. Needs, in front of it in the
// module: kit.js, the traced RULES and PROBLEMS, placeOf and shortRate, and ALTI (ranges, tools, costs, colours).

/** The landscape over n directions: pairs of traced two-direction bowls around a hidden bottom. */
function landscape(n, number) {
  const bowl = PROBLEMS.Pair, bottom = Float64Array.from({ length: n }, (_, i) => placeOf(i, number)), pair = [0, 0], g = [0, 0];
  const load = (x, k) => { pair[0] = x[k] - bottom[k]; pair[1] = k + 1 < n ? x[k + 1] - bottom[k + 1] : 0; };
  const raw = (x) => { let sum = 0; for (let k = 0; k < n; k += 2) { load(x, k); sum += bowl.f(pair, bowl.defaults); } return sum; };
  const scale = 100 / raw(new Float64Array(n));
  return {
    n, bottom, scale, raw, height: (x) => scale * raw(x),
    slope(x, out) {
      for (let k = 0; k < n; k += 2) { load(x, k); bowl.grad(pair, bowl.defaults, g); out[k] = g[0]; if (k + 1 < n) out[k + 1] = g[1]; }
    },
  };
}

/** Normal random numbers from a seed, one at each call. */
function normals(seed) {
  let s = seed >>> 0, spare = NaN;
  const uniform = () => { // mulberry32
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), s | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return () => {
    if (spare === spare) { const v = spare; spare = NaN; return v; }
    const r = Math.sqrt(-2 * Math.log(1 - uniform())), a = 2 * Math.PI * uniform();
    spare = r * Math.sin(a);
    return r * Math.cos(a);
  };
}

/** What a step costs with each tool. */
const costOf = (tool, n) => ({ one: n + 1, random: 2, level: ALTI.slope })[tool];

/**
 * The estimates of optlib.estimate, made by measuring: fills g, and yields after each unit or so of work, so
 * that a long one can be spread over frames. `dice()` draws a normal number.
 */
const ESTIMATES = {
  *one(land, x, g) {
    const here = land.raw(x);
    for (let i = 0; i < land.n; i++) {
      const kept = x[i];
      x[i] = kept + ALTI.h;
      g[i] = (land.raw(x) - here) / (x[i] - kept);
      x[i] = kept;
      yield;
    }
  },
  *random(land, x, g, dice) {
    const u = new Float64Array(land.n), there = new Float64Array(land.n);
    for (let i = 0; i < land.n; i++) { u[i] = dice(); there[i] = x[i] + ALTI.h * u[i]; }
    yield;
    const above = land.raw(there);
    yield;
    const change = (above - land.raw(x)) / ALTI.h;
    for (let i = 0; i < land.n; i++) g[i] = change * u[i];
    yield;
  },
  *level(land, x, g) { land.slope(x, g); yield; },
};

/** One step of gradient descent with a tool's estimate. */
function* stepOf(tool, land, x, g, dice) {
  yield* ESTIMATES[tool](land, x, g, dice);
  RULES.GD.step(1, x, g, {}, { lr: tool === "random" ? shortRate(land.n) : ALTI.rate });
}

function render({ model, el, signal, page = false }) {
  const { ranges, tools } = ALTI, names = Object.keys(tools), NAMES = { hand: "by hand", ...tools };
  const lab = openLab({ model, el, page, name: "alti", link: {
    n: inLink.whole(...ranges.n), tool: inLink.one(names), budget: inLink.whole(...ranges.budget), valley: inLink.whole(...ranges.valley), spot: inLink.number(...ranges.spot),
  } });
  const { get, act, bound } = lab;

  // ---- one search: where the hiker stands, what it cost, what was measured
  let land, x, g, spent, height, arrived, kind, trail, seen, felt, walking = null, message = "", dice, along = 0;
  const walked = new Set(), blind = { n: 0, hit: "" }; // of the mission that wants a prediction
  function begin() {
    walking = null;
    land = landscape(get("n"), get("valley"));
    x = new Float64Array(land.n); g = new Float64Array(land.n);
    [spent, height, arrived, kind, message, blind.n] = [0, 100, false, null, "", 0];
    dice = normals(1000 * get("valley") + land.n);
    along = Math.min(along, land.n - 1);
    rest();
  }
  function rest() { trail = [{ at: x[along], height }]; seen = []; felt = null; } // what the picture along a direction shows
  const afford = (cost) => {
    if (spent + cost <= get("budget")) return true;
    message = `The next ${cost === 1 ? "measurement" : "step"} costs ${cost}, and ${get("budget") - spent} of ${get("budget")} units are left.`;
    return false;
  };
  function here() { // the hiker stands somewhere new
    height = land.height(x);
    if (height > ALTI.goal) return;
    arrived = true;
    message = `In the valley, after ${spent} units.`;
    if (kind !== "mixed") act({ runs: [...get("runs"), [kind, land.n, spent]].slice(-300) });
    tasks.judge();
  }
  const use = (what) => { kind = kind === null || kind === what ? what : "mixed"; message = ""; };
  function measure() {
    if (arrived || walking) begin(); // the next search
    if (!afford(1)) return lab.refresh();
    use("hand");
    spent += 1;
    const kept = x[along];
    const spot = get("spot");
    x[along] = spot;
    const found = land.height(x);
    seen.push({ at: spot, height: found });
    if (found < height) { here(); trail = [{ at: spot, height }]; felt = null; } else x[along] = kept;
    message ||= found <= height ? `Height ${say(found)} there. She goes there.` : `Height ${say(found)} there, higher than here. She stays.`;
    lab.refresh();
  }
  /** Steps of the chosen tool, in pieces of a few milliseconds: one from here, or all of them from the start. */
  function go(most) {
    if (arrived || walking || most > 1) begin();
    const tool = get("tool"), cost = costOf(tool, land.n);
    if (most > 1) tasks.tried(tool, land.n);
    function* journey() {
      for (let t = 0; t < most && !arrived && afford(cost); t++) {
        use(tool);
        const from = x[along], level = height;
        yield* stepOf(tool, land, x, g, dice);
        spent += cost;
        if (t === 0) { trail = [{ at: from, height: level }]; seen = []; }
        here();
        felt = tool === "level" ? { at: from, height: level, slope: g[along] * land.scale } : null;
        trail.push({ at: x[along], height });
        if (trail.length > 200) trail.shift();
      }
      if (!arrived) blind.n = 0;
    }
    const mine = (walking = journey());
    const piece = () => {
      if (walking !== mine) return;
      const t0 = performance.now();
      let end = false;
      while (!end && performance.now() - t0 < 3) end = mine.next().done;
      (el.frames ??= []).push(performance.now() - t0);
      if (end) walking = null; else lab.later("walk", 0, piece);
      show(); lab.refresh();
    };
    piece();
  }

  // ---- elements
  const profile = h("canvas", { className: "alti-profile", "aria-hidden": "true" }), bills = h("canvas", { className: "alti-bills", "aria-hidden": "true" });
  const size = bound("n", "Directions n", ranges.n, 0.01, { log: true, whole: true }), budget = bound("budget", "Budget, units", ranges.budget, 0.005, { log: true, whole: true });
  const tool = choice({ label: "Tool", options: names.map((k) => [k, `${tools[k]}`]), get: () => get("tool"), set: (v) => act({ tool: v }) });
  const button = (label, f) => { const b = h("button", { type: "button" }, label); b.addEventListener("click", () => { lab.complain(""); f(); }); return b; };
  const one = button("One step", () => go(1)), walk = button("Walk from the start", () => go(Infinity));
  const again = button("Back to the start", () => { begin(); show(); lab.refresh(); });
  const other = button("Another valley", () => act({ valley: (get("valley") % ranges.valley[1]) + 1 }));
  const place = bound("spot", "Spot along it", ranges.spot, 0.01);
  const way = h("input", { type: "text", inputMode: "numeric", className: "lab-field", "aria-label": "Direction to look along" });
  onTyped(way, () => {
    const v = readNumber(way.value);
    if (v >= 1 && v <= land.n && v === Math.round(v)) { lab.complain(""); along = v - 1; rest(); } else lab.complain(`Direction to look along: “${way.value}” is not a whole number from 1 to ${land.n}.`);
    show(); lab.refresh();
  });
  const look = button("Measure the height there, 1 unit", measure), purse = h("p", { className: "alti-purse" });
  el.append(
    h("div", { className: "alti-pictures" }, profile, bills), purse,
    h("div", { className: "lab-controls" }, size.row, budget.row),
    h("details", { className: "lab-details", open: true }, h("summary", {}, "By hand, with the altimeter"),
      h("div", { className: "lab-row alti-way" }, h("span", {}, "Direction"), way), place.row, h("div", { className: "alti-buttons" }, look)),
    h("details", { className: "lab-details", open: true }, h("summary", {}, "Let her walk"),
      h("div", { className: "lab-sets" }, tool.row), h("div", { className: "alti-buttons" }, one, walk)),
    h("div", { className: "alti-buttons alti-again" }, again, other),
    lab.note, lab.status,
  );

  // ---- drawing
  let colour = {}, sizes = [];
  function layout() {
    colour = lab.palette(); sizes = [profile, bills].map((e) => [e.clientWidth, e.clientHeight]);
    for (const [k, pair] of Object.entries(ALTI.colours)) colour[k] = pair[+colour.dark];
  }
  function mark(c, what, px, py, r = 4) { // a shape for each tool, besides its colour
    c.beginPath();
    if (what === "hand") { c.moveTo(px - r, py - r); c.lineTo(px + r, py + r); c.moveTo(px + r, py - r); c.lineTo(px - r, py + r); c.lineWidth = 2; c.stroke(); return; }
    if (what === "one") c.arc(px, py, r, 0, 7);
    else if (what === "level") c.rect(px - r, py - r, 2 * r, 2 * r);
    else { c.moveTo(px, py - r - 1); c.lineTo(px + r + 1, py + r); c.lineTo(px - r - 1, py + r); }
    c.fill();
  }
  function drawProfile() {
    const [w, tall] = sizes[0], c = sharp(profile, w, tall), left = 40, right = w - 10, bottom = tall - 34;
    const most = Math.max(100, ...seen.map((s) => s.height), ...trail.map((s) => s.height)), high = most > 100 ? Math.ceil(most / 100) * 100 : 100;
    const { py } = axes(c, { low: 0, high, title: `height along direction ${along + 1} of ${land.n}`, colour, left, right, bottom });
    const px = (v) => left + ((right - left) * (v + 1)) / 2;
    c.textAlign = "center";
    for (const v of [-1, 0, 1]) c.fillText(v < 0 ? "−1" : v, px(v), bottom + 15);
    c.fillText("place along it; the start is 0", px(0), bottom + 29);
    c.save(); c.beginPath(); c.rect(left, 14, right - left, bottom - 12); c.clip();
    if (arrived) { // the fog lifts
      const kept = x[along];
      Object.assign(c, { strokeStyle: colour.faint, lineWidth: 1.5 });
      c.beginPath();
      for (let k = 0; k <= 60; k++) { x[along] = k / 30 - 1; const y = py(land.height(x)); k ? c.lineTo(px(x[along]), y) : c.moveTo(px(-1), y); }
      x[along] = kept;
      c.stroke();
    }
    Object.assign(c, { strokeStyle: colour.faint, lineWidth: 1 });
    c.setLineDash([3, 4]); c.beginPath(); c.moveTo(px(get("spot")), 14); c.lineTo(px(get("spot")), bottom); c.stroke(); c.setLineDash([]);
    if (felt) { // the slope that was felt, as a line through the place where it was
      Object.assign(c, { strokeStyle: colour.level, lineWidth: 2 });
      c.beginPath(); c.moveTo(px(felt.at - 0.25), py(felt.height - 0.25 * felt.slope)); c.lineTo(px(felt.at + 0.25), py(felt.height + 0.25 * felt.slope)); c.stroke();
    }
    Object.assign(c, { strokeStyle: colour.ink, lineWidth: 1 });
    c.beginPath(); trail.forEach((s, k) => (k ? c.lineTo(px(s.at), py(s.height)) : c.moveTo(px(s.at), py(s.height)))); c.stroke();
    c.strokeStyle = colour.hand;
    for (const s of seen) mark(c, "hand", px(s.at), py(s.height));
    c.fillStyle = colour.ink;
    trail.forEach((s, k) => { c.beginPath(); c.arc(px(s.at), py(s.height), k === trail.length - 1 ? 6 : 2.5, 0, 7); c.fill(); });
    c.restore();
  }
  function drawBills() {
    const [w, tall] = sizes[1], c = sharp(bills, w, tall), left = 40, right = w - 18, bottom = tall - 34;
    const { py } = axes(c, { low: 0, high: 5, log: true, title: "units to the valley", colour, left, right, bottom });
    const px = (n) => left + ((right - left) * Math.log10(n)) / 3;
    c.textAlign = "center";
    for (const n of [1, 10, 100, 1000]) c.fillText(n, px(n), bottom + 15);
    c.fillText("directions n", px(31.6), bottom + 29);
    Object.assign(c, { strokeStyle: colour.bad, lineWidth: 1 });
    c.setLineDash([5, 4]); c.beginPath(); c.moveTo(left, py(get("budget"))); c.lineTo(right, py(get("budget"))); c.stroke(); c.setLineDash([]);
    for (const [what, n, units] of get("runs")) { c.fillStyle = c.strokeStyle = colour[what]; mark(c, what, px(n), py(Math.min(units, 1e5))); }
    Object.assign(c, { textAlign: "left", fillStyle: colour.paper, globalAlpha: 0.85 });
    c.fillRect(left + 2, 22, 132, 76);
    c.globalAlpha = 1;
    let y = 34;
    for (const [what, label] of [["hand", "by hand"], ["one", "heights, one by one"], ["random", "heights, random"], ["level", "slope"], ["", "- - budget"]]) {
      c.fillStyle = c.strokeStyle = what ? colour[what] : colour.bad;
      if (what) mark(c, what, left + 10, y - 4);
      c.fillStyle = colour.ink;
      c.fillText(label, what ? left + 20 : left + 3, y);
      y += 15;
    }
  }
  const state = () => `Height ${say(height)} (start 100, valley at most ${ALTI.goal}); ${spent} of ${get("budget")} units spent.`;
  function words() {
    const n = land.n, next = costOf(get("tool"), n);
    return `${message ? message + " " : ""}${walking ? "Walking. " : ""}${n} direction${n > 1 ? "s" : ""}, ${NAMES[get("tool")]}: a step costs ${next} units. ${state()}`;
  }
  const draw = () => { drawProfile(); drawBills(); lab.text(purse, state()); lab.speak(words); };

  // ---- missions: judged by the walks that were really taken
  const best = (what, n) => Math.min(...get("runs").filter((r) => r[0] === what && r[1] === n).map((r) => r[2]));
  const compared = (n) => best("one", n) + best("level", n) < Infinity;
  const spread = (what) => { // arrivals with a tool in dimensions that are five times apart or more
    const found = [];
    for (const n of [...new Set(get("runs").filter((r) => r[0] === what).map((r) => r[1]))].sort((a, b) => a - b)) if (!found.length || n >= 5 * found.at(-1)) found.push(n);
    return found;
  };
  const bill = (what) => spread(what).map((n) => `n = ${n}: ${best(what, n)}`).join(", ");
  const tasks = lab.missions([
    {
      key: "heights", task: "Heights alone. One direction, by hand: move the spot, measure, and get below height 1. Then 2 and 10 directions, by hand or by letting her walk with a tool that measures heights.",
      progress: () => [1, 2, 10].map((n) => [n, Math.min(...(n === 1 ? ["hand"] : ["hand", "one", "random"]).map((k) => best(k, n)))]).filter(([, v]) => v < Infinity).map(([n, v]) => `n = ${n}: ${v} units`).join(", "),
      done() { return best("hand", 1) < Infinity && [2, 10].every((n) => ["hand", "one", "random"].some((k) => best(k, n) < Infinity)); },
    },
    {
      key: "crossing", task: "Let her walk by heights, one direction after another, and by slopes. Which is the smallest n for which slopes are cheaper? Walk on both sides of the border.",
      progress: () => [...new Set(get("runs").map((r) => r[1]))].sort((a, b) => a - b).filter(compared).slice(0, 8).map((n) => `n = ${n}: ${best("one", n)} against ${best("level", n)}`).join(", "),
      done() { return get("runs").some(([, n]) => compared(n) && compared(n - 1) && best("level", n) < best("one", n) && best("one", n - 1) <= best("level", n - 1)); },
    },
    {
      key: "law", task: "Walk with each of the three tools for three values of n, each at least five times the one before. By which law does each bill grow? Do random directions escape it?",
      progress: () => names.filter((k) => spread(k).length).map((k) => `${tools[k]}: ${bill(k)}`).join("; "),
      done: () => names.every((k) => spread(k).length >= 3),
    },
    {
      key: "budget", task: "Predict. Choose an n above 100 for which she has not walked by heights, one direction after another. From your law, set the budget so that she just arrives, with at most a tenth left over. Only the first walk with an n counts.",
      look() { if (arrived && kind === "one" && blind.n === land.n && spent >= 0.9 * get("budget")) blind.hit = `n = ${land.n}: ${spent} of ${get("budget")} units`; if (arrived) blind.n = 0; },
      progress: () => blind.hit, done() { return !!blind.hit || get("solved").includes("budget"); },
    },
  ]);
  tasks.tried = (what, n) => { // a walk from the start: the first one with this n is the try
    if (what !== "one") { blind.n = 0; return; }
    blind.n = n > 100 && !walked.has(n) && best("one", n) === Infinity ? n : 0;
    walked.add(n);
  };

  function show() {
    for (const part of [size, budget, tool, place]) part.show();
    write(way, String(along + 1));
  }
  const changed = (trait) => { 
    if (trait === "runs" || trait === "spot") return; // of another search, or of none
    if (trait === "n" || trait === "valley") return begin();
    [message, blind.n] = [walking ? "Stopped." : "", 0];
    walking = null;
  };
  begin();
  return lab.start({ signal, watch: ["n", "tool", "budget", "valley", "spot", "runs"], stage: profile, show, changed, layout, simulate: () => tasks.report(), draw, end: () => { walking = null; } });
}

export default { render };
