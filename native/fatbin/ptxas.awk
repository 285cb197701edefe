# ptxas.awk X.cu X.ptx... X.log, the log of `nvcc -Xptxas -v`: rows of kernel, architecture, registers, shared bytes, stack bytes, spill stores, spill loads,
# 16-byte loads and stores of global memory, file.
# Exits 1 and says why where a kernel spills and `allowed` is 0, or has fewer 16-byte accesses than a line of the .cu states:
#   WIDE kernel ...: L loads, S stores        a kernel's name may hold * for any letters
# The accesses are counted in the PTX, once for the architectures that are made from it; ptxas neither splits nor joins them, but it may repeat a loop's body.
BEGIN { OFS = "\t" }

function fail(message) {
  print file ": " message > "/dev/stderr"
  failed = 1
}

FILENAME ~ /\.(cu|cl)$/ {
  if ($0 !~ /^[ *]*WIDE /) next
  if ($0 !~ /^[ *]*WIDE [A-Za-z0-9_*, ]+: [0-9]+ loads?, [0-9]+ stores?( |$)/) {
    fail("line " FNR " is `" $0 "`, expected `WIDE kernel ...: L loads, S stores`")
    next
  }
  line = $0
  sub(/^[ *]*WIDE /, "", line)
  counts = line
  sub(/^[^:]*: /, "", counts)
  sub(/:.*/, "", line)
  split(counts, count, " ")
  names = split(line, name, /[ ,]+/)
  for (i = 1; i <= names; i++) {
    rules++
    shown[rules] = name[i]
    gsub(/\*/, "[A-Za-z0-9_]*", name[i])
    pattern[rules] = "^" name[i] "$"
    least_loads[rules] = count[1]
    least_stores[rules] = count[3]
  }
  next
}

FILENAME ~ /\.ptx$/ {
  if (FNR == 1) entry = ""
  if ($1 == ".target") {
    target = $2
    sub(/,.*/, "", target)
    if (base == "") base = target
  }
  if (/\.entry /) {
    entry = $0
    sub(/.*\.entry +/, "", entry)
    sub(/[^A-Za-z0-9_].*/, "", entry)
    counted[entry, target] = 1
  } else if (/\.func /) {
    entry = ""
  }
  if (entry != "" && /(^|[ \t])(ld|st)\.[a-z.]*global[A-Za-z0-9_.:]*\.(v4\.[fbus]32|v2\.[fbus]64)/) {
    if (/(^|[ \t])ld\./) loads_of[entry, target]++
    else stores_of[entry, target]++
  }
  next
}

/Compiling entry function/ {
  split($0, quoted, "'")
  kernel = quoted[2]
  arch = quoted[4]
  stack = stores = loads = 0
}

/bytes stack frame/ && kernel != "" {
  stack = $1
  for (i = 1; i <= NF; i++) {
    if ($(i + 2) == "spill" && $(i + 3) ~ /^stores/) stores = $i
    if ($(i + 2) == "spill" && $(i + 3) ~ /^loads/) loads = $i
  }
}

/Used [0-9]+ registers/ && kernel != "" {
  shared = 0
  for (i = 1; i <= NF; i++) {
    if ($i == "Used") registers = $(i + 1)
    if ($(i + 1) == "bytes" && $(i + 2) ~ /^smem/) shared = $i
  }
  from = (kernel, arch) in counted ? arch : base
  wide_loads = loads_of[kernel, from] + 0
  wide_stores = stores_of[kernel, from] + 0
  print kernel, arch, registers, shared, stack, stores, loads, wide_loads, wide_stores, file
  if (stores + loads > 0 && !allowed)
    fail("kernel " kernel " spills on " arch " (" stores " bytes stored, " loads " loaded); fix it or say why in the header: SPILLS ALLOWED: reason")
  for (i = 1; i <= rules; i++) {
    if (kernel !~ pattern[i]) continue
    met[i] = 1
    if (wide_loads < least_loads[i] || wide_stores < least_stores[i])
      fail("kernel " kernel " has " wide_loads " loads and " wide_stores " stores of 16 bytes on " arch ", its header's WIDE line says " \
        least_loads[i] " and " least_stores[i] "; use ptx_ld_global_f32x4 and ptx_st_global_f32x4, which are not split, or change the line")
  }
  kernel = ""
}

END {
  for (i = 1; i <= rules; i++)
    if (!met[i]) fail("WIDE names " shown[i] ", which is none of its kernels; correct the line")
  exit failed
}
