"""The words that a person reads in Blender, in other languages. What comes from outside it, errors and models' own words, stays English.

A line is the English text, and the same in the language. Names of operators have a context of their own, as Blender's have.
"""

from __future__ import annotations

import bpy

OPERATOR = "Operator"
"""The context of operators' names (`bpy.app.translations.contexts.operator_default`)."""

ANY = "*"
"""The context of everything else."""

GERMAN = {
    OPERATOR: {
        "Generate Sound": "Klang erzeugen",
        "Effects at Markers": "Effekte an Markern",
        "Cues from Cuts": "Cues aus Schnitten",
        "Switch Take": "Take wechseln",
        "Next Take": "Nächster Take",
        "Previous Take": "Voriger Take",
        "Compare Takes": "Takes vergleichen",
        "Favourite Take": "Lieblingstake",
        "Keep Take": "Take behalten",
        "Keep": "Behalten",
        "Lay Stems": "Stems anlegen",
        "Regenerate": "Neu erzeugen",
        "Regenerate with New Seed": "Mit neuem Startwert erzeugen",
        "Regenerate for Changed Picture": "Für geändertes Bild erzeugen",
        "New Seed": "Neuer Startwert",
        "Picture Changed: Make Anew": "Bild geändert: neu erzeugen",
        "Delete Dropped Files": "Verworfene Dateien löschen",
        "Go to Cue": "Zum Cue gehen",
        "Reveal File": "Datei zeigen",
        "Try Again": "Erneut versuchen",
        "Look Again": "Noch einmal suchen",
        "Send Again": "Noch einmal senden",
        "Forget": "Aufgeben",
        "Go On": "Weitermachen",
        "Take Up Jobs": "Aufträge wieder aufnehmen",
        "Cancel": "Abbrechen",
        "Dismiss": "Verwerfen",
        "Look for It Again": "Noch einmal danach suchen",
        "Send Again (May Be Charged Twice)": "Noch einmal senden (kostet vielleicht doppelt)",
        "Give It Up (May Have Been Charged)": "Aufgeben (hat vielleicht gekostet)",
        "Reset to Defaults": "Auf Vorgaben zurücksetzen",
        "Extra Parameter": "Weiterer Parameter",
        "Reload Models": "Modelle neu laden",
        "Open Models Folder": "Modellordner öffnen",
        "Check Keys": "Schlüssel prüfen",
        "Clear Cache": "Zwischenspeicher leeren",
    },
    ANY: {
        "Generate": "Erzeugen",
        "Cues": "Cues",
        "No cues yet": "Noch keine Cues",
        "Select a movie strip": "Filmstreifen auswählen",
        "or set a preview range": "oder Vorschaubereich setzen",
        "Model": "Modell",
        "Prompt": "Beschreibung",
        "Prompt Also From": "Beschreibung auch aus",
        "Nothing Else": "Nichts weiter",
        "Text Strips": "Textstreifen",
        "Markers": "Marker",
        "Without": "Ohne",
        "Not Laid": "Nicht anlegen",
        "Mute the Whole": "Ganzes stumm",
        "Replace the Whole": "Statt des Ganzen",
        "Takes": "Takes",
        "Seed": "Startwert",
        "Seed: random": "Startwert: zufällig",
        "{} Settings": "Einstellungen: {}",
        "{} in all": "{} insgesamt",
        "about {} {}": "etwa {} {}",
        "free": "kostenlos",
        "price not known": "Preis unbekannt",
        "no key": "kein Schlüssel",
        "not online": "nicht online",
        "not for this length": "nicht für diese Länge",
        "Not for commercial use: {}": "Nicht für gewerblichen Gebrauch: {}",
        "Foley": "Geräusche",
        "Sound effects": "Klangeffekte",
        "Music": "Musik",
        "Take {} of {}": "Take {} von {}",
        "Muted": "Stumm",
        "{} on their way": "{} unterwegs",
        "1 on its way": "1 unterwegs",
        "No take came": "Kein Take kam",
        "Sound Presets": "Klangvorlagen",
        "Takes Folder": "Takes-Ordner",
        "Own Container": "Eigener Container",
        "Sample Rate": "Abtastrate",
        "Make sound for the selected strips (or for the preview range, when none is selected) and lay it above them": (
            "Klang für die ausgewählten Streifen erzeugen (oder für den Vorschaubereich, wenn keiner ausgewählt ist) und "
            "darüber anlegen"
        ),
    },
}
"""By context."""

TABLE = {
    "de_DE": {(context, english): german for context, texts in GERMAN.items() for english, german in texts.items()},
}
"""As Blender takes it."""


def said(text: str, *values: object) -> str:
    """A text in the person's language, with values for its braces."""
    found = str(bpy.app.translations.pgettext_iface(text))
    return found.format(*values) if values else found


def register() -> None:
    """Give Blender the table."""
    bpy.app.translations.register(__name__, TABLE)


def unregister() -> None:
    """Take it back."""
    bpy.app.translations.unregister(__name__)
