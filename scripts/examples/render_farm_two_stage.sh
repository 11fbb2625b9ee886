#!/usr/bin/env bash
# A film on a farm as two jobs: first its sound, on one machine that may reach the network, then frames on all the others, which
# only lay what was made. Give it a .blend, and the frames that this machine renders.
#
#   scripts/examples/render_farm_two_stage.sh sound film.blend                 # first, once
#   scripts/examples/render_farm_two_stage.sh frames film.blend 1 50           # then, one for each part
set -euo pipefail
render=$(dirname "$0")/../render_with_sound.py
blender=${BLENDER:-blender}
case $1 in
  sound) # made, put on record beside the film, not rendered
    "$blender" -b "$2" --python "$render" -- --on-failure stop
    ;;
  frames) # what is on record costs nothing: a cap of 0 refuses to make what is not
    "$blender" -b "$2" --python "$render" -- --on-failure stop --max-cost 0 -s "$3" -e "$4" -a
    ;;
  *)
    echo "say sound or frames: see the top of $0" >&2
    exit 2
    ;;
esac
