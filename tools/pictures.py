"""Pictures of an executed chapter: each becomes an <img> with its description and its size.

Figures come as image/svg+xml, one for the light and one for the dark theme, widgets with a picture
for pages without scripts. A picture without alternative text is refused.
"""

import base64
import hashlib
import html
import re
import struct

import nbformat

PICTURES = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif"}
WIDGET = re.compile(r'<div\b[^>]*class="[^"]*\boptlib-widget\b[^"]*"[^>]*>')
# Stands for the picture's address, which depends on the page: descent_site.pages fills it in.
MARK = "picture-of-the-book:"


class MissingAlt(ValueError):
    """A picture without a description for those who cannot see it."""


def dress(outputs, where, folder):
    """The outputs of one cell with every picture as HTML.

    The files go into `folder`. A light and a dark picture that follow each other become one
    output. Raises MissingAlt.
    """
    dressed = []
    for output in outputs:
        data = output.get("data") or {}
        kinds = [kind for kind in PICTURES if kind in data]
        if not kinds:
            dressed.append(output)
            continue
        kind = kinds[0]
        about = (output.get("metadata") or {}).get(kind) or {}
        markup = data.get("text/html", "")
        tag = WIDGET.search(markup)
        if tag:
            found = re.search(r'data-alt="([^"]*)"', tag[0])
            alt = html.unescape(found[1]) if found else ""
        else:
            alt = about.get("alt", "")
        if not alt.strip():
            raise MissingAlt(
                f"{where}: a picture has no alternative text. "
                "Draw it with optlib.figures.show(draw, alt='what the picture shows')."
            )
        theme = about.get("theme")
        image = picture(data[kind], kind, alt, folder, f"only-{theme}" if theme else "")
        for one in PICTURES:
            data.pop(one, None)
        if tag:  # the live widget replaces the picture, so it is only for pages without scripts
            data["text/html"] = (
                markup[: tag.end()] + f"<noscript>{image}</noscript>" + markup[tag.end() :]
            )
            dressed.append(output)
            continue
        last = dressed[-1].data.get("text/html", "") if dressed and "data" in dressed[-1] else ""
        if theme == "dark" and last.endswith("</div>") and 'class="only-light"' in last:
            dressed[-1].data["text/html"] = last[: -len("</div>")] + image + "</div>"
        else:
            output.data = nbformat.from_dict({"text/html": f'<div class="picture">{image}</div>'})
            output.metadata = nbformat.NotebookNode()
            dressed.append(output)
    return dressed


def picture(data, kind, alt, folder, classes=""):
    """An <img> with its size; the file goes into `folder`."""
    raw = data.encode() if kind == "image/svg+xml" else base64.b64decode(data)
    name = hashlib.sha256(raw).hexdigest()[:16] + "." + PICTURES[kind]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(raw)
    size = "".join(
        f' {side}="{value}"' for side, value in zip(("width", "height"), measure(raw, kind))
    )
    css = f' class="{classes}"' if classes else ""
    return f'<img{css} src="{MARK}{name}" alt="{html.escape(alt)}"{size} loading="lazy">'


def measure(raw, kind):
    """Width and height in CSS pixels, so that nothing moves when it arrives; () if unknown."""
    if kind == "image/png":
        return struct.unpack(">II", raw[16:24])
    if kind == "image/svg+xml":
        head = raw[:2000].decode("utf-8", "ignore")
        found = [
            re.search(rf'<svg[^>]*\s{side}="([\d.]+)(pt|px)?"', head)
            for side in ("width", "height")
        ]
        if all(found):
            return tuple(round(float(f[1]) * (4 / 3 if f[2] == "pt" else 1)) for f in found)
    return ()
