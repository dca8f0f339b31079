# What ./run and ./test share: Debian packages, Node.js, the page, the build. Sourced, with $root set to the repository.
# shellcheck shell=bash

# An empty environment is enough.
export PATH="${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}"
export HOME="${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}"
export LC_ALL="${LC_ALL:-C.UTF-8}"

say() {
    printf '%s\n' "$*"
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# step TEXT COMMAND…: run a command whose output is of interest only when it fails.
step() {
    local text=$1 log
    shift
    log=$(mktemp)
    printf '%s …\n' "$text"
    if ! "$@" >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        rm -f "$log"
        die "failed: $text"
    fi
    rm -f "$log"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "packages are missing and there is no sudo; as root: apt-get install ${missing[*]}"
    fi
}

# Names of a list file, one kind of them: plain ones, or those marked with "?".
listed() {
    local file=$1 optional=$2
    if [ "$optional" = optional ]; then
        sed -n 's/^?//p' "$file"
    else
        grep -v -e '^#' -e '^?' -e '^$' "$file"
    fi
}

not_installed() {
    local known
    # It fails when it knows one of them not at all.
    known=" $(dpkg-query -W -f='${db:Status-Status}:${Package} ' "$@" 2>/dev/null || true) "
    for name in "$@"; do
        [[ $known == *" installed:$name "* ]] || printf '%s\n' "$name"
    done
}

missing=()

apt_install() {
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "this is for Debian 12; install what $* name: ${missing[*]}"
    step "Updating the list of packages" as_root apt-get update
    step "Installing ${missing[*]}" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}"
    missing=()
}

# need_packages FILE…: install what is missing of those lists.
need_packages() {
    local file names optional name
    for file in "$@"; do
        mapfile -t names < <(listed "$file" required)
        mapfile -t -O "${#missing[@]}" missing < <(not_installed "${names[@]}")
        mapfile -t optional < <(listed "$file" optional)
        [ ${#optional[@]} -gt 0 ] || continue
        while read -r name; do
            # Not there on every architecture.
            if apt-cache show "$name" >/dev/null 2>&1; then
                missing+=("$name")
            fi
        done < <(not_installed "${optional[@]}")
    done
    apt_install "$@"
}

node_major() {
    local version
    version=$(node --version 2>/dev/null) || version=v0
    version=${version#v}
    printf '%s' "${version%%.*}"
}

# Any Node.js from 18 on serves; else Debian's.
need_node() {
    if [ "$(node_major)" -ge 18 ] && command -v npm >/dev/null; then
        return
    fi
    missing=(nodejs npm)
    apt_install packages.txt
    [ "$(node_major)" -ge 18 ] || die "Node.js 18 or newer is needed, $(command -v node) is $(node --version)"
}

# A fingerprint of files, to know whether something must be done again.
fingerprint() {
    cat "$@" | sha256sum | cut -d' ' -f1
}

web_sources() {
    find "$root/web" \( -name node_modules -o -name dist -o -name '*.tsbuildinfo' \) -prune -o -type f -print0 | sort -z
}

need_npm_packages() {
    local want stamp=$root/web/node_modules/.plenum-installed
    want=$(fingerprint "$root/web/package-lock.json")-node$(node_major)
    if [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
        (cd "$root/web" && step "Installing the npm packages of the lock file" npm ci --no-audit --no-fund)
        printf '%s\n' "$want" >"$stamp"
    fi
}

build_web() {
    local want stamp=$root/web/node_modules/.plenum-built
    need_node
    need_npm_packages
    want=$(web_sources | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
    if [ "$(cat "$stamp" 2>/dev/null)" != "$want" ] || [ ! -f "$root/web/app/dist/index.html" ]; then
        (cd "$root/web" && step "Building the page" npm run build)
        printf '%s\n' "$want" >"$stamp"
    fi
}

# build PRESET TARGET… [CMAKE-OPTION…]: configure when that was not done yet, then build.
build() {
    local preset=$1 dir=$root/build/$1 targets=() options=() word
    shift
    for word in "$@"; do
        if [[ $word == -* ]]; then
            options+=("$word")
        else
            targets+=("$word")
        fi
    done
    if [ ! -f "$dir/build.ninja" ]; then
        (cd "$root" && step "Configuring build/$preset" cmake --preset "$preset" "${options[@]}")
    fi
    step "Building build/$preset" cmake --build "$dir" --target "${targets[@]}"
}
