// Find the broken node. Needs, in front of it in the module: kit.js, and from Python GRAPHS (numbers and places),
// FAULTS, RULES and MODES (words), and differ(gradient, difference).

/** The gradients of the result, walking back over the graph; `fault` is [node, its wrong slopes]. */
function backward(G, fault) {
  const g = new Float64Array(G.names.length);
  g[g.length - 1] = 1;
  for (let i = g.length - 1; i >= 0; i--) {
    const slopes = fault && fault[0] === i ? fault[1] : G.slopes[i];
    G.parents[i].forEach((p, k) => { g[p] += g[i] * slopes[k]; });
  }
  return g;
}

/** For each fault of a graph, which gradients a check would find wrong. */
function traces(G) {
  G.traces ??= G.faults.map((fault) => [...backward(G, fault)].map((g, i) => differ(g, G.checks[i])));
  return G.traces;
}

/** A game with one fault: what the checks so far leave possible, and whether luck was needed. */
function openGame(G, fault) {
  const bad = traces(G)[fault], answers = new Map(), nodes = (faults) => new Set(faults.map((f) => G.faults[f][0]));
  let left = G.faults.map((_, f) => f), sound = true;
  const fits = (f, i, wrong) => traces(G)[f][i] === wrong;
  return {
    G, fault, gradients: backward(G, G.faults[fault]), answers, named: null,
    get left() { return nodes(left); }, get sound() { return sound; },
    check(i) {
      if (answers.has(i)) return;
      const worst = Math.max(...[true, false].map((w) => nodes(left.filter((f) => fits(f, i, w))).size));
      answers.set(i, bad[i]);
      if (Math.ceil(Math.log2(worst)) > G.par - answers.size) sound = false; // it had to be this answer
      left = left.filter((f) => fits(f, i, bad[i]));
    },
    /** A check that speaks against node i, if it is none of those that are left. */
    against: (i) => [...answers].find(([j, wrong]) => !G.faults.some(([n], f) => n === i && fits(f, j, wrong)))?.[0],
    get right() { return this.named === G.faults[fault][0]; },
    get won() { return this.right && this.left.size === 1 && sound && answers.size <= G.par; },
  };
}

const near = (v, want) => Math.abs(v - want) <= Math.max(0.01 * Math.abs(want), 0.002);
const minus = (v, digits = 4) => say(v, digits).replace(/-/g, "−");

/** What to say about a slope that the reader gives for parent k of node i: [right, words]. */
function aboutSlope(G, i, k, v) {
  if (near(v, G.slopes[i][k])) return [true, "Right."];
  const fault = G.faults.find(([n, slopes]) => n === i && near(v, slopes[k]));
  if (fault) return [false, `Not so: you ${FAULTS[fault[2]]}.`];
  if (near(v, -G.slopes[i][k])) return [false, "The size is right, the sign is not."];
  if (near(v, G.values[i])) return [false, `That is the value of ${G.names[i]}, not how fast it changes.`];
  return [false, `Not so: ${RULES[G.operations[i]]}.`];
}

/** What to say about the gradient that the reader gives for node i. */
function aboutGradient(G, i, v) {
  const g = backward(G), uses = G.parents.flatMap((list, c) => list.flatMap((p, k) => (p === i ? [[c, G.slopes[c][k]]] : [])));
  const shares = uses.map(([c, s]) => g[c] * s), [child, slope] = uses[0] ?? [], name = G.names[child];
  if (near(v, g[i])) return [true, shares.length > 1 ? `Right: ${shares.map((s) => minus(s)).join(" + ")}.` : "Right."];
  if (shares.length > 1 && shares.some((s) => near(v, s))) return [false, `That is the share of one use. ${G.names[i]} is used ${shares.length} times: add the shares.`];
  if (near(v, -g[i])) return [false, "The size is right, the sign is not."];
  if (shares.length === 1 && near(v, slope)) return [false, `That is the slope alone. Multiply it by the gradient of ${name}.`];
  if (shares.length === 1 && near(v, g[child])) return [false, `That is the gradient of ${name}, passed on as it was. Multiply it by the slope.`];
  if (near(v, G.values[i])) return [false, `That is the value of ${G.names[i]}.`];
  return [false, `Not so. From ${uses.map(([c]) => G.names[c]).join(" and ")} it gets gradient times slope${shares.length > 1 ? ", and adds them" : ""}.`];
}

