# How the sanitizers report, for the scripts beside this one.
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1

need_build() {
    if [ ! -e "$1" ]; then
        echo "$1 is not there; ./test builds it"
        exit 77
    fi
}
