// Tuning budget game. Needs, in front of it in the module: kit.js, the traced tables RULES, TASKS and
// SCHEDULES, and GAME (what Python knows).

/** Random numbers from 0 to 1, from a seed: mulberry32, as in optlib/tuning_game.py. */
function dice(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t ^ (t + Math.imul(t ^ (t >>> 7), 61 | t))) >>> 0;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The losses of one trial, [problem, rule, rate, beta, schedule, ...], whose noise the seed draws. */
function lossesOf([problem, rule, lr, beta, schedule], seed) {
  const task = TASKS[problem], sigma = GAME.noise[problem], roll = dice(seed), plan = SCHEDULES[schedule];
  const normal = () => { const r = Math.sqrt(-2 * Math.log(1 - roll())); return r * Math.cos(2 * Math.PI * roll()); };
  const noisy = { dim: task.dim, grad(x, p, g) { task.grad(x, p, g); if (sigma) for (let i = 0; i < g.length; i++) g[i] += sigma * normal(); } };
  const hyper = { ...RULES[rule].defaults, [GAME.memory[rule] ?? "unused"]: beta };
  const walk = walker(RULES[rule], noisy, task.defaults, GAME.starts[problem], hyper);
  const out = new Float64Array(GAME.steps + 1).fill(Infinity);
  for (let t = 0; t <= GAME.steps; t++) {
    if (t) { hyper.lr = lr * plan.at(t, plan.defaults); walk.step(t); }
    const f = task.f(walk.x, task.defaults);
    if (!(f < GAME.lost)) break; // lost from here on
    out[t] = f;
  }
  return out;
}

/** A trial from its text, or undefined. */
function readTrial(text) {
  const [problem, rule, lr, beta, schedule, how, ...more] = text.split(","), inside = (v, [a, b]) => v !== "" && +v >= a && +v <= b;
  const fine = how !== undefined && !more.length && problem in GAME.problems && Object.hasOwn(GAME.colours, rule) && inside(lr, GAME.wider)
    && inside(beta, GAME.betas) && Object.hasOwn(SCHEDULES, schedule) && ["hand", ...GAME.scales].includes(how);
  return fine ? [problem, rule, +lr, +beta, schedule, how] : undefined;
}

