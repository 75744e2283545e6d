// A loss that the reader types: text to a list of operations, and that list worked off. No text is ever
// executed. The twin of optlib/expression.py, from which CALC (values and slopes, traced) and LANGUAGE (tokens,
// precedence, messages) come; tests compare the two on random texts.

/** The complaint about a text that is no loss; `at` is the character to blame, from 1. */
function badLoss(kind, at, facts = {}) {
  const words = LANGUAGE.messages[kind].replace(/\{(\w+)\}/g, (_, key) => facts[key]);
  return Object.assign(new Error(at ? `at character ${at}: ${words}` : words), { at: at ?? null });
}

function lossTokens(text) {
  for (const [sign, plain] of Object.entries(LANGUAGE.others)) text = text.replaceAll(sign, plain);
  const pattern = new RegExp(LANGUAGE.token, "y"), found = [];
  const place = (i) => [...text.slice(0, i)].length + 1; // in characters, as a reader counts them
  for (let i = 0; i < text.length;) {
    if (LANGUAGE.blank.includes(text[i])) { i++; continue; }
    pattern.lastIndex = i;
    const m = pattern.exec(text);
    if (!m) throw badLoss("character", place(i), { found: String.fromCodePoint(text.codePointAt(i)) });
    found.push({ kind: m[1] !== undefined ? "number" : m[2] !== undefined ? "name" : "sign", text: m[0] === "**" ? "^" : m[0], at: place(i) });
    i += m[0].length;
  }
  return [...found, { kind: "end", text: "the end", at: place(text.length) }];
}

/** The list of operations of a loss: [number], ["x"], or [operation, index, ...]; the last is the loss. */
function readLoss(text) {
  if ([...text].length > LANGUAGE.length) throw badLoss("long");
  if ([...text].every((c) => LANGUAGE.blank.includes(c))) throw badLoss("empty");
  const tokens = lossTokens(text), list = [], varies = [], own = Object.hasOwn;
  let next = 0;
  const now = () => tokens[next], values = (n) => `${n} value${n === 1 ? "" : "s"}`;
  function add(name, ...args) {
    list.push([name, ...args]);
    varies.push(LANGUAGE.variables.includes(name) || args.some((i) => varies[i]));
    return list.length - 1;
  }
  function loss(binds, depth) {
    if (depth > LANGUAGE.depth) throw badLoss("deep", now().at);
    let left = operand(depth);
    while (now().kind === "sign" && own(LANGUAGE.binds, now().text)) {
      const [before, after] = LANGUAGE.binds[now().text];
      if (before < binds) break;
      const sign = tokens[next++];
      left = add(sign.text, left, loss(after, depth + 1));
    }
    return left;
  }
  function operand(depth) {
    const token = tokens[next++];
    if (token.kind === "number") {
      if (!Number.isFinite(+token.text)) throw badLoss("number", token.at, { found: token.text });
      return add(+token.text);
    }
    if (token.kind === "name") return named(token, depth);
    if (token.text === "-") return add("minus", loss(LANGUAGE.minus, depth + 1));
    if (token.text === "+") return loss(LANGUAGE.minus, depth + 1);
    if (token.text === "(") { const inner = loss(0, depth + 1); close(token); return inner; }
    throw badLoss("operand", token.at, { found: token.kind === "end" ? token.text : `“${token.text}”` });
  }
  function named(token, depth) {
    if (LANGUAGE.variables.includes(token.text)) return add(token.text);
    if (own(LANGUAGE.constants, token.text)) return add(LANGUAGE.constants[token.text]);
    if (!own(LANGUAGE.functions, token.text)) throw badLoss("unknown", token.at, { found: token.text });
    if (now().text !== "(") throw badLoss("call", token.at, { found: token.text });
    const opening = tokens[next++], args = [loss(0, depth + 1)];
    while (now().text === ",") { next++; args.push(loss(0, depth + 1)); }
    close(opening);
    const wanted = LANGUAGE.functions[token.text];
    if (args.length !== wanted) throw badLoss("count", token.at, { found: token.text, wanted: values(wanted), given: values(args.length) });
    return add(token.text, ...args);
  }
  function close(opening) {
    if (now().text === ")") next++;
    else if (now().kind === "end") throw badLoss("unclosed", opening.at);
    else stray();
  }
  function stray() { throw badLoss({ ")": "unopened", ",": "comma" }[now().text] ?? "operator", now().at, { found: now().text }); }
  loss(0, 0);
  if (now().kind !== "end") stray();
  if (!varies.at(-1)) throw badLoss("constant");
  return list;
}

/** A typed loss as a problem like the traced ones: {dim, defaults, f(x, p), grad(x, p, g)}; `size` is its length. */
function typedProblem(text) {
  const list = readLoss(text), n = list.length, v = new Float64Array(n), sums = new Float64Array(n), slopes = [0, 0];
  const varies = [], at = (name) => LANGUAGE.variables.indexOf(name);
  const steps = list.map(([name, a, b], i) => {
    varies.push(at(name) >= 0 || [a, b].some((j) => varies[j]));
    if (typeof name === "number") v[i] = name; // once and for all
    return { op: a === undefined ? null : CALC[name], a, b: b ?? a, two: b !== undefined, variable: at(name) };
  });
  function f(x) {
    for (let i = 0; i < n; i++) {
      const s = steps[i];
      if (s.op) v[i] = s.op.value(v[s.a], v[s.b]);
      else if (s.variable >= 0) v[i] = x[s.variable];
    }
    return v[n - 1];
  }
  function grad(x, p, g) { // backwards, as in optlib.scalar
    f(x);
    sums.fill(0); sums[n - 1] = 1; g.fill(0);
    for (let i = n - 1; i >= 0; i--) {
      const s = steps[i];
      if (s.variable >= 0) g[s.variable] += sums[i];
      if (!s.op || !varies[i]) continue;
      s.op.slopes(v[s.a], v[s.b], v[i], slopes);
      if (varies[s.a]) sums[s.a] += sums[i] * slopes[0];
      if (s.two && varies[s.b]) sums[s.b] += sums[i] * slopes[1];
    }
  }
  return { dim: 2, defaults: {}, f, grad, size: n };
}
