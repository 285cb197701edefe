#!/usr/bin/env bash
# Held-out loss and accuracy with exact and with compressed activations, seed by seed, through the command line.
#   jmh/convergence.sh --text FILE 4 1000 > jmh/results/convergence-text.jsonl
#   jmh/convergence.sh --idx DIR auto:2 1000 > jmh/results/convergence-idx.jsonl
# Arguments: data option, its value, activation bits, steps. One JSON object per line: seed, activationBits, loss, accuracy, examples.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
option=$1 value=$2 bits=$3 steps=$4
model=mlp rate=1e-3
[ "$option" = --text ] && model=char-mlp rate=2e-3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for seed in 1 2 3 4 5; do
  for policy in none "$bits"; do
    "$root/sagitta" train --model "$model" "$option" "$value" --steps "$steps" --batch 128 --lr "$rate" --optimizer adamw \
      --activation-bits "$policy" --seed "$seed" --out "$work/c.safetensors" > "$work/train.log"
    result=$("$root/sagitta" eval --checkpoint "$work/c.safetensors" "$option" "$value" --seed "$seed" --json -)
    printf '{"seed": %s, "activationBits": "%s", "result": %s}\n' "$seed" "$policy" "$(tr -d '\n' <<< "$result")"
  done
done
