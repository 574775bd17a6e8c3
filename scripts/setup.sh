#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes .venv and installs Matwright in it, at the versions of requirements.lock.
# usage: scripts/setup.sh demo|test. Says in one sentence what the system lacks.
set -eu
cd "$(dirname "$0")/.."

goal="${1:?demo or test}"
case "$goal" in
    demo) extras="sim" ;;
    test) extras="sim,fpga,train,dev" ;;
    *) echo "setup: error: the goal must be demo or test, not $goal" >&2; exit 2 ;;
esac

fail() {
    echo "setup: error: $1" >&2
    exit 2
}

need() { # program, package, what for
    command -v "$1" > /dev/null 2>&1 || fail "$1 is missing, $3; install it with: apt-get install $2"
}

need g++ g++ "which compiles the simulators"
need make make "which builds the simulators"
if [ "$goal" = test ]; then
    need iverilog iverilog "the second simulator of the tests"
fi

# Everything the environment has follows from these; a stamp says that it was made from them.
key="$(cat requirements.lock pyproject.toml scripts/setup.sh | cksum)"
is_current() { [ "$(cat ".venv/matwright-$1.stamp" 2> /dev/null)" = "$key" ]; }
if is_current test || is_current "$goal"; then
    exit 0
fi

if [ ! -x .venv/bin/python ]; then
    python=""
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' > /dev/null 2>&1; then
            python="$name"
            break
        fi
    done
    [ -n "$python" ] || fail "Python 3.11 or later is missing; install it with: apt-get install python3"
    "$python" -c 'import ensurepip, venv' > /dev/null 2>&1 ||
        fail "$python lacks the module venv; install it with: apt-get install python3-venv"
    echo "setup: making .venv with $("$python" --version)"
    "$python" -m venv .venv
fi

echo "setup: installing the packages for $goal"
PIP_CONSTRAINT="$PWD/requirements.lock" PIP_DISABLE_PIP_VERSION_CHECK=1 \
    .venv/bin/python -m pip install --quiet --editable ".[$extras]"

if [ "$goal" = test ]; then
    # cocotb loads Python into the simulator.
    .venv/bin/python -c 'import find_libpython, sys; sys.exit(not find_libpython.find_libpython())' ||
        fail "the shared library of Python is missing; install it with: apt-get install libpython3-dev"
fi
echo "$key" > ".venv/matwright-$goal.stamp"
