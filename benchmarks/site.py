"""python -m benchmarks.site: what opening a page costs; writes benchmarks/site.json and site.md.

On the built site (`make bench-site` builds it first), in Chromium, over a local server that sends
gzip. Each page is opened afresh, with an empty cache, on a plain line and on a slow one with the
processor slowed. Beside them one chapter as Jupyter Book makes it when nothing is set: its files
from other hosts are copies from npm, sent by a second local server over the same line.
"""

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import browser
import build
import nbformat
import serve
import weigh
import yaml
from environment import ROOT

JSON, TABLE = (Path(__file__).with_name(f"site.{kind}") for kind in ("json", "md"))
PAGES = ["index", "chapters/gradient-descent", "chapters/adaptive", "chapters/playground"]
STOCK = "chapters/adaptive"
LOADS, STOCK_LOADS = 5, 3
MOVES = 45  # values of each slider
# Slow 4G: bits per second, and milliseconds from question to answer.
RATE, LATENCY, SLOWED = 1.6e6, 150, 4
LATE = 1.5 * 1000 / 60  # an interval between frames longer than this is late

# From the first byte on the page notes how much it has shifted and when its largest part was there;
# and it moves the first slider of the first lab as soon as there is one, until a frame answers.
WATCH = """(() => {
  const seen = window.seen = { shift: 0, largest: 0, usable: 0 };
  const watch = (type, note) => new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) note(entry);
  }).observe({ type, buffered: true });
  watch("layout-shift", (entry) => { if (!entry.hadRecentInput) seen.shift += entry.value; });
  watch("largest-contentful-paint", (entry) => { seen.largest = entry.startTime; });
  const shown = (slider) => slider.checkVisibility() && slider.max > slider.min;
  let lab, frames;
  const look = () => {
    if (lab?.frames?.length > frames) { seen.usable = performance.now(); return; }
    const slider = [...document.querySelectorAll(".lab input[type=range]")].find(shown);
    if (slider && !lab) {
      const before = slider.value;
      lab = slider.closest(".lab");
      frames = lab.frames?.length ?? 0;
      slider.stepUp();
      if (slider.value === before) slider.stepDown();
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    } else if (document.documentElement?.dataset.widgets === "ready" && !slider) {
      seen.usable = performance.now(); // a page without labs: all that is live stands
      return;
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()"""

# A slider takes a new value at each frame, as under a hand that drags it without a pause.
DRAG = """async (moves) => {
  const lab = document.querySelector(".lab:has(input[type=range])");
  if (!lab) return null;
  lab.scrollIntoView({ block: "center" });
  const next = () => new Promise(requestAnimationFrame);
  for (let k = 0; k < 30; k++) await next();
  const draws = [], intervals = [];
  for (const slider of lab.querySelectorAll("input[type=range]")) {
    if (!slider.checkVisibility()) continue;
    const [low, high] = [+slider.min, +slider.max], start = slider.value;
    lab.frames.length = 0;
    let last = await next();
    for (let k = 0; k < moves; k++) {
      slider.value = low + ((high - low) * k) / (moves - 1);
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      const now = await next();
      intervals.push(now - last);
      last = now;
    }
    draws.push(...lab.frames);
    slider.value = start;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    for (let k = 0; k < 5; k++) await next();
  }
  return { draws, intervals };
}"""


def throttle(devtools, slow):
    """A plain line and processor, or slow ones."""
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED if slow else 1})
    rate = RATE / 8 if slow else -1  # bytes per second; -1: as fast as it goes
    devtools.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": LATENCY if slow else 0,
        "downloadThroughput": rate, "uploadThroughput": rate,
    })  # fmt: skip


def load(running, address, slow, drag):
    """Open a page with an empty cache; what it fetched, its times, and how its slider ran."""
    context = running.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH)
    devtools = context.new_cdp_session(page)
    asked, sent = {}, {}
    devtools.on("Network.requestWillBeSent", lambda e: asked.update({e["requestId"]: e["request"]}))
    devtools.on(
        "Network.loadingFinished", lambda e: sent.update({e["requestId"]: e["encodedDataLength"]})
    )
    devtools.send("Network.enable")
    throttle(devtools, slow)
    page.goto(address, wait_until="load", timeout=120_000)
    try:
        page.wait_for_function("seen.usable > 0", timeout=120_000)
    except Exception as error:
        raise SystemExit(f"bench-site: {address} never answers its reader") from error
    page.wait_for_timeout(600)  # what is still on its way
    seen = page.evaluate("seen")
    row = {"requests": 0, "elsewhere": 0, "page": 0, "pictures": 0, "maths": 0, **seen}
    for name, request in asked.items():
        parts = urlsplit(request["url"])
        if parts.scheme not in ("http", "https"):
            continue
        path = Path(unquote(parts.path))
        kind = "maths" if weigh.is_maths(path) else "pictures" if weigh.is_picture(path) else "page"
        row["requests"] += 1
        row["elsewhere"] += parts.netloc != urlsplit(address).netloc
        row[kind] += sent.get(name, 0)
    if drag and (run := page.evaluate(DRAG, MOVES)):
        draws = statistics.quantiles(run["draws"], n=20)
        row |= {
            "draw": statistics.median(run["draws"]), "draw95": draws[-1],
            "late": sum(i > LATE for i in run["intervals"]) / len(run["intervals"]),
        }  # fmt: skip
    row["widgets"] = page.locator(".lab, .optlib-quiz").count()
    context.close()
    return row


