// A deck: starts reveal.js, makes every slide fit, and mounts an experiment when its slide is shown.
// A plain script, as the site's host.js, which loads the experiments: a deck opens from the disk.
const dark = matchMedia("(prefers-color-scheme: dark)");
const dress = () => { document.documentElement.dataset.theme = dark.matches ? "dark" : "light"; };
dark.addEventListener("change", dress);
dress();

// Text and pictures shrink together until the slide holds them.
function fit(slide) {
  slide.style.removeProperty("--fit");
  const wide = [slide, ...slide.querySelectorAll("pre, .math, table")]; // what would be cut off, too
  const over = () => slide.scrollHeight > slide.clientHeight + 1 ||
    wide.some((box) => box.scrollWidth > box.clientWidth + 1);
  for (let size = 0.96; over() && size > 0.5; size -= 0.04) slide.style.setProperty("--fit", size.toFixed(2));
}

async function mount(slide) {
  const box = slide.querySelector(".live:not([data-mounted])");
  if (!box) return;
  box.dataset.mounted = "";
  const el = document.createElement("div");
  const picture = box.firstElementChild;
  try {
    const { model, widget } = await descent.load(box.dataset.model);
    box.append(el);
    await widget.render({ model, el, signal: new AbortController().signal, page: false });
    picture.hidden = true;
    for (const list of el.querySelectorAll("details:has(.lab-missions)")) list.open = false;
    let size = 1.5;
    const fits = async () => {
      box.style.zoom = size.toFixed(2);
      await new Promise((done) => setTimeout(done, 40)); // it draws itself anew for each size
      const room = slide.getBoundingClientRect(), taken = box.getBoundingClientRect();
      return !room.width || slide.scrollHeight <= slide.clientHeight
        && taken.bottom < room.bottom - 24 && taken.right < room.right;
    };
    const shrink = async (least) => {
      box.dataset.mounted = "";
      while (size > least && !(await fits())) size -= 0.05;
      box.dataset.mounted = "done";
      return size > least;
    };
    if (!(await shrink(0.8))) { // a tall one stands in two columns
      box.classList.add("tall");
      size = 1.5;
      await shrink(0.3);
    }
    new ResizeObserver(() => { // what it says later may take more room
      if (box.dataset.mounted === "done") shrink(0.3);
    }).observe(el);
  } catch (error) { // the picture stays
    el.remove();
    picture.hidden = false;
    console.error(error);
  }
}

// A key that an experiment's control uses does not turn the page, too. (Reveal knows of input fields.)
const ours = (event) => !event.defaultPrevented && !event.target.closest("select");

const deck = new Reveal({
  width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: "c/t",
  transition: "none", backgroundTransition: "none", keyboardCondition: ours,
  plugins: [RevealNotes],
});
deck.on("slidechanged", (event) => { fit(event.currentSlide); mount(event.currentSlide); });
deck.initialize().then(async () => {
  await document.fonts.ready;
  fit(deck.getCurrentSlide());
  await mount(deck.getCurrentSlide());
  document.documentElement.dataset.deck = "ready";
});
