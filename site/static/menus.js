// The menus in the head of a page: a button with data-bs-toggle="dropdown" opens the list beside it.
// With tooltips, which are the browser's own here, that is all the theme wants of Bootstrap's scripts.
for (const button of document.querySelectorAll('[data-bs-toggle="dropdown"]')) {
  const box = button.parentElement, menu = box.querySelector(".dropdown-menu");
  const show = (open) => {
    for (const e of [button, menu]) e.classList.toggle("show", open);
    button.setAttribute("aria-expanded", open);
  };
  button.addEventListener("click", () => show(!menu.classList.contains("show")));
  box.addEventListener("focusout", (e) => { if (e.relatedTarget && !box.contains(e.relatedTarget)) show(false); });
  document.addEventListener("click", (e) => { if (!box.contains(e.target)) show(false); });
  box.addEventListener("keydown", (e) => {
    if (e.key === "Escape" && menu.classList.contains("show")) { show(false); button.focus(); }
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    show(true);
    const items = [...menu.querySelectorAll("a, button")], at = items.indexOf(document.activeElement);
    items.at(at < 0 ? Math.min(0, step) : (at + step) % items.length).focus();
  });
}
