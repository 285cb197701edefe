# Turns the output of `nvcc -Xptxas -v` into rows: kernel, architecture, registers, shared bytes, stack bytes, spill stores, spill loads, file.
# Exits 1 and names the kernel when one spills and `allowed` is 0.
BEGIN { FS = " "; OFS = "\t" }

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
  print kernel, arch, registers, shared, stack, stores, loads, file
  if (stores + loads > 0 && !allowed) {
    printf "%s: kernel %s spills on %s (%d bytes stored, %d loaded); fix it or say why in the header: SPILLS ALLOWED: reason\n", \
      file, kernel, arch, stores, loads > "/dev/stderr"
    failed = 1
  }
  kernel = ""
}

END { exit failed }
