# Sourced by the scripts beside it (sh): makes .venv with everything that tests and lint need.
#
#   environment GROUP...    installs the package (editable) and these groups of pyproject.toml,
#                           if it has not happened yet, and goes to the root of the repository
#
# The stamp .venv/installed-<groups> holds what the installation was made from: pyproject.toml's
# checksum, and the Python.  When it still holds, nothing is installed and nothing asks the network.

script=${0##*/}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

complain() {
    echo "$script: $1" >&2
    exit 1
}

# Whether command $1 is a Python that is new enough.
new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Whether Python $1 can make virtual environments.
has_venv() {
    "$1" -c 'import venv, ensurepip' >/dev/null 2>&1
}

# The distribution's own Python first: it is built with profile-guided optimisation, others (pyenv's)
# mostly are not, and are a seventh slower.
find_python() {
    for python in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
        if new_enough "$python" && has_venv "$python"; then
            echo "$python"
            return
        fi
    done
    for python in python3 python3.13 python3.12 python3.11; do
        if new_enough "$python"; then
            complain "$python has no venv module (Debian: apt-get install python3-venv)"
        fi
    done
    if command -v python3 >/dev/null 2>&1; then
        complain "$(python3 --version 2>&1) is too old: tqdecrypt needs Python 3.11 or newer"
    fi
    complain "python3 is missing: install Python 3.11 or newer (Debian: apt-get install python3)"
}

make_venv() {
    python=$(find_python) || exit 1
    rm -rf .venv
    echo "$script: making .venv with $("$python" --version)" >&2
    "$python" -m venv .venv || complain "$python -m venv .venv failed"
}

# Groups of pyproject.toml can be installed since pip 25.1; Pythons bring older ones.
upgrade_pip() {
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' ||
        complain "pip could not be upgraded: is a package index within reach?"
}

# Whether .venv works, and was made here: one that was moved or copied runs scripts of elsewhere.
venv_works() {
    new_enough .venv/bin/python && grep -qsF "$root/.venv/" .venv/bin/pip
}

environment() {
    cd "$root" || exit 1
    venv_works || make_venv
    stamp=.venv/installed-$(IFS=-; echo "${*:-package}")
    made_from="$(cksum <pyproject.toml) $(.venv/bin/python -c 'import sys; print(sys.version)')"
    # Where Python is told not to write bytecode, every start would compile the package anew.
    .venv/bin/python -m compileall -qq src || :
    if [ "$(cat "$stamp" 2>/dev/null)" = "$made_from" ]; then
        return
    fi
    for group; do
        set -- "$@" --group "$group"
        shift
    done
    if ! .venv/bin/python -m pip install --help | grep -q -e --group; then
        upgrade_pip
    fi
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable . "$@" ||
        complain "the installation failed; pip's message stands above"
    echo "$made_from" >"$stamp"
}
