// A deck: starts reveal.js, makes every slide fit, and mounts an experiment when its slide is shown.
// Plain script and blobs, no imports of files: a deck opens from the disk.
const dark = matchMedia("(prefers-color-scheme: dark)");
const dress = () => { document.documentElement.dataset.theme = dark.matches ? "dark" : "light"; };
dark.addEventListener("change", dress);
dress();

const data = JSON.parse(document.getElementById("deck").textContent);

// Text and pictures shrink together until the slide holds them.
function fit(slide) {
  slide.style.removeProperty("--fit");
  const wide = [slide, ...slide.querySelectorAll("pre, .math, table")]; // what would be cut off, too
  const over = () => slide.scrollHeight > slide.clientHeight + 1 ||
    wide.some((box) => box.scrollWidth > box.clientWidth + 1);
  for (let size = 0.96; over() && size > 0.5; size -= 0.04) slide.style.setProperty("--fit", size.toFixed(2));
}

/* MODEL */

const modules = new Map();
function load(name) {
  if (!modules.has(name)) {
    const address = URL.createObjectURL(new Blob([data.modules[name]], { type: "text/javascript" }));
    modules.set(name, import(address).then((module) => module.default));
  }
  return modules.get(name);
}

async function mount(slide) {
  const box = slide.querySelector(".live:not([data-mounted])");
  const about = box && data.models[box.dataset.model];
  if (!about) return;
  box.dataset.mounted = "";
  const el = document.createElement("div");
  const picture = box.firstElementChild;
  try {
    let widget = await load(about.module);
    if (typeof widget === "function") widget = await widget();
    const model = new Model(about.state);
    const signal = new AbortController().signal;
    await widget.initialize?.({ model, signal });
    box.append(el);
    await widget.render({ model, el, signal, page: false });
    picture.hidden = true;
    for (const list of el.querySelectorAll("details:has(.lab-missions)")) list.open = false;
    const fits = async (size) => {
      box.style.zoom = size.toFixed(2);
      await new Promise((done) => setTimeout(done, 40)); // it draws itself anew for each size
      const room = slide.getBoundingClientRect(), taken = box.getBoundingClientRect();
      return slide.scrollHeight <= slide.clientHeight && taken.bottom < room.bottom - 24 && taken.right < room.right;
    };
    const largest = async (least) => {
      for (let size = 1.5; size > least; size -= 0.05) if (await fits(size)) return true;
      return false;
    };
    if (!(await largest(0.8))) { // a tall one stands in two columns
      box.classList.add("tall");
      await largest(0.3);
    }
    box.dataset.mounted = "done";
  } catch (error) { // the picture stays
    el.remove();
    picture.hidden = false;
    console.error(error);
  }
}

const deck = new Reveal({
  width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: "c/t",
  transition: "none", backgroundTransition: "none", keyboardCondition: null,
  plugins: [RevealNotes],
});
deck.on("slidechanged", (event) => { fit(event.currentSlide); mount(event.currentSlide); });
deck.initialize().then(async () => {
  await document.fonts.ready;
  fit(deck.getCurrentSlide());
  await mount(deck.getCurrentSlide());
  document.documentElement.dataset.deck = "ready";
});
