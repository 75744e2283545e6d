// For lost readers: the pages in the side bar whose addresses are nearest to the one that was asked for.
const asked = decodeURIComponent(location.pathname).toLowerCase().replace(/\.(html?|ipynb|md)$/, "").split("/").filter(Boolean).at(-1) ?? "";
document.getElementById("lost-words").value = asked.replace(/[-_+]+/g, " ").trim();

const pairs = (word) => Array.from({ length: Math.max(0, word.length - 1) }, (_, i) => word.slice(i, i + 2));
function likeness(a, b) { // the share of pairs of letters that two words have in common
  const [p, q] = [pairs(a), pairs(b)], left = [...q];
  const both = p.filter((x) => { const i = left.indexOf(x); if (i >= 0) left.splice(i, 1); return i >= 0; }).length;
  return p.length + q.length ? (2 * both) / (p.length + q.length) : 0;
}
const found = [...document.querySelectorAll(".bd-links a[href]")].map((link) => {
  const name = new URL(link.href).pathname.split("/").at(-1).replace(/\.html$/, "");
  return { link, like: Math.max(likeness(asked, name), likeness(asked.replace(/[-_]/g, " "), link.textContent.trim().toLowerCase())) };
}).filter(({ like }) => like > 0.4).sort((a, b) => b.like - a.like).slice(0, 3);
if (found.length) {
  const list = document.createElement("ul"), words = document.createElement("p");
  words.textContent = "Did you mean:";
  for (const { link } of found) {
    const item = document.createElement("li"), copy = document.createElement("a");
    copy.href = link.href; copy.textContent = link.textContent.trim();
    item.append(copy); list.append(item);
  }
  document.getElementById("near").append(words, list);
}
