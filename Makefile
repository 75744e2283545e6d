# A thin face: each target is one line; what it does is in tools/, where each file says one thing.
# Set-up (.venv, pinned packages) happens by itself and only when something has changed.

PY := .venv/bin/python
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help setup book zip slides pdf epub serve test lint bench bench-site grade-demo \
	benchmark-optimizers clean lock preview release check-links check-site rehearse-jb2

help: ## show this list
	@echo "Descent: an executable textbook on optimizers"
	@echo
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-21s %s\n", $$1, $$2}'
	@echo
	@echo "First time: make book && make serve. Needs Python 3.11 to 3.13 (another than python3:"
	@echo "make PYTHON=/path/to/python book); the rest installs itself into .venv and node_modules."

setup: ## install the pinned packages into .venv (the others do it by themselves)
	@tools/setup.sh

book: setup ## execute the chapters and build the site into _build/html
	@$(PY) tools/build.py

zip: book ## the built site as one file that works without a server: _build/descent-site.zip
	@$(PY) tools/archive.py

slides: book ## slides of every chapter from the built site, into _build/slides
	@$(PY) tools/slides.py

pdf: book ## the whole book on paper, from the built site: _build/descent.pdf
	@$(PY) tools/pdf.py

epub: book ## the same for e-readers: _build/descent.epub (needs pandoc; installs it where it may)
	@$(PY) tools/epub.py

serve: setup ## show the built site on 127.0.0.1 (PORT=8000)
	@$(PY) tools/serve.py --port $(PORT)

test: setup ## everything: lint, library, chapters, exercises, the built site in Chromium
	@$(PY) tools/lint.py
	@$(PY) tools/check.py $(ARGS)

lint: setup ## style, spelling, and that every notebook is normal
	@$(PY) tools/lint.py

grade-demo: setup ## a class of 30 invented students, graded from nothing (needs bubblewrap)
	@$(PY) tools/debian.py
	@rm -rf _build/grade-demo && $(PY) -m exercises demo _build/grade-demo --run

bench: setup ## speed of optlib beside plain numpy, torch (if installed) and hand-optimised code
	@$(PY) -m benchmarks

bench-site: book ## weight and speed of the built pages in Chromium, beside a stock Jupyter Book page
	@$(PY) -m benchmarks.site

benchmark-optimizers: setup ## many optimizers, many problems; goes on where it was (ARGS=--status)
	@$(PY) -m optlib.benchmark $(ARGS)

clean: ## delete what make has made (the site, caches, .venv, node_modules)
	rm -rf _build .venv node_modules .setup.lock .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lock: ## make requirements.lock anew from pyproject.toml (needs uv)
	@tools/lock.sh

preview: setup ## what differs from another built site, with pictures: make preview BASE=FOLDER
	@$(PY) tools/preview.py report "$$BASE" _build/html _build/preview

release: setup ## all files of a release, checked and tested, into _build/release: make release TAG=v1.2.3
	@$(PY) tools/make_release.py check "$$TAG"
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory zip pdf
	@$(PY) tools/make_release.py build

check-links: book ## do the outside links of the built site answer? (asks other servers)
	@$(PY) tools/links.py --report "$${REPORT:-_build/links.md}"

check-site: setup ## does the published site work? (make check-site SITE=https://...)
	@$(PY) tools/check_site.py $${SITE:+"$$SITE"} --report "$${REPORT:-_build/site.md}"

rehearse-jb2: book ## what Jupyter Book 2 would break, compared with the last time
	@$(PY) tools/rehearse_jb2.py --html --check --report "$${REPORT:-_build/rehearsal.md}"
