"""German: the words that a person reads in Blender, by their context. A line is the English text, and the same in German."""

from __future__ import annotations

from ....settings import KEY_VARIABLES

OPERATORS = {
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
    "A/B": "A/B",
    "Lay Stems": "Stems anlegen",
    "Stems": "Stems",
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
    "Add Extra": "Parameter hinzufügen",
    "Remove Extra": "Parameter entfernen",
    "Extra Parameter": "Weiterer Parameter",
    "Add Sound Preset": "Klangvorlage hinzufügen",
    "Load Sound Preset": "Klangvorlage laden",
    "Reload Models": "Modelle neu laden",
    "Open Models Folder": "Modellordner öffnen",
    "Check Keys": "Schlüssel prüfen",
    "Asking …": "Fragt …",
    "Clear Cache": "Zwischenspeicher leeren",
    "Clear": "Leeren",
}
"""Names of operators, and of the buttons that press them (the context `Operator`)."""

WORDS = {
    "Generate": "Erzeugen",
    "Menu": "Menü",
    "Active Cue": "Aktiver Cue",
    "Cue": "Cue",
    "Cues": "Cues",
    "No cues yet": "Noch keine Cues",
    "Select a movie strip": "Filmstreifen auswählen",
    "or set a preview range": "oder Vorschaubereich setzen",
    "Model": "Modell",
    "Model ID": "Modellkennung",
    "Prompt": "Beschreibung",
    "wood, metal, rain …": "Holz, Metall, Regen …",
    "Prompt Also From": "Beschreibung auch aus",
    "Nothing Else": "Nichts weiter",
    "Text Strips": "Textstreifen",
    "Markers": "Marker",
    "Without": "Ohne",
    "Stems": "Stems",
    "Lay Stems": "Stems anlegen",
    "Not Laid": "Nicht anlegen",
    "Mute the Whole": "Ganzes stumm",
    "Replace the Whole": "Statt des Ganzen",
    "Takes": "Takes",
    "Take": "Take",
    "Seed": "Startwert",
    "Seed: random": "Startwert: zufällig",
    "Extras": "Extras",
    "Name": "Name",
    "name": "Name",
    "Value": "Wert",
    "Dropped": "Verworfen",
    "Picture": "Bild",
    "Automatic": "Automatisch",
    "Square": "Quadrat",
    "Place": "Lage",
    "Whole Picture": "Ganzes Bild",
    "Centre": "Mitte",
    "Left or Top": "Links oder oben",
    "Right or Bottom": "Rechts oder unten",
    "By Hand": "Von Hand",
    "Where the Motion Is": "Wo die Bewegung ist",
    "From the File": "Aus der Datei",
    "Render": "Rendern",
    "Sound at Render": "Klang beim Rendern",
    "If It Fails": "Wenn es misslingt",
    "Warn": "Warnen",
    "Stop": "Anhalten",
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
    "Direction": "Richtung",
    "Next": "Nächster",
    "Previous": "Voriger",
    "Whole Take": "Ganzer Take",
    "Same Seed": "Derselbe Startwert",
    "Wait": "Warten",
    "Until Next Marker": "Bis zum nächsten Marker",
    "Length": "Länge",
    "Longest": "Längstens",
    "Within Strips": "Innerhalb der Streifen",
    "Index": "Index",
    "Takes Folder": "Takes-Ordner",
    "Own Container": "Eigener Container",
    "Sample Rate": "Abtastrate",
    "Budget Cap": "Kostengrenze",
    "Most a Project May Cost": "Höchstkosten eines Projekts",
    "Jobs at Once": "Gleichzeitige Aufträge",
    "Cache Size (GB)": "Zwischenspeicher (GB)",
    "from the environment": "aus der Umgebung",
    "The model of this file is not in the catalogue: choose another": (
        "Das Modell dieser Datei ist nicht im Katalog: ein anderes wählen"
    ),
    "Tracklay": "Tracklay",
    "ffmpeg": "ffmpeg",
    "JSON": "JSON",
    "Replicate API Token": "Replicate-API-Token",
    "fal Key": "fal-Schlüssel",
    "Scenario API Key": "Scenario-API-Schlüssel",
    "Scenario API Secret": "Scenario-API-Geheimnis",
    "Beatoven API Key": "Beatoven-API-Schlüssel",
    # On strips, in the status bar and in reports
    "Waiting": "Wartet",
    "Waiting: {}": "Wartet: {}",
    "Extracting the picture": "Bild wird entnommen",
    "Generating": "Wird erzeugt",
    "Conforming": "Wird angepasst",
    "Ready": "Fertig",
    "Failed": "Misslungen",
    "{} ({} of {} takes)": "{} ({} von {} Takes)",
    "Stale: the picture was changed": "Veraltet: das Bild wurde geändert",
    "Looking for cuts …  Esc: Cancel": "Schnitte werden gesucht …  Esc: Abbrechen",
    "Take {} is a favourite": "Take {} ist ein Liebling",
    "Take {} is no favourite": "Take {} ist kein Liebling",
    "Kept take {} of {}": "Take {} von {} behalten",
    "Laid {}": "Angelegt: {}",
    "Laid the stems {}": "Stems angelegt: {}",
    "Delete": "Löschen",
    "Delete Dropped Files": "Verworfene Dateien löschen",
    "Files of dropped takes that are deleted from the disk: {}": (
        "Dateien verworfener Takes, die von der Festplatte gelöscht werden: {}"
    ),
    "Files deleted: {}": "Dateien gelöscht: {}",
    "and {} more": "und {} weitere",
    "Files left, because Tracklay did not make them here or they were changed: {}": (
        "Dateien, die bleiben, weil Tracklay sie nicht hier erzeugt hat oder sie geändert wurden: {}"
    ),
    "The cache is empty": "Der Zwischenspeicher ist leer",
    "{} MB are in use and stay": "{} MB sind in Gebrauch und bleiben",
    "Your own models are TOML files in the models folder.": "Eigene Modelle sind TOML-Dateien im Modellordner.",
}
"""Everything else that stands in panels, menus and on strips."""

