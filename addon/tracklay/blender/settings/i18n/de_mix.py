"""German texts of the mix: operators, words, tooltips, and sentences of errors."""

from __future__ import annotations

OPERATORS = {
    "Mix": "Mischen",
    "Clear Mix": "Mischung entfernen",
    "Cancel Mix": "Mischen abbrechen",
}
"""Names of operators and labels of their buttons (the context `Operator`)."""

WORDS = {
    "Mix": "Mischung",
    "Mix Kind": "Art in der Mischung",
    "Kind": "Art",
    "Dialogue": "Dialog",
    "Effects": "Effekte",
    "Ambience": "Atmosphäre",
    "Leave Alone": "Nicht anfassen",
    "Preset": "Vorlage",
    "Preset File": "Vorlagendatei",
    "Film": "Film",
    "Documentary": "Dokumentarfilm",
    "Social": "Soziale Medien",
    "Trailer": "Trailer",
    "File": "Datei",
    "Loudness": "Lautheit",
    "-14 LUFS": "-14 LUFS",
    "-16 LUFS": "-16 LUFS",
    "-23 LUFS": "-23 LUFS",
    "-24 LUFS": "-24 LUFS",
    "Custom": "Eigene",
    "Target": "Ziel",
    "LUFS": "LUFS",
    "True Peak": "True Peak",
    "Own Peak": "Eigener Spitzenwert",
    "Reading": "Lesen",
    "Listening": "Hören",
    "Writing": "Schreiben",
    "Found: {} ({})": "Gefunden: {} ({})",
    "set": "gesetzt",
    "by its name": "am Namen",
    "by its model": "am Modell",
    "someone speaks": "jemand spricht",
    "music plays": "Musik spielt",
    "by its length": "an der Länge",
    "Dialogue {} LU over music": "Dialog {} LU über der Musik",
    "The timeline changed: mix again": "Die Timeline hat sich geändert: neu mischen",
    "and {} more": "und {} weitere",
}
"""Words of the panel, names of properties and items."""

TOOLTIPS = {
    "Balance all sounds by volume keyframes, to the preset's loudness": (
        "Alle Klänge mit Lautstärke-Keyframes auf die Lautheit der Vorlage ausgleichen"
    ),
    "Remove the keyframes of the mix and restore each strip's own volume": (
        "Die Keyframes der Mischung entfernen und die Lautstärke jedes Streifens wiederherstellen"
    ),
    "Stop mixing; nothing is changed": "Mischen anhalten; nichts wird geändert",
    "Kind of this sound in the mix": "Art dieses Klangs in der Mischung",
    "By its model, its name, or what is heard": "Nach Modell, Namen oder dem, was zu hören ist",
    "Speech: all other levels follow it": "Sprache: alle anderen Pegel richten sich danach",
    "Goes down under speech": "Wird unter Sprache leiser",
    "Foley and spot effects: stay under speech": "Geräusche und Einzeleffekte: bleiben unter Sprache",
    "Beds and room tone: go down under speech": "Klangflächen und Raumton: werden unter Sprache leiser",
    "Write no volume keyframes": "Keine Lautstärke-Keyframes schreiben",
    "Levels and ducks": "Pegel und Absenkungen",
    "TOML file with levels and ducks": "TOML-Datei mit Pegeln und Absenkungen",
    "Music stands in the gaps and bows under speech": "Musik steht in den Pausen und weicht der Sprache",
    "Music stays low and returns in long gaps only": "Musik bleibt leise und kommt nur in langen Pausen zurück",
    "Dense, speech in front, fast ducks": "Dicht, Sprache vorn, schnelle Absenkungen",
    "Music and effects as strong as the voice": "Musik und Effekte so stark wie die Stimme",
    "A TOML file of your own": "Eine eigene TOML-Datei",
    "Integrated loudness of the mix": "Integrierte Lautheit der Mischung",
    "Integrated loudness of the mix in LUFS": "Integrierte Lautheit der Mischung in LUFS",
    "The preset's loudness": "Die Lautheit der Vorlage",
    "Streaming and social media": "Streaming und soziale Medien",
    "Podcasts and mobile": "Podcasts und Mobilgeräte",
    "EBU R 128, broadcast in Europe": "EBU R 128, Rundfunk in Europa",
    "ATSC A/85, broadcast in the USA": "ATSC A/85, Rundfunk in den USA",
    "A loudness of your own": "Eine eigene Lautheit",
    "Use another true peak than the preset's": "Einen anderen Spitzenwert als den der Vorlage verwenden",
    "Highest true peak of the mix in dBTP": "Höchster True Peak der Mischung in dBTP",
}
"""Tooltips of operators, properties and items."""

