"""The styles of the music engine: tempos, chord progressions, patterns and instruments.

Data only. A pattern is one bar of sixteenth notes, one character each; `.` is a rest, `-` holds the note before it.

- Chords: `x X` strike the whole chord; a digit plays one of its voices, counted from the lowest.
- Bass: `r 3 5 8` are the root, third, fifth and octave of the chord; `a` approaches the next root by a step.

A progression has one word per bar; a comma separates two chords in a bar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Progressions = tuple[tuple[str, ...], tuple[str, ...]]
"""Alternatives for the A parts, and for the B parts."""


@dataclass(frozen=True, slots=True)
class Style:
    """A style of music.

    Attributes:
        tempo_range: usual tempos, beats per minute.
        energy: 0 to 1.
        major: progressions in major.
        minor: progressions in minor.
        comp: patterns of the accompaniment: thin, usual, full.
        bass: patterns of the bass: thin, usual, full.
        groove: kind of the drums' patterns, one of `grooves.GROOVES`.
        kit: drum kit, one of `drums.KITS`.
        instruments: instruments of each role, in order of preference.
        melody_rhythm: one of MELODY_RHYTHMS.
        beats_per_bar: 3 or 4.
        swing: position of the second eighth in the beat; 0.5 is straight.
        swing16: position of the second sixteenth in the eighth; 0.5 is straight.
        reverb_level: 0 to 1.
        reverb_seconds: reverberation time.
        timing_spread_seconds: standard deviation of the timing of notes.
        treble: lift of the treble of the pitched instruments, see `dsp.add_treble`.
        percussion_db: level of the percussion, relative to that of a kit with a kick drum.
        mode: mode when neither prompt nor mood has one.
    """

    tempo_range: tuple[float, float]
    energy: float
    major: Progressions
    minor: Progressions
    comp: tuple[str, ...]
    bass: tuple[str, ...]
    groove: str
    kit: str
    instruments: Mapping[str, tuple[str, ...]]
    melody_rhythm: str
    beats_per_bar: int = 4
    swing: float = 0.5
    swing16: float = 0.5
    reverb_level: float = 0.3
    reverb_seconds: float = 1.4
    timing_spread_seconds: float = 0.004
    treble: float = 0.0
    percussion_db: float = 0.0
    mode: str = "major"


_POP_MAJOR: Progressions = (("I V vi IV", "I vi IV V", "I IV vi V"), ("vi IV I V", "IV V iii vi", "IV I V vi"))
_POP_MINOR: Progressions = (
    ("i VI III VII", "i iv VI VII", "i VII VI VII"),
    ("VI VII i III", "iv VI i VII", "VI III iv VII"),
)
_FILM_MAJOR: Progressions = (
    ("I V vi iii", "I iii IV Isus4,I", "I IV vi V"),
    ("vi IV I V", "IV V vi IV", "IV iii vi V"),
)
_FILM_MINOR: Progressions = (("i VI III VII", "i iv VI V", "i VI iv v"), ("VI VII i III", "iv VI i V", "VI III VII i"))
_SEVENTHS_MAJOR: Progressions = (
    ("Imaj7 vi7 ii7 V7", "iii7 vi7 ii7 V7", "Imaj9 IVmaj7 iii7 vi7"),
    ("IVmaj7 iii7 ii7 Imaj7", "ii9 V9 Imaj9 vi7", "IVmaj7 V7 iii7 vi7"),
)
_SEVENTHS_MINOR: Progressions = (
    ("i7 iv7 VIImaj7 IIImaj7", "i9 VImaj7 iih7 V7", "i7 VImaj7 iv7 V7"),
    ("iv9 VII9 IIImaj7 VImaj7", "VImaj7 V7 i9 i7", "iv7 i7 iih7 V7"),
)

STYLES: dict[str, Style] = {
    "cinematic": Style(
        tempo_range=(78, 112),
        energy=0.65,
        major=_FILM_MAJOR,
        minor=_FILM_MINOR,
        comp=("X---------------", "0-1-2-1-3-2-1-2-", "X.xxX.xxX.xxX.xx"),
        bass=("r---------------", "r-------r-------", "r.r.r.r.r.r.r.r."),
        groove="drums of war",
        kit="orchestral",
        instruments={
            "bass": ("low strings", "cello"),
            "comp": ("spiccato", "piano"),
            "pad": ("strings", "choir"),
            "lead": ("brass", "violin", "piano"),
        },
        melody_rhythm="broad",
        treble=1.3,
        reverb_level=0.45,
        reverb_seconds=2.4,
        mode="minor",
    ),
    "suspense": Style(
        tempo_range=(84, 108),
        energy=0.45,
        major=(("I bVI I iv", "I I iv I"), ("bVI iv I I", "iv bVI I I")),
        minor=(("i i VI i", "i i iv V", "i VI i #viio"), ("VI i iv V", "iv i VI V")),
        comp=("X---------------", "0.0.1.0.2.0.1.0.", "0000100020003010"),
        bass=("r---------------", "r---------------", "r-----r-r-------"),
        groove="ticking",
        kit="orchestral",
        instruments={
            "bass": ("drone", "low strings"),
            "comp": ("spiccato", "pizzicato"),
            "pad": ("strings", "pad"),
            "lead": ("music box", "piano", "cello"),
        },
        melody_rhythm="sparse",
        treble=0.8,
        reverb_level=0.45,
        reverb_seconds=2.4,
        mode="minor",
    ),
    "ambient": Style(
        tempo_range=(60, 76),
        energy=0.15,
        major=(
            ("Imaj9 IVmaj9 Imaj9 vi9", "Iadd9 vi7 IVmaj9 Isus2", "Imaj9 iii7 IVmaj9 IVmaj9"),
            ("IVmaj9 vi9 Imaj9 V6", "vi9 IVmaj9 ii9 IVmaj9"),
        ),
        minor=(("i9 VImaj9 i9 iv9", "iadd9 VImaj7 IIImaj9 VII6"), ("VImaj9 iv9 i9 VII6", "iv9 VImaj9 IIImaj7 VIImaj7")),
        comp=("0-------2-------", "0-----2---1---3-", "0---2---3-1---2-"),
        bass=("r---------------", "r---------------", "r---------------"),
        groove="faint",
        kit="lo-fi",
        instruments={
            "bass": ("drone", "sub bass"),
            "comp": ("electric piano", "harp"),
            "pad": ("pad", "strings"),
            "lead": ("bells", "flute", "piano"),
        },
        melody_rhythm="sparse",
        treble=1.2,
        reverb_level=0.6,
        reverb_seconds=3.0,
    ),
    "classical": Style(
        tempo_range=(72, 104),
        energy=0.4,
        major=(("I IV V I", "I vi ii V", "I V vi iii"), ("vi ii V I", "IV I ii V", "IV V I vi")),
        minor=(("i iv V i", "i VI iv V", "i iv VII III"), ("VI III iv V", "iv VII III VI", "III VII i V")),
        comp=("X-------X-------", "0-2-1-2-0-2-1-2-", "0-1-2-3-2-1-2-1-"),
        bass=("r---------------", "r-------5-------", "r-------3---5---"),
        groove="none",
        kit="orchestral",
        instruments={
            "bass": ("cello", "low strings"),
            "comp": ("piano", "harp"),
            "pad": ("strings",),
            "lead": ("violin", "flute", "clarinet"),
        },
        melody_rhythm="flowing",
        treble=1.5,
        reverb_level=0.4,
        reverb_seconds=1.9,
        timing_spread_seconds=0.007,
    ),
    "waltz": Style(
        tempo_range=(132, 168),
        energy=0.45,
        major=(("I I ii V", "I vi ii V", "I IV V I"), ("vi ii V I", "IV I V I")),
        minor=(("i i iv V", "i VI iv V"), ("iv i V i", "VII III iv V")),
        comp=("....x-..x-..", "....X-..x-..", "....X-x-x-.."),
        bass=("r---........", "r---....5-..", "r---5---3---"),
        groove="waltz",
        kit="orchestral",
        instruments={
            "bass": ("cello", "upright bass"),
            "comp": ("piano", "guitar"),
            "pad": ("strings",),
            "lead": ("violin", "clarinet", "flute"),
        },
        melody_rhythm="waltz",
        beats_per_bar=3,
        treble=1.0,
        reverb_level=0.38,
        reverb_seconds=1.8,
        timing_spread_seconds=0.006,
    ),
    "jazz": Style(
        tempo_range=(108, 168),
        energy=0.5,
        major=(
            ("ii7 V7 Imaj7 vi7", "Imaj7 vi7 ii7 V7", "iii7,vi7 ii7,V7 Imaj7 Imaj7"),
            ("IVmaj7 iv7 iii7 vi7", "ii7 V7 iii7 vi7", "IVmaj7 V7 iii7,vi7 ii7,V7"),
        ),
        minor=(
            ("i7 iih7,V7 i7 i7", "iv7 VII7 IIImaj7 VImaj7", "i6 VImaj7 iih7 V7"),
            ("iv7 i7 iih7 V7", "iv7 VII7 IIImaj7 V7"),
        ),
        comp=("x-........x-....", "X-....x-........", "X-....x-....x-.."),
        bass=("r-------5-------", "r---3---5---a---", "r---3---5---a---"),
        groove="swing",
        kit="brushes",
        instruments={
            "bass": ("upright bass",),
            "comp": ("piano", "clean guitar", "electric piano"),
            "pad": (),
            "lead": ("saxophone", "trumpet", "vibraphone", "piano"),
        },
        melody_rhythm="swinging",
        swing=0.66,
        treble=0.3,
        percussion_db=-6.0,
        reverb_level=0.22,
        reverb_seconds=1.0,
        timing_spread_seconds=0.007,
    ),
    "house": Style(
        tempo_range=(118, 126),
        energy=0.85,
        major=(("vi7 IVmaj7 Imaj7 V", "Imaj7 iii7 vi7 IVmaj7"), ("IVmaj7 V vi7 iii7", "ii7 vi7 IVmaj7 V")),
        minor=(("i7 VImaj7 IIImaj7 VII", "i7 v7 VImaj7 iv7"), ("VImaj7 VII i7 v7", "iv7 i7 VImaj7 VII")),
        comp=("X---------------", "..x..x....x..x..", "X..x..x.X..x..x."),
        bass=("r---------------", "..r...r...r...r.", "..rr..r8..rr..r8"),
        groove="four on the floor",
        kit="electronic",
        instruments={
            "bass": ("synth bass", "sub bass"),
            "comp": ("synth stab", "electric piano"),
            "pad": ("pad",),
            "lead": ("synth", "synth pluck"),
        },
        melody_rhythm="syncopated",
        swing16=0.53,
        treble=1.4,
        reverb_level=0.25,
        reverb_seconds=1.2,
        timing_spread_seconds=0.001,
    ),
    "synthwave": Style(
        tempo_range=(92, 112),
        energy=0.7,
        major=_POP_MAJOR,
        minor=_POP_MINOR,
        comp=("X---------------", "0123012301230123", "0123210301232103"),
        bass=("r---------------", "r-r-r-r-r-r-r-r-", "rr8rrr8rrr8rrr8r"),
        groove="backbeat",
        kit="gated",
        instruments={
            "bass": ("synth bass",),
            "comp": ("synth pluck",),
            "pad": ("pad",),
            "lead": ("synth", "square synth"),
        },
        melody_rhythm="broad",
        treble=0.3,
        reverb_level=0.35,
        reverb_seconds=1.8,
        timing_spread_seconds=0.001,
        mode="minor",
    ),
    "hip hop": Style(
        tempo_range=(84, 96),
        energy=0.6,
        major=(("Imaj7 vi7 ii7 V", "vi7 IVmaj7 Imaj7 V"), ("IVmaj7 iii7 vi7 V", "ii7 vi7 IVmaj7 V")),
        minor=(("i VI iv V", "i7 iv7 VImaj7 VII", "i VII VI VI"), ("VI VII i i", "iv7 VImaj7 i7 VII")),
        comp=("X---------------", "X-----x-....x-..", "X--x--x-....x-x-"),
        bass=("r---------------", "r-----r...r-----", "r-----r..r--r-8-"),
        groove="half time",
        kit="808",
        instruments={
            "bass": ("sub bass", "synth bass"),
            "comp": ("piano", "electric piano"),
            "pad": ("strings", "pad"),
            "lead": ("bells", "flute", "synth"),
        },
        melody_rhythm="syncopated",
        swing16=0.56,
        treble=1.2,
        reverb_level=0.22,
        reverb_seconds=1.1,
        timing_spread_seconds=0.005,
        mode="minor",
    ),
    "lo-fi": Style(
        tempo_range=(70, 84),
        energy=0.35,
        major=_SEVENTHS_MAJOR,
        minor=_SEVENTHS_MINOR,
        comp=("X---------------", "X-----x-----x---", "X--x--x---x-x---"),
        bass=("r---------------", "r-----5---r-----", "r-----r-5-----a-"),
        groove="half time",
        kit="lo-fi",
        instruments={
            "bass": ("upright bass", "sub bass"),
            "comp": ("electric piano", "clean guitar"),
            "pad": ("pad",),
            "lead": ("vibraphone", "clean guitar", "flute"),
        },
        melody_rhythm="sparse",
        swing16=0.6,
        reverb_level=0.28,
        reverb_seconds=1.2,
        timing_spread_seconds=0.009,
    ),
    "rock": Style(
        tempo_range=(112, 144),
        energy=0.9,
        major=(("I5 V5 vi5 IV5", "I5 IV5 I5 V5", "I5 bVII5 IV5 I5"), ("IV5 V5 I5 vi5", "vi5 IV5 I5 V5")),
        minor=(("i5 VI5 III5 VII5", "i5 VII5 VI5 VII5", "i5 i5 VI5 VII5"), ("VI5 VII5 i5 III5", "iv5 VI5 VII5 VII5")),
        comp=("0---------------", "0-0-0-0-0-0-0-0-", "0-000-000-000-00"),
        bass=("r---------------", "r-r-r-r-r-r-r-r-", "r-r-r-r-r-r-5-a-"),
        groove="backbeat",
        kit="acoustic",
        instruments={
            "bass": ("bass",),
            "comp": ("electric guitar", "clean guitar"),
            "pad": ("organ",),
            "lead": ("lead guitar", "clean guitar"),
        },
        melody_rhythm="syncopated",
        reverb_level=0.18,
        reverb_seconds=1.0,
        timing_spread_seconds=0.004,
    ),
    "pop": Style(
        tempo_range=(98, 120),
        energy=0.65,
        major=_POP_MAJOR,
        minor=_POP_MINOR,
        comp=("X---------------", "X---x---x---x---", "X-..x-x-..x-x-x-"),
        bass=("r---------------", "r-----r-r-----5-", "r-r-r-r-r-r-5-a-"),
        groove="backbeat",
        kit="acoustic",
        instruments={
            "bass": ("bass",),
            "comp": ("piano", "guitar"),
            "pad": ("pad", "strings"),
            "lead": ("synth pluck", "bells", "clean guitar"),
        },
        melody_rhythm="syncopated",
        treble=0.5,
        reverb_level=0.22,
        reverb_seconds=1.2,
    ),
    "folk": Style(
        tempo_range=(88, 112),
        energy=0.4,
        major=(("I IV I V", "I V vi IV", "I IV vi V"), ("IV I IV V", "vi IV I V")),
        minor=(("i VII VI VII", "i III VII i", "i VI III VII"), ("III VII i VI", "VI VII i i")),
        comp=("X-------x-------", "0-2-1-3-0-2-1-3-", "X---x-x-..x-x-x-"),
        bass=("r---------------", "r-------5-------", "r---5---r---5---"),
        groove="light",
        kit="acoustic",
        instruments={
            "bass": ("upright bass",),
            "comp": ("guitar",),
            "pad": ("strings",),
            "lead": ("flute", "violin", "clean guitar"),
        },
        melody_rhythm="flowing",
        treble=0.3,
        reverb_level=0.22,
        reverb_seconds=1.2,
        timing_spread_seconds=0.008,
    ),
    "latin": Style(
        tempo_range=(112, 136),
        energy=0.5,
        major=_SEVENTHS_MAJOR,
        minor=_SEVENTHS_MINOR,
        comp=("X-------x-------", "x-..x-..x...x-x-", "X-.x-.x-..x-.x-."),
        bass=("r-------5-------", "r-----5-5-----r-", "r-----5-5-----a-"),
        groove="latin",
        kit="latin",
        instruments={
            "bass": ("upright bass", "bass"),
            "comp": ("guitar", "piano"),
            "pad": (),
            "lead": ("flute", "trumpet", "vibraphone"),
        },
        melody_rhythm="syncopated",
        treble=0.8,
        reverb_level=0.22,
        reverb_seconds=1.1,
        timing_spread_seconds=0.006,
    ),
    "funk": Style(
        tempo_range=(98, 112),
        energy=0.75,
        major=(("I7 I7 IV7 I7", "I9 I9 IV9 V7sus4"), ("IV9 IV9 I7 V7", "ii7 V7 ii7 V7")),
        minor=(("i7 i7 IV7 i7", "i9 i9 iv7 VII7"), ("iv7 iv7 i7 V7", "VImaj7 V7 i7 i7")),
        comp=("X...............", "..x.x..x..x...x.", "x.xxx..x.xx.x.x."),
        bass=("r-------........", "r--r..8.r..5.3a.", "r.rr..8.r.35.8a."),
        groove="backbeat",
        kit="acoustic",
        instruments={
            "bass": ("bass", "synth bass"),
            "comp": ("clean guitar", "electric piano"),
            "pad": ("organ",),
            "lead": ("brass", "saxophone"),
        },
        melody_rhythm="syncopated",
        swing16=0.54,
        treble=0.3,
        reverb_level=0.15,
        reverb_seconds=0.8,
        timing_spread_seconds=0.004,
    ),
    "quirky": Style(
        tempo_range=(104, 132),
        energy=0.45,
        major=(("I I V V", "I vi ii V", "I IV I V"), ("IV I ii V", "vi iii IV V")),
        minor=(("i i V V", "i iv i V", "i VI iv V"), ("iv i V i", "VI III iv V")),
        comp=("..x...x...x...x.", "..x...x...x...x.", "..x.x.x...x.x.x."),
        bass=("r.......5.......", "r...5...r...5...", "r.3.5.3.r.3.5.a."),
        groove="light",
        kit="latin",
        instruments={
            "bass": ("pizzicato", "upright bass"),
            "comp": ("pizzicato", "marimba"),
            "pad": (),
            "lead": ("clarinet", "marimba", "flute"),
        },
        melody_rhythm="bouncing",
        treble=0.8,
        reverb_level=0.28,
        reverb_seconds=1.2,
        timing_spread_seconds=0.005,
    ),
}

MELODY_RHYTHMS: dict[str, tuple[str, ...]] = {
    "broad": ("x-------x---x---", "x-----------x---", "x-----x-x-------", "x---x---x-------", "x---------x-x-x-"),
    "sparse": ("x---------------", "x-------x-------", "....x-------x---", "x-----------....", "..x-----x-------"),
    "flowing": ("x---x---x---x---", "x-----x-x---x---", "x---x-x-x-------", "x-x-x-x-x---x---", "x-------x-x-x-x-"),
    "syncopated": ("x--x--x-----x---", "x-x---x-x-------", "..x-x-x---x-x---", "x-----x---x-x---", "x--x--x--x--x-x-"),
    "swinging": ("x---x-x---x-x---", "..x-x-x-x-----x-", "x-x-x---....x-x-", "x---x-x-x-x-....", "....x-x-x---x-x-"),
    "bouncing": ("x.x.x...x.x.x...", "x.x.x.x.x...x...", "x...x.x.x...x...", "x.x...x.x.x.....", "x.xxx.x.x...x..."),
    "waltz": ("x-------x---", "x---x---x---", "x-----x-x---", "x-----------", "x---x-x-x---"),
}
"""One-bar rhythms of melodies by character; `x` starts a note."""

DRUM_FILLS: Mapping[str, tuple[str, ...]] = {  # drums in the last sixteenths of a section, one word each
    "acoustic": (
        "snare snare high high mid mid low low",
        "snare . snare high . mid low low",
        "high . mid . low . low low",
    ),
    "brushes": ("snare . snare snare", ". snare . snare", "snare snare . snare high . low ."),
    "electronic": ("clap . clap clap", "snare snare snare snare", ". . clap . clap . clap clap"),
    "808": ("snare . snare snare", "hat hat hat hat", "snare snare . snare"),
    "gated": ("snare . high high mid mid low low", "high high mid mid low low low low", "snare snare snare snare"),
    "lo-fi": ("snare . . snare", "high . mid low", ". snare . snare"),
    "orchestral": ("high high mid mid low low low low", "low . low . low low low low", "low low low low"),
    "latin": ("high high mid low", "high . high mid mid . low low", "mid high mid low"),
}
