# What every folder of authorizer functions builds the same way: the handlers of authorizers/, the folder's own files, its rules
# compiled, so that a cold start neither parses nor checks them. The including Makefile sets HERE, its own folder.
#
# The handlers' bytecode goes along: to compile five lines costs a start 4 ms, for the compiler has to be set up. It is bound to
# the source's hash, so that a handler edited in Lambda's console is compiled again. Other than in the layer, a runtime whose
# interpreter is missing here loses those 4 ms and nothing else.
#
# The compiler comes from layers/authorizer, which `sam build --use-container` does not mount. Nothing here needs a container:
# whatever the host, the result is the same. It needs Python 3.11 or newer and no package.
TOOLS := $(patsubst %/,%,$(dir $(realpath $(lastword $(MAKEFILE_LIST)))))
LAYER := $(TOOLS)/../layers/authorizer
PYTHON ?= $(shell "$(TOOLS)/find-python")
LEFT_OUT := Makefile rules_test.toml rules.compiled.jsonl __pycache__
FILES = $(filter-out $(LEFT_OUT),$(notdir $(wildcard $(HERE)/*)))

build-%:
	@cp "$(TOOLS)"/../authorizers/*_authorizer.py "$(ARTIFACTS_DIR)/"
	@cd "$(HERE)" && cp -R $(FILES) "$(ARTIFACTS_DIR)/"
	@PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$(LAYER)" "$(PYTHON)" -m lambda_authorizer.rules.compile \
		"$(ARTIFACTS_DIR)/rules.toml" "$(ARTIFACTS_DIR)/rules.compiled.jsonl"
	@for version in 3.12 3.13 3.14; do \
		python=$$("$(TOOLS)/find-python" $$version) || continue; \
		PYTHONHASHSEED=0 "$$python" -s -m compileall -q -l -s "$(ARTIFACTS_DIR)" -p /var/task \
			--invalidation-mode checked-hash "$(ARTIFACTS_DIR)" || exit 1; \
	done