TOOLTIPS = {
    "Make sound for the selected strips (or for the preview range, when none is selected) and lay it above them": (
        "Klang für die ausgewählten Streifen erzeugen (oder für den Vorschaubereich, wenn keiner ausgewählt ist) und "
        "darüber anlegen"
    ),
    "Make a sound effect at each selected marker (or, when none is selected, at each that is named like sfx: door slam) "
    "and lay it on the marker's frame. The marker's name is the prompt": (
        "An jedem ausgewählten Marker (oder, wenn keiner ausgewählt ist, an jedem mit einem Namen wie sfx: door slam) einen "
        "Klangeffekt erzeugen und auf seinem Bild anlegen. Der Name des Markers ist die Beschreibung"
    ),
    "Make sound for each shot of the selected strips by itself, from cut to cut (or of the preview range, when none is "
    "selected), and lay it under the shot": (
        "Für jede Einstellung der ausgewählten Streifen (oder des Vorschaubereichs, wenn keiner ausgewählt ist) von Schnitt "
        "zu Schnitt eigenen Klang erzeugen und unter ihr anlegen"
    ),
    "Which part of the picture the model sees; the preview shows it": (
        "Welchen Teil des Bildes das Modell sieht; die Vorschau zeigt ihn"
    ),
    "Where the square lies: 0 is left or top, 1 right or bottom": (
        "Wo das Quadrat liegt: 0 ist links oder oben, 1 rechts oder unten"
    ),
    "All of it. Some models squash it to a square, some cut out its middle": (
        "Alles. Manche Modelle stauchen es zum Quadrat, manche schneiden die Mitte heraus"
    ),
    "The square in the middle": "Das Quadrat in der Mitte",
    "The square at the left, of an upright picture at the top": (
        "Das Quadrat am linken Rand, bei einem hohen Bild am oberen"
    ),
    "The square at the right, of an upright picture at the bottom": (
        "Das Quadrat am rechten Rand, bei einem hohen Bild am unteren"
    ),
    "A square anywhere": "Ein Quadrat an beliebiger Stelle",
    "The square with the most motion in it: it is looked for when the picture is read": (
        "Das Quadrat mit der meisten Bewegung: es wird gesucht, wenn das Bild gelesen wird"
    ),
    "Hear another take of the selected cue, or of the cues at the playhead, and mute the one that was heard": (
        "Einen anderen Take des ausgewählten Cues oder der Cues am Abspielkopf hören und den bisher gehörten stummschalten"
    ),
    "Go back and forth between two takes: the two that are selected, or the one that is heard and the one heard before it": (
        "Zwischen zwei Takes hin und her wechseln: den beiden ausgewählten, oder dem gehörten und dem davor gehörten"
    ),
    "Mark the take that is heard as a favourite, or no longer; it is coloured in the timeline": (
        "Den gehörten Take als Liebling markieren, oder nicht mehr; auf der Zeitleiste ist er farbig"
    ),
    "Keep the take that is heard and remove the others from the timeline. Their files stay until Delete Dropped Files": (
        "Den gehörten Take behalten und die anderen von der Zeitleiste entfernen. Ihre Dateien bleiben, bis verworfene "
        "Dateien gelöscht werden"
    ),
    "Delete the files of the takes that Keep Take removed from this timeline, from the disk. This cannot be undone": (
        "Die Dateien der Takes, die von dieser Zeitleiste entfernt wurden, von der Festplatte löschen. Das lässt sich nicht "
        "rückgängig machen"
    ),
    "Lay the stems of the take that is heard, each on a channel of its own name, connected to the picture": (
        "Die Stems des gehörten Takes anlegen, jeden auf einem Kanal seines Namens, mit dem Bild verbunden"
    ),
    "Make another take of the cue with the settings of the one that is heard, for its picture as it is now: "
    "with a new seed, or with the same one where the picture was changed": (
        "Mit den Einstellungen des gehörten Takes einen weiteren des Cues erzeugen, für sein Bild, wie es jetzt ist: mit "
        "neuem Startwert, oder mit demselben, wo das Bild geändert wurde"
    ),
    "Put the playhead on the cue's first frame, select its strips and bring them into view": (
        "Den Abspielkopf auf das erste Bild des Cues setzen, seine Streifen auswählen und zeigen"
    ),
    "Show the folder that the cue's takes are in, in the system's file browser": (
        "Den Ordner mit den Takes des Cues im Dateimanager des Systems zeigen"
    ),
    "Stop making this sound": "Diesen Klang nicht weiter erzeugen",
    "Make once more what failed of this cue; it comes into the same strips": (
        "Noch einmal erzeugen, was von diesem Cue misslang; es kommt in dieselben Streifen"
    ),
    "Look once more whether the provider has this job, and go on with it. Nothing is sent": (
        "Noch einmal nachsehen, ob der Anbieter diesen Auftrag hat, und damit weitermachen. Gesendet wird nichts"
    ),
    "Send this job once more, though nobody knows whether it arrived: it may be charged twice": (
        "Diesen Auftrag noch einmal senden, obwohl niemand weiß, ob er ankam: er kostet vielleicht doppelt"
    ),
    "Give this job up and remove its placeholder: what it cost, if anything, is spent": (
        "Diesen Auftrag aufgeben und seinen Platzhalter entfernen: was er vielleicht gekostet hat, ist ausgegeben"
    ),
    "Go on with everything that this file's placeholders wait for. In the background it blocks until all of it is laid": (
        "Mit allem weitermachen, worauf die Platzhalter dieser Datei warten. Im Hintergrund wird gewartet, bis alles anliegt"
    ),
    "Put this message away": "Diese Nachricht weglegen",
    "Read the model files again": "Die Modelldateien neu lesen",
    "Open the folder for models of your own": "Den Ordner für eigene Modelle öffnen",
    "Add a parameter that the catalogue does not know, for the chosen model": (
        "Für das gewählte Modell einen Parameter hinzufügen, den der Katalog nicht kennt"
    ),
    "Remove this parameter": "Diesen Parameter entfernen",
    "Throw away the small pictures that models were shown. Takes stay as they are": (
        "Die kleinen Bilder wegwerfen, die Modellen gezeigt wurden. Takes bleiben, wie sie sind"
    ),
    "Set all parameters of the chosen model back to its own defaults": (
        "Alle Parameter des gewählten Modells auf dessen eigene Vorgaben zurücksetzen"
    ),
    "Ask each provider whose key is set whether it knows the key; it costs nothing": (
        "Jeden Anbieter, dessen Schlüssel gesetzt ist, fragen, ob er ihn kennt; es kostet nichts"
    ),
    "Keep the model, the prompt and the parameters as a preset, or remove one": (
        "Modell, Beschreibung und Parameter als Vorlage behalten, oder eine entfernen"
    ),
    "Set the model, the prompt and the parameters as this preset has them": (
        "Modell, Beschreibung und Parameter so setzen, wie diese Vorlage sie hat"
    ),
    # Properties
    "The id of the chosen model": "Die Kennung des gewählten Modells",
    "What makes the sound": "Was den Klang macht",
    "What should be heard": "Was zu hören sein soll",
    "What should not be heard": "Was nicht zu hören sein soll",
    "Where else a cue's prompt comes from": "Woher die Beschreibung eines Cues außerdem kommt",
    "The prompt is what is written above": "Die Beschreibung ist, was oben steht",
    "What text strips over the cue say is added; a muted one is as good: it is a note": (
        "Was Textstreifen über dem Cue sagen, kommt dazu; ein stummer gilt auch: er ist eine Notiz"
    ),
    "The names of markers within the cue are added": "Die Namen der Marker innerhalb des Cues kommen dazu",
    "Whether stems are laid when a take with stems comes, each on a channel of its name": (
        "Ob Stems angelegt werden, wenn ein Take mit Stems kommt, jeder auf einem Kanal seines Namens"
    ),
    "Stems are files beside the take, until Lay Stems": "Stems sind Dateien neben dem Take, bis sie angelegt werden",
    "The whole take stays below its stems, muted": "Der ganze Take bleibt stumm unter seinen Stems",
    "The stems lie where the whole take was": "Die Stems liegen, wo der ganze Take war",
    "How many versions to make; all but the first are muted": (
        "Wie viele Fassungen erzeugt werden; alle außer der ersten sind stumm"
    ),
    "How many versions to make": "Wie viele Fassungen erzeugt werden",
    "How many": "Wie viele",
    "The same seed gives the same sound; -1 draws one": "Derselbe Startwert gibt denselben Klang; -1 zieht einen",
    "Which take is heard": "Welcher Take zu hören ist",
    "Before this scene is rendered, make and lay what its shots lack in sound": (
        "Bevor diese Szene gerendert wird, erzeugen und anlegen, was ihren Einstellungen an Klang fehlt"
    ),
    "What becomes of a render whose sound could not be made": (
        "Was aus einem Rendern wird, dessen Klang nicht erzeugt werden konnte"
    ),
    "Render all the same, and say what is missing": "Trotzdem rendern, und sagen, was fehlt",
    "Do not render; without a window Blender ends with status 1": (
        "Nicht rendern; ohne Fenster endet Blender mit Status 1"
    ),
    "How the picture that the model sees is made": "Wie das Bild entsteht, das das Modell sieht",
    "From the file wherever that shows what plays, else by Blender's own render": (
        "Aus der Datei, wo sie zeigt, was läuft, sonst durch Blenders eigenes Rendern"
    ),
    "Always from the strip's file: crops, effects and opacity are not seen": (
        "Immer aus der Datei des Streifens: Zuschnitt, Effekte und Deckkraft sieht man nicht"
    ),
    "Always by Blender's own render, in the background": "Immer durch Blenders eigenes Rendern, im Hintergrund",
    "Files of takes that were dropped": "Dateien von Takes, die verworfen wurden",
    "Parameters that the catalogue does not know, sent all the same": (
        "Parameter, die der Katalog nicht kennt, und die trotzdem gesendet werden"
    ),
    "As the model's own documentation writes it": "Wie ihn die Dokumentation des Modells schreibt",
    'JSON: 3, true, "text" in double quotes, [1, 2]': 'JSON: 3, true, "Text" in Anführungszeichen, [1, 2]',
    "The model that it is for; empty for whichever is chosen": (
        "Das Modell, für das er gilt; leer für das gerade gewählte"
    ),
    "The cue that is shown below": "Der Cue, der darunter gezeigt wird",
    "Which; empty for the one that is active in the list": "Welcher; leer für den aktiven der Liste",
    "Which; empty for all": "Welcher; leer für alle",
    "Which": "Welcher",
    "Which row, from 0": "Welche Zeile, von 0 an",
    "Of which cue; empty for what is selected, or at the playhead": (
        "Von welchem Cue; leer für das Ausgewählte, oder was am Abspielkopf liegt"
    ),
    "The next take": "Der nächste Take",
    "The take before": "Der Take davor",
    "Which one, from 1; 0 for the next or the one before": "Welcher, von 1 an; 0 für den nächsten oder den davor",
    "What becomes of the whole take": "Was aus dem ganzen Take wird",
    "Keep the seed: only the picture's change is heard": (
        "Den Startwert behalten: nur die Änderung des Bildes ist zu hören"
    ),
    "Block until every take is laid: for scripts": "Warten, bis jeder Take anliegt: für Skripte",
    "A model's id, such as sketch/foley": "Die Kennung eines Modells, etwa sketch/foley",
    "A model's id; empty for the panel's": "Die Kennung eines Modells; leer für das gewählte",
    "Each effect lasts until the next marker": "Jeder Effekt dauert bis zum nächsten Marker",
    "How long the effect of the last marker is, or of every one without Until Next Marker": (
        "Wie lang der Effekt des letzten Markers ist, oder jeder, wenn keiner bis zum nächsten Marker dauert"
    ),
    "No effect is longer, however far the next marker is": (
        "Kein Effekt ist länger, wie weit der nächste Marker auch sei"
    ),
    "Also find the cuts within a strip, by looking at its picture": (
        "Auch die Schnitte innerhalb eines Streifens finden, in seinem Bild"
    ),
    # Preferences
    "Where takes are written; empty for a folder called tracklay beside the .blend file": (
        "Wohin Takes geschrieben werden; leer für einen Ordner tracklay neben der .blend-Datei"
    ),
    "The ffmpeg program to use; empty for the one on the system, or the one that comes with Tracklay": (
        "Das ffmpeg-Programm; leer für das des Systems, oder das mit Tracklay kommt"
    ),
    "Samples a second of the takes that are made from now on": (
        "Abtastwerte in der Sekunde der Takes, die von nun an erzeugt werden"
    ),
    "For music": "Für Musik",
    "For picture": "Für Bild",
    "For work on the sound itself": "Für Arbeit am Klang selbst",
    "Send nothing that would make a project cost more than this. A project is the folder that its takes go to": (
        "Nichts senden, wodurch ein Projekt mehr als das kosten würde. Ein Projekt ist der Ordner, in den seine Takes kommen"
    ),
    "In the provider's currency; what is under way counts as spent, and what has no known price is not sent": (
        "In der Währung des Anbieters; was unterwegs ist, gilt als ausgegeben, und was keinen bekannten Preis hat, wird "
        "nicht gesendet"
    ),
    "How many jobs each provider gets at a time. It holds for what is begun after the next start of Blender": (
        "Wie viele Aufträge jeder Anbieter auf einmal bekommt. Gilt für alles nach dem nächsten Start von Blender"
    ),
    "How much room the small pictures that models are shown may take, so that they are not made twice": (
        "Wie viel Platz die kleinen Bilder, die Modellen gezeigt werden, einnehmen dürfen, um nicht zweimal erzeugt zu werden"
    ),
    "The address of your own Cog container; empty for http://127.0.0.1:5000": (
        "Die Adresse des eigenen Cog-Containers; leer für http://127.0.0.1:5000"
    ),
}
"""What a person reads where the pointer rests."""

KEYS = {
    f"Kept in Blender's preferences, on this computer. {name} in the environment stands before it": (
        f"In Blenders Einstellungen auf diesem Rechner. {name} in der Umgebung geht vor"
    )
    for name in KEY_VARIABLES
}
"""What a person reads on the fields of keys."""
