// A term's definition on hover, focus and tap. Each `a.term` leads to the glossary; the page holds
// the definitions. What opens can be closed with Escape, and stays while the pointer rests on it.
"use strict";
{
const told = JSON.parse(document.getElementById("terms").textContent);
const place = document.querySelector("article.bd-article") ?? document.body;
const tips = new Map(); // links to the same term share its tip
let open = null, timer = 0, tapped = null;

function tipOf(link) {
  const name = decodeURIComponent(link.hash.slice(1));
  if (!tips.has(name)) {
    const tip = document.createElement("div");
    Object.assign(tip, { id: `tip-${name}`, className: "term-tip", hidden: true, innerHTML: told[name] });
    tip.setAttribute("role", "tooltip");
    tip.addEventListener("pointerenter", () => clearTimeout(timer));
    tip.addEventListener("pointerleave", ({ pointerType }) => { if (pointerType !== "touch") soon(); });
    tip.addEventListener("click", ({ pointerType }) => { if (pointerType === "touch") close(); });
    place.append(tip);
    tips.set(name, tip);
  }
  return tips.get(name);
}

function close() {
  clearTimeout(timer);
  if (open) tips.get(open).hidden = true;
  open = null;
}

function soon() { // time to move the pointer onto the tip
  clearTimeout(timer);
  timer = setTimeout(close, 250);
}

function show(link) {
  close();
  const tip = tipOf(link);
  open = decodeURIComponent(link.hash.slice(1));
  tip.hidden = false;
  const word = link.getClientRects()[0], size = tip.getBoundingClientRect();
  const room = document.documentElement.clientWidth;
  const above = word.bottom + size.height + 8 > innerHeight && word.top > size.height + 8;
  const origin = tip.offsetParent.getBoundingClientRect();
  const left = Math.max(8, Math.min(word.left, room - size.width - 8));
  const top = above ? word.top - size.height - 4 : word.bottom + 4;
  tip.style.left = `${left - origin.left - tip.offsetParent.clientLeft}px`;
  tip.style.top = `${top - origin.top - tip.offsetParent.clientTop}px`;
}

const shown = (link) => open === decodeURIComponent(link.hash.slice(1));

for (const link of document.querySelectorAll("a.term")) {
  link.setAttribute("aria-describedby", tipOf(link).id);
  link.addEventListener("pointerenter", ({ pointerType }) => {
    if (pointerType === "touch") return;
    clearTimeout(timer);
    timer = setTimeout(show, 120, link); // a pointer that only passes opens nothing
  });
  link.addEventListener("pointerleave", ({ pointerType }) => { if (pointerType !== "touch") soon(); });
  link.addEventListener("focus", () => show(link));
  link.addEventListener("blur", close);
  // The first tap opens, the second follows the link. (A tap gives the focus before it clicks.)
  link.addEventListener("pointerdown", ({ pointerType }) => {
    tapped = pointerType === "touch" ? { link, open: shown(link) } : null;
  });
  link.addEventListener("click", (event) => {
    const first = tapped?.link === link && !tapped.open;
    tapped = null;
    if (!first) return;
    event.preventDefault();
    show(link);
  });
}
document.addEventListener("keydown", ({ key }) => { if (key === "Escape") close(); });
document.addEventListener("pointerdown", ({ target }) => {
  if (!target.closest("a.term, .term-tip")) close();
});
}
