# The index of commands for people. Everything goes through npm, whose packages bring their own
# Node: a bare `node` here could be any version.

.DEFAULT_GOAL := help
STAMP := node_modules/.installed

.PHONY: help up down reset test check bench replay crash dlq keys images cluster-test

help: ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(STAMP) ## run the platform on this machine: http://localhost:9191
	@exec npm run -s up -w local

down: $(STAMP) ## stop it from another terminal, or clear what a killed run left
	@npm run -s down -w local

reset: $(STAMP) ## forget every account, item and bid of it
	@npm run -s reset -w local

test: $(STAMP) ## every test, with PostgreSQL, RabbitMQ and Traefik of its own
	@npm run -s test

check: $(STAMP) ## style, layering and types
	@npm run -s check

bench: $(STAMP) ## benchmarks against their baselines, in one run
	@npm run -s bench

replay: $(STAMP) ## play 136 recorded eBay auctions through the public API
	@npm run -s replay

crash: $(STAMP) ## kill and freeze processes under load, then compare ledger, lots and events
	@npm run -s crash

dlq: $(STAMP) ## dead letters of the running platform (npm run dlq -- show QUEUE)
	@npm run -s dlq -- list

keys: $(STAMP) ## signing keys of the running platform (npm run keys -- rotate)
	@npm run -s keys -- list

images: $(STAMP) ## one image a service (CLUSTER_BUILD, CLUSTER_LOAD: docs/kubernetes.md)
	@npm run -s cluster -w tests -- --keep images

cluster-test: $(STAMP) ## install into kubectl's cluster from nothing and try everything there
	@npm run -s cluster -w tests

NPM_CI = npm ci --no-audit --no-fund --loglevel=error --fetch-retries=5

$(STAMP): package-lock.json package.json
	@command -v npm >/dev/null 2>&1 || { \
	  echo 'Node.js 20 or newer with npm is needed: https://nodejs.org, or apt-get install nodejs npm.'; exit 1; }
	@echo 'Installing packages (npm ci), about a minute on a new machine'
	@$(NPM_CI) || { echo 'npm ci failed and is started again'; sleep 5; $(NPM_CI); } || { \
	  echo "The packages could not be installed: npm says why above. Needed are Node.js 20 or newer (here"; \
	  echo "is $$(node --version 2>/dev/null || echo none)) and the registry $$(npm config get registry)."; exit 1; }
	@touch $@
