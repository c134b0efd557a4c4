# The developer's habits. Each is one command of x.py, which sets everything up first.
.PHONY: demo test check bench docs ci

demo:
	python3 x.py demo

test:
	python3 x.py test

check:
	python3 x.py check

bench:
	python3 x.py bench

docs:
	python3 x.py docs

ci:
	bash .ci/run
