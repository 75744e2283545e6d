// Mounts the book's widgets: no kernel, no other host. Each `div.optlib-widget` names a model; the
// page holds the models' state; a script of the page holds an anywidget front end, { render }.
"use strict";
{
const models = JSON.parse(document.getElementById("widget-models")?.textContent ?? "{}");

class Model { // the part of the anywidget model that a widget may use
  #state; #listeners = new Map();
  constructor(state) { this.#state = state; }
  get(key) { return this.#state[key]; }
  set(key, value) {
    const changes = typeof key === "object" ? key : { [key]: value };
    for (const [name, now] of Object.entries(changes)) {
      if (this.#state[name] === now) continue;
      this.#state[name] = now;
      this.#emit(`change:${name}`, now);
      this.#emit("change", now);
    }
  }
  save_changes() {}
  send() { console.warn("A message to Python was not sent: this page has no kernel."); }
  on(names, listener) {
    for (const name of names.split(" ")) {
      if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
      this.#listeners.get(name).add(listener);
    }
  }
  off(names, listener) {
    if (!names) return this.#listeners.clear();
    for (const name of names.split(" ")) {
      if (listener) this.#listeners.get(name)?.delete(listener);
      else this.#listeners.delete(name);
    }
  }
  #emit(name, value) { for (const f of [...(this.#listeners.get(name) ?? [])]) f({ name }, value); }
}

const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const loaded = new Map(); // several views of one model share it
const load = (id) => {
  if (!loaded.has(id)) loaded.set(id, (async () => {
    if (!models[id]) throw new Error("the page has no state for it");
    const { script, state, buffers = [] } = models[id];
    for (const { path, data } of buffers) {
      const owner = path.slice(0, -1).reduce((at, key) => at[key], state);
      owner[path.at(-1)] = bytes(data);
    }
    let { widget } = document.querySelector(`script[src$="${script}"]`); // see descent_site.widgets
    if (typeof widget === "function") widget = await widget();
    const model = new Model(state);
    await widget.initialize?.({ model, signal: new AbortController().signal });
    return { model, widget };
  })());
  return loaded.get(id);
};

// A lab is a group of controls that has the name of its section: who comes from elsewhere hears where it is.
function name(el) {
  const heading = el.closest("section")?.querySelector("h1, h2, h3, h4");
  if (!heading) return;
  heading.id ||= `of-${heading.closest("section").id}`;
  el.setAttribute("role", "group");
  el.setAttribute("aria-labelledby", heading.id);
}

async function mount(fallback) {
  const el = document.createElement("div");
  try {
    const { model, widget } = await load(fallback.dataset.modelId);
    fallback.before(el); // in the page while it draws: a widget measures itself
    await widget.render({ model, el, signal: new AbortController().signal, page: true });
    if (el.matches(".lab")) name(el);
    fallback.hidden = true;
  } catch (error) { // the text version stays
    el.remove();
    console.error(`Widget ${fallback.dataset.modelId}:`, error);
  }
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}

// Paper is white: a dark page is light while it is printed. (First of all that listens: the labs draw anew.)
const root = document.documentElement;
let theme = "";
addEventListener("beforeprint", () => { theme = root.dataset.theme; root.dataset.theme = "light"; });
addEventListener("afterprint", () => { root.dataset.theme = theme; });

// Who closes a menu that lies over a narrow page comes back to its button; the theme forgets which.
for (const bar of ["primary", "secondary"]) {
  const button = document.querySelector(`button.${bar}-toggle`);
  document.getElementById(`pst-${bar}-sidebar-modal`)?.addEventListener("close", () => {
    setTimeout(() => button.focus({ preventScroll: true }));
  });
}

// The button for light and dark says which is on, not only by its picture.
const colours = document.querySelector("button.theme-switch-button");
const tell = () => { colours.ariaLabel = `Color mode: ${root.dataset.mode}`; };
if (colours) { tell(); new MutationObserver(tell).observe(root, { attributeFilter: ["data-mode"] }); }

// What scrolls sideways must be reachable by keyboard, and only what scrolls.
const scrollers = document.querySelectorAll(".math-block > .math, .bd-article .pst-scrollable-table-container");
const watch = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth + 1) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const box of scrollers) watch.observe(box);

document.addEventListener("DOMContentLoaded", async () => { // all scripts have run
  await Promise.all([...document.querySelectorAll("div.optlib-widget[data-model-id]")].map(mount));
  root.dataset.widgets = "ready";

  // An address with settings names no place on the page: go to the lab that took them, unless the
  // reader has scrolled already, or has come back and is where the browser puts them.
  const first = performance.getEntriesByType("navigation")[0]?.type === "navigate";
  if (first && !scrollY) document.querySelector("[data-linked]")?.scrollIntoView();
});
window.descent = { load }; // for the slides, which mount on their own
}
