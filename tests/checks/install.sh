#!/bin/sh
# Install a build into a folder of its own and embed what lies there: by CMake, shared and static, and by pkg-config.
set -eu
source=$1
build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cmake --install "$build" --prefix "$folder/usr" >"$folder/log"

# Each public header stands alone, in C and in C++, without anything of the libraries underneath.
for header in "$folder"/usr/include/plenum/*.h; do
    printf '#include <plenum/%s>\n' "$(basename "$header")" >"$folder/one.c"
    cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I"$folder/usr/include" -fsyntax-only "$folder/one.c"
    if command -v c++ >/dev/null; then
        c++ -x c++ -Wall -Wextra -Werror -I"$folder/usr/include" -fsyntax-only "$folder/one.c"
    fi
    if grep -E '#include [<"](uv|srtp|openssl|nice|jansson|libwebsockets)' "$header"; then
        echo "$header shows a library of ours"
        exit 1
    fi
done

mkdir "$folder/by-cmake"
cp "$source/examples/embed.c" "$folder/by-cmake"
cat >"$folder/by-cmake/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.22)
project(embedder LANGUAGES C)
find_package(Plenum REQUIRED)
foreach(library plenum plenum_static)
  add_executable(with_${library} embed.c)
  target_compile_definitions(with_${library} PRIVATE _GNU_SOURCE)
  target_link_libraries(with_${library} PRIVATE Plenum::${library})
endforeach()
END
cmake -S "$folder/by-cmake" -B "$folder/by-cmake/build" -G Ninja -DCMAKE_PREFIX_PATH="$folder/usr" >"$folder/log" ||
    { cat "$folder/log"; exit 1; }
cmake --build "$folder/by-cmake/build" >"$folder/log" || { cat "$folder/log"; exit 1; }

pc=$(find "$folder/usr" -name plenum.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
cc -std=c11 -D_GNU_SOURCE "$source/examples/embed.c" -o "$folder/by-pkg-config" $(pkg-config --cflags --libs plenum)

# Each of them starts, binds and ends when asked to.
LD_LIBRARY_PATH=$(dirname "$(dirname "$pc")")
export LD_LIBRARY_PATH
for program in "$folder/by-cmake/build/with_plenum" "$folder/by-cmake/build/with_plenum_static" "$folder/by-pkg-config"; do
    "$program" -s 127.0.0.1:0 -m 127.0.0.1:0 -w 1 >"$folder/log" 2>&1 &
    pid=$!
    sleep 1
    kill -TERM "$pid" || { cat "$folder/log"; exit 1; }
    wait "$pid" || { cat "$folder/log"; exit 1; }
done

# The shared library exports what the headers declare, nothing else.
library=$(find "$folder/usr" -name 'libplenum.so')
if nm -D --defined-only "$library" | awk '{ print $3 }' | grep -v '^plm_'; then
    echo "symbols without our prefix"
    exit 1
fi
"$folder/usr/bin/plenum-server" --version
