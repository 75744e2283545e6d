"""Style rules and custom properties that no page can use are left out: most of the theme's sheets.

A selector stays when each class that it names stands in a class attribute of a page, or as a word
in a script, so that classes which scripts add stay too. What cannot be told, stays.
"""

import re

WORD = re.compile(r"[A-Za-z_][\w-]*")
ATTRIBUTE = re.compile(r"""\bclass=(?:\\?["']|&quot;)([^"'\\&]*)""")
CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)(\\)?")
VARIABLE = re.compile(r"""(?<=[{;])\s*(--[\w-]+)\s*:(?:"[^"]*"|'[^']*'|[^;{}"'])*(?:;|(?=}))""")
READ = re.compile(r"var\(\s*(--[\w-]+)")
# What stands in these need not exist, or not all of it.
INSIDE = re.compile(r":(?:not|is|where|has)\([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\)")


def classes(pages, scripts):
    """Every class of the pages, also of HTML inside JSON, and every word of the scripts."""
    lists = {names for page in pages for names in ATTRIBUTE.findall(page)}
    return {word for text in (*lists, *scripts) for word in WORD.findall(text)}


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


def forget_variables(css, texts, words):
    """The style sheet without custom properties that nothing reads: not itself, nor `texts` (pages
    and other style sheets), nor scripts, whose words are `words`."""
    others = {name for text in texts for name in READ.findall(text)} | {f"--{w}" for w in words}
    read = others | set(READ.findall(css))
    less = VARIABLE.sub(lambda found: found[0] if found[1] in read else "", css)
    return css if less == css else forget_variables(less, texts, words)


def _useful(selector, used):
    named = CLASS.findall(INSIDE.sub("", selector))
    return all(name in used or escaped for name, escaped in named)


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
