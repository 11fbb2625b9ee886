"""German, by context: each line has the English text and its translation. The user is addressed with "Sie"."""

from __future__ import annotations

OPERATORS = {
    "Generate Sound": "Klang erzeugen",
    "Generate Effects at Markers": "Effekte an Markern erzeugen",
    "Generate Cues from Cuts": "Cues aus Schnitten erzeugen",
    "Switch Take": "Take wechseln",
    "Next Take": "Nächster Take",
    "Previous Take": "Voriger Take",
    "Compare Takes": "Takes vergleichen",
    "Land Again": "Erneut einrasten",
    "Hear Untouched or Landed": "Unberührt oder eingerastet hören",
    "Hear Untouched": "Unberührt hören",
    "Hear Landed": "Eingerastet hören",
    "Favourite Take": "Lieblingstake",
    "Keep Take": "Take behalten",
    "Keep": "Behalten",
    "A/B": "A/B",
    "Lay Stems": "Stems anlegen",
    "Tidy Channels": "Kanäle aufräumen",
    "Tracklay Turnover": "Tracklay-Übergabe",
    "Follow Picture": "Dem Bild folgen",
    "Stems": "Stems",
    "Regenerate": "Neu erzeugen",
    "Regenerate with New Seed": "Mit neuem Startwert erzeugen",
    "Regenerate for Changed Picture": "Für geändertes Bild erzeugen",
    "New Seed": "Neuer Startwert",
    "Redo Part": "Teil neu erzeugen",
    "Refit": "Neu anpassen",
    "Refit Music": "Musik neu anpassen",
    "Picture Changed: Regenerate": "Bild geändert: neu erzeugen",
    "Delete Dropped Files": "Verworfene Dateien löschen",
    "Go to Cue": "Zum Cue gehen",
    "Reveal Take": "Take im Dateimanager zeigen",
    "Cancel Jobs": "Aufträge abbrechen",
    "Cancel": "Abbrechen",
    "Dismiss Message": "Meldung ausblenden",
    "Dismiss": "Ausblenden",
    "Retry Failed Takes": "Fehlgeschlagene Takes wiederholen",
    "Retry": "Wiederholen",
    "Recheck Job": "Auftrag erneut prüfen",
    "Resubmit Job": "Auftrag erneut senden",
    "Resubmit Job (May Be Charged Twice)": "Auftrag erneut senden (kostet vielleicht doppelt)",
    "Discard Job": "Auftrag verwerfen",
    "Discard Job (May Have Been Charged)": "Auftrag verwerfen (hat vielleicht gekostet)",
    "Resume": "Fortsetzen",
    "Resume Jobs": "Aufträge fortsetzen",
    "Reset to Defaults": "Auf Vorgaben zurücksetzen",
    "Add Extra Parameter": "Weiteren Parameter hinzufügen",
    "Remove Extra Parameter": "Weiteren Parameter entfernen",
    "Add Sound Preset": "Klangvorlage hinzufügen",
    "Load Sound Preset": "Klangvorlage laden",
    "Reload Models": "Modelle neu laden",
    "Open Models Folder": "Modellordner öffnen",
    "Check Keys": "Schlüssel prüfen",
    "Checking …": "Wird geprüft …",
    "Clear Cache": "Zwischenspeicher leeren",
    "Clear": "Leeren",
}
"""Names of operators and labels of their buttons (the context `Operator`)."""

