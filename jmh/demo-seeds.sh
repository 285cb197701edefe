#!/usr/bin/env bash
# Low-bit weights of the demo seed by seed: the loss increase foretold and measured, and the difference to the uniform plan.
#   jmh/demo-seeds.sh 0 1 2 3 4 > jmh/results/demo-seeds.txt
# Three minutes a seed on two cores. The demo's text is the project's own, so the numbers move with the tree.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for seed in "${@:-0}"; do
  "${SAGITTA:-$root/sagitta}" demo --seed "$seed" --out "$work" > "$work/demo.log"
  echo "seed $seed"
  sed -n '/^bits by/,/^Increase/{/^Increase/!p}' "$work/demo.log"
  echo
done
