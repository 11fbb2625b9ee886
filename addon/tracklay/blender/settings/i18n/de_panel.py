"""German texts of the list of cues, of hearing takes, of estimates and of the first steps, by context as in `de`."""

from __future__ import annotations

OPERATORS = {
    "Add a Key": "Schlüssel hinzufügen",
    "Ask for More": "Mehr anfordern",
    "End Solo": "Solo beenden",
    "Fade Take": "Take ein- und ausblenden",
    "Help": "Hilfe",
    "Hide": "Ausblenden",
    "Keep All": "Alle behalten",
    "Loop": "Schleife",
    "Loop Cue": "Cue in Schleife",
    "Nudge Earlier by a Frame": "Ein Frame früher",
    "Nudge Later by a Frame": "Ein Frame später",
    "Nudge Earlier by a Millisecond": "Eine Millisekunde früher",
    "Nudge Later by a Millisecond": "Eine Millisekunde später",
    "Nudge Take": "Take verschieben",
    "Open Takes Folder": "Takes-Ordner öffnen",
    "Regenerate All Stale": "Alle veralteten neu erzeugen",
    "Reset Position": "Position zurücksetzen",
    "Select": "Auswählen",
    "Select All Stale": "Alle veralteten auswählen",
    "Show Tab": "Tab zeigen",
    "Solo": "Solo",
    "Solo Cue": "Nur diesen Cue hören",
    "Solo: Other Sounds Are Silent": "Solo: andere Klänge sind stumm",
    "Use Example": "Beispiel verwenden",
}
"""Names of operators and labels of their buttons (the context `Operator`)."""

WORDS = {
    # Estimates
    "1 cue": "1 Cue",
    "{} cues": "{} Cues",
    "{} s in {} parts": "{} s in {} Teilen",
    "{} takes each": "je {} Takes",
    "Longer than the model's {} s": "Länger als {} s des Modells",
    "Made for {} s: longer spans are made in parts": "Für {} s gemacht: längere Abschnitte in Teilen",
    "At most {} s: longer spans are made in parts": "Höchstens {} s: längere Abschnitte in Teilen",
    # The list
    "All": "Alle",
    "All Cues": "Alle Cues",
    "Running": "In Arbeit",
    "Kept": "Behalten",
    "{} stale": "{} veraltet",
    "Search": "Suchen",
    "Show": "Zeigen",
    "Sort By": "Sortieren nach",
    "Time": "Zeit",
    "Status": "Status",
    "Open": "Offen",
    "Group by Shot": "Nach Einstellung gruppieren",
    "Refit Music": "Musik neu anpassen",
    "Ask for More": "Mehr anfordern",
    "Fit music to its picture; ask the model for more if it is too short": (
        "Musik an ihr Bild anpassen; ist sie zu kurz, mehr vom Modell anfordern"
    ),
    "Regenerate All Stale": "Alle veralteten neu erzeugen",
    "Selected strips: {}": "Ausgewählte Streifen: {}",
    "Cues: {}, takes removed: {}": "Cues: {}, entfernte Takes: {}",
    # Hearing takes
    "Volume and Position": "Lautstärke und Position",
    "Mono (Needed for Pan)": "Mono (für die Richtung nötig)",
    "Fade In": "Einblenden",
    "Fade Out": "Ausblenden",
    "Fades: {} s, {} s": "Blenden: {} s, {} s",
    "Fades: {} and {} frames": "Blenden: {} und {} Frames",
    "Frames": "Frames",
    "Milliseconds": "Millisekunden",
    "Position: {} ms": "Position: {} ms",
    # Cuts
    "Generate Cues from Cuts": "Cues aus Schnitten erzeugen",
    "Shots found: {}": "Gefundene Einstellungen: {}",
    "Threshold": "Schwelle",
    # The panel and the first steps
    "Select a movie strip or set a preview range": "Filmstreifen auswählen oder Vorschaubereich setzen",
    "Shot Prompt": "Prompt der Einstellung",
    "prompt of this shot": "Prompt dieser Einstellung",
    "Picture and Length": "Bild und Länge",
    "Examples": "Beispiele",
    "First Steps": "Erste Schritte",
    "Works now: {}": "Geht jetzt: {}",
    "A key adds {} hosted models": "Ein Schlüssel bringt {} Modelle",
    "Placeholder: the take arrives in it.": "Platzhalter: In ihm kommt der Take an.",
    "Move, trim or split it meanwhile.": "Sie können ihn schon bearbeiten.",
    "In the Video Sequencer: sidebar (N key), tab Tracklay": "Im Videosequenzer: Seitenleiste (Taste N), Tab Tracklay",
    "Page": "Seite",
    "Placeholders Explained": "Platzhalter erklärt",
}
"""Other labels."""

