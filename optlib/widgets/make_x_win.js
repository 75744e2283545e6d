// Make X win: the stored runs of the benchmark, and the choices of whoever reports them. Needs, in front of
// it in the module: kit.js and RUNS (names, problems, budgets, seeds, stops, values, and the verdict of
// the protocol, from Python). The statistics below are those of optlib.statistics.

const REACH = 4; // the profile ends at four times the best

/** The upper median: a value that occurs, infinite if half of them are. */
function middle(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** ratios[method][problem]: how many times more than the best; infinite for a failure. */
function ratios(table) {
  const best = table[0].map((_, p) => Math.min(...table.map((row) => row[p])));
  return table.map((row) => row.map((v, p) => (Number.isFinite(v) ? v / best[p] : Infinity)));
}

/** The share of problems on which each method is within tau of the best. */
const profile = (table, tau) => ratios(table).map((row) => row.filter((r) => r <= tau).length / row.length);

/** The mean height of the profile from 1 to REACH. */
const area = (table) => ratios(table).map((row) => row.reduce((sum, r) => sum + Math.max(0, REACH - r), 0) / (REACH - 1) / row.length);

/** Whole numbers from text, so many letters for each; the two highest stand for a lost run and for no run. */
function unpacked(text, letters) {
  const code = Object.fromEntries([...RUNS.alphabet].map((c, i) => [c, i])), lost = 64 ** letters - 1, out = new Float64Array(text.length / letters);
  for (let i = 0; i < out.length; i++) {
    let v = 0;
    for (let k = 0; k < letters; k++) v = 64 * v + code[text[letters * i + k]];
    out[i] = v === lost ? Infinity : v === lost - 1 ? NaN : v;
  }
  return out;
}
const LOOKS = unpacked(RUNS.runs.time, 1), LOSSES = unpacked(RUNS.runs.loss, 2).map((v) => 10 ** (v / RUNS.perDecade));

/** What a run is worth: steps to the target within the stopping time, or the loss at it, in units of the lowest. */
function worth(m, p, b, s, metric, stop) {
  const run = ((m * RUNS.problems.length + p) * RUNS.budgets.length + b) * RUNS.seeds.length + s;
  if (metric === "loss") return LOSSES[run * RUNS.stops.length + stop];
  const { every, steps } = RUNS.problems[p], time = LOOKS[run] * every;
  return time > RUNS.stops[stop] * steps ? Infinity : time;
}

/** Under a reporter's choices: {who, table}, the methods with runs on all problems, and a row for each. */
function tableOf({ crown, mine, theirs, metric, stop, problems, pick, seed }) {
  const rows = RUNS.names.map((name, m) => problems.map((key) => {
    const p = RUNS.problems.findIndex((q) => q.key === key), b = RUNS.budgets.indexOf(name === crown ? mine : theirs);
    const values = RUNS.seeds.map((_, s) => worth(m, p, b, s, metric, stop));
    if (pick === "one") return values[RUNS.seeds.indexOf(seed)];
    if (pick === "best" && name === crown) return Math.min(...values);
    return values.some(Number.isNaN) ? NaN : middle(values);
  }));
  const who = RUNS.names.filter((_, m) => !rows[m].some(Number.isNaN));
  return { who, table: rows.filter((row) => !row.some(Number.isNaN)) };
}

function render({ model, el, signal, page = false }) {
  const { names, problems: ALL, budgets, seeds, stops, metrics, picks, verdict } = RUNS, most = budgets.at(-1), last = stops.length - 1;
  const keys = ALL.map((p) => p.key);
  const aBudget = { read: (text) => (budgets.includes(+text) && text.trim() ? +text : undefined), write: String, expects: `one of ${budgets.join(", ")}` };
  const lab = openLab({ model, el, page, name: "crown", link: {
    crown: inLink.one(names), mine: aBudget, theirs: aBudget, metric: inLink.one(Object.keys(metrics)), stop: inLink.whole(0, last),
    problems: inLink.some(keys), pick: inLink.one(Object.keys(picks)), seed: inLink.whole(seeds[0], seeds.at(-1)),
  } });
  const { get, act, text } = lab;

  // ---- elements
  const bars = h("canvas", { className: "crown-bars", "aria-hidden": "true" }), curve = h("canvas", { className: "lab-curve", "aria-hidden": "true" });
  const stage = h("div", { className: "crown-stage" }, bars);
  const menu = (label, options, key, number = false) => {
    const id = freshId("m"), box = h("select", { id }, ...options.map(([value, words]) => h("option", { value }, words)));
    box.addEventListener("change", () => act({ [key]: number ? +box.value : box.value }));
    return { row: h("div", { className: "lab-row" }, h("label", { htmlFor: id }, label), box), show() { box.value = get(key); }, box };
  };
  const trials = (n) => (n === 1 ? "1 trial: its defaults" : `${n} trials`);
  const controls = [
    menu("X, to be crowned", names.map((n) => [n, n]), "crown"),
    menu("Tuning of X", budgets.map((b) => [b, trials(b)]), "mine", true), menu("Tuning of the others", budgets.map((b) => [b, trials(b)]), "theirs", true),
    menu("Metric", Object.entries(metrics), "metric"),
    menu("Stop after", stops.map((c, i) => [i, `${Math.round(100 * c)} % of the steps`]), "stop", true),
    menu("Seeds", Object.entries(picks), "pick"), menu("The one seed", seeds.map((s) => [s, s]), "seed", true),
  ];
  const chosen = h("fieldset", { className: "crown-problems" }, h("legend", {}, "Problems"));
  const boxes = ALL.map(({ key, label }) => {
    const box = h("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      const now = keys.filter((k) => (k === key ? box.checked : get("problems").includes(k)));
      if (now.length) act({ problems: now }); else { lab.complain("A comparison needs a problem."); show(); }
    });
    chosen.append(h("label", {}, box, label));
    return box;
  });
  const open = h("button", { type: "button" }, "Reveal the verdict of the protocol"), back = h("button", { type: "button" }, "All choices of the protocol");
  open.addEventListener("click", () => act({ revealed: !get("revealed") }));
  const protocol = { mine: most, theirs: most, metric: "steps", stop: last, problems: keys, pick: "all" };
  back.addEventListener("click", () => act({ ...protocol }));
  const head = h("tr"), body = h("tbody"), board = h("table", { className: "crown-board" }, h("caption", {}, "Score of each method: mean height of its profile from 1 to 4 times the best"), h("thead", {}, head), body);
  el.append(h("div", { className: "lab-pictures" }, stage, curve), h("div", { className: "lab-controls" }, ...controls.map((c) => c.row)), chosen,
    h("div", { className: "crown-buttons" }, open, back), board, lab.note, lab.status);

  // ---- what is computed
  const settings = () => Object.fromEntries(["crown", "mine", "theirs", "metric", "stop", "problems", "pick", "seed"].map((k) => [k, get(k)]));
  const differs = { mine: "the tuning of X", theirs: "the tuning of the others", metric: "the metric", stop: "the stopping time", problems: "the problems", pick: "the seeds" };
  const departures = () => Object.keys(differs).filter((k) => String(get(k)) !== String(protocol[k]));
  let table = [], who = [], score = {}, order = []; // order: names, the best first
  function simulate() {
    ({ who, table } = tableOf(settings()));
    score = Object.fromEntries(area(table).map((v, i) => [who[i], v]));
    order = [...who].sort((a, b) => score[b] - score[a] || who.indexOf(a) - who.indexOf(b));
    tasks.judge();
  }
  const lead = () => score[order[0]] - (score[order[1]] ?? 0), leading = () => (lead() > 1e-9 ? order[0] : null);

  // ---- drawing
  let colour = {}, size = [], edge = [];
  const hue = (name) => RUNS.colours[names.indexOf(name)][+colour.dark];
  function layout() { colour = lab.palette(); size = [bars.clientWidth, bars.clientHeight]; edge = [curve.clientWidth, curve.clientHeight]; }
  function drawBars() {
    const [w, tall] = size, c = sharp(bars, w, tall), top = 24, row = (tall - top - 6) / names.length, left = Math.min(96, w * 0.34), right = w - 40;
    Object.assign(c, { font: FONT, fillStyle: colour.ink, textBaseline: "alphabetic" });
    c.fillText("score under your choices", 4, 15);
    order.forEach((name, i) => {
      const y = top + i * row, own = name === get("crown"), told = get("revealed") && verdict.rows[name];
      c.fillStyle = hue(name); c.globalAlpha = own ? 1 : 0.5; c.fillRect(left, y + 3, (right - left) * score[name], row - 6); c.globalAlpha = 1;
      if (told) { // the interval of the protocol, as a line across
        const at = (v) => left + (right - left) * v, mid = y + row / 2;
        Object.assign(c, { strokeStyle: colour.ink, lineWidth: 2 });
        c.beginPath(); c.moveTo(at(told.low), mid); c.lineTo(at(told.high), mid);
        for (const v of [told.low, told.high]) { c.moveTo(at(v), mid - 4); c.lineTo(at(v), mid + 4); }
        c.stroke();
      }
      Object.assign(c, { fillStyle: colour.ink, font: own ? `bold ${FONT}` : FONT, textBaseline: "middle", textAlign: "right" });
      c.fillText(name, left - 5, y + row / 2);
      c.textAlign = "left"; c.fillText(score[name].toFixed(2), right + 5, y + row / 2);
    });
    c.textAlign = "left";
  }
  function drawCurve() {
    const [w, tall] = edge, c = sharp(curve, w, tall), right = w - 8, bottom = tall - 26, left = 36;
    const { py } = axes(c, { low: 0, high: 1, title: "share of problems within τ of the best", colour, left, right, top: 24, bottom }), px = (t) => left + ((right - left) * (t - 1)) / (REACH - 1);
    Object.assign(c, { fillStyle: colour.ink, textAlign: "left" });
    c.fillText("τ = 1", left, bottom + 16); c.textAlign = "right"; c.fillText(`τ = ${REACH}`, right, bottom + 16);
    const all = ratios(table);
    for (const name of [...order.filter((n) => n !== get("crown")), ...who.filter((n) => n === get("crown"))]) {
      const own = name === get("crown"), row = all[who.indexOf(name)], up = row.filter((r) => r <= REACH).sort((a, b) => a - b), n = row.length;
      Object.assign(c, { strokeStyle: hue(name), lineWidth: own ? 4 : 1.6 }); c.setLineDash(own ? [] : RUNS.dashes[names.indexOf(name)]);
      c.beginPath(); c.moveTo(px(1), py(0));
      up.forEach((r, i) => { c.lineTo(px(r), py(i / n)); c.lineTo(px(r), py((i + 1) / n)); });
      c.lineTo(px(REACH), py(up.length / n)); c.stroke();
    }
    c.setLineDash([]);
  }
  function fill() {
    const told = get("revealed"), absent = names.filter((n) => !who.includes(n));
    head.replaceChildren(...["method", "yours", ...(told ? ["protocol", "95 % interval", "verdict"] : [])].map((v) => h("th", { scope: "col" }, v)));
    body.replaceChildren(...[...order, ...absent].map((name) => {
      const v = verdict.rows[name], cells = !told ? [] : v ? [v.score.toFixed(2), `${v.low.toFixed(2)} to ${v.high.toFixed(2)}`, v.says] : ["", "", "not on all problems"];
      return h("tr", { className: name === get("crown") ? "crown-own" : "" }, h("th", { scope: "row" }, name), ...[score[name]?.toFixed(2) ?? "no runs", ...cells].map((x) => h("td", {}, x)));
    }));
    text(open, told ? "Hide the verdict" : "Reveal the verdict of the protocol");
  }
  function words() {
    const top = leading(), off = departures(), crown = get("crown");
    const win = top === crown ? `${crown} is crowned, ${lead().toFixed(2)} ahead.` : !who.includes(crown) ? `${crown} has no runs on some of these problems.` : top ? `${top} is on top with ${score[top].toFixed(2)}; ${crown} has ${score[crown].toFixed(2)}.` : "Nobody is alone on top.";
    const how = off.length ? `Other than in the protocol: ${off.map((k) => differs[k]).join(", ")}.` : "Every choice is that of the protocol.";
    return `${win} ${how}${get("revealed") ? ` The protocol: ${verdict.says}` : ""}`;
  }
  function draw() { drawBars(); drawCurve(); fill(); lab.speak(words); }

  // ---- missions
  const place = (name) => verdict.order.indexOf(name), twins = verdict.twins;
  const tasks = lab.missions([
    {
      key: "loser", text: "",
      task: "Crown a loser: an optimizer that the protocol puts into the lower half. Which ones are there? Try; the verdict stays hidden until you ask for it.",
      look() {
        if (leading() === get("crown") && place(get("crown")) >= verdict.order.length / 2 && !twins.includes(get("crown"))) { this.ok = true; this.text = `${get("crown")}, with ${departures().length} ${departures().length === 1 ? "choice" : "choices"} of your own.`; }
      },
      progress() { return this.text; },
    },
    {
      key: "flip", found: new Set(),
      task: "Go back to all choices of the protocol and change exactly one, so that somebody else is on top. Find two such choices.",
      look() { const off = departures(); if (off.length === 1 && leading() && leading() !== verdict.order[0] && !(twins.includes(leading()) && twins.includes(verdict.order[0]))) this.found.add(off[0]); },
      progress() { return this.found.size ? `So far: ${[...this.found].map((k) => differs[k]).join(", ")}.` : ""; },
      done() { return this.found.size >= 2; },
    },
    {
      key: "twins", seen: new Map(),
      task: `${twins.join(" and ")} are the same optimizer, run twice. By the choice of the seed alone, make first the one and then the other better by 0.01 or more.`,
      look() {
        if (departures().join() !== "pick") return;
        const [a, b] = twins.map((n) => score[n]);
        if (Math.abs(a - b) >= 0.01) this.seen.set(a > b ? twins[0] : twins[1], get("pick") === "one" ? `seed ${get("seed")}` : "its best seed");
      },
      progress() { return [...this.seen].map(([name, how]) => `${name}: ${how}`).join("; "); },
      done() { return this.seen.size === 2; },
    },
  ]);

  function show() {
    for (const control of controls) control.show();
    controls.at(-1).row.hidden = get("pick") !== "one";
    boxes.forEach((box, i) => { box.checked = get("problems").includes(keys[i]); });
  }
  return lab.start({ signal, watch: ["crown", "mine", "theirs", "metric", "stop", "problems", "pick", "seed", "revealed"], stage, layout, simulate, draw, show });
}

export default { render };
