#!/bin/sh
# How descent-math.woff2 was made from Debian's fonts-lmodern (apt-get install fonts-lmodern).
# The characters are those that formulas of this book's kind need; a test compares them with what the
# pages use. The MATH table, which sets roots, sums and brackets, stays whole. The special forms for
# scripts (ssty) go: they are half of the file and Chromium, the widest used, does not apply them.
set -eu
cd "$(dirname "$0")"
source=${1:-/usr/share/texmf/fonts/opentype/public/lm-math/latinmodern-math.otf}
python=${PYTHON:-../../../.venv/bin/python}
"$python" -m fontTools.subset "$source" --flavor=woff2 --output-file=descent-math.woff2 \
    --layout-features=dtls --desubroutinize --no-hinting --name-IDs=0,1,2,3,4,5,6,13,14 --notdef-outline \
    --unicodes=0020-007E,00A0,00A8,00AC,00AF,00B0,00B1,00B4,00B7,00D7,00F7,0131,0237,02C6,02C7,02D8-02DA,02DC,0300-0304,0306-0308,030A,030C,0338,\
0391-03A1,03A3-03A9,03B1-03C9,03D1,03D5,03D6,03F0,03F1,03F5,\
2002-200A,2013,2014,2016,2020-2022,2026,2032-2036,203E,2044,2057,20D6,20D7,\
2102,210B-2115,2119-211D,2124,2128,212B-2134,2135,\
2190-2199,21A6,21BC-21BD,21C0-21C1,21CC,21D0-21D5,\
2200-2209,220B,220F-2213,2216-221E,2220,2223-222D,2234-2236,223C,2243,2245,2248,224D,2250,2254,2255,\
2260,2261,2264,2265,226A,226B,2266,2267,226E,226F,2270,2271,2272,2273,227A,227B,227C,227D,2282-228B,2291-2299,22A2-22A5,22A8,22C0-22CF,22EE-22F1,\
2308-230B,23B4,23B5,23DC-23DF,25A1,25B3,25CB,27E8,27E9,27F5-27FA,27FC,2A01,2A02,2A7D,2A7E,2AAF,2AB0,\
1D400-1D433,1D434-1D467,1D49C-1D4CF,1D538-1D56B,1D6A8-1D6E1,1D6E2-1D71B,1D7CE-1D7D7
# The licence asks that a derived font does not carry the original's name.
"$python" - <<'PY'
from fontTools.ttLib import TTFont

font = TTFont("descent-math.woff2")
for record in font["name"].names:
    if record.nameID in (1, 3, 4, 6):
        record.string = "DescentMath-Regular" if record.nameID == 6 else "Descent Math"
font["CFF "].cff.fontNames = ["DescentMath-Regular"]
font["CFF "].cff.topDictIndex[0].FullName = "Descent Math"
font["CFF "].cff.topDictIndex[0].FamilyName = "Descent Math"
font.save("descent-math.woff2")
PY
wc -c descent-math.woff2
