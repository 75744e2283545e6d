"""What tests of widgets on the built page share: to wait, to type, to tap, to read."""

import re

PAUSE = """async (milliseconds) => {
  for (let n = 0; n < 2; n++) {
    await new Promise((done) => { requestAnimationFrame(done); setTimeout(done, 1000); });
  }
  await new Promise((done) => setTimeout(done, milliseconds));
}"""


def pause(page, milliseconds=0):
    """Wait in the page's own time: all that its timers were to do before then has been done.

    Two frames come first, for what a change draws. So a busy machine makes it longer, not wrong.
    """
    page.evaluate(PAUSE, milliseconds)


def setting(page, name):
    """A setting, as the link of the page has it; that follows 250 ms after a change."""
    pause(page, 260)
    found = re.search(rf"[#&]{name}=([^&]*)", page.evaluate("location.href"))
    return found and found[1]


def type_into(box, label, text):
    """Type into the field of that name and press Enter."""
    field = box.get_by_label(label, exact=True)
    field.fill(str(text))
    field.press("Enter")


def press(page, key, times):
    for _ in range(times):
        page.keyboard.press(key)


def tap(page, control, part):
    """Tap on a slider at that part of its width; returns its box."""
    control.scroll_into_view_if_needed()
    spot = control.bounding_box()
    page.touchscreen.tap(spot["x"] + part * spot["width"], spot["y"] + spot["height"] / 2)
    return spot


def spoken(page, box, about=""):
    """What the lab says once it has come to rest; it speaks 250 ms after the last change."""
    said = box.locator(".lab-status").filter(has_text=about)
    said.wait_for()
    before = None
    while before != (now := said.inner_text()):
        before = now
        pause(page, 350)
    return now


def linked(page):
    """The settings that the link of the page has after all that was done: "#lr=1&steps=2"."""
    pause(page, 260)
    return page.evaluate("location.hash")
