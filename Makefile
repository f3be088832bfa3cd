# `make` alone prints the targets. Every target that needs the environment first makes sure of it.

.DEFAULT_GOAL := help
.NOTPARALLEL:

LESSON ?=
CONTEXT ?=
ARGS ?=

# The environment's programs come first; what conda put there (docker, kind, kubectl, go) is found that way too.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONNOUSERSITE := 1

LABKIT := .venv/bin/labkit

# What these two bring up is compiled beside the environment already, for as long as this make is there.
lab up: export LABKIT_COMPILE_FOR = $(if $(findstring --bundle,$(ARGS))$(findstring --source,$(ARGS)),,$(shell echo $$PPID))

.PHONY: help extension lab up down status reset doctor images test lint unit recorded live package notebooks browser bundle-test podman-test podman-lessons class-test class-bench parity mutations fuzz faults bench bench-bare \
	site screenshots clean distclean environment lock audit sbom

help:
	@awk 'BEGIN { FS = ":[^#]*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

lab: environment ## JupyterLab with the course, as soon as containers work; the cluster follows (Ctrl-C ends JupyterLab alone)
	$(LABKIT) lab $(ARGS)

up: environment ## engine, sample images and cluster up, without JupyterLab
	$(LABKIT) up $(ARGS)

down: environment ## stop the lab; images and progress stay
	$(LABKIT) down $(ARGS)

status: environment ## what is up, and where each image came from
	$(LABKIT) status $(ARGS)

reset: environment ## an empty lesson: make reset LESSON=07-run-as-non-root (all lessons without LESSON)
	$(LABKIT) reset $(LESSON) $(ARGS)

doctor: environment ## what this machine has and lacks, with remedies
	$(LABKIT) doctor $(ARGS)

images: environment ## the sample images: user, source, digest
	$(LABKIT) images $(ARGS)

test: environment ## every test from lint to browser, on a lab that is brought up
	@tools/test.sh

lint: environment ## ruff and mypy
	@tools/test.sh lint

unit: environment ## unit tests: no engine, no network
	@tools/test.sh rules+course+unit

recorded: environment ## tests against recorded answers of engine and cluster, and some hostile files
	@tools/test.sh recorded

live: environment ## tests on the running lab
	@tools/test.sh up live alone

package: environment ## the wheel, installed in a fresh environment and used without the checkout, on the running lab
	@tools/test.sh up package

notebooks: environment ## every notebook under nbval, on the running lab
	@tools/test.sh up notebooks

browser: environment ## JupyterLab in a real browser
	@tools/test.sh up browser

bundle-test: environment ## the lab and three lessons from a bundle, without a network, on an engine of its own (root, some minutes)
	@tools/test.sh up bundle

podman-test: environment ## podman 5 as the engine, rootful with a cluster and rootless, beside Docker (root, some minutes)
	@tools/test.sh up podman

podman-lessons: environment ## every lesson on a rootful podman, but for the cells of which tests/podman/differences.txt says why
	@tools/test.sh up podman-lessons

class-test: environment ## a class on a real cluster, attacked by one of its participants (CONTEXT=NAME, with volumes; some minutes)
	LABKIT_CLASS_CONTEXT=$(CONTEXT) .venv/bin/python -m pytest -s tests/classroom_live $(ARGS)

class-bench: environment ## what a class's participants wait for and what they cost (CONTEXT=kind-labkit ARGS="--participants 10"; some minutes)
	.venv/bin/python tools/class_bench.py --context=$(CONTEXT) $(ARGS)

parity: environment ## prove that labkit explain agrees with the live kubelet and engine (ARGS=--seed=N repeats a run)
	$(LABKIT) up
	.venv/bin/python -m tests.parity $(ARGS)

MUTATION_PROCESSES = 4
mutations: environment ## break every right answer of every exercise in each way; docs/mutations.md says what the checks saw
	$(LABKIT) up
	@mkdir -p build/test
	LABKIT_MUTATIONS=all .venv/bin/python -m pytest -q --numprocesses=$(MUTATION_PROCESSES) --junitxml=build/test/mutations.xml \
		tests/live/test_mutations.py; status=$$?; \
	.venv/bin/python -m tests.mutation_report build/test/mutations.xml > docs/mutations.md; exit $$status

fuzz: environment ## many more hostile files than make test tries, others each time (ARGS="-k archive" some of them)
	LABKIT_FUZZ_EXAMPLES=2000 .venv/bin/python -m pytest --numprocesses=auto tests/fuzz $(ARGS)

faults: environment ## all that goes wrong in a class, done on purpose in a machine of its own; docs/faults.md (root, 13 min)
	.venv/bin/python -m tests.faults $(ARGS)

bench: environment ## the timings, beside what they should be
	.venv/bin/python tools/bench.py $(ARGS)

bench-bare: environment ## a first start on a machine made bare and removed again: root, 10 quiet minutes (ARGS=--front: 3)
	.venv/bin/python tools/bench_bare.py $(ARGS)

site: environment ## the course to read without a lab, executed here: build/site/html (ARGS=07-run-as-non-root: one lesson)
	tools/site/environment.sh
	$(LABKIT) up
	.venv/bin/python -m tools.site $(ARGS)

screenshots: environment ## every lesson run in JupyterLab, as pictures in build/screenshots, light and dark, 1280 and 1024 wide (ARGS=07)
	.venv/bin/python -m tools.screenshots $(ARGS)

clean: environment ## remove everything labelled as the lab's: containers, images, networks, cluster
	$(LABKIT) clean $(ARGS)

distclean: ## clean, then remove the environment and what the tools left in the checkout
	@if [ -x $(LABKIT) ]; then $(LABKIT) clean; \
	else echo 'no environment: the lab itself is left as it is (make clean removes it)'; fi
	rm -rf .venv .venv.lock build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find labkit tests -name __pycache__ -type d -prune -exec rm -rf {} +

environment: ## only make sure of the environment in .venv
	@tools/environment.sh

extension: environment ## JupyterLab's panel, built anew from extension/ into labkit/panel (needs Node 20 or later, and npm)
	@command -v npm > /dev/null || { echo 'extension: Node and npm are not here; the built panel is used as it is' >&2; exit 3; }
	cd extension && npm ci --ignore-scripts --no-audit --no-fund && npm run build

lock: environment ## requirements.lock anew from pyproject.toml (make lock ARGS=--upgrade for the newest of everything)
	tools/lock.sh $(ARGS)

audit: environment ## are there known advisories of what is pinned, and has all of it a hash (needs a network)
	.venv/bin/python tools/audit.py

sbom: environment ## bills of materials (CycloneDX) in build/sbom: the package's, and of images (ARGS=image.tar, from docker save)
	.venv/bin/python tools/sbom.py $(ARGS)