function render({ model, el, signal, page = false }) {
  const lab = openLab({ model, el, page, name: "broken", link: {
    mode: inLink.one(Object.keys(MODES)), graph: inLink.one(Object.keys(GRAPHS)), seed: inLink.whole(1, 9999),
  } });
  const { get, act, text } = lab, hand = () => get("mode") === "hand";
  const own = (e) => { e.dataset.lmSuppressShortcuts = "true"; return e; };

  // ---- elements
  const mode = choice({ label: "Task", options: Object.entries(MODES), get: () => get("mode"), set: (v) => act({ mode: v }) });
  const select = h("select", { id: freshId("g") }, ...Object.entries(GRAPHS).map(([k, G]) => h("option", { value: k }, G.title)));
  select.addEventListener("change", () => act({ graph: select.value }));
  const stage = h("div", { className: "broken-stage", role: "group" }), panel = h("div", { className: "broken-panel" });
  const score = h("span", { className: "broken-score" }), next = h("button", { type: "button" });
  next.addEventListener("click", () => {
    if (!hand()) return act({ seed: (get("seed") % 9999) + 1 });
    sheets.delete(shownGraph);
    lab.outdate(); lab.refresh();
  });
  lab.status.classList.add("optlib-spoken"); // the panel and the score show what it says
  const table = h("tbody"), sheet = h("details", { className: "lab-details" }, h("summary", {}, "The graph as a table"),
    h("div", { className: "broken-sheet", tabIndex: 0, role: "region", "aria-label": "The graph as a table" }, h("table", {}, h("thead", {}, h("tr", {}, ...["number", "made as", "value", "gradient", "what is known"].map((t) => h("th", { scope: "col" }, t)))), table)));
  sheet.addEventListener("toggle", () => lab.refresh());
  el.append(
    mode.row, h("div", { className: "lab-row" }, h("label", { htmlFor: select.id }, "Graph"), select, h("span")),
    h("p", { className: "broken-legend" }, "The calculation runs from the inputs down to the result, the gradient back. Choose a number; arrow keys move along the lines."),
    stage, panel, h("div", { className: "broken-buttons" }, next, score), lab.note, lab.status, sheet,
  );

  // ---- what is known of each game and each sheet, kept while the reader looks at another
  const games = new Map(), sheets = new Map(), best = {};
  let G = null, filled = null, at = 0, boxes = [], said = "", shownGraph = "", shownPanel = "";
  const kept = (map, key, make) => { if (!map.has(key)) map.set(key, make()); return map.get(key); };
  /** The game of this graph and seed; by hand there is none. */
  const theGame = () => kept(games, `${get("graph")} ${get("seed")}`, () => openGame(G, (get("seed") - 1) % G.faults.length));
  let game = null;
  const isInput = (i) => !G.parents[i].length;
  const made = (i) => (G.formulas[i] ? `${G.names[i]} = ${G.formulas[i]}` : `${G.names[i]}, an input`);
  /** The keys of what is to be filled in for node i. */
  const asked = (i) => [...G.slopes[i].map((_, k) => `${i}.${k}`), ...(i < G.names.length - 1 ? [`${i}`] : [])];

  function simulate() {
    const key = get("graph");
    G = GRAPHS[key];
    game = hand() ? null : theGame();
    filled = kept(sheets, key, () => new Map());
    if (key !== shownGraph) { shownGraph = key; at = hand() ? G.names.length - 1 : 0; build(); }
  }
  function build() {
    const rows = 1 + Math.max(...G.places.map(([, r]) => r));
    const lines = G.lines.map(([a, b, way]) => `<polyline points="${[G.places[a], ...way, G.places[b]].join(" ")}"/>`);
    const nodes = G.faces.map(([first, second], i) => `<button type="button" class="broken-node${isInput(i) ? " broken-input" : ""}" tabindex="-1"`
      + ` data-lm-suppress-shortcuts="true" style="--x:${G.places[i][0]};--row:${G.places[i][1]}"><span>${first}</span> <span>${second}</span> <span class="optlib-spoken"></span><span class="broken-mark" aria-hidden="true"></span></button>`);
    stage.className = `broken-stage broken-${G.kind}`;
    stage.setAttribute("aria-label", `Graph: ${G.title}`);
    stage.style.setProperty("--rows", rows);
    // One parse is several times faster than 65 boxes made one by one; all of the text is Python's own.
    stage.innerHTML = `<svg viewBox="0 0 1 ${rows - 1 || 1}" preserveAspectRatio="none" aria-hidden="true">${lines.join("")}</svg>${nodes.join("")}`;
    boxes = [...stage.querySelectorAll(".broken-node")];
  }
  for (const event of ["click", "focusin"]) stage.addEventListener(event, (e) => {
    const i = boxes.indexOf(e.target.closest(".broken-node"));
    if (i >= 0 && i !== at) { at = i; lab.refresh(); }
  });

  // ---- moving: along a line if one leads that way, or else to the nearest box on that side
  stage.addEventListener("keydown", (e) => {
    const d = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    const end = { Home: 0, End: boxes.length - 1 }[e.key];
    if (!d && end === undefined) return;
    e.preventDefault();
    if (end !== undefined) return boxes[end].focus();
    const [x, y] = G.places[at], far = (i) => {
      const a = 8 * (G.places[i][0] - x), b = G.places[i][1] - y, ahead = a * d[0] + b * d[1], aside = Math.abs(a * d[1] + b * d[0]);
      return ahead > 1e-6 ? ahead + 2 * aside : Infinity;
    };
    const closest = (list) => list.filter((i) => i !== at && far(i) < Infinity).sort((i, j) => far(i) - far(j))[0];
    const linked = G.kind === "chain" ? [] : G.lines.filter((l) => l[0] === at || l[1] === at).map((l) => (l[0] === at ? l[1] : l[0]));
    let to = closest(linked.filter((i) => !isInput(i))) ?? closest(linked) ?? closest(boxes.map((_, i) => i));
    if (G.kind === "chain" && d[0]) to = at + d[0]; // to the next row at the end of one
    boxes[to]?.focus();
  });

  // ---- the panel of the chosen number
  const asks = new Map();
  function ask(key, label, about) {
    const field = own(h("input", { type: "text", inputMode: "decimal", className: "lab-field", id: freshId("a") })), reply = h("span", { className: "broken-reply" });
    onTyped(field, () => {
      const v = readNumber(field.value);
      if (field.value.trim() === "") filled.delete(key);
      else {
        const [ok, words] = Number.isNaN(v) ? [false, `“${field.value}” is not a number.`] : about(v);
        filled.set(key, { text: field.value, ok, words });
        said = `${label}: ${words}`;
      }
      tasks.judge(); lab.refresh();
    });
    asks.set(key, { field, reply });
    return h("div", { className: "broken-ask" }, h("label", { htmlFor: field.id }, label), field, reply);
  }
  const check = own(h("button", { type: "button" }, "Check its gradient")), blame = own(h("button", { type: "button" }, "Its rule is broken")), found = h("p", { className: "broken-found" });
  check.addEventListener("click", () => {
    if (game.named === null) { game.check(at); said = aboutCheck(at); }
    lab.refresh();
  });
  blame.addEventListener("click", () => {
    if (game.named !== null) return;
    if (isInput(at)) said = `${G.names[at]} is an input: nothing was computed there, so it has no backward rule.`;
    else { game.named = at; said = verdict(); if (game.right && game.left.size === 1) best[shownGraph] = Math.min(best[shownGraph] ?? Infinity, game.answers.size); if (game.won) won.add(shownGraph); tasks.judge(); }
    lab.refresh();
  });
  const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  const nodes = () => new Set(G.faults.map(([n]) => n)).size;
  function aboutCheck(i) {
    if (!game.answers.has(i)) return "";
    return `${G.names[i]}: the tape says ${minus(game.gradients[i])}, differences say ${minus(G.checks[i])}. They ${game.answers.get(i) ? "differ" : "agree"}.`;
  }
  const still = () => `After ${count(game.answers.size, "check")}, ${game.left.size} of ${nodes()} rules may be the broken one.`;
  function verdict() {
    const [node, , what] = G.faults[game.fault], used = count(game.answers.size, "check"), truth = `The rule of ${made(node)} ${FAULTS[what]}.`;
    if (!game.right) {
      const j = game.against(game.named);
      return `No. ${j === undefined ? `${game.left.size} rules fitted your answers, and this was one of them.` : `Your check of ${G.names[j]} speaks against ${G.names[game.named]}.`} ${truth}`;
    }
    if (game.left.size > 1) return `Right, but a guess: ${game.left.size} rules would have given the same answers. ${truth}`;
    if (game.won) return `Found with ${used}, and whatever the answers had been, ${G.par} would have been enough. No one can promise fewer. ${truth}`;
    if (game.answers.size <= G.par) return `Found with ${used}, with some luck: other answers would have left too many rules. ${truth}`;
    return `Found, with ${used}. There is a way that never needs as many. ${truth}`;
  }
  function drawPanel() {
    const key = `${get("mode")} ${shownGraph} ${at}`;
    if (key !== shownPanel) {
      shownPanel = key; asks.clear();
      const title = h("p", { className: "broken-title" }, `${made(at)}: ${minus(G.values[at])}`), kids = [];
      if (hand()) {
        G.parents[at].forEach((p, k) => kids.push(ask(`${at}.${k}`, `Slope for ${G.names[p]}${G.parents[at].indexOf(p) < k ? ", again" : ""}`, (v) => aboutSlope(G, at, k, v))));
        if (at === G.names.length - 1) kids.push(h("p", {}, "Gradient 1: how fast the result changes with itself."));
        else kids.push(ask(`${at}`, "Gradient", (v) => aboutGradient(G, at, v)));
      } else kids.push(h("div", { className: "broken-buttons" }, check, blame), found);
      panel.replaceChildren(title, ...kids);
    }
    for (const [key, { field, reply }] of asks) {
      const f = filled.get(key);
      write(field, f?.text ?? "");
      text(reply, f ? `${f.ok ? "✓" : "✗"} ${f.words}` : "");
      reply.className = `broken-reply ${f ? (f.ok ? "broken-good" : "broken-bad") : ""}`;
    }
    if (!hand()) {
      text(found, game.named === null ? aboutCheck(at) : verdict());
      check.disabled = blame.disabled = game.named !== null;
    }
  }

  // ---- drawing
  const MARKS = { good: "✓", bad: "✗", "": "" };
  function state(i) { // of a box: what is known, for eye and ear
    if (hand()) {
      const all = asked(i).map((k) => filled.get(k)), some = all.some(Boolean);
      if (!some) return ["", "nothing filled in"];
      if (all.some((f) => f && !f.ok)) return ["bad", "a number is wrong"];
      return all.every(Boolean) ? ["good", "all right"] : ["", "partly filled in"];
    }
    const broken = game.named !== null && G.faults[game.fault][0] === i ? ", its rule is broken" : "";
    if (!game.answers.has(i)) return ["", `not checked${broken}`];
    return game.answers.get(i) ? ["bad", `gradient wrong${broken}`] : ["good", `gradient right${broken}`];
  }
  const filledIn = () => { const all = G.names.flatMap((_, i) => asked(i)); return [all.filter((k) => filled.get(k)?.ok).length, all.length]; };
  function draw() {
    boxes.forEach((box, i) => {
      const [look, words] = state(i), broken = !hand() && game.named !== null && G.faults[game.fault][0] === i;
      const key = `${look} ${words} ${at === i}`;
      if (box.shown === key) return;
      box.shown = key;
      box.classList.toggle("broken-good", look === "good"); box.classList.toggle("broken-bad", look === "bad");
      box.classList.toggle("broken-culprit", broken);
      box.tabIndex = at === i ? 0 : -1;
      at === i ? box.setAttribute("aria-current", "true") : box.removeAttribute("aria-current");
      text(box.querySelector(".optlib-spoken"), `${G.kind === "small" ? "" : `${made(i)}, value ${minus(G.values[i])}, `}${words}`);
      text(box.lastChild, broken ? "⚡" : MARKS[look]);
    });
    drawPanel();
    text(next, hand() ? "Start over" : "New fault");
    const [right, all] = hand() ? filledIn() : [];
    text(score, hand() ? `${right} of ${all} numbers are right.` : still());
    if (sheet.open) drawTable();
    lab.speak(() => { tasks.judge(); const words = said; said = ""; return words || (!game ? score.textContent : game.named === null ? still() : verdict()); });
  }
  function drawTable() {
    const gradient = (i) => (hand() ? (i === G.names.length - 1 ? "1" : filled.get(`${i}`)?.ok ? filled.get(`${i}`).text : "") : game.answers.has(i) ? minus(game.gradients[i]) : "");
    table.replaceChildren(...G.names.map((name, i) => h("tr", {}, h("th", { scope: "row" }, name), ...[G.formulas[i] || "input", minus(G.values[i]), gradient(i), state(i)[1]].map((t) => h("td", {}, t)))));
  }
  const show = () => { mode.show(); select.value = get("graph"); };

  // ---- missions: judged by the numbers that were filled in and the checks that were made
  const won = new Set();
  const byHand = (key) => () => {
    const S = sheets.get(key), N = GRAPHS[key].names.length;
    return !!S && GRAPHS[key].slopes.every((slopes, i) => slopes.every((_, k) => S.get(`${i}.${k}`)?.ok) && (i === N - 1 || S.get(`${i}`)?.ok));
  };
  const sheetTask = (key, task) => ({ key, task, look() { this.ok ||= byHand(key)(); } });
  const hunt = (key, task) => ({ key, task, look() { this.ok ||= won.has(key); }, progress: () => (key in best ? `Fewest so far: ${count(best[key], "check")}.` : "") });
  const tasks = lab.missions([
    sheetTask("neuron", `${MODES.hand}, ${GRAPHS.neuron.title}: fill in every slope and every gradient. Begin at the result.`),
    sheetTask("shared", `${MODES.hand}, ${GRAPHS.shared.title}: the same. What is different at s?`),
    hunt("chain16", `${MODES.broken}, ${GRAPHS.chain16.title}: find it with as few checks as you can. Solved when your checks would have been enough for any fault, and nobody could promise fewer.`),
    hunt("chain64", `${MODES.broken}, ${GRAPHS.chain64.title}, four times as long. How many checks more? Say a number, then play.`),
    hunt("network", `${MODES.broken}, ${GRAPHS.network.title}: one check now speaks about whole branches. The fewest checks again.`),
  ]);

  return lab.start({ signal, watch: ["mode", "graph", "seed"], stage, simulate, draw, show });
}

export default { render };
