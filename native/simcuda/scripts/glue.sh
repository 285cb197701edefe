#!/bin/sh
# glue.sh KERNEL.cu CHECKED compiler and flags...
# Writes to stdout the translation unit that is compiled in place of KERNEL.cu: the file itself, then the table of its kernels. The kernels are found
# in the preprocessed text, because macros may generate them.
set -eu
cu=$1
checked=$2
shift 2
scanned=$("$@" -DSIMCUDA_SCAN -E -P "$cu")
entries=$(printf '%s\n' "$scanned" | tr '\n' ' ' | sed 's/SIMCUDA_KERNEL_MARK/\n&/g' | awk '
    /^SIMCUDA_KERNEL_MARK/ {
        text = $0; bound = "0"
        at = index(text, "SIMCUDA_BOUNDS_MARK")
        paren = index(text, "(")
        if (at > 0 && at < paren) { # its argument list is the first parenthesis
            depth = 0; first = ""; ended = 0
            for (i = paren; i <= length(text); i++) {
                c = substr(text, i, 1)
                if (c == ")" && --depth == 0) break
                if (c == "," && depth == 1) ended = 1
                if (depth > 0 && !ended) first = first c
                if (c == "(") depth++
            }
            bound = first
            text = substr(text, i + 1)
            paren = index(text, "(")
        }
        head = substr(text, 1, paren - 1)
        sub(/[ \t]+$/, "", head)
        n = split(head, words, /[^A-Za-z0-9_]+/)
        if (!(words[n] in seen)) { seen[words[n]] = 1; printf "    SIMCUDA_ENTRY(%s, (%s)),\n", words[n], bound }
    }')
cat <<END
#include "$cu"
#include "simcuda/module.h"
static const SimKernel simcuda_kernels[] = {
$entries
    {nullptr, nullptr, 0, nullptr, nullptr, 0}};
extern "C" {
extern const SimModuleTable simcuda_module_table;
const SimModuleTable simcuda_module_table = {simcuda_kernels, sizeof simcuda_kernels / sizeof simcuda_kernels[0] - 1, $checked, simcuda_shared_probe};
}
END
