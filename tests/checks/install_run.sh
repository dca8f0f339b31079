#!/bin/sh
# What the README's commands of deployment install is there when only the targets of ./run --build were built. Nothing is compiled for
# it: what a compiler or linker would write is an empty file.
set -eu
source=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/pretend" <<'END_OF_SCRIPT'
#!/bin/sh
while [ "$1" != -o ]; do
    shift
done
: >"$2"
END_OF_SCRIPT
chmod +x "$folder/pretend"

# shellcheck disable=SC2086
words=$(sed -n 's/^build release //p' "$source/run")
options=$(printf '%s\n' $words | grep '^-' || true)
targets=$(printf '%s\n' $words | grep -v '^-')

# As build() of tools/setup.sh does it.
cd "$source"
# shellcheck disable=SC2086
cmake --preset release -B "$folder/build" $options -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON \
    -DCMAKE_C_COMPILER_LAUNCHER="$folder/pretend" -DCMAKE_C_LINKER_LAUNCHER="$folder/pretend" >"$folder/log" ||
    { cat "$folder/log"; exit 1; }
# shellcheck disable=SC2086
cmake --build "$folder/build" --target $targets >"$folder/log" || { cat "$folder/log"; exit 1; }

cmake --install "$folder/build" --prefix "$folder/usr"
for name in bin/plenum-server bin/plenum-recorder share/plenum/openapi.json; do
    [ -e "$folder/usr/$name" ] || { echo "$name is not installed"; exit 1; }
done