WORDS = {
    # Panels and menus
    "Tracklay": "Tracklay",
    "Generate": "Erzeugen",
    "Menu": "Menü",
    "Active Cue": "Aktiver Cue",
    "Cue": "Cue",
    "Cues": "Cues",
    "No cues yet": "Noch keine Cues",
    "One cue over {} strips": "Ein Cue über {} Streifen",
    "Cue per Strip": "Cue je Streifen",
    "One Cue": "Ein Cue",
    "Music as One Cue": "Musik als ein Cue",
    "Sound as One Cue": "Klang als ein Cue",
    "{} running": "{} in Arbeit",
    "No take was generated": "Es wurde kein Take erzeugt",
    "{} strips": "{} Streifen",
    "{} Settings": "Einstellungen: {}",
    "Random Seed": "Zufälliger Startwert",
    "wood, metal, rain …": "Holz, Metall, Regen …",
    "Unknown: {}": "Unbekannt: {}",
    "Only English words are known": "Nur englische Wörter sind bekannt",
    "{} (heard as {})": "{} (gehört als {})",
    "No contact was seen: the take holds only the ambience.": "Kein Kontakt im Bild: Der Take enthält nur die Atmosphäre.",
    "No contact was seen: the take holds only fast movement.": "Kein Kontakt im Bild: Der Take enthält nur schnelle Bewegung.",
    "No contact was seen: the take holds only room tone.": "Kein Kontakt im Bild: Der Take enthält nur Raumton.",
    "No contact was seen, and room tone is off: the take is silent.": (
        "Kein Kontakt im Bild, und der Raumton ist aus: Der Take ist stumm."
    ),
    "Nothing is heard in the take. Try another prompt, seed or model.": (
        "Im Take ist nichts zu hören. Versuchen Sie einen anderen Prompt, Startwert oder ein anderes Modell."
    ),
    "Silent": "Stumm",
    "Silent: nothing is heard": "Stumm: nichts ist zu hören",
    "{} LUFS, events: {}": "{} LUFS, Ereignisse: {}",
    "about {} {}": "etwa {} {}",
    "free": "kostenlos",
    "price unknown": "Preis unbekannt",
    "{} {} so far": "bisher {} {}",
    "{} to {} {} so far": "bisher {} bis {} {}",
    "Another sound each time, whatever the seed": "Jedes Mal ein anderer Klang, bei jedem Startwert",
    "Commercial use depends on your plan: set it in the preferences": (
        "Kommerzielle Nutzung hängt von Ihrem Tarif ab: In den Einstellungen wählen"
    ),
    "Plan {}: {} (terms of {})": "Tarif {}: {} (Bedingungen vom {})",
    "Not Named": "Nicht angegeben",
    "ElevenLabs Plan": "ElevenLabs-Tarif",
    "Mirelo Plan": "Mirelo-Tarif",
    "Content Credentials are signed by the command, not by the extension": (
        "Content Credentials signiert der Befehl, nicht die Erweiterung"
    ),
    "no key": "kein Schlüssel",
    "offline": "offline",
    "unsupported length": "Länge nicht unterstützt",
    "Not for commercial use: {}": "Nicht für kommerzielle Nutzung: {}",
    "Foley": "Geräusche",
    "Sound effects": "Klangeffekte",
    "Music": "Musik",
    "Take {} of {}": "Take {} von {}",
    "Muted": "Stumm",
    "Sound Presets": "Klangvorlagen",
    "name": "Name",
    "JSON": "JSON",
    "This file's model is not in the catalogue. Choose another.": (
        "Das Modell dieser Datei ist nicht im Katalog. Wählen Sie ein anderes."
    ),
    # Properties
    "Model": "Modell",
    "Model ID": "Modell-ID",
    "Model Default": "Vorgabe des Modells",
    "Prompt": "Prompt",
    "Prompt Also From": "Prompt auch aus",
    "Nothing Else": "Nichts weiter",
    "Text Strips": "Textstreifen",
    "Markers": "Marker",
    "Negative Prompt": "Negativer Prompt",
    "Stems": "Stems",
    "Lay Stems": "Stems anlegen",
    "Do Not Lay": "Nicht anlegen",
    "Mute Full Mix": "Gesamtmischung stumm",
    "Replace Full Mix": "Gesamtmischung ersetzen",
    "Takes": "Takes",
    "Take": "Take",
    "Seed": "Startwert",
    "Extras": "Extras",
    "Name": "Name",
    "Value": "Wert",
    "Dropped": "Verworfen",
    "Picture": "Bild",
    "Automatic": "Automatisch",
    "From File": "Aus der Datei",
    "Render": "Rendern",
    "Square": "Quadrat",
    "Landing": "Einrasten",
    "Parts": "Teile",
    "Whole": "Ganz",
    "Seconds": "Sekunden",
    "Part": "Teil",
    "Part Length": "Länge der Teile",
    "Fit Music": "Musik einpassen",
    "Fit music to the span and its hits, with its own ending": (
        "Musik an den Abschnitt und seine Akzentpunkte anpassen, mit ihrem eigenen Schluss"
    ),
    "Tail": "Ausklang",
    "Time after the span in which music ends": "Zeit nach dem Abschnitt, in der Musik endet",
    "Parts where the span is longer than what the model is made for": "Teile, wo der Abschnitt länger ist als das Modell",
    "One request for the whole span; not beyond the model's limit": (
        "Eine Anfrage für den ganzen Abschnitt; nicht über die Grenze des Modells"
    ),
    "Parts of a length that none exceeds": "Teile, von denen keiner länger ist",
    "Generation of a span that is longer than the model's": "Erzeugung eines Abschnitts, der länger ist als das Modell",
    "Longest length of a part, in seconds": "Größte Länge eines Teils in Sekunden",
    "Parts of a long span: auto, whole, or seconds": "Teile eines langen Abschnitts: auto, whole oder Sekunden",
    "Best": "Bester",
    "Best Take": "Bester Take",
    "Score {}": "Wertung {}",
    "Land the untouched take on the picture as it is now, at no cost": (
        "Den unberührten Take kostenlos auf das jetzige Bild einrasten"
    ),
    "Score new takes and make the best one audible": "Neue Takes bewerten und den besten hörbar machen",
    "Repair": "Ausbessern",
    "Generate the worst stretch of the best take again": "Das schlechteste Stück des besten Takes noch einmal erzeugen",
    "Not repaired: {}": "Nicht ausgebessert: {}",
    "looking for a stretch to repair": "sucht ein Stück zum Ausbessern",
    "{} and a repair": "{} und eine Ausbesserung",
    "{met} of {of} contacts met, {milliseconds} ms off": "{met} von {of} Kontakten getroffen, {milliseconds} ms daneben",
    "silence at {count} contacts": "Stille an {count} Kontakten",
    "{count} sounds where nothing strikes": "{count} Geräusche, wo nichts aufschlägt",
    "{seconds} s of speech": "{seconds} s Sprache",
    "{seconds} s of music": "{seconds} s Musik",
    "clipped": "übersteuert",
    "true peak {decibels} dB over full scale": "True Peak {decibels} dB über Vollaussteuerung",
    "silent": "stumm",
    "{seconds} s of digital silence": "{seconds} s digitale Stille",
    "{count} dropouts": "{count} Aussetzer",
    "Off": "Aus",
    "Position": "Position",
    "Full Frame": "Ganzes Bild",
    "Centre": "Mitte",
    "Left or Top": "Links oder oben",
    "Right or Bottom": "Rechts oder unten",
    "Manual": "Manuell",
    "Most Motion": "Meiste Bewegung",
    "Sound at Render": "Klang beim Rendern",
    "Last Render": "Letztes Rendern",
    "One take a shot: Best Take and Repair are not used here": "Ein Take je Einstellung: Bester Take und Ausbessern gelten hier nicht",
    "On Failure": "Bei Fehler",
    "Warn": "Warnen",
    "Stop": "Anhalten",
    # Arguments of operators
    "Direction": "Richtung",
    "Next": "Nächster",
    "Previous": "Voriger",
    "Full Mix": "Gesamtmischung",
    "Same Seed": "Derselbe Startwert",
    "Wait": "Warten",
    "Until Next Marker": "Bis zum nächsten Marker",
    "Length": "Länge",
    "Maximum Length": "Höchstlänge",
    "Within Strips": "Innerhalb der Streifen",
    "Index": "Index",
    # Preferences
    "Takes Folder": "Takes-Ordner",
    "ffmpeg": "ffmpeg",
    "Sample Rate": "Abtastrate",
    "Budget Cap": "Kostengrenze",
    "Project Budget": "Projektbudget",
    "Bill Limit": "Rechnungsgrenze",
    "Concurrent Jobs": "Gleichzeitige Aufträge",
    "Cache Size (GB)": "Zwischenspeicher (GB)",
    "set in the environment": "in der Umgebung gesetzt",
    "Check Keys": "Schlüssel prüfen",
    "Your own models: TOML files in the models folder": "Eigene Modelle: TOML-Dateien im Modellordner",
    # On strips, in the status bar and in reports
    "Waiting": "Wartet",
    "Waiting: {}": "Wartet: {}",
    "Turn on Allow Online Access in Preferences > System > Network": (
        "Onlinezugriff unter Einstellungen > System > Netzwerk erlauben"
    ),
    "Extracting the picture": "Bild wird extrahiert",
    "Generating": "Wird erzeugt",
    "Conforming": "Wird angepasst",
    "Ready": "Fertig",
    "Failed": "Fehlgeschlagen",
    "{} ({} of {} takes)": "{} ({} von {} Takes)",
    "looking for the job": "Auftrag wird gesucht",
    "resumed": "fortgesetzt",
    "The placeholder was deleted. {}": "Der Platzhalter wurde gelöscht. {}",
    "Its placeholder was undone; redo restores it. The take is in {}.": (
        "Der Platzhalter wurde rückgängig gemacht; Wiederholen stellt ihn wieder her. Der Take ist in {}."
    ),
    "Discarded. It may have been charged.": "Verworfen. Er hat vielleicht gekostet.",
    "Stale": "Veraltet",
    "Stale: the picture has changed": "Veraltet: Das Bild wurde geändert",
    "Finding cuts …  Esc: Cancel": "Schnitte werden gesucht …  Esc: Abbrechen",
    "Take {} is a favourite": "Take {} ist ein Liebling",
    "Take {} is no favourite": "Take {} ist kein Liebling",
    "Kept take {} of {}": "Take {} von {} behalten",
    "Laid {}": "Angelegt: {}",
    "Laid the stems {}": "Stems angelegt: {}",
    "Plays the landed take": "Der eingerastete Take spielt",
    "Plays the untouched take": "Der unberührte Take spielt",
    "Delete": "Löschen",
    "Delete Dropped Files": "Verworfene Dateien löschen",
    "Files of dropped takes that are moved to the trash: {}": (
        "Dateien verworfener Takes, die in den Papierkorb verschoben werden: {}"
    ),
    "Files moved to the trash: {}": "Dateien in den Papierkorb verschoben: {}",
    "Cannot delete {}: {}": "{} kann nicht gelöscht werden: {}",
    "and {} more": "und {} weitere",
    "Files kept (not made here by Tracklay, or changed since): {}": (
        "Dateien behalten (nicht hier von Tracklay erzeugt, oder seitdem geändert): {}"
    ),
    "The cache is empty": "Der Zwischenspeicher ist leer",
    "{} MB in use were kept": "{} MB in Benutzung wurden behalten",
}
"""Other labels: in panels, menus, reports and on strips."""

