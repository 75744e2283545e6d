"""Code: what has the colour of plain text is plain text; most tokens had an element for nothing."""

from pygments.formatters import HtmlFormatter
from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES, Text
from sphinx.highlighting import PygmentsBridge


def plain(*styles):
    """The kinds of token that look like text in all these styles."""
    looks = [get_style_by_name(style).style_for_token for style in styles]
    return {kind for kind in STANDARD_TYPES if all(look(kind) == look(Text) for look in looks)}


class Formatter(HtmlFormatter):
    """Pygments' formatter, without elements for the kinds in `plain`."""

    plain = frozenset()

    def format_unencoded(self, tokensource, outfile):
        tokens = ((Text if kind in self.plain else kind, text) for kind, text in tokensource)
        super().format_unencoded(tokens, outfile)


def _settings(app, config):
    themes = ("pygments_light_style", "pygments_dark_style")
    Formatter.plain = plain(*(config.html_theme_options[theme] for theme in themes))
    PygmentsBridge.html_formatter = Formatter


def setup(app):
    """Before any page is written; the styles are those that _config.yml names."""
    app.connect("config-inited", _settings)
