// The valley: how long should a step be? Needs, in front of it in the module: kit.js, the traced tables
// OPTIMIZERS and PROBLEMS, and VALLEY (what Python knows).

const GRID = [200, 80];

function render({ model, el, signal, page = false }) {
  const [[left, right], [low, high]] = VALLEY.window, { ranges } = VALLEY;
  const lab = openLab({ model, el, page, name: "valley", link: {
    lr: inLink.number(...ranges.lr), x: { ...inLink.number(left, right), trait: "start", index: 0 }, y: { ...inLink.number(low, high), trait: "start", index: 1 },
    memory: { write: (v) => (v ? "yes" : "no"), read: (text) => ({ yes: true, no: false })[text], expects: "yes or no" },
  } });
  const { get, act } = lab, problem = PROBLEMS.Quadratic, p = VALLEY.parameters;
  const hyper = (name) => ({ ...OPTIMIZERS[name].defaults, lr: get("lr"), ...(name === "Momentum" ? { beta: VALLEY.beta } : {}) });

  // ---- elements
  const map = h("canvas", { className: "lab-map", "aria-hidden": "true" });
  const knob = lab.knob("start", "Start point", map, {
    view: () => ({ left, top: high, width: right - left, height: high - low }), bounds: () => [left, right, low, high], grid: () => [0.05, 0.05],
  });
  const stage = h("div", { className: "lab-stage" }, map, knob.dot);
  const lr = lab.bound("lr", "How long is a step?", ranges.lr, 0.002, { log: true });
  const box = h("input", { type: "checkbox" });
  box.addEventListener("change", () => act({ memory: box.checked }));
  el.append(stage, h("div", { className: "lab-controls" }, lr.row, h("label", { className: "valley-memory" }, box, "Give it a memory")), lab.note, lab.status);

  // ---- what is computed
  let runs = [];
  function toBottom(name) { // steps until the run is near the bottom, and how far it is then, of the first distance
    const walk = walker(OPTIMIZERS[name], problem, p, get("start"), hyper(name)), first = Math.hypot(...walk.x);
    let t = 0, distance = first;
    for (; t < VALLEY.long && distance > VALLEY.near * first && distance < 1e9; t++) { walk.step(t + 1); distance = Math.hypot(...walk.x); }
    return { steps: t, left: distance / first };
  }
  function simulate() {
    runs = (get("memory") ? ["GD", "Momentum"] : ["GD"]).map((name) => (
      { name, ...toBottom(name), path: trajectory(OPTIMIZERS[name], problem, p, get("start"), hyper(name), VALLEY.shown) }));
  }
  function words() {
    const told = ({ steps, left }) => (left > 1 ? "never arrives: each step lands higher, on the other side" : left > VALLEY.near ? `is not there after ${steps} steps` : `is at the bottom after ${steps} steps`);
    const [plain, memory] = runs;
    return `Learning rate ${say(get("lr"))}: the hiker ${told(plain)}.${memory ? ` With memory, it ${told(memory)}.` : ""}`;
  }

  // ---- drawing
  let W = 0, H = 0, ground = null, colour = {};
  const X = (x) => ((x - left) / (right - left)) * W, Y = (y) => ((high - y) / (high - low)) * H;
  function drawGround() {
    const [nx, ny] = GRID, Z = new Float64Array(nx * ny);
    for (let j = 0; j < ny; j++) for (let i = 0; i < nx; i++) Z[j * nx + i] = problem.f([left + ((right - left) * i) / (nx - 1), high - ((high - low) * j) / (ny - 1)], p);
    ground = document.createElement("canvas");
    const c = sharp(ground, W, H), sx = W / (nx - 1), sy = H / (ny - 1);
    Object.assign(c, { strokeStyle: colour.line, lineWidth: 1 });
    c.beginPath();
    contours(Z, nx, ny, Array.from({ length: 9 }, (_, k) => 250 ** (k / 8)), (a, b, d, e) => { c.moveTo(a * sx, b * sy); c.lineTo(d * sx, e * sy); });
    c.moveTo(X(0) - 7, Y(0)); c.lineTo(X(0) + 7, Y(0)); c.moveTo(X(0), Y(0) - 7); c.lineTo(X(0), Y(0) + 7);
    c.stroke();
  }
  function draw() {
    const c = sharp(map, W, H);
    c.drawImage(ground, 0, 0, W, H);
    for (const { name, path } of runs) {
      const tone = VALLEY.colours[name][+colour.dark];
      Object.assign(c, { strokeStyle: tone, fillStyle: tone, lineWidth: 2 });
      c.setLineDash(name === "Momentum" ? VALLEY.dash : []);
      c.beginPath(); c.moveTo(X(path[0]), Y(path[1]));
      let t = 1;
      for (; 2 * t < path.length && Math.abs(path[2 * t + 1]) < 1e4; t++) c.lineTo(X(path[2 * t]), Y(path[2 * t + 1]));
      c.stroke(); c.setLineDash([]);
      for (let k = 1, x = X(path[0]), y = Y(path[1]); k < t; k++) { // a dot for each step, where they do not run together
        const a = X(path[2 * k]), b = Y(path[2 * k + 1]);
        if (Math.hypot(a - x, b - y) < 6) continue;
        c.beginPath(); c.arc(a, b, 2.5, 0, 7); c.fill();
        [x, y] = [a, b];
      }
    }
    const [x, y] = get("start");
    knob.show(X(x), Y(y));
    lab.speak(words);
  }
  function layout() {
    W = stage.clientWidth; H = stage.clientHeight;
    colour = lab.palette();
    drawGround();
  }
  const show = () => { lr.show(); box.checked = get("memory"); };

  return lab.start({ signal, watch: ["lr", "start", "memory"], stage, show, layout, simulate, draw });
}

export default { render };
