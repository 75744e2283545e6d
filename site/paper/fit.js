// Before printing: what is wider than the text is set smaller, down to a limit; a long line of code is
// folded at it. Returns what is still too wide, in words. (An expression, for page.evaluate.)
(() => {
  const room = document.body.getBoundingClientRect().right + 1;
  const right = (el) => Math.max(el.getBoundingClientRect().right, el.getBoundingClientRect().left + el.scrollWidth);
  function shrink(el, least, wide) { // in steps of 4 %, as what wraps has no simple measure
    for (let size = 1; wide() && size > least; size -= 0.04) el.style.fontSize = `${size * start(el)}px`;
    return wide();
  }
  const sizes = new Map();
  const start = (el) => sizes.get(el) ?? sizes.set(el, parseFloat(getComputedStyle(el).fontSize)).get(el);
  for (const pre of document.querySelectorAll("pre"))
    if (shrink(pre, 0.8, () => pre.scrollWidth > pre.clientWidth)) pre.style.setProperty("white-space", "pre-wrap", "important");
  for (const table of document.querySelectorAll("table"))
    if (shrink(table, 0.72, () => right(table) > room)) table.style.overflowWrap = "anywhere";
  for (const math of document.querySelectorAll(".math-block > .math"))
    shrink(math, 0.6, () => math.scrollWidth > math.clientWidth);
  for (const block of document.querySelectorAll(".cell_input, .cell_output, div[class*=highlight-], table, dl.py"))
    if (block.getBoundingClientRect().height < 330) block.classList.add("whole");
  const wide = [];
  for (const el of document.querySelectorAll("p, li, dt, dd, pre, table, td, th, img, svg, math, .math, h1, h2, h3, h4")) {
    if (el.closest("svg") !== null && el.localName !== "svg") continue;
    const box = el.getBoundingClientRect();
    const beyond = Math.max(box.right, box.left + el.scrollWidth) - room; // what sticks out of it included
    if (beyond > 0) wide.push(`${el.closest(".chapter")?.id}: <${el.localName}> is ${Math.ceil(beyond)} px too wide: ${el.textContent.trim().slice(0, 60)}`);
  }
  return wide;
})()