def measure(running, address, stock):
    """{"plain", "slow"}: the median of each number over the loads; the first also drags."""
    loads = STOCK_LOADS if stock else LOADS
    result = {}
    for name, slow in (("plain", False), ("slow", True)):
        rows = [
            load(running, address, slow, drag=number == 0 and not stock) for number in range(loads)
        ]
        result[name] = {k: statistics.median(r[k] for r in rows if k in r) for k in rows[0]}
    return result


class Elsewhere(serve.Handler):
    """The hosts that a stock page asks: any page may read their files."""

    def _reply(self, status, body, **headers):
        super()._reply(status, body, **headers, **{"Access-Control-Allow-Origin": "*"})


def listen(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/"


# What a stock page asks of other hosts, and the npm package with the same file.
COPIES = {
    "https://cdnjs.cloudflare.com/ajax/libs/require.js/2.3.4/": ("requirejs@2.3.4", ""),
    "https://cdn.jsdelivr.net/npm/@jupyter-widgets/html-manager@1.0.6/dist/":
        ("@jupyter-widgets/html-manager@1.0.6", "dist/"),
    "https://cdn.jsdelivr.net/npm/mathjax@3/es5/": ("mathjax@3.2.2", "es5/"),
}  # fmt: skip


def copies(folder):
    """Copies of the packages in COPIES below `folder`, as npm sends them."""
    folder.mkdir()
    for number, (package, _) in enumerate(COPIES.values()):
        done = subprocess.run(
            ["npm", "pack", "--silent", package], cwd=folder, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(
                f"bench-site: npm could not get {package}, which a stock page loads: "
                f"{done.stderr.strip()[-300:]}\nTry again with a network, or --no-stock."
            )
        shutil.unpack_archive(folder / done.stdout.split()[-1], folder / str(number), "gztar")
    requirejs = folder / "0/package/require.js"
    requirejs.rename(requirejs.with_name("require.min.js"))  # npm has it at full length
    import anywidget

    front = Path(anywidget.__file__).with_name("nbextension") / "index.js"
    version = ".".join(anywidget.__version__.split(".")[:2])
    target = folder / f"npm/anywidget@~{version}.*/dist"
    target.mkdir(parents=True)
    shutil.copy(front, target)


def stock(work):
    """The chapter STOCK as Jupyter Book makes it when nothing is set; returns (site, page)."""
    source = ROOT / f"{STOCK}.ipynb"
    notebook = nbformat.read(source, as_version=4)
    key = build.code_key(notebook, build.library_hash(), source)
    run = nbformat.read(ROOT / f"_build/executed/runs/{key}.ipynb", as_version=4)
    results = [cell.outputs for cell in run.cells if cell.cell_type == "code"]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [  # one picture, not one for each theme
                out for out in results.pop(0)
                if out.get("metadata", {}).get("image/svg+xml", {}).get("theme") != "dark"
            ]  # fmt: skip
    notebook.metadata["widgets"] = run.metadata.get("widgets", {})
    book = work / "book"
    book.mkdir()
    name = Path(STOCK).name
    nbformat.write(notebook, book / f"{name}.ipynb")
    shutil.copy(ROOT / "references.bib", book)
    settings = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    settings = {key: settings[key] for key in ("title", "author", "parse", "bibtex_bibfiles")}
    settings["execute"] = {"execute_notebooks": "off"}  # it is executed already
    settings["html"] = {"extra_footer": ""}
    (book / "_config.yml").write_text(yaml.safe_dump(settings), "utf-8")
    (book / "_toc.yml").write_text(f"format: jb-book\nroot: {name}\n", "utf-8")
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(book)]
    done = subprocess.run(command, capture_output=True, text=True)
    page = book / f"_build/html/{name}.html"
    if not page.exists():
        sys.exit(f"bench-site: the stock page was not built:\n{done.stderr.strip()[-2000:]}")
    return page


def point_home(page, hosts):
    """Let a stock page ask `hosts`, our second server, for what it would ask others."""
    text = page.read_text("utf-8")
    for number, (address, (_, inside)) in enumerate(COPIES.items()):
        text = text.replace(address, f"{hosts}{number}/package/{inside}")
    text = text.replace('"https://cdn.jsdelivr.net/npm/"', f'"{hosts}npm/"')
    text = re.sub(r'integrity="[^"]*"', "", text)  # of the short form of require.js
    page.write_text(text, "utf-8")


def report(result):
    """The text of site.md."""
    cores = result["cores"]
    heads = [
        "page", "widgets", "requests", "to other hosts", "page, kB", "mathematics font, kB",
        "pictures, kB", "usable, s", "slow: usable, s", "slow: largest, s", "shift",
    ]  # fmt: skip
    frames = [
        "page", "draw, ms", "19 of 20 within, ms", "late, %", "slowed: draw, ms",
        "slowed: 19 of 20 within, ms", "slowed: late, %",
    ]  # fmt: skip
    first, second = [heads, ["---"] + ["--:"] * 10], [frames, ["---"] + ["--:"] * 6]
    for name, both in result["pages"].items():
        plain, slow = both["plain"], both["slow"]
        words = "a stock Jupyter Book page" if name == "stock" else f"`{name}.html`"
        first.append([
            words, f"{plain['widgets']:.0f}", f"{plain['requests']:.0f}",
            f"{plain['elsewhere']:.0f}", *(f"{plain[k] / 1e3:,.0f}" for k in ("page", "maths",
            "pictures")), f"{plain['usable'] / 1e3:.2f}", f"{slow['usable'] / 1e3:.1f}",
            f"{slow['largest'] / 1e3:.1f}", f"{max(plain['shift'], slow['shift']):.3f}",
        ])  # fmt: skip
        if "draw" in plain:
            second.append([words, *(
                f"{row[key] * scale:.1f}" for row in (plain, slow)
                for key, scale in (("draw", 1), ("draw95", 1), ("late", 100))
            )])  # fmt: skip
    first, second = (
        "\n".join(f"| {' | '.join(row)} |" for row in rows) for rows in (first, second)
    )
    return f"""## What opening a page costs

Measured by `make bench-site` in Chromium {result["chromium"]} with software drawing, on {cores}
{result["machine"]} cores: medians of {LOADS} loads ({STOCK_LOADS} of the stock page), each with an
empty cache, over a local server that sends gzip. Bytes are those of the answers, headers included;
counted is what a window of 1280 × 900 fetches before anyone scrolls. *Usable*: a slider of the
first widget is moved and the picture answers (without a widget: all that is live stands). *Slow*:
{RATE / 1e6:g} Mbit/s, {LATENCY} ms from question to answer, the processor slowed {SLOWED} times.
*Largest*: when the largest part of the window is painted. *Shift*: how far what is read jumps,
summed over the load, the worse of both lines; 0 is none.

{first}

The stock page is the chapter `{STOCK}` built by Jupyter Book 1 with its own settings. It
loads MathJax, require.js and the widgets' front ends from other hosts; here these were copies from
npm (require.js at full length), sent by a second local server over the same line.

A lab simulates and draws once per frame while each of its sliders takes a new value at every
frame. A frame is *late* when it comes more than one and a half frames after the one before.

{second}
"""


def main():
    site = ROOT / "_build" / "html"
    if not site.exists():
        sys.exit("bench-site: there is no site; run `make book` first")
    begun = time.monotonic()
    heaviest = max(weigh.weigh(site).items(), key=lambda item: item[1]["page"])[0]
    names = list(dict.fromkeys([*PAGES, heaviest.removesuffix(".html")]))
    with_stock, chromium = "--no-stock" not in sys.argv, browser.get()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium, args=browser.flags())
        home = listen(serve.server(site))
        addresses = {name: f"{home}{name}.html" for name in names}
        if with_stock:
            work = Path(folder)
            copies(work / "hosts")
            page = stock(work)
            other = serve.server(work / "hosts")
            other.RequestHandlerClass = type("Hosts", (Elsewhere,), {"folder": work / "hosts"})
            point_home(page, listen(other))
            addresses["stock"] = f"{listen(serve.server(page.parent))}{page.name}"
        pages = {}
        for name, address in addresses.items():
            pages[name] = measure(running, address, name == "stock")
            slow = pages[name]["slow"]
            print(f"{name}: {slow['page'] / 1e3:.0f} kB, {slow['usable'] / 1e3:.2f} s", flush=True)
        version = running.version
        running.close()
    result = {"chromium": version.split(".")[0], "machine": platform.machine(),
              "cores": os.cpu_count(), "pages": pages}  # fmt: skip
    if not with_stock:
        print("bench-site: without the stock page nothing is stored")
        print(report(result))
        return
    JSON.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    TABLE.write_text(report(result), "utf-8")
    print(f"{report(result)}\nbench-site: took {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
