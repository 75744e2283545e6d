"""python -m benchmarks.frames: how long a frame of each widget takes; writes benchmarks/frames.md.

On the built site (make book), in Chromium with its processor slowed four times: every slider of
every lab is moved through its range, one value a frame, as a dragging hand does. The lab itself
records how long each frame took, from the change to the end of the drawing.
"""

import statistics
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import browser  # noqa: E402
import build  # noqa: E402
import serve  # noqa: E402

SLOWED = 4
RESULTS = Path(__file__).with_name("frames.md")
DRAG = """async ([box, values]) => {
  const lab = box.closest(".lab"), next = () => new Promise(requestAnimationFrame);
  const parts = [];
  for (const slider of lab.querySelectorAll("input[type=range]")) {
    if (!slider.checkVisibility()) continue;
    const name = (slider.labels[0]?.textContent ?? slider.ariaLabel).trim();
    const [low, high] = [+slider.min, +slider.max], before = slider.value;
    lab.frames.length = 0;
    for (let k = 0; k < values; k++) {
      slider.value = low + ((high - low) * k) / (values - 1);
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      await next(); await next();
    }
    parts.push([name, [...lab.frames]]);
    slider.value = before;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await next(); await next();
  }
  return parts;
}"""


def measure(page, values=60):
    """[(lab's class name, slider, its frames in ms)] of an open page."""
    rows = []
    for box in page.locator(".lab").element_handles():
        box.scroll_into_view_if_needed()
        page.wait_for_timeout(500)
        name = box.evaluate("e => [...e.classList].find((c) => !['optlib', 'lab'].includes(c))")
        rows += [(name, *part) for part in box.evaluate(f"(e) => ({DRAG})([e, {values}])")]
    return rows


def main():
    site = ROOT / "_build" / "html"
    if not site.exists():
        sys.exit("frames: there is no site; run `make book` first")
    book = serve.server(site)
    threading.Thread(target=book.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{book.server_address[1]}/"
    chromium = browser.get()
    from playwright.sync_api import sync_playwright

    lines = ["| page | slider | median | slowest of 60 |", "| --- | --- | --: | --: |"]
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium, args=browser.flags())
        for path in build.chapters(ROOT):
            page = running.new_page(viewport={"width": 1280, "height": 900})
            page.goto(f"{address}chapters/{path.stem}.html", wait_until="load")
            page.wait_for_selector("html[data-widgets=ready]", state="attached")
            page.context.new_cdp_session(page).send(
                "Emulation.setCPUThrottlingRate", {"rate": SLOWED}
            )
            for _, slider, frames in measure(page):
                middle = statistics.median(frames)
                lines.append(f"| {path.stem} | {slider} | {middle:.1f} | {max(frames):.1f} |")
                print(lines[-1])
            page.close()
        running.close()
    book.shutdown()
    RESULTS.write_text(
        "## A frame of each widget\n\n"
        f"Milliseconds in Chromium with its processor slowed {SLOWED} times, while a slider is "
        "dragged through its\nwhole range; the goal is 8. Made by "
        "`python -m benchmarks.frames`.\n\n"
        + "\n".join(lines) + "\n",
        encoding="utf-8",
    )  # fmt: skip


if __name__ == "__main__":
    main()