function render({ model, el, signal, page = false }) {
  const BUDGET = GAME.budget, [FRESH, FIRST] = GAME.fresh, inTrials = {
    trait: "trials", expects: `trials “problem,rule,rate,beta,schedule,how”, at most ${BUDGET} a problem, with ; between them`,
    read(text) {
      const v = text.split(";").filter(Boolean), read = v.map(readTrial);
      return read.every(Boolean) && Object.keys(GAME.problems).every((p) => read.filter((t) => t[0] === p).length <= BUDGET) ? v : undefined;
    },
    write: (v) => v.join(";"),
  };
  const lab = openLab({ model, el, page, name: "tuning", link: {
    problem: inLink.one(Object.keys(GAME.problems)), rule: inLink.one(Object.keys(RULES)), lr: inLink.number(...GAME.wider),
    beta: inLink.number(...GAME.betas), schedule: inLink.one(Object.keys(SCHEDULES)), range: inLink.one(["offered", "wider"]),
    rival: inLink.one(GAME.scales), trials: inTrials,
  } });
  const { get, act, text, bound, complain } = lab, span = () => GAME[get("range")];
  const pick = (key, label, options, more = {}) => choice({ label, options, get: () => get(key), set: (v) => act({ [key]: v, ...more[v] }) });

  // ---- what was tried
  const memory = new Map(), again = new Map(); // trials are run once
  const run = (t, seed) => { const key = `${t.slice(0, 5)} ${seed}`; if (!memory.has(key)) memory.set(key, lossesOf(t, seed)); return memory.get(key); };
  const ofProblem = (p) => get("trials").map(readTrial).filter((t) => t[0] === p).map((t, i) => ({ t, n: i + 1, f: run(t, i + 1) }));
  const last = (f) => f[GAME.steps];
  const bestOf = (list) => list.reduce((a, b) => (a && last(a.f) <= last(b.f) ? a : b), null);
  const setting = (t) => String(t.slice(0, 5));
  function rerun(t) { // the last losses on the new seeds, the same for every setting
    const key = setting(t);
    if (!again.has(key)) {
      const ends = Array.from({ length: FRESH }, (_, i) => last(lossesOf(t, FIRST + i))).sort((a, b) => a - b);
      again.set(key, { t, mean: ends.reduce((a, b) => a + b) / FRESH, low: ends[Math.floor(FRESH / 20)], high: ends[FRESH - 1 - Math.floor(FRESH / 20)] });
    }
    return again.get(key);
  }
  const chosen = (lr = get("lr"), how = "hand") => [get("problem"), get("rule"), +lr.toPrecision(4), +get("beta").toPrecision(4), get("schedule"), how];
  function spend(list) {
    const left = BUDGET - ofProblem(get("problem")).length;
    if (!left) return complain(`The ${BUDGET} trials for this problem are spent.`);
    act({ trials: [...get("trials"), ...list.slice(0, left).map(String)] });
  }
  function byChance(scale) {
    const roll = dice(500 + ofProblem(get("problem")).length), [low, high] = GAME.offered;
    spend(Array.from({ length: 5 }, () => { const u = roll(); return chosen(scale === "evenly" ? low + u * (high - low) : low * (high / low) ** u, scale); }));
  }

  // ---- elements
  const canvas = (name) => h("canvas", { className: `tuning-${name}`, "aria-hidden": "true" });
  const curves = canvas("curves"), map = canvas("map"), race = canvas("race"), stage = h("div", { className: "tuning-pictures" }, curves, map, race);
  const button = (words, f) => { const b = h("button", { type: "button" }, words); b.addEventListener("click", f); return b; };
  const problem = pick("problem", "Problem", Object.entries(GAME.problems)), rule = pick("rule", "Rule", Object.keys(RULES).map((k) => [k, k]));
  const plan = pick("schedule", "Schedule", [["constant", "constant"], ["linear", "linear to 0"]]);
  const clamp = (v, [a, b]) => Math.min(b, Math.max(a, v));
  const range = choice({ label: "Rates from", options: ["offered", "wider"].map((k) => [k, GAME[k].map((v) => say(v)).join(" to ")]), get: () => get("range"), set: (v) => act({ range: v, lr: clamp(get("lr"), GAME[v]) }) });
  const rival = pick("rival", "Random search draws rates", GAME.scales.map((k) => [k, k]));
  const rates = Object.fromEntries(["offered", "wider"].map((k) => [k, bound("lr", "Learning rate η", GAME[k], 0.01, { log: true })]));
  const beta = bound("beta", "Memory β", GAME.betas, 0.01);
  const tryIt = button("Try this", () => spend([chosen()])), evenly = button("Five rates by chance, evenly", () => byChance("evenly"));
  const decade = button("Five by chance, by decade", () => byChance("by decade"));
  const fresh = button(`This on ${FRESH} new seeds`, () => { const t = chosen(); rerun(t); act({ reruns: [...get("reruns").filter((r) => setting(readTrial(r)) !== setting(t)), String(t)].slice(-20) }); });
  const anew = button("Begin this problem anew", () => {
    const others = (list) => list.filter((r) => readTrial(r)[0] !== get("problem"));
    act({ trials: others(get("trials")), reruns: others(get("reruns")) });
  });
  const body = h("tbody"), head = (...names) => h("thead", {}, h("tr", {}, ...names.map((n) => h("th", { scope: "col" }, n))));
  el.append(
    problem.row, stage,
    h("div", { className: "lab-sets" }, rule.row, plan.row),
    h("div", { className: "lab-controls" }, rates.offered.row, rates.wider.row, beta.row),
    h("div", { className: "tuning-buttons" }, tryIt, evenly, decade, fresh, anew),
    h("div", { className: "lab-sets" }, range.row, rival.row),
    lab.note, lab.status,
    h("details", { className: "lab-details" }, h("summary", {}, "All trials on this problem"),
      h("table", { className: "tuning-board" }, head("", "rule", "η", "β", "schedule", "last loss", ""), body)),
  );

  // ---- pictures
  let colour = {}, size = {}, now = [], spot = 0;
  function layout() {
    colour = lab.palette();
    for (const [name, pair] of Object.entries(GAME.colours)) colour[name] = pair[+colour.dark];
    for (const c of [curves, map, race]) size[c.className] = [c.clientWidth, c.clientHeight];
  }
  const LOWS = { banana: -8, diabetes: -11, noisy: -4 }, HIGHS = { banana: 3, diabetes: 1, noisy: 3 };
  const frame = (canvasOf, title, steps) => {
    const [w, tall] = size[canvasOf.className], c = sharp(canvasOf, w, tall), low = LOWS[get("problem")], high = HIGHS[get("problem")];
    const at = axes(c, { steps, low, high, log: true, title, colour, left: 44, right: w - 10, top: 24, bottom: tall - 26 });
    return { c, w, bottom: tall - 26, px: steps ? at.px : (k) => 44 + ((w - 54) * k) / BUDGET, py: (v) => at.py(Math.min(10 ** high, Math.max(10 ** low, v))) };
  };
  const dot = (c, x, y, rule, big) => { // a shape for each rule, not only a colour
    const r = big ? 6 : 4, k = Object.keys(RULES).indexOf(rule);
    c.fillStyle = colour[rule]; c.beginPath();
    if (k === 0) c.arc(x, y, r, 0, 7);
    else { const n = [4, 3, 4][k - 1], turn = [Math.PI / 4, -Math.PI / 2, 0][k - 1]; for (let i = 0; i < n; i++) c.lineTo(x + 1.3 * r * Math.cos(turn + (2 * Math.PI * i) / n), y + 1.3 * r * Math.sin(turn + (2 * Math.PI * i) / n)); c.closePath(); }
    c.fill();
  };
  function drawCurves(best) {
    const { c, px, py } = frame(curves, "loss; thick: the newest, dashed: the best", GAME.steps);
    now.forEach(({ t, f }, i) => {
      Object.assign(c, { strokeStyle: colour[t[1]], lineWidth: i === now.length - 1 ? 3 : 1, globalAlpha: i === now.length - 1 ? 1 : 0.5 });
      if (best && f === best.f) { c.setLineDash([6, 3]); Object.assign(c, { lineWidth: Math.max(2, c.lineWidth), globalAlpha: 1 }); }
      c.beginPath();
      for (let k = 0; k <= GAME.steps && Number.isFinite(f[k]); k++) c.lineTo(px(k), py(f[k]));
      c.stroke(); c.setLineDash([]);
    });
    c.globalAlpha = 1;
  }
  function drawMap(best) {
    const { c, w, bottom, py } = frame(map, "last loss against the rate", 0), [low, high] = span().map(Math.log10);
    const at = (lr) => 44 + ((w - 54) * (Math.log10(lr) - low)) / (high - low);
    Object.assign(c, { fillStyle: colour.ink, strokeStyle: colour.line, textAlign: "center", lineWidth: 1 });
    for (let k = low; k <= high + 1e-9; k += 2) { c.fillText(`1e${Math.round(k)}`, Math.min(w - 16, at(10 ** k)), bottom + 16); }
    c.setLineDash([2, 3]); c.strokeStyle = colour.accent; c.beginPath(); c.moveTo(at(get("lr")), 24); c.lineTo(at(get("lr")), bottom); c.stroke(); c.setLineDash([]);
    for (const r of get("reruns").map(readTrial).filter((t) => t[0] === get("problem")).map(rerun)) {
      const x = at(r.t[2]);
      Object.assign(c, { strokeStyle: colour[r.t[1]], lineWidth: 2 });
      c.beginPath(); c.moveTo(x, py(r.low)); c.lineTo(x, py(r.high)); c.moveTo(x - 6, py(r.mean)); c.lineTo(x + 6, py(r.mean)); c.stroke();
    }
    for (const { t, f } of now) if (t[2] >= span()[0] && t[2] <= span()[1]) dot(c, at(t[2]), py(last(f)), t[1], best && f === best.f);
  }
  function drawRace() {
    const { c, w, bottom, px, py } = frame(race, "best so far; band: random search", 0), band = GAME.bands[get("problem")][get("rival")];
    c.textAlign = "right"; c.fillText(`trial ${BUDGET}`, w - 10, bottom + 16); c.textAlign = "center"; c.fillText("1", px(1), bottom + 16);
    Object.assign(c, { fillStyle: colour.faint, globalAlpha: 0.3 }); c.beginPath();
    band.forEach((b, k) => c.lineTo(px(k + 1), py(b[0]))); [...band].reverse().forEach((b, k) => c.lineTo(px(BUDGET - k), py(b[2])));
    c.fill(); c.globalAlpha = 1;
    Object.assign(c, { strokeStyle: colour.ink, lineWidth: 1.2 }); c.setLineDash([5, 4]); c.beginPath();
    band.forEach((b, k) => c.lineTo(px(k + 1), py(b[1]))); c.stroke(); c.setLineDash([]);
    Object.assign(c, { strokeStyle: colour.accent, lineWidth: 2.5 }); c.beginPath();
    let least = Infinity;
    now.forEach(({ f }, k) => { const before = least; least = Math.min(least, last(f)); if (k) c.lineTo(px(k + 1), py(before)); c.lineTo(px(k + 1), py(least)); });
    c.stroke();
    if (now.length) { c.fillStyle = colour.accent; c.beginPath(); c.arc(px(now.length), py(least), 4, 0, 7); c.fill(); }
  }
  const shown = (v) => (v < GAME.lost ? say(v, 2) : "lost");
  let listed = "";
  function board(best) {
    const key = JSON.stringify(now.map(({ t }) => t));
    if (key === listed) return;
    listed = key;
    body.replaceChildren(...now.map(({ t, n, f }) => {
      const use = button("use", () => act({ rule: t[1], lr: t[2], beta: t[3], schedule: t[4], ...(t[2] < GAME.offered[0] || t[2] > GAME.offered[1] ? { range: "wider" } : {}) }));
      use.setAttribute("aria-label", `Use the settings of trial ${n}`); use.dataset.lmSuppressShortcuts = "true";
      const row = h("tr", { className: f === best.f ? "tuning-best" : "" }, h("th", { scope: "row" }, `${n}`));
      row.append(...[t[1], say(t[2]), GAME.memory[t[1]] ? say(t[3]) : "–", t[4], shown(last(f)), use].map((v) => h("td", {}, v)));
      return row;
    }));
  }
  function simulate() { now = ofProblem(get("problem")); for (const r of get("reruns")) rerun(readTrial(r)); tasks.judge(); }
  function draw() {
    const best = bestOf(now);
    drawCurves(best); drawMap(best); drawRace(); board(best);
    lab.speak(words);
  }
  function words() {
    const band = GAME.bands[get("problem")][get("rival")], best = bestOf(now), left = BUDGET - now.length, found = again.get(setting(chosen()));
    const new_ = found ? ` On ${FRESH} new seeds this setting ends at ${shown(found.mean)} in the mean, 90 of 100 runs from ${shown(found.low)} to ${shown(found.high)}.` : "";
    if (!now.length) return `Nothing tried yet on the ${GAME.problems[get("problem")]}; ${BUDGET} trials are left.${new_}`;
    const { t, n, f } = now.at(-1), [low, middle, high] = band[now.length - 1];
    return `Trial ${n}, ${t[1]} at η = ${say(t[2])}: ${shown(last(f))}. Best so far ${shown(last(best.f))}, in trial ${best.n}; ${left} left. Random search with ${n}: half of the time ${shown(middle)} or better, 80 in 100 from ${shown(low)} to ${shown(high)}.${new_}`;
  }

  // ---- missions
  const kinds = (p) => GAME.scales.map((s) => ofProblem(p).filter(({ t }) => t[5] === s)), names = Object.keys(GAME.problems);
  const quest = [
    {
      key: "scale", task: "On one problem let chance draw five rates evenly from the range, and five by decade. Where does each kind look, and what would it never see?",
      look() {
        this.ok ||= names.some((p) => kinds(p).every((k) => k.length >= 5));
        const top = GAME.offered[1] / 10;
        this.now = kinds(get("problem")).map((k, i) => (k.length ? `${GAME.scales[i]}: ${k.filter(({ t }) => t[2] > top).length} of ${k.length} above ${say(top)}` : "")).filter(Boolean).join("; ");
      },
      progress() { return this.now ?? ""; },
    },
    {
      key: "edge", task: `On the patients end below ${say(GAME.goals.edge)}, with momentum. If the best rate you tried is the largest you can set, what do you know about the best rate?`,
      look() { const b = bestOf(ofProblem("diabetes")); this.ok ||= !!b && last(b.f) < GAME.goals.edge; this.now = b ? `Best: ${shown(last(b.f))} at η = ${say(b.t[2])}.` : ""; },
      progress() { return this.now ?? ""; },
    },
    {
      key: "luck", task: `On the noisy bowl make at least ${GAME.enough} trials, then run the settings of your best one on new seeds. What is its promise worth? Then find settings whose mean on new seeds is below ${GAME.goals.luck}.`,
      look() {
        const list = ofProblem("noisy"), b = list.length >= GAME.enough ? bestOf(list) : null, second = b && again.get(setting(b.t));
        const means = get("reruns").map(readTrial).filter((t) => t[0] === "noisy").map((t) => rerun(t).mean);
        this.seen ||= !!second;
        this.ok ||= this.seen && Math.min(...means) < GAME.goals.luck;
        this.now = `${second ? `The best promised ${shown(last(b.f))}, and is worth ${shown(second.mean)}. ` : ""}${means.length ? `Lowest mean on new seeds: ${shown(Math.min(...means))}.` : ""}`;
      },
      progress() { return this.now ?? ""; },
    },
  ];
  const tasks = lab.missions(quest);

  const show = () => {
    for (const part of [problem, rule, plan, range, rival, rates.offered, rates.wider, beta]) part.show();
    for (const k of ["offered", "wider"]) rates[k].row.hidden = get("range") !== k;
    beta.row.hidden = !GAME.memory[get("rule")];
    const left = BUDGET - ofProblem(get("problem")).length;
    text(tryIt, left ? `Try this (${left} left)` : "No trial left");
    fresh.hidden = !GAME.noise[get("problem")];
  };
  return lab.start({ signal, watch: ["problem", "rule", "lr", "beta", "schedule", "range", "rival", "trials", "reruns"], stage, show, layout, simulate, draw });
}

export default { render };
