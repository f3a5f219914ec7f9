# Every verb sets up what it needs, once: .venv (development), .tools/sam (SAM CLI), .local/build (built for local runs).
.DEFAULT_GOAL := help
.PHONY: help set-up run test lint format build invoke events sam-local offline layer publish deploy bench bench-guard fuzz fleet exact lock clean
SHELL := /bin/sh
PY := PYTHONPATH=layers/authorizer .venv/bin/python
ARCHITECTURE := $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)
export PYTHONDONTWRITEBYTECODE := 1

help: ## What can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

set-up: ## Virtual environment and SAM CLI (every other verb does this by itself)
	@tools/set-up venv
	@tools/set-up sam

build: set-up ## Layer and functions into .local/build, for local runs and tests
	@tools/build

run: build ## Real tokens through every function in the real runtime client; a table of who called what, and why
	@$(PY) -m tests.e2e.run --build .local/build $(ARGS)

test: build ## Everything that needs neither root nor a container, then lint
	@tools/test $(ARGS)

lint: set-up ## Style, types, floors, templates
	@tools/lint

format: set-up ## What the formatter and the safe fixes can do by themselves
	@$(PY) -m ruff check --fix-only --quiet . && $(PY) -m ruff format --quiet .

invoke: build ## One event through its function, in a container: make invoke E=events/token-allow.json
	@tools/invoke "$(E)" $(ARCHITECTURE)

events: set-up ## The demo events, minted anew with a fresh key
	@$(PY) -m lambda_authorizer.testing.demo --out events

sam-local: build ## sam local invoke and start-api in real containers, where an engine runs
	@sh tests/e2e/sam-local.sh $(ARGS)

offline: build ## The functions behind another project's gateway emulator (needs Node)
	@sh tests/offline/run.sh $(ARGS)

layer: set-up ## The release layer: dist/*.zip for both architectures, with bills of materials and hashes
	@tools/layer

publish: set-up ## The release layer into AWS: REGIONS="eu-west-1 …", ORGANISATION=o-… or ACCOUNTS="…"
	@REGIONS="$(REGIONS)" ORGANISATION="$(ORGANISATION)" ACCOUNTS="$(ACCOUNTS)" tools/publish

deploy: set-up ## sam build and sam deploy, with the stamp that publishes a new version whenever anything changed: ARGS="--guided"
	@$(PY) tools/deploy.py $(ARGS)

bench: build ## The goals of speed and memory, measured
	@$(PY) -m benchmarks $(ARGS)

bench-guard: build ## Instruction counts against the committed ones
	@$(PY) -m benchmarks.guard $(ARGS)

fuzz: set-up ## Longer fuzzing of the parsers
	@sh fuzz/run.sh $(ARGS)

fleet: set-up ## A fleet of sandboxes against one issuer, in virtual time
	@$(PY) -m benchmarks.fleet $(ARGS)

exact: set-up ## How often a policy is exact, over generated rule sets
	@$(PY) -m benchmarks.exact $(ARGS)

lock: ## All lock files, resolved anew (needs uv)
	@tools/lock

clean: ## What builds made; environments stay
	@rm -rf .local .aws-sam dist
