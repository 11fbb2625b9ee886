"""Balances the sounds of a scene: who is who, levels by kind, ducking under speech, loudness and true peak. Every move is data.

    kinds        dialogue, music, effects, ambience: which one a sound is
    presets      levels and ducks by kind, the loudness target: TOML files
    sources      the sounds of a scene as files, and their samples
    speech       when someone speaks
    analysis     what the plan needs to know of each sound
    planner      the plan: a gain curve for each sound (`plan`, `gain_curve`)
    render       the mix and its stems, block by block
    mix_files    all of it in a process of its own

Nothing here depends on a host: Blender writes the curves as keys, OpenTimelineIO as metadata, the command renders them.
"""
