#!/usr/bin/env bash
# Renders a film with sound on a farm, in two jobs: the first generates the sound on one machine with network access, the second
# renders frames on all others and only lays the finished takes.
#
#   scripts/examples/render_farm_two_stage.sh sound film.blend                 # first, once
#   scripts/examples/render_farm_two_stage.sh frames film.blend 1 50           # then, once for each range of frames
set -euo pipefail
render=$(dirname "$0")/../render_with_sound.py
blender=${BLENDER:-blender}
case $1 in
  sound) # generate and record the takes beside the film, without rendering
    "$blender" -b "$2" --python "$render" -- --on-failure stop
    ;;
  frames) # recorded takes cost nothing: a cap of 0 refuses to generate others
    "$blender" -b "$2" --python "$render" -- --on-failure stop --max-cost 0 -s "$3" -e "$4" -a
    ;;
  *)
    echo "Usage: $0 sound FILE | frames FILE START END" >&2
    exit 2
    ;;
esac
