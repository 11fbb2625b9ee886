"""Ranges of recordings for each class of sounds: what a synthesised sound is held against.

Each range is from the 10th to the 90th percentile of the recordings, rounded outwards, measured by
`sound_measures.measure_sound`. The recordings are public (game assets, drum kits, three development clips of research
repositories); none of them is in this repository.
"""

from __future__ import annotations

from typing import Final, NamedTuple

MOD_SOUNDS = "AntumMT/mod-sounds"
CLONK = "OpenClonk"
CDDA = "CDDA-Soundpacks"
DIRT = "Dirt-Samples"
MOODIST = "remvze/moodist"
OPENSFX = "OpenSFX"


class SoundRange(NamedTuple):
    """The ranges of one class.

    Attributes:
        recordings: how many were measured.
        attack_ms: low and high.
        centroid_hz: low and high.
        decay_ms: low and high.
        sources: packages and files of the recordings.
    """

    recordings: int
    attack_ms: tuple[int, int]
    centroid_hz: tuple[int, int]
    decay_ms: tuple[int, int]
    sources: str


SOUND_RANGES: Final = {
    "food": SoundRange(14, (4, 18), (690, 900), (210, 430), "a knife through a cabbage (CondFoleyGen, chopping.mp4)"),
    "flesh": SoundRange(
        39,
        (4, 55),
        (240, 4100),
        (78, 310),
        f"{MOD_SOUNDS} melee_hit, {CLONK} hits, {CDDA} flesh, Wesnoth fist, FreeDink punch",
    ),
    "cloth": SoundRange(9, (5, 190), (1300, 3200), (60, 450), f"{CLONK} Rustle and SoftTouch, {CDDA} curtain"),
    "paper": SoundRange(3, (35, 140), (910, 2900), (140, 200), "KPatience cards, FreedroidRPG drop_book"),
    "plastic": SoundRange(
        8, (1, 44), (270, 3600), (60, 180), f"{CDDA} smash_fail and smash_success plastic, foobillardplus balls"
    ),
    "metal_damped": SoundRange(
        28,
        (2, 26),
        (330, 8000),
        (81, 320),
        f"{MOD_SOUNDS} node_*_metal and pistol_cock, {CLONK} DullMetalHit and MetalHit, {CDDA} steps on metal, Tux Paint hammer",
    ),
    "metal_ringing": SoundRange(
        25,
        (3, 34),
        (640, 5500),
        (96, 500),
        f"{DIRT} metal, {MOD_SOUNDS} bicycle_bell, {CLONK} Clang, Hydrogen cowbells, Wesnoth sword and mace",
    ),
    "glass": SoundRange(
        29,
        (1, 21),
        (1000, 5200),
        (43, 190),
        f"{DIRT} glasstap and bottle, {CLONK} GlassHit, {CDDA} smash_fail glass, {MOD_SOUNDS} node_step_glass",
    ),
    "glass_break": SoundRange(
        15,
        (2, 16),
        (3400, 8500),
        (130, 870),
        f"minetest_game default_break_glass, {CLONK} GlassBreak, {CDDA} smash_success glass, FreedroidRPG Glass_Break",
    ),
    "ceramic": SoundRange(
        6, (4, 25), (1500, 3900), (98, 470), f"{CDDA} smash_fail (one hit) and smash_success ceramic (five)"
    ),
    "wood_small": SoundRange(
        17,
        (2, 12),
        (510, 3000),
        (37, 290),
        f"Hydrogen side sticks, LMMS clav and wood, {MOD_SOUNDS} node_step_wood, a stick on a table (CondFoleyGen)",
    ),
    "wood_large": SoundRange(
        18,
        (2, 37),
        (320, 2300),
        (48, 210),
        f"{MOD_SOUNDS} node_dig_choppy, {CLONK} Chop and WoodHit, Wesnoth axe and club",
    ),
    "wood_hollow": SoundRange(
        9, (3, 77), (86, 1300), (120, 230), f"{MOD_SOUNDS} door_knock, minetest_game chest, {CDDA} blows on a door"
    ),
    "stone": SoundRange(
        27,
        (1, 22),
        (290, 1800),
        (21, 270),
        f"{MOD_SOUNDS} node_dig_cracky, {CLONK} RockHit, {CDDA} steps on rock and concrete",
    ),
    "gravel": SoundRange(
        19, (1, 26), (1100, 7300), (91, 250), f"{MOD_SOUNDS} node_step_gravel, {CDDA} steps on gravel"
    ),
    "soil": SoundRange(
        16, (4, 41), (250, 4800), (57, 330), f"{MOD_SOUNDS} node_step_dirt, {CLONK} Dig, {CDDA} steps on dirt"
    ),
    "water": SoundRange(
        26, (3, 110), (500, 6100), (120, 680), f"{CLONK} Splash, {MOD_SOUNDS} node_step_water, {CDDA} steps in water"
    ),
    "snow": SoundRange(5, (11, 77), (200, 600), (90, 220), f"{MOD_SOUNDS} node_step_snow"),
    "leaves": SoundRange(
        22, (23, 250), (380, 9500), (67, 490), f"{MOD_SOUNDS} leaves and node_step_grass, {CDDA} steps in long grass"
    ),
    "shot": SoundRange(
        27,
        (2, 51),
        (610, 3400),
        (98, 640),
        f"a rifle outdoors (SpecVQGAN, video_00819.mp4), {MOD_SOUNDS} pistol_fire and rifle_fire, {CLONK} GunShoot, {CDDA} outdoor rifle",
    ),
    "explosion": SoundRange(
        18,
        (2, 38),
        (86, 400),
        (240, 1100),
        f"{MOD_SOUNDS} explosion, {CLONK} Blast, minetest_game tnt_explode, Wesnoth explosion",
    ),
    "thunder": SoundRange(8, (7, 110), (200, 730), (250, 1400), f"{MOD_SOUNDS} thunder, {CLONK} Thunder"),
    "kick_drum": SoundRange(9, (8, 17), (54, 160), (110, 630), f"Hydrogen GMRockKit, LMMS, {DIRT} gretsch, Sonic Pi"),
    "snare": SoundRange(10, (2, 4), (480, 1200), (100, 160), f"Hydrogen GMRockKit, LMMS, {DIRT} gretsch, Sonic Pi"),
    "hihat": SoundRange(13, (2, 10), (7100, 11000), (45, 110), f"Hydrogen GMRockKit, LMMS, {DIRT} gretsch, Sonic Pi"),
    "cymbal": SoundRange(10, (5, 26), (1100, 7200), (800, 1500), "Hydrogen GMRockKit, LMMS, Scratch, Sonic Pi"),
    "tom": SoundRange(22, (3, 8), (130, 230), (380, 1300), f"Hydrogen GMRockKit, {DIRT} gretsch, Sonic Pi"),
    "clap": SoundRange(7, (2, 15), (1500, 2700), (67, 140), "Hydrogen GMRockKit, LMMS, Scratch"),
    "door": SoundRange(
        17,
        (3, 81),
        (170, 1600),
        (73, 360),
        f"{MOD_SOUNDS} door_close, minetest_game doors, {CLONK} DoorClose, {CDDA} doors of wood, metal and cars",
    ),
    "switch": SoundRange(
        13, (3, 5), (4000, 8400), (5, 81), f"{CLONK} SwitchFlip and Click, {DIRT} clak, {MOD_SOUNDS} pistol_fire_dry"
    ),
    "lock": SoundRange(10, (2, 20), (1600, 9700), (25, 350), f"{MOD_SOUNDS} pistol_cock, {CLONK} Lock and DoorUnlock"),
    "shutter": SoundRange(
        1, (3, 12), (3000, 8500), (28, 120), f"{CDDA} camera_shutter: a single recording, within a factor of two"
    ),
    "scrape": SoundRange(10, (7, 230), (760, 8800), (83, 590), f"{MOD_SOUNDS} scrape and shears"),
    "roll": SoundRange(4, (7, 23), (320, 740), (190, 800), f"minetest_game carts, {CLONK} Roll"),
    "squeak": SoundRange(
        14, (4, 200), (2000, 4500), (70, 500), f"{MOD_SOUNDS} door_creak and chalk_screech, {CLONK} HingeCreak, Scratch"
    ),
    "engine": SoundRange(
        5, (15, 250), (78, 1300), (780, 2300), f"{MOD_SOUNDS} car_motor and vehicle_motor_idle, {CLONK} SteamEngine"
    ),
    "bark": SoundRange(
        11, (27, 62), (710, 2200), (49, 280), f"a dog (SparseSync, 3qesirWAGt4), {MOD_SOUNDS} dog_bark, Scratch"
    ),
    "meow": SoundRange(4, (100, 190), (1300, 2300), (240, 530), f"{MOD_SOUNDS} cat_meow, Scratch"),
    "bird": SoundRange(21, (2, 44), (2100, 3700), (8, 49), f"{MOD_SOUNDS} bird and canary, {DIRT} birds3, Scratch"),
    "growl": SoundRange(
        17,
        (12, 200),
        (390, 1100),
        (190, 1100),
        f"{MOD_SOUNDS} tiger_snarl and leopard_growl, {CLONK} Growl, Wesnoth wolf-growl",
    ),
    "breath": SoundRange(8, (7, 210), (1000, 2200), (180, 800), f"{CLONK} Breathing, {CDDA} breathing, LMMS breath"),
    "scream": SoundRange(14, (49, 180), (910, 2200), (200, 1100), f"{CLONK} Scream, {CDDA} screams, Scratch, Wesnoth"),
    "voice": SoundRange(16, (13, 140), (420, 2600), (65, 520), f"{CLONK} short exclamations"),
    "whoosh": SoundRange(
        12, (9, 43), (420, 2200), (34, 190), f"{MOD_SOUNDS} woosh, {CLONK} WeaponSwing, Sonic Pi swoosh, Wesnoth misses"
    ),
    "horn_car": SoundRange(
        3, (46, 170), (550, 3600), (100, 160), f"{MOD_SOUNDS} vehicle_horn, {OPENSFX} modern car horn"
    ),
    "horn_ship": SoundRange(
        3, (1, 110), (430, 670), (260, 1600), f"{OPENSFX} ship and ferry horn, Simutrans boat-horn"
    ),
    "horn_train": SoundRange(
        1, (12, 27), (400, 920), (270, 630), f"{OPENSFX} train departure: a single recording, within a factor of 1.5"
    ),
    "siren": SoundRange(6, (4, 250), (940, 1700), (130, 240), f"six wails of an ambulance ({MOODIST})"),
    "alarm": SoundRange(
        2, (2, 8), (4300, 8200), (22, 120), f"{MOODIST} alarm, alarm-clock-elapsed of the freedesktop sound theme"
    ),
    "beep": SoundRange(
        3, (5, 18), (1000, 1700), (28, 65), f"{OPENSFX} beep and Morse, bell of the freedesktop sound theme"
    ),
    "whistle_pea": SoundRange(
        1, (25, 57), (1800, 4100), (360, 820), f"{MOD_SOUNDS} whistle: a single recording, within a factor of 1.5"
    ),
    "whistle_steam": SoundRange(
        3, (210, 250), (490, 770), (170, 830), f"{MOD_SOUNDS} train_whistle, {OPENSFX} factory whistle and steam train"
    ),
    "bell_large": SoundRange(
        13, (11, 250), (860, 1800), (160, 2200), f"strokes of {MOD_SOUNDS} church_bells and Simutrans crossing"
    ),
    "bell_small": SoundRange(
        3,
        (1, 250),
        (4300, 6200),
        (480, 650),
        f"{MOD_SOUNDS} bicycle_bell and doorbell_03, complete of the freedesktop sound theme",
    ),
    "bell_electric": SoundRange(
        3,
        (16, 58),
        (430, 3500),
        (550, 1100),
        f"{OPENSFX} level crossing, telephones of the freedesktop and Oxygen sound themes",
    ),
    "chime": SoundRange(2, (9, 62), (1100, 1200), (1500, 1700), f"{MOD_SOUNDS} doorbell_01 and 02"),
}
"""Class to its ranges."""

WITHOUT_RECORDINGS: Final = ("cardboard", "leather", "rubber", "whip", "zipper", "heartbeat", "whistle_kettle")
"""Classes of which no free recording was found; they are held by their neighbours only."""
