VENV := .venv
PYTHON := $(VENV)/bin/python
# As many at once as there are cores, each on one of them; a file's tests stay together, for what
# they share is made once.
PYTEST := OMP_NUM_THREADS=1 $(VENV)/bin/pytest -n auto --dist loadfile
INSTALLED := $(VENV)/.installed

.PHONY: quickstart quickstart-llm test test-slow check messages bench example clean

# One environment for everything below, made anew when what it should hold has changed.
$(INSTALLED): pyproject.toml constraints.txt
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $(INSTALLED)

quickstart: $(INSTALLED)  ## a real audit with nothing prepared, into runs/quickstart
	$(VENV)/bin/fmaudit quickstart

quickstart-llm: $(INSTALLED)  ## the same for a language model, into runs/quickstart-llm
	$(VENV)/bin/fmaudit quickstart --subject llm

test: $(INSTALLED)  ## the tests, without the slow simulations
	$(PYTEST) -m "not slow"

test-slow: $(INSTALLED)  ## the slow simulations alone
	$(PYTEST) -m slow

check: $(INSTALLED)  ## style, format, types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

messages: $(INSTALLED)  ## bring reports/locales up to date with what the report says
	$(PYTHON) -m fmaudit.reporting.catalogues

bench: $(INSTALLED)  ## speed and memory, as ratios within one run, into bench.json
	$(PYTHON) tests/benchmarks/bench.py

example: $(INSTALLED)  ## the example's report and its picture again, from its record (needs Chromium)
	$(VENV)/bin/fmaudit report reports/example
	$(PYTHON) tests/browser/picture.py reports/example/report.html reports/example/report.png

clean:
	rm -rf $(VENV) runs bench.json .mypy_cache .ruff_cache .pytest_cache