TOOLTIPS = {
    "All cues": "Alle Cues",
    "Cues whose takes are being generated": "Cues, deren Takes gerade erzeugt werden",
    "Cues that failed, stopped, or are unclear": "Cues, die fehlgeschlagen, angehalten oder unklar sind",
    "Cues whose picture has changed since": "Cues, deren Bild sich seitdem geändert hat",
    "Cues in which nothing is heard": "Cues, in denen nichts zu hören ist",
    "Cues of which one take was kept": "Cues, von denen ein Take behalten wurde",
    "Cues that the list shows": "Cues, die die Liste zeigt",
    "By the first frame": "Nach dem ersten Frame",
    "By the name of the picture": "Nach dem Namen des Bildes",
    "What needs attention first": "Was Aufmerksamkeit braucht, zuerst",
    "Order of the list": "Reihenfolge der Liste",
    "Show a heading for each shot": "Eine Überschrift für jede Einstellung zeigen",
    "Show the cues of this shot": "Die Cues dieser Einstellung zeigen",
    "Show cues with this text in picture, prompt or model": "Cues mit diesem Text in Bild, Prompt oder Modell zeigen",
    "Select the takes of all cues whose picture has changed": (
        "Die Takes aller Cues auswählen, deren Bild sich geändert hat"
    ),
    "Generate all stale cues again for their pictures as they are now": (
        "Alle veralteten Cues für ihre jetzigen Bilder neu erzeugen"
    ),
    "Fit music to its changed picture instead, at no cost": "Musik stattdessen an ihr geändertes Bild anpassen, ohne Kosten",
    "Keep the audible take of each cue and remove the others; files stay": (
        "Den hörbaren Take jedes Cues behalten und die anderen entfernen; Dateien bleiben"
    ),
    "Play the cue's span in a loop, or stop and restore the preview range": (
        "Den Abschnitt des Cues in einer Schleife spielen, oder anhalten und den Vorschaubereich wiederherstellen"
    ),
    "Hear only this cue while the timeline plays, or all sounds again": (
        "Beim Abspielen nur diesen Cue hören, oder wieder alle Klänge"
    ),
    "Hear all sounds again": "Wieder alle Klänge hören",
    "Fade the audible take in and out with keyframes of its volume": (
        "Den hörbaren Take mit Keyframes seiner Lautstärke ein- und ausblenden"
    ),
    "Length of the fade in (0: none)": "Länge der Einblendung (0: keine)",
    "Length of the fade out (0: none)": "Länge der Ausblendung (0: keine)",
    "Move the sound of the audible take; its strip stays where it is": (
        "Den Klang des hörbaren Takes verschieben; sein Streifen bleibt, wo er ist"
    ),
    "Frames to move it by; negative is earlier": "Frames der Verschiebung; negativ ist früher",
    "Milliseconds to move it by; negative is earlier": "Millisekunden der Verschiebung; negativ ist früher",
    "Move the sound of the audible take back to where it was laid": (
        "Den Klang des hörbaren Takes dorthin zurückschieben, wo er angelegt wurde"
    ),
    "Change of the picture from which a frame is a cut": "Änderung des Bildes, ab der ein Frame ein Schnitt ist",
    "Generate sound for each shot that was found": "Für jede gefundene Einstellung Klang erzeugen",
    "Prompt of this shot, used instead of the panel's": "Prompt dieser Einstellung, statt des Prompts im Panel",
    "Open the help page of this panel in the web browser": "Die Hilfeseite dieses Panels im Webbrowser öffnen",
    "Name of the page, and after # its part": "Name der Seite, und nach # ihr Teil",
    "Open Tracklay's preferences, where API keys are stored": "Die Einstellungen von Tracklay öffnen, mit den API-Schlüsseln",
    "Open the Tracklay tab in the sidebar of the sequencer": "Den Tab Tracklay in der Seitenleiste des Sequenzers öffnen",
    "Open the folder in which takes of this file are kept": "Den Ordner öffnen, in dem die Takes dieser Datei liegen",
    "Use this example as the prompt": "Dieses Beispiel als Prompt verwenden",
    "The example": "Das Beispiel",
    "From the vendor's page": "Von der Seite des Anbieters",
    "Tracklay's own examples": "Tracklays eigene Beispiele",
    "Hide this explanation": "Diese Erklärung ausblenden",
    "Placeholders were explained": "Platzhalter wurden erklärt",
}
"""Tooltips, without a full stop: Blender adds one."""