TOOLTIPS = {
    # Operators
    "Generate sound for the selected strips or the preview range": (
        "Klang für die ausgewählten Streifen oder den Vorschaubereich erzeugen"
    ),
    "Generate a sound effect at each `sfx:` (else each selected) marker": (
        "An jedem `sfx:`-Marker (sonst jedem ausgewählten) einen Klangeffekt erzeugen"
    ),
    "Generate sound for each shot of the selection or preview range": (
        "Für jede Einstellung der Auswahl oder des Vorschaubereichs Klang erzeugen"
    ),
    "Unmute another take of the cue and mute the current one": (
        "Einen anderen Take des Cues hören und den aktuellen stummschalten"
    ),
    "Toggle between two selected takes, or the current and the last one": (
        "Zwischen zwei ausgewählten Takes wechseln, oder dem aktuellen und dem letzten"
    ),
    "Mark or unmark the current take as a favourite, with a colour tag": (
        "Den aktuellen Take als Liebling markieren oder nicht mehr, mit einer Farbe"
    ),
    "Remove the other takes from the timeline; their files are kept": (
        "Die anderen Takes von der Zeitleiste entfernen; ihre Dateien bleiben"
    ),
    "Fit the take's music to the picture as it is now, at no cost": (
        "Die Musik des Takes an das jetzige Bild anpassen, ohne Kosten"
    ),
    "Generate a part or the preview range of the current take again": (
        "Einen Teil oder den Vorschaubereich des aktuellen Takes neu erzeugen"
    ),
    "Number of the part (0: the preview range)": "Nummer des Teils (0: der Vorschaubereich)",
    "Sound to generate there; empty for the take's prompt": "Dort zu erzeugender Klang; leer für den Prompt des Takes",
    "Seed of the part (-1: random)": "Startwert des Teils (-1: zufällig)",
    "Move files of takes that Keep Take removed to the trash": "Dateien entfernter Takes in den Papierkorb verschieben",
    "Lay the stems of the current take, each on a channel of its name": (
        "Die Stems des aktuellen Takes anlegen, jeden auf einem Kanal seines Namens"
    ),
    "Generate another take with the current take's settings": (
        "Einen weiteren Take mit den Einstellungen des aktuellen erzeugen"
    ),
    "Move all takes to channels of their kind, above the picture": (
        "Alle Takes auf Kanäle ihrer Art über dem Bild verschieben"
    ),
    "Takes moved: {}": "Verschobene Takes: {}",
    "Move the takes of a range to where all its shots were moved": (
        "Die Takes eines Bereichs dorthin verschieben, wohin alle seine Einstellungen verschoben wurden"
    ),
    "Moved by {} frames": "Um {} Frames verschoben",
    "One cue over the whole selection, not one for each strip": "Ein Cue über die ganze Auswahl, nicht je Streifen einer",
    "Cues that Generate makes for several strips": "Cues, die für mehrere Streifen erzeugt werden",
    "A cue for each selected strip": "Ein Cue für jeden ausgewählten Streifen",
    "One cue over all that plays from the first to the last strip": (
        "Ein Cue über alles, was vom ersten bis zum letzten Streifen läuft"
    ),
    "Make music over the whole selection": "Musik über die ganze Auswahl erzeugen",
    "Make other sound over the whole selection": "Anderen Klang über die ganze Auswahl erzeugen",
    "Move the playhead to the cue, and select and frame its strips": (
        "Den Abspielkopf zum Cue setzen, seine Streifen auswählen und zeigen"
    ),
    "Open the folder of the cue's takes in the file browser": (
        "Den Ordner mit den Takes des Cues im Dateimanager öffnen"
    ),
    "Cancel the cue's jobs": "Die Aufträge des Cues abbrechen",
    "Hide the cue's message": "Die Meldung des Cues ausblenden",
    "Generate the cue's failed takes again, into the same strips": (
        "Die fehlgeschlagenen Takes des Cues erneut erzeugen, in dieselben Streifen"
    ),
    "Ask the provider for this job again, without sending anything": (
        "Den Anbieter erneut nach diesem Auftrag fragen, ohne etwas zu senden"
    ),
    "Send this job again, although it may be charged twice": (
        "Diesen Auftrag erneut senden, auch wenn er vielleicht doppelt kostet"
    ),
    "Remove this job and its placeholder; it may have been charged": (
        "Diesen Auftrag und seinen Platzhalter entfernen; er hat vielleicht gekostet"
    ),
    "Resume the jobs that this file's placeholders wait for": (
        "Die Aufträge fortsetzen, auf die Platzhalter dieser Datei warten"
    ),
    "Read the model files again": "Die Modelldateien neu lesen",
    "Open the folder for your own models": "Den Ordner für eigene Modelle öffnen",
    "Add a parameter that the catalogue does not list": "Einen Parameter hinzufügen, den der Katalog nicht enthält",
    "Remove this parameter": "Diesen Parameter entfernen",
    "Delete the cached proxies; takes are kept": "Die zwischengespeicherten Proxys löschen; Takes bleiben erhalten",
    "Reset all parameters of the model to its defaults": "Alle Parameter des Modells auf seine Vorgaben zurücksetzen",
    "Check each API key with its provider, free of charge": "Jeden API-Schlüssel kostenlos bei seinem Anbieter prüfen",
    "Save the model, prompt and parameters as a preset, or remove one": (
        "Modell, Prompt und Parameter als Vorlage speichern, oder eine entfernen"
    ),
    "Load the model, prompt and parameters of this preset": "Modell, Prompt und Parameter dieser Vorlage laden",
    # Properties
    "ID of the chosen model": "ID des gewählten Modells",
    "Model that generates the sound": "Modell, das den Klang erzeugt",
    "Sound to generate": "Klang, der erzeugt werden soll",
    "Sounds to avoid": "Klänge, die nicht vorkommen sollen",
    "Additional source of the prompt": "Zusätzliche Quelle des Prompts",
    "Use only the prompt above": "Nur den Prompt oben verwenden",
    "Add the text of text strips over the cue, muted ones too": (
        "Den Text der Textstreifen über dem Cue hinzufügen, auch stummer"
    ),
    "Add the names of the markers within the cue": "Die Namen der Marker innerhalb des Cues hinzufügen",
    "Lay the stems of new takes, each on a channel of its name": (
        "Stems neuer Takes anlegen, jeden auf einem Kanal seines Namens"
    ),
    "Keep stems as files beside the take, until Lay Stems": (
        "Stems als Dateien neben dem Take behalten, bis Sie sie anlegen"
    ),
    "Lay the stems above the full mix, which is muted": "Die Stems über der Gesamtmischung anlegen, die stumm wird",
    "Lay the stems and remove the full mix": "Die Stems anlegen und die Gesamtmischung entfernen",
    "Number of takes; all but the first are muted": "Anzahl der Takes; alle außer dem ersten sind stumm",
    "Number of takes": "Anzahl der Takes",
    "The same seed gives the same sound (-1: random)": "Derselbe Startwert ergibt denselben Klang (-1: zufällig)",
    "Generate missing sound before this scene is rendered": (
        "Fehlenden Klang erzeugen, bevor diese Szene gerendert wird"
    ),
    "Action if sound cannot be generated for a render": "Aktion, wenn für ein Rendern kein Klang erzeugt werden kann",
    "Render anyway, and list the missing sound": "Trotzdem rendern und den fehlenden Klang auflisten",
    "Do not render; background Blender exits with status 1": "Nicht rendern; ohne Fenster endet Blender mit Status 1",
    "Source of the picture that the model is given": "Quelle des Bildes, das das Modell bekommt",
    "Read the file if it shows what plays, else render in Blender": (
        "Die Datei lesen, wenn sie zeigt, was läuft, sonst in Blender rendern"
    ),
    "Always read the file; crops, effects and opacity are ignored": (
        "Immer die Datei lesen; Zuschnitt, Effekte und Deckkraft fehlen dann"
    ),
    "Always render in a background Blender": "Immer in einem Blender im Hintergrund rendern",
    "Move the sounds of new takes to the contacts in the picture": (
        "Die Klänge neuer Takes an die Kontakte im Bild schieben"
    ),
    "Move each sound to what is seen, and keep the untouched take beside it": (
        "Jeden Klang dorthin schieben, wo man ihn sieht; der unberührte Take bleibt daneben"
    ),
    "Leave each sound where the model put it": "Jeden Klang lassen, wo ihn das Modell hingesetzt hat",
    "Switch the current take between its landed and its untouched sound": (
        "Den aktuellen Take zwischen eingerastetem und unberührtem Klang umschalten"
    ),
    "Part of the picture for the model; the preview shows it": "Bildausschnitt für das Modell; die Vorschau zeigt ihn",
    "Position of the square: 0 is left or top, 1 right or bottom": (
        "Position des Quadrats: 0 ist links oder oben, 1 rechts oder unten"
    ),
    "The full frame; the model may squash or crop it to a square": (
        "Das ganze Bild; das Modell staucht oder beschneidet es vielleicht zum Quadrat"
    ),
    "The square at the centre": "Das Quadrat in der Mitte",
    "The square at the left, or at the top of a portrait picture": (
        "Das Quadrat am linken Rand, bei Hochformat am oberen"
    ),
    "The square at the right, or at the bottom of a portrait picture": (
        "Das Quadrat am rechten Rand, bei Hochformat am unteren"
    ),
    "A square at a position of your own": "Ein Quadrat an einer eigenen Position",
    "The square with the most motion, chosen during extraction": (
        "Das Quadrat mit der meisten Bewegung, beim Extrahieren gewählt"
    ),
    "Files of takes removed by Keep Take": "Dateien von Takes, die „Take behalten“ entfernt hat",
    "Parameters sent in addition to the catalogue's": "Parameter, die zusätzlich zu denen des Katalogs gesendet werden",
    "Name in the model's documentation": "Name in der Dokumentation des Modells",
    'JSON value: 3, true, "text", [1, 2]': 'JSON-Wert: 3, true, "Text", [1, 2]',
    "Model that gets it; empty for the chosen one": "Modell, das ihn bekommt; leer für das gewählte",
    "The cue that is shown below": "Der Cue, der darunter gezeigt wird",
    # Arguments of operators
    "ID of the cue": "ID des Cues",
    "ID of the cue; empty for all": "ID des Cues; leer für alle",
    "ID of the cue; empty for the active one in the list": "ID des Cues; leer für den aktiven der Liste",
    "ID of the cue; empty for the selection or the playhead": "ID des Cues; leer für die Auswahl oder den Abspielkopf",
    "Row, counted from 0": "Zeile, von 0 an gezählt",
    "Take to switch to": "Take, zu dem gewechselt wird",
    "Next take": "Nächster Take",
    "Previous take": "Voriger Take",
    "Number of the take, from 1 (0: use Direction)": "Nummer des Takes, von 1 an (0: Richtung verwenden)",
    "Treatment of the full mix": "Umgang mit der Gesamtmischung",
    "Keep the seed, so that only the picture differs": "Den Startwert behalten, damit sich nur das Bild unterscheidet",
    "Block until all takes are laid (for scripts)": "Warten, bis alle Takes angelegt sind (für Skripte)",
    "Model ID, such as sketch/foley": "Modell-ID, zum Beispiel sketch/foley",
    "Model ID; empty for the scene's model": "Modell-ID; leer für das Modell der Szene",
    "End each effect at the next marker": "Jeden Effekt am nächsten Marker enden lassen",
    "Length of the last effect, or of all without Until Next Marker": (
        "Länge des letzten Effekts, oder aller ohne „Bis zum nächsten Marker“"
    ),
    "Maximum length of an effect with Until Next Marker": "Höchstlänge eines Effekts mit „Bis zum nächsten Marker“",
    "Also find the cuts inside each strip's picture": "Auch die Schnitte im Bild jedes Streifens finden",
    # Preferences
    "Folder for takes; empty for `tracklay` beside the .blend file": (
        "Ordner für Takes; leer für `tracklay` neben der .blend-Datei"
    ),
    "ffmpeg program; empty for the system's or the bundled one": (
        "ffmpeg-Programm; leer für das des Systems oder das mitgelieferte"
    ),
    "Sample rate of new takes": "Abtastrate neuer Takes",
    "For music": "Für Musik",
    "For film and video": "Für Film und Video",
    "For sound design": "Für Sounddesign",
    "Your plan with the vendor: what its sounds may be used for": "Ihr Tarif beim Anbieter: wofür seine Klänge genutzt werden dürfen",
    "What the sounds may be used for is not known": "Wofür die Klänge genutzt werden dürfen, ist nicht bekannt",
    "Send no more when bills exceed their estimates this many times": (
        "Nichts mehr senden, wenn Rechnungen ihre Schätzungen um diesen Faktor übersteigen"
    ),
    "Stop submissions that would exceed the project budget": "Nichts senden, was das Projektbudget überschreiten würde",
    "Maximum cost per takes folder, in the provider's currency": (
        "Höchstkosten je Takes-Ordner, in der Währung des Anbieters"
    ),
    "Jobs per provider at a time; applies after a restart of Blender": (
        "Gleichzeitige Aufträge je Anbieter; gilt nach einem Neustart von Blender"
    ),
    "Disk space for cached proxies, the videos that models are given": (
        "Speicherplatz für Proxys, die Videos, die Modelle bekommen"
    ),
    "URLs of your ComfyUI servers; empty for http://127.0.0.1:8188": (
        "URLs Ihrer ComfyUI-Server; leer für http://127.0.0.1:8188"
    ),
    "URL of your Cog container; empty for http://127.0.0.1:5000": (
        "URL Ihres Cog-Containers; leer für http://127.0.0.1:5000"
    ),
}
"""Tooltips of operators, properties and items."""
