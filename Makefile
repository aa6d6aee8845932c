# Rollout Lab. `make serve` goes from a bare machine with Rust, Node >= 20 and Python 3 to the running app.

SHELL := bash
PORT ?= 8080

.DEFAULT_GOAL := help
.PHONY: help serve server build test bench upstreams fmt models screens clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

serve: build ## the app on http://127.0.0.1:8080/ (PORT=8081 for another port)
	@python3 .ci/serve.py dist --port $(PORT)

server: build ## the site with real endpoints on http://127.0.0.1:8080/ (ARGS: as `rollout-lab serve --help` says)
	@.ci/server.sh $(ARGS)

build: ## the release site in dist/, ready for any static host
	@.ci/build.sh

test: ## format, lints, native, wasm and browser tests (the same as CI)
	@.ci/test.sh

bench: ## speed of the engine, of inference against onnxruntime-web, page weight: one table
	@.ci/bench.sh

upstreams: ## real model servers behind variants: Triton, KServe, MLServer, and moto as SageMaker
	@.ci/upstreams.sh $(ARGS)

fmt: ## format the Rust sources
	@. .ci/env.sh && cargo fmt

models: ## train the models anew into public/models/ (ARGS: see training/README.md)
	@.ci/models.sh $(ARGS)

screens: build ## screenshots of every page into tests/browser/screenshots/
	@.ci/setup.sh test && node tests/browser/screens.mjs

clean: ## remove what was built here (tools and the shared cache stay)
	rm -rf dist target tests/browser/node_modules tests/browser/screenshots
