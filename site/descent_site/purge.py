"""Style rules that no page can use are left out: two thirds of the theme's sheets.

A selector stays when each class that it names occurs as a word anywhere in the pages or scripts, so
that classes which scripts add stay too. What cannot be told, stays.
"""

import re

WORD = re.compile(r"[A-Za-z_][\w-]*")
CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)(\\)?")
# Class names that Bootstrap puts together from pieces.
MADE = re.compile(r"^(bs-tooltip|bs-popover|tooltip|popover|dropdown|coll|offcanvas|modal|show)")


def words(texts):
    """Every word of the pages and scripts."""
    return {word for text in texts for word in WORD.findall(text)}


def purge(css, used):
    """The style sheet without rules for classes that are not in `used`."""
    out = list(dict.fromkeys(re.findall(r"/\*!.*?\*/", css, re.S)))  # licences stay
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    for head, body in _rules(css):
        if body is None:
            out.append(head)
        elif head.lstrip().startswith(("@font-face", "@keyframes", "@-webkit", "@page")):
            out.append(f"{head}{{{body}}}")
        elif head.lstrip().startswith("@"):
            inner = purge(body, used)
            if inner.strip():
                out.append(f"{head}{{{inner}}}")
        else:
            kept = [part for part in _split(head) if _useful(part, used)]
            if kept:
                out.append(f"{','.join(kept)}{{{body}}}")
    return "".join(out)


def _useful(selector, used):
    # What stands in :not() need not exist.
    plain = re.sub(r":not\([^()]*(\([^()]*\)[^()]*)*\)", "", selector)
    if ":is(" in plain or ":where(" in plain or ":has(" in plain:
        return True
    return all(
        name in used or escaped or MADE.match(name) for name, escaped in CLASS.findall(plain)
    )


def _split(selectors):
    """The parts of a selector list; a comma inside brackets does not count."""
    parts, depth = [""], 0
    for character in selectors:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _rules(css):
    """(text before the brace, text inside) of each rule; (statement, None) without braces."""
    at, size = 0, len(css)
    while at < size:
        brace, semicolon = _find(css, "{", at), _find(css, ";", at)
        if semicolon < brace:
            yield css[at : semicolon + 1], None
            at = semicolon + 1
            continue
        if brace == size:
            return
        depth, end = 1, brace + 1
        while depth and end < size:
            if css[end] in "\"'":
                end = css.index(css[end], end + 1)
            depth += (css[end] == "{") - (css[end] == "}")
            end += 1
        yield css[at:brace], css[brace + 1 : end - 1]
        at = end


def _find(css, character, at):
    """Where a character comes next, outside of strings; the length when it does not."""
    while at < len(css):
        if css[at] in "\"'":
            at = css.index(css[at], at + 1)
        elif css[at] == character:
            return at
        at += 1
    return at
