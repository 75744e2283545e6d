"""What the accessibility tests look for; about/accessibility.md tells readers from these lists.

axe reads the tree of a page, and what it says of names and roles is the same in every view of it.
So all rules run once, in the widest view, and those whose verdict depends on colours or on room
again in the others, on the article alone: what stands around it is the same on every page, and is
looked at with all rules in all views on the pages of WHOLE_FRAME.
"""

# axe's tags: the levels of WCAG up to 2.2 AA, and what axe calls best practice.
STANDARD = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
COLOURS = ("color-contrast",)
# target-size is off in axe unless asked for; a box that scrolls does so in a narrow window only.
ROOM = ("target-size", "scrollable-region-focusable")
WHOLE_FRAME = ("index.html", "chapters/gradient-descent.html")

# (width, colour scheme): rules of axe, None for all. In this order the window is widened once.
VIEWS = {
    (375, "light"): COLOURS + ROOM,
    (375, "dark"): COLOURS,
    (1280, "dark"): (*COLOURS, "link-in-text-block"),
    (1280, "light"): None,
}
# Nothing may need sideways scrolling: 320 is 1280 at 400 % zoom, 640 is 1280 at 200 %.
WIDTHS = (320, 375, 640)

# Where the Tab key is pressed from the first stop to the last: (page, width, dark).
TABBED = (
    ("index.html", 1280, False),
    ("chapters/gradient-descent.html", 1280, True),
    ("chapters/playground.html", 375, False),
    ("search.html", 375, True),
)

# axe takes time with the square of what there is to see. Most elements of a page stand in formulas,
# listings and signatures, and look alike: a formula has one colour (which is tested), and one token
# of each kind stands for all: a visible one of two letters or more, for axe judges the colour of
# no other. The page is put back as it was.
AXE = """async ([standard, only]) => {
  const tree = [], seen = new Set();
  const keep = (el, children) => {
    tree.push([el, [...el.childNodes]]);
    el.replaceChildren(...children);
  };
  for (const formula of document.querySelectorAll("math")) {
    const token = formula.querySelector("mi, mn, mo, mtext")?.cloneNode(true);
    if (!token) continue;
    token.textContent = "xx";
    keep(formula, [token]);
  }
  for (const listing of document.querySelectorAll("div.highlight > pre, dt.sig")) {
    const where = listing.parentElement.parentElement.className;
    keep(listing, [...listing.childNodes].map((token) => {
      const kind = `${where} ${token.className}`;
      const judged = token.textContent.length > 1 && token.checkVisibility?.();
      if (seen.has(kind) || !judged) return token.textContent;
      seen.add(kind);
      return token.cloneNode(true);
    }));
    listing.normalize();
  }
  const rules = (tags) => axe.getRules(tags).map((rule) => rule.ruleId);
  const not = rules(["deprecated", "experimental"]);
  const all = rules(standard).filter((rule) => !not.includes(rule));
  const article = document.querySelector("article.bd-article");
  const { violations } = await axe.run((only && article) || document, {
    runOnly: only ?? all, resultTypes: ["violations"], preload: false,
  });
  for (const [el, children] of tree) el.replaceChildren(...children);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 200)}\\n${node.failureSummary}`));
}"""

# What axe does not know of: [what is wrong, the element] for each fault.
SPOKEN = """() => {
  const faults = [], all = (selector) => [...document.querySelectorAll(selector)];
  const check = (what, found) =>
    faults.push(...found.map((el) => [what, el.outerHTML.slice(0, 200)]));
  const words = (el) => (el?.textContent ?? "").trim();
  check("a stop out of the order of reading", all("[tabindex]").filter((el) => el.tabIndex > 0));
  check("a formula in another colour than its own", all("math *").filter((el) =>
    getComputedStyle(el).color !== getComputedStyle(el.closest("math")).color));
  check("a formula that screen readers pass over", all("math").filter((el) =>
    !words(el) || el.closest("[aria-hidden=true], [role=img], [role=presentation]")));
  check("a number that is not beside its equation", all(".eqno").filter((el) =>
    !/^\\(\\d+\\)/.test(words(el)) || !el.parentElement.querySelector("math")));
  check("a link to an equation without its number", all("a[href*='#equation-']").filter((el) =>
    !/\\d/.test(words(el)) && !el.matches(".headerlink, .genindextable a"))); // (there, its name)
  check("a slider that does not say its value, or too long", all("input[type=range]").filter((el) =>
    !/^.{1,40}$/.test(el.ariaValueText ?? "") || /\\d{8}/.test(el.ariaValueText)));
  const controls = all(".optlib :is(input, select, textarea, button)");
  check("a control without a name", controls.filter((el) =>
    !el.closest("[hidden]") && !(el.ariaLabel || words(el.labels?.[0]) || words(el))));
  check("a lab without the name of its section", all(".optlib.lab").filter((el) =>
    el.role !== "group" || !words(document.getElementById(el.getAttribute("aria-labelledby")))));
  check("a lab that says nothing", all(".optlib.lab").filter((el) =>
    !words(el.querySelector("[role=status]"))));
  check("a canvas that is neither named nor passed over", all("canvas").filter((el) =>
    !el.closest("[aria-hidden=true], [role=img]")));
  check("a table without headers", all("article table:not([role=presentation])").filter((el) =>
    !el.querySelector("th")));
  return faults;
}"""

# Text spaced as a reader may want it (WCAG 1.4.12): what then is cut off, or makes the page wide.
SPACING = """async () => {
  const cut = () => [...document.querySelectorAll("main *")].filter((el) => el.clientWidth > 1
    && (el.scrollWidth > el.clientWidth + 2 || el.scrollHeight > el.clientHeight + 2)
    && ["hidden", "clip"].includes(getComputedStyle(el).overflowX)
    && [...el.childNodes].some((child) => child.nodeType === 3 && child.data.trim()));
  const before = new Set(cut()), sheet = document.createElement("style");
  sheet.textContent = `* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
    word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }`;
  document.head.append(sheet);
  const faults = cut().filter((el) => !before.has(el)).map((el) => el.outerHTML.slice(0, 200));
  const width = document.documentElement.scrollWidth;
  if (width > innerWidth) faults.push(`the page is ${width} px wide`);
  sheet.remove();
  return faults;
}"""

# The stops of the Tab key, noted while someone presses it: start with TABS, then read `stops`.
TABS = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => {
    const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = channels(text).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (el) => {
    for (; el; el = el.parentElement) {
      const colour = getComputedStyle(el).backgroundColor, [, , , alpha = 1] = channels(colour);
      if (alpha > 0.5) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const contrast = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  window.stops = [];
  document.addEventListener("focusin", ({ target: el }) => {
    const style = getComputedStyle(el), place = el.getClientRects()[0];
    const width = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
    stops.push({
      html: el.outerHTML.slice(0, 160), top: place.top + scrollY, left: place.left,
      main: !!el.closest("main"), article: !!el.closest("article"),
      ring: width, contrast: contrast(style.outlineColor, ground(el.parentElement)),
      seen: place.bottom > 0 && place.top < innerHeight
        && place.right > 0 && place.left < innerWidth,
    });
  });
}"""