ERRORS = {
    "There is no sound to mix in the frame range of {scene}.": (
        "Im Bildbereich von {scene} gibt es keinen Klang zum Mischen."
    ),
    "The timeline changed while it was mixed. Nothing was written. Mix again.": (
        "Die Timeline hat sich beim Mischen geändert. Nichts wurde geschrieben. Mischen Sie erneut."
    ),
    "None of the sounds can be read. {reason}": "Keiner der Klänge kann gelesen werden. {reason}",
    "All sounds are silent: there is nothing to mix.": "Alle Klänge sind stumm: Es gibt nichts zu mischen.",
    "The mix was cancelled.": "Das Mischen wurde abgebrochen.",
    "Could not mix: {reason}.": "Konnte nicht mischen: {reason}.",
    "No sound has this name: {name}. The sounds are {sounds}.": (
        "Kein Klang hat diesen Namen: {name}. Die Klänge sind {sounds}."
    ),
    "Blender wrote no mixdown: {path}.": "Blender hat keinen Mixdown geschrieben: {path}.",
    "All sounds are silent: they have no loudness.": "Alle Klänge sind stumm: Sie haben keine Lautheit.",
    "No dialogue was found: nothing is ducked, and the loudness target holds for the sounds that there are.": (
        "Kein Dialog gefunden: Nichts wird abgesenkt, und das Lautheitsziel gilt für die vorhandenen Klänge."
    ),
    "{name}: {count} samples are no numbers and play as silence.": (
        "{name}: {count} Samples sind keine Zahlen und sind als Stille zu hören."
    ),
    "{name}: clipped in {count} places. The mix cannot restore what was cut off.": (
        "{name}: an {count} Stellen übersteuert. Die Mischung kann Abgeschnittenes nicht wiederherstellen."
    ),
    (
        "The scene has {seconds:.1f} s: its loudness is measured over {blocks} blocks of 0.4 s; BS.1770 has no short-term"
        " loudness and no loudness range for less than a few windows of 3 s."
    ): (
        "Die Szene hat {seconds:.1f} s: Ihre Lautheit wird über {blocks} Blöcke von 0,4 s gemessen; BS.1770 kennt für weniger"
        " als einige Fenster von 3 s weder Kurzzeitlautheit noch Lautheitsumfang."
    ),
    "{target:g} LUFS needs more than {limit:g} dB of limiting: the mix has {lufs:.1f} LUFS.": (
        "{target:g} LUFS brauchen mehr als {limit:g} dB Begrenzung: Die Mischung hat {lufs:.1f} LUFS."
    ),
    "The sounds that stay as they are take the mix to {lufs:.1f} LUFS.": (
        "Die Klänge, die bleiben, wie sie sind, bringen die Mischung auf {lufs:.1f} LUFS."
    ),
    "{target:g} LUFS is not reached by volume keyframes with peaks below {ceiling:g} dBTP: the mix has {lufs:.1f} LUFS.": (
        "{target:g} LUFS sind mit Lautstärke-Keyframes und Spitzen unter {ceiling:g} dBTP nicht zu erreichen: Die Mischung hat"
        " {lufs:.1f} LUFS."
    ),
    "Its volume has a driver. It stays as it is.": "Die Lautstärke hat einen Treiber. Sie bleibt, wie sie ist.",
    "Its volume curve has modifiers. It stays as it is.": (
        "Die Lautstärkekurve hat Modifikatoren. Sie bleibt, wie sie ist."
    ),
    "Its volume has keyframes of yours. It stays as it is.": (
        "Die Lautstärke hat Ihre eigenen Keyframes. Sie bleibt, wie sie ist."
    ),
    "Its volume has keyframes of yours. It keeps its level, and is only ducked, where they hold one volume for 2 s.": (
        "Die Lautstärke hat Ihre eigenen Keyframes. Der Pegel bleibt; abgesenkt wird nur, wo sie 2 s lang dieselbe Lautstärke"
        " halten."
    ),
    "It has no sound.": "Kein Klang vorhanden.",
    "Its sound is packed into the .blend file. Unpack it to mix it.": (
        "Der Klang ist in die .blend-Datei gepackt. Entpacken Sie ihn, um ihn zu mischen."
    ),
    "It is retimed. Render it to a file to mix it.": (
        "Der Streifen hat ein geändertes Tempo. Rendern Sie ihn in eine Datei, um ihn zu mischen."
    ),
}
"""Sentences of errors."""
