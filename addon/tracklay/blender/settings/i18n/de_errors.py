"""German sentences of errors and of their next steps."""

from __future__ import annotations

ERRORS = {
    # turnover
    "No folder for the turnover. Choose one.": "Kein Ordner für die Übergabe. Wählen Sie einen.",
    "Already there: {path}. Move it away, or name another folder.": (
        "Schon vorhanden: {path}. Verschieben Sie es, oder wählen Sie einen anderen Ordner."
    ),
    "There is no sound to hand over: {name} has none, and no takes.": (
        "Kein Klang zum Übergeben: {name} hat keinen, und keine Takes."
    ),
    "Not a format: {name!r}. Use some of {formats}, with commas between them.": (
        "Kein Format: {name!r}. Verwenden Sie einige von {formats}, mit Kommas dazwischen."
    ),
    "Handles must be from 0 to {most:g} seconds, not {value:g}.": (
        "Der Überhang muss von 0 bis {most:g} Sekunden reichen, nicht {value:g}."
    ),
    "The sound of {clip} is missing: {path}. Put it back, or take the clip out.": (
        "Der Klang von {clip} fehlt: {path}. Legen Sie ihn zurück, oder nehmen Sie den Streifen heraus."
    ),
    "{clip} plays past the end of its sound: {path} has {samples} samples, the clip needs {needed}.": (
        "{clip} läuft über das Ende seines Klangs: {path} hat {samples} Samples, gebraucht werden {needed}."
    ),
    # panels and operators, each error followed by its next step (settings/error_hints.py)
    "{name} needs internet access, which is turned off in Blender.": (
        "{name} braucht das Internet, und der Onlinezugriff ist in Blender ausgeschaltet."
    ),
    "Turn on Allow Online Access in Preferences > System > Network.": (
        "Schalten Sie Onlinezugriff unter Einstellungen > System > Netzwerk ein."
    ),
    "Write a prompt in the panel.": "Schreiben Sie einen Prompt in das Panel.",
    "The extra parameter with the value {value} has no name.": (
        "Der weitere Parameter mit dem Wert {value} hat keinen Namen."
    ),
    "Write its name, or remove its row.": "Schreiben Sie seinen Namen, oder entfernen Sie seine Zeile.",
    "Extra parameter set twice: {name}.": "Weiterer Parameter doppelt gesetzt: {name}.",
    "Remove one of its rows.": "Entfernen Sie eine seiner Zeilen.",
    "Blender cannot show the parameters of {model}: {error}.": (
        "Blender kann die Parameter von {model} nicht anzeigen: {error}."
    ),
    "Preset {name} is no longer valid: {error}. Save it again.": (
        "Die Vorlage {name} ist nicht mehr gültig: {error}. Speichern Sie sie neu."
    ),
    "No markers to use. Select some, or name them like `sfx: door slam`.": (
        "Keine Marker zu verwenden. Wählen Sie welche aus, oder nennen Sie sie wie `sfx: door slam`."
    ),
    "No picture under the marker {name} at frame {frame}. Move it over a strip, or deselect it.": (
        "Kein Bild unter dem Marker {name} bei Bild {frame}. Setzen Sie ihn über einen Streifen, oder wählen Sie "
        "ihn ab."
    ),
    "Cue not found in this scene. Select one in the list.": (
        "Cue in dieser Szene nicht gefunden. Wählen Sie einen in der Liste."
    ),
    "This cue has no take yet.": "Dieser Cue hat noch keinen Take.",
    "Folder not found: {folder}. Is its drive connected?": (
        "Ordner nicht gefunden: {folder}. Ist sein Laufwerk angeschlossen?"
    ),
    # sequencer, runtime and render
    "No take that was landed: {strip}. Regenerate it.": (
        "Kein Take, der eingerastet wurde: {strip}. Erzeugen Sie ihn neu."
    ),
    "No video strip selected. Select one, or clear the selection and set a preview range.": (
        "Kein Videostreifen ausgewählt. Wählen Sie einen, oder wählen Sie nichts aus und setzen Sie einen Vorschaubereich."
    ),
    "The shots under {strip} were not moved together. Regenerate it.": (
        "Die Einstellungen unter {strip} wurden nicht gemeinsam verschoben. Erzeugen Sie ihn neu."
    ),
    "No video strip is visible in the range. Move it, or unmute one.": (
        "Im Bereich ist kein Videostreifen zu sehen. Verschieben Sie ihn, oder heben Sie eine Stummschaltung auf."
    ),
    "Blender cannot open the file of {strip}.": "Blender kann die Datei von {strip} nicht öffnen.",
    "File of {strip} not found: {path}.": "Datei von {strip} nicht gefunden: {path}.",
    "Image of {strip} is missing: {path}. Render it, or cut the strip before it.": (
        "Ein Bild von {strip} fehlt: {path}. Rendern Sie es, oder beenden Sie den Strip davor."
    ),
    "Source of {strip} is not a file: {path}.": "Die Quelle von {strip} ist keine Datei: {path}.",
    "File of {strip} is empty: {path}.": "Die Datei von {strip} ist leer: {path}.",
    "Cannot read {path}.": "{path} kann nicht gelesen werden.",
    "Choose the file again in the strip's Source panel.": "Wählen Sie die Datei im Panel „Quelle“ des Streifens neu.",
    "The file of {strip} does not show what plays: {reason}.": "Die Datei von {strip} zeigt nicht, was läuft: {reason}.",
    "Set Picture to Automatic in the panel.": "Stellen Sie Bild im Panel auf „Automatisch“.",
    "{strip} is no longer on the timeline.": "{strip} ist nicht mehr auf der Zeitleiste.",
    "The timeline of {strip} is no longer open.": "Die Zeitleiste von {strip} ist nicht mehr geöffnet.",
    "Open it again.": "Öffnen Sie sie wieder.",
    "The frame rate of {scene} changed while the sound of {strip} was generated. Restore it and generate again.": (
        "Die Bildrate von {scene} hat sich geändert, während der Ton von {strip} erzeugt wurde. Stellen Sie sie wieder "
        "her und erzeugen Sie ihn neu."
    ),
    "{error} The take was not laid: {file}.": "{error} Der Take wurde nicht angelegt: {file}.",
    "No cue of this scene is stale.": "Kein Cue dieser Szene ist veraltet.",
    "No help page: {name}.": "Keine Hilfeseite: {name}.",
    "No sequencer is open. Choose the workspace Video Editing.": (
        "Kein Sequenzer ist geöffnet. Wählen Sie den Arbeitsbereich „Videoschnitt“."
    ),
    "Nothing to move by. Set Frames or Milliseconds.": "Keine Verschiebung. Setzen Sie Frames oder Millisekunden.",
    "This Blender shows no preferences.": "Dieses Blender zeigt keine Einstellungen.",
    "This scene has no takes yet.": "Diese Szene hat noch keine Takes.",
    "No free channel above {strip}. Unlock or clear one.": (
        "Kein freier Kanal über {strip}. Entsperren oder leeren Sie einen."
    ),
    "Blender cannot read {file}: {error}": "Blender kann {file} nicht lesen: {error}",
    "Invalid output path of {scene}: {path}. Set another in Output Properties.": (
        "Ungültiger Ausgabepfad von {scene}: {path}. In den Ausgabe-Eigenschaften einen anderen angeben."
    ),
    "Cannot copy the timeline to {path}: {error}": "Die Zeitleiste kann nicht nach {path} kopiert werden: {error}",
    "No take is selected. Select one or its picture, or move the playhead to it.": (
        "Kein Take ausgewählt. Wählen Sie einen oder sein Bild, oder setzen Sie den Abspielkopf darauf."
    ),
    "No take {number}; the cue has {count}.": "Kein Take {number}; der Cue hat {count}.",
    "The cue has only one take.": "Der Cue hat nur einen Take.",
    "Generate more takes.": "Erzeugen Sie weitere Takes.",
    "{picture} is no longer under the take. Move it back.": (
        "{picture} ist nicht mehr unter dem Take. Schieben Sie es zurück."
    ),
    "The picture of {strip} was removed.": "Das Bild von {strip} wurde entfernt.",
    "Select another picture and generate for that.": "Wählen Sie ein anderes Bild und erzeugen Sie Ton dafür.",
    "Nothing was moved in this take.": "In diesem Take wurde nichts verschoben.",
    "Sound file not found: {file}.": "Klangdatei nicht gefunden: {file}.",
    "{take} has {found} samples instead of {wanted}.": "{take} hat {found} Samples statt {wanted}.",
    "The stems of this take are laid already.": "Die Stems dieses Takes sind schon angelegt.",
    "This take has no stems. Generate with a model that makes them.": (
        "Dieser Take hat keine Stems. Verwenden Sie ein Modell, das welche erzeugt."
    ),
    "Stem not found: {file}.": "Stem nicht gefunden: {file}.",
    "Generate the take again.": "Erzeugen Sie den Take neu.",
    "No visible video strip in {scene} from frame {first} to {last}.": (
        "Kein sichtbarer Videostreifen in {scene} von Bild {first} bis {last}."
    ),
    "No video strip or marker named {names} in {scene}. Video strips: {known}.": (
        "Kein Videostreifen und kein Marker namens {names} in {scene}. Videostreifen: {known}."
    ),
    "No video strip in {scene} matches {patterns}.": "Kein Videostreifen in {scene} passt zu {patterns}.",
    "No video strip is selected in {scene}.": "In {scene} ist kein Videostreifen ausgewählt.",
    "The job ledger of this computer has no job of this cue. Delete the placeholder or generate again.": (
        "Die Auftragsliste dieses Rechners hat keinen Auftrag dieses Cues. Löschen Sie den Platzhalter, oder erzeugen "
        "Sie neu."
    ),
    # Next steps (error_hints.py) of the library's errors
    "Or choose one in Preferences.": "Oder wählen Sie eines in den Einstellungen.",
    "Change Square in the panel's settings.": "Ändern Sie Quadrat in den Einstellungen des Panels.",
    "Choose one in the panel's menu.": "Wählen Sie eines im Menü des Panels.",
    "The model's settings list its parameters.": "Die Einstellungen des Modells zeigen seine Parameter.",
    "Set it in the model's settings.": "Setzen Sie ihn in den Einstellungen des Modells.",
    "Set it in Tracklay's preferences.": "Setzen Sie ihn in Tracklays Einstellungen.",
    "The URL is in Tracklay's preferences, too.": "Die URL steht auch in Tracklays Einstellungen.",
    "Generate the sound again.": "Erzeugen Sie den Klang neu.",
    "Then generate the sound again.": "Erzeugen Sie den Klang dann neu.",
    "Recheck, resubmit or discard it in the Cues panel.": "Prüfen, senden oder verwerfen Sie ihn unter „Cues“.",
    "Use Resume Jobs to continue.": "Machen Sie mit „Aufträge fortsetzen“ weiter.",
    "Cancel it first.": "Brechen Sie ihn zuerst ab.",
    "Use Recheck Job to look for it at the provider.": "Suchen Sie ihn mit „Auftrag erneut prüfen“ beim Anbieter.",
    "Look at the provider's bill, then raise Bill Limit in the preferences.": (
        "Prüfen Sie die Abrechnung des Anbieters und erhöhen Sie dann Rechnungsgrenze in den Einstellungen."
    ),
    "Raise Project Budget in the preferences.": "Erhöhen Sie das Projektbudget in den Einstellungen.",
    "Or choose another takes folder in the preferences.": (
        "Oder wählen Sie einen anderen Takes-Ordner in den Einstellungen."
    ),
    # files and programs
    "{provider} sent a response whose compression cannot be read: {encoding}.": (
        "{provider} hat eine Antwort gesendet, deren Komprimierung nicht gelesen werden kann: {encoding}."
    ),
    "{provider} sent a reply that cannot be used: {reason}. Update Tracklay, or check the job at {provider}.": (
        "{provider} hat eine Antwort gesendet, die nicht verwendet werden kann: {reason}. Aktualisieren Sie Tracklay, oder "
        "prüfen Sie den Auftrag bei {provider}."
    ),
    "{error} It is unknown whether the request was charged, so it is not resent.": (
        "{error} Es ist unbekannt, ob die Anfrage berechnet wurde, daher wird sie nicht noch einmal gesendet."
    ),
    "The model's file {name} is damaged: {reason}.": "Die Datei des Modells {name} ist beschädigt: {reason}.",
    "No space left in {path}.": "Kein Speicherplatz mehr in {path}.",
    "No permission to write to {path}.": "Keine Berechtigung, in {path} zu schreiben.",
    "Not a directory: {path}.": "Kein Ordner: {path}.",
    "Name is not valid Unicode: {name}. Rename the file.": "Der Name ist kein gültiges Unicode: {name}. Benennen Sie die Datei um.",
    "Not a folder of this user: {path}. Remove it.": "Kein Ordner dieses Benutzers: {path}. Entfernen Sie ihn.",
    "Cannot write {path}: {reason}.": "{path} kann nicht geschrieben werden: {reason}.",
    "Cannot read {path}: {reason}.": "{path} kann nicht gelesen werden: {reason}.",
    "Not a manifest of Tracklay: {path}. Move it away.": (
        "Kein Manifest von Tracklay: {path}. Verschieben Sie es an einen anderen Ort."
    ),
    "Another process is running the same task. Wait until it ends.": (
        "Ein anderer Prozess führt dieselbe Aufgabe aus. Warten Sie, bis er endet."
    ),
    "{function} ended without a result: {reason}.": "{function} endete ohne Ergebnis: {reason}.",
    "Cancelled.": "Abgebrochen.",
    # times
    "Timecode starts at frame 0: {frame}.": "Timecode beginnt bei Bild 0: {frame}.",
    "Not a time: {value!r}. Write seconds (12.5), minutes and seconds (1:30), timecode (00:00:12:12) or frames (300f).": (
        "Keine Zeit: {value!r}. Schreiben Sie Sekunden (12.5), Minuten und Sekunden (1:30), Timecode (00:00:12:12) oder Bilder (300f)."
    ),
    "No drop-frame timecode at {rate} frames per second. Write ':' before the frames.": (
        "Kein Drop-Frame-Timecode bei {rate} Bildern pro Sekunde. Schreiben Sie ':' vor die Bilder."
    ),
    "Timecode {value!r} does not exist: drop-frame skips the first {count} numbers of that minute.": (
        "Timecode {value!r} gibt es nicht: Drop-Frame überspringt die ersten {count} Nummern dieser Minute."
    ),
    "Frame rate must be above 0: {rate}.": "Die Bildrate muss größer als 0 sein: {rate}.",
    "Span must be at least one frame long: {frames}.": "Der Abschnitt muss mindestens ein Bild lang sein: {frames}.",
    "Time map needs at least two points with increasing frames: {points}.": (
        "Die Zeitzuordnung braucht mindestens zwei Punkte mit steigenden Bildnummern: {points}."
    ),
    "Frame number of timecode {value!r} must be below {limit} at {rate} frames per second.": (
        "Die Bildnummer des Timecodes {value!r} muss bei {rate} Bildern pro Sekunde unter {limit} liegen."
    ),
    "Not a frame rate: {value!r}. Write 24, 23.976 or 24000/1001.": (
        "Keine Bildrate: {value!r}. Schreiben Sie 24, 23.976 oder 24000/1001."
    ),
    # media
    "Cannot read {file}: {reason}.": "{file} lässt sich nicht lesen: {reason}.",
    "The WAV file has no audio: {file}.": "Die WAV-Datei hat keinen Ton: {file}.",
    "Not a WAV file with 16, 24 or 32-bit integer samples: {file}.": (
        "Keine WAV-Datei mit ganzzahligen Samples von 16, 24 oder 32 Bit: {file}."
    ),
    "{file} is truncated: it ends before its {samples} samples.": (
        "{file} ist unvollständig: Die Datei endet vor ihren {samples} Samples."
    ),
    "There are no parts to join.": "Es gibt keine Teile zum Verbinden.",
    "Parts {number} and {next} are not in order: one begins or ends inside the other.": (
        "Die Teile {number} und {next} sind nicht in Reihenfolge: Einer beginnt oder endet im anderen."
    ),
    "{file} has {found} Hz instead of {wanted} Hz. Convert it to {wanted} Hz.": (
        "{file} hat {found} Hz statt {wanted} Hz. Wandeln Sie die Datei in {wanted} Hz um."
    ),
    "Not a WAV file: {name}.": "Keine WAV-Datei: {name}.",
    "The take is too long for a WAV file. Split the span.": (
        "Der Take ist zu lang für eine WAV-Datei. Teilen Sie den Abschnitt."
    ),
    "The model's file {name} has no sound. Try again, or use another model.": (
        "Die Datei {name} des Modells hat keinen Ton. Versuchen Sie es erneut, oder verwenden Sie ein anderes Modell."
    ),
    "The sound of the model's file {name} is empty. Try again, or use another model.": (
        "Der Ton der Datei {name} des Modells ist leer. Versuchen Sie es erneut, oder verwenden Sie ein anderes Modell."
    ),
    "Could not match the sound of {name} with its picture: {pictures} recordings with picture, {sounds} with sound.": (
        "Der Ton von {name} ließ sich nicht dem Bild zuordnen: {pictures} Aufnahmen mit Bild, {sounds} mit Ton."
    ),
    "The film differs from the picture: {problem}.": "Der Film weicht vom Bild ab: {problem}.",
    "No layer with a colour in {path}: it has {channels}. Export the images as plain RGB.": (
        "Keine Ebene mit Farben in {path}: vorhanden ist {channels}. Exportieren Sie die Bilder als einfaches RGB."
    ),
    "{name} must be rendered, and {program} is missing. Generate again in Blender.": (
        "{name} muss gerendert werden, aber {program} fehlt. Erzeugen Sie den Klang in Blender neu."
    ),
    "Could not render {name}: {reason}. Full log: {log}.": (
        "{name} konnte nicht gerendert werden: {reason}. Ganzes Protokoll: {log}."
    ),
    "Could not render {name}: no output for {minutes} minutes. Check that all drives are available.": (
        "{name} konnte nicht gerendert werden: keine Ausgabe seit {minutes} Minuten. Prüfen Sie, ob alle Laufwerke "
        "erreichbar sind."
    ),
    "The timeline copy from which {name} is rendered is missing. Generate again.": (
        "Die Kopie der Zeitleiste, aus der {name} gerendert wird, fehlt. Erzeugen Sie den Klang neu."
    ),
    "Blender rendered {count} of the {frames} frames of {name}. Full log: {log}.": (
        "Blender hat {count} der {frames} Bilder von {name} gerendert. Ganzes Protokoll: {log}."
    ),
    "{action}: no frame can be decoded there. The file may be damaged.": (
        "{action}: Dort kann kein Bild dekodiert werden. Die Datei ist vielleicht beschädigt."
    ),
    "Could not extract {name}: no frame can be decoded at {seconds} s. The file may be truncated.": (
        "{name} konnte nicht extrahiert werden: Bei {seconds} s kann kein Bild dekodiert werden. Die Datei ist "
        "vielleicht abgeschnitten."
    ),
    "Could not extract {name}: it ends at {end} s, and the span needs it until {needed} s. The file may be truncated.": (
        "{name} konnte nicht extrahiert werden: Die Datei endet bei {end} s, und der Abschnitt braucht sie bis "
        "{needed} s. Sie ist vielleicht abgeschnitten."
    ),
    "Could not start {program}: {reason}.": "{program} konnte nicht gestartet werden: {reason}.",
    "{action}: no output from ffmpeg for {seconds} s. Check that the drive or network is available.": (
        "{action}: keine Ausgabe von ffmpeg seit {seconds} s. Prüfen Sie, ob das Laufwerk oder Netzwerk erreichbar ist."
    ),
    "{action}: no space left on the disk.": "{action}: kein Speicherplatz mehr auf dem Laufwerk.",
    "{action}: permission denied.": "{action}: keine Berechtigung.",
    "{action}: the file is damaged or not a media file.": "{action}: Die Datei ist beschädigt oder keine Mediendatei.",
    "{action}: the file has no such stream.": "{action}: Die Datei hat keinen solchen Stream.",
    "{action}: ffmpeg reports: {reason}.": "{action}: ffmpeg meldet: {reason}.",
    "TRACKLAY_FFMPEG is not an executable: {path}. Fix the path or unset the variable.": (
        "TRACKLAY_FFMPEG ist kein ausführbares Programm: {path}. Korrigieren Sie den Pfad, oder entfernen Sie die "
        "Variable."
    ),
    "{action}: it is no media file but text, a playlist or a list of other files. Use the media file itself.": (
        "{action}: Das ist keine Mediendatei, sondern Text, eine Abspielliste oder eine Liste anderer Dateien. Verwenden Sie "
        "die Mediendatei selbst."
    ),
    "Not an image but a list of files: {path}.": "Kein Bild, sondern eine Liste von Dateien: {path}.",
    "No ffmpeg found. Install ffmpeg, or set TRACKLAY_FFMPEG to its path.": (
        "Kein ffmpeg gefunden. Installieren Sie ffmpeg, oder setzen Sie TRACKLAY_FFMPEG auf seinen Pfad."
    ),
    "Two images have the same number: {path}. Use a pattern that matches one of them.": (
        "Zwei Bilder haben dieselbe Nummer: {path}. Verwenden Sie ein Muster, das nur auf eines passt."
    ),
    "Frame {missing} is missing: {path}. Render it, or use a range without it.": (
        "Bild {missing} fehlt: {path}. Rendern Sie es, oder verwenden Sie einen Bereich ohne dieses Bild."
    ),
    "Could not read the folder {path}: {reason}.": "Der Ordner {path} konnte nicht gelesen werden: {reason}.",
    "No images found: {path}. Use a folder of images, or a pattern such as shot.%04d.png.": (
        "Keine Bilder gefunden: {path}. Verwenden Sie einen Ordner mit Bildern oder ein Muster wie shot.%04d.png."
    ),
    "The folder has more than one sequence ({names}): {path}. Use a pattern that matches one.": (
        "Der Ordner hat mehr als eine Bildfolge ({names}): {path}. Verwenden Sie ein Muster, das auf eine passt."
    ),
    "Not a pattern of file names: {pattern}. Write %04d or #### for the number.": (
        "Kein Muster für Dateinamen: {pattern}. Schreiben Sie %04d oder #### für die Nummer."
    ),
    "File not found: {path}.": "Datei nicht gefunden: {path}.",
    "Not a file: {path}.": "Keine Datei: {path}.",
    "The file is empty: {path}. Export it again.": "Die Datei ist leer: {path}. Exportieren Sie sie neu.",
    "The file is an animated image, of which ffmpeg shows a still picture: {path}. Convert it to MP4.": (
        "Die Datei ist ein animiertes Bild, von dem ffmpeg ein Standbild zeigt: {path}. Wandeln Sie sie in MP4 um."
    ),
    "The picture of {path} is made of tiles, which ffmpeg does not join. Convert it to MP4 or PNG.": (
        "Das Bild von {path} besteht aus Kacheln, die ffmpeg nicht zusammensetzt. Wandeln Sie es in MP4 oder PNG um."
    ),
    "The ffmpeg in use cannot decode the picture of {path}. Convert it to MP4, or use a newer ffmpeg.": (
        "Das verwendete ffmpeg kann das Bild von {path} nicht dekodieren. Wandeln Sie es in MP4 um, oder verwenden Sie ein neueres ffmpeg."
    ),
    "The file has no video: {path}.": "Die Datei hat kein Video: {path}.",
    "The video has no frames: {path}.": "Das Video hat keine Bilder: {path}.",
    "{name} changed while it was read. Try again when the file is complete.": (
        "{name} hat sich beim Lesen geändert. Versuchen Sie es erneut, wenn die Datei vollständig ist."
    ),
    "Invalid square: {square}. It is one of {names}, or a number from 0 (left) to 1 (right).": (
        "Ungültiges Quadrat: {square}. Es ist eines von {names} oder eine Zahl von 0 (links) bis 1 (rechts)."
    ),
    "The proxy has no frames: {path}.": "Der Proxy hat keine Bilder: {path}.",
    "sketch/foley needs a video.": "sketch/foley braucht ein Video.",
    # models
    "Unknown model: {model!r}{suggestion}.": "Unbekanntes Modell: {model!r}{suggestion}.",
    "{field} must look like provider/name in lower case, not {value!r}.": (
        "{field} muss wie provider/name in Kleinbuchstaben aussehen, nicht wie {value!r}."
    ),
    "{field} must contain {tempo}, not {value!r}.": "{field} muss {tempo} enthalten, nicht {value!r}.",
    "{field} must be left out: without a tempo, the model's own is used.": (
        "{field} muss fehlen: Ohne Tempo gilt das des Modells."
    ),
    "{field} must be a decimal number as text, not {value!r}.": (
        "{field} muss eine Dezimalzahl als Text sein, nicht {value!r}."
    ),
    "{field} must be from {low} to {high} pixels, not {value}.": (
        "{field} muss von {low} bis {high} Pixel sein, nicht {value}."
    ),
    "{field} must name a parameter of type 'integer', not {value!r}.": (
        "{field} muss einen Parameter vom Typ 'integer' nennen, nicht {value!r}."
    ),
    "{field} must name a parameter of type {type!r}, not {value!r}.": (
        "{field} muss einen Parameter vom Typ {type!r} nennen, nicht {value!r}."
    ),
    "{field} must be above 0, and at most half of seconds.most, not {value:g}.": (
        "{field} muss über 0 und höchstens die Hälfte von seconds.most sein, nicht {value:g}."
    ),
    "{field} is 'choice': choices must be given.": "{field} ist 'choice': Dafür muss choices gesetzt sein.",
    "{field} {role!r} is for a parameter of type {types}.": "{field} {role!r} ist für einen Parameter vom Typ {types}.",
    "{field} is not allowed: {error}": "{field} ist nicht erlaubt: {error}",
    "{field} is not a known field{suggestion}.": "{field} ist kein bekanntes Feld{suggestion}.",
    "{field} is missing.": "{field} fehlt.",
    "{field} must be {expected}, not {value!r}.": "{field} hat den falschen Typ: {value!r}. Erwartet: {expected}.",
    "{field} must be a table: [{table}].": "{field} muss eine Tabelle sein: [{table}].",
    "{field} {low:g} is above {upper_name} {high:g}.": "{field} {low:g} ist größer als {upper_name} {high:g}.",
    "Not valid TOML: {reason}.": "Kein gültiges TOML: {reason}.",
    "{field} {role!r} is already the role of {other}.": "{field} {role!r} ist schon die Rolle von {other}.",
    "{parameter} must be text, not {value!r}.": "{parameter} muss Text sein, nicht {value!r}.",
    "{parameter} must be one of {choices}, not {value!r}{suggestion}.": (
        "{parameter} muss eines von {choices} sein, nicht {value!r}{suggestion}."
    ),
    "{parameter} must have {limits}, not {length}.": (
        "{parameter} hat eine unzulässige Länge: {length}. Erlaubt: {limits}."
    ),
    "File of parameter {parameter} not found: {path}.": "Datei des Parameters {parameter} nicht gefunden: {path}.",
    "No space left in Tracklay's own folder: {path}. Free some space.": (
        "Kein Speicherplatz in Tracklays eigenem Ordner: {path}. Schaffen Sie Platz."
    ),
    "Tracklay's own folder is not writable: {path}. Check its permissions, or set TRACKLAY_HOME to another folder.": (
        "Tracklays eigener Ordner ist nicht beschreibbar: {path}. Prüfen Sie seine Rechte, oder setzen Sie TRACKLAY_HOME "
        "auf einen anderen Ordner."
    ),
    "{parameter} must be a finite number.": "{parameter} muss eine endliche Zahl sein.",
    "{parameter} must be {limits}, not {value}.": "{parameter} ist außerhalb des Bereichs: {value}. Erlaubt: {limits}.",
    "{parameter} must be a whole number, not {value!r}.": "{parameter} muss eine ganze Zahl sein, nicht {value!r}.",
    "{parameter} must be a number, not {value!r}.": "{parameter} muss eine Zahl sein, nicht {value!r}.",
    "{parameter} must be true or false, not {value!r}.": "{parameter} muss true oder false sein, nicht {value!r}.",
    "Unknown parameter of {model}: {name}. Known parameters: {known}.": (
        "Unbekannter Parameter von {model}: {name}. Bekannte Parameter: {known}."
    ),
    "Invalid value for {name} of {model}: {value}. Choices: {choices}.": (
        "Ungültiger Wert für {name} von {model}: {value}. Möglich: {choices}."
    ),
    "Not a number: {value} for {name} of {model}.": "Keine Zahl: {value} für {name} von {model}.",
    "{model} has no parameter {parameter!r}{suggestion}.": "{model} hat keinen Parameter {parameter!r}{suggestion}.",
    "{model} needs the parameter {parameter}.": "{model} braucht den Parameter {parameter}.",
    "{parameter}: the catalogue has {bare!r}, and a plus sign is only for parameters that it does not have.": (
        "{parameter}: Der Katalog hat {bare!r}, und ein Pluszeichen ist nur für Parameter, die er nicht hat."
    ),
    "The picture for {model} must be {limits} s long; the span has {seconds:.2f} s.": (
        "Das Bild für {model} hat eine unzulässige Länge: {seconds:.2f} s. Erlaubt: {limits} s."
    ),
    "Not a length of parts: {value!r}. Write auto, whole, or seconds above 0.": (
        "Keine Länge von Teilen: {value!r}. Schreiben Sie auto, whole oder Sekunden über 0."
    ),
    "Parts for {model} must be {least:g} s or longer: {value:g} s.": (
        "Teile für {model} müssen mindestens {least:g} s lang sein: {value:g} s."
    ),
    "Parts for {model} must be from {least:g} to {most:g} s long: {value:g} s.": (
        "Teile für {model} müssen {least:g} bis {most:g} s lang sein: {value:g} s."
    ),
    "Part {part} has not been sent.": "Teil {part} wurde noch nicht gesendet.",
    "{ready} of {count} parts were made and are charged. {lost} may continue at {provider} and be charged.": (
        "{ready} von {count} Teilen wurden erzeugt und werden berechnet. {lost} laufen bei {provider} vielleicht weiter und "
        "werden berechnet."
    ),
    "The earlier sound is no longer stored, or its model has changed. Generate the whole take again.": (
        "Der frühere Ton ist nicht mehr gespeichert, oder sein Modell hat sich geändert. Erzeugen Sie den ganzen Take neu."
    ),
    "The take was not made in parts: {take}. Name a stretch by its in and out points.": (
        "Der Take wurde nicht in Teilen erzeugt: {take}. Nennen Sie einen Abschnitt durch In- und Out-Punkt."
    ),
    "Part 1 of {take} is the music of {earlier}. Redo a part of that take.": (
        "Teil 1 von {take} ist die Musik von {earlier}. Erzeugen Sie einen Teil jenes Takes neu."
    ),
    "Part {missing} of {take} is missing. Redo it first.": (
        "Teil {missing} von {take} fehlt. Erzeugen Sie ihn zuerst neu."
    ),
    "No job of this machine made the take: {path}. Name a WAV file of a take where it was written.": (
        "Kein Auftrag dieses Rechners hat den Take erzeugt: {path}. Nennen Sie die WAV-Datei eines Takes, wo sie "
        "geschrieben wurde."
    ),
    "{take} has {count} parts, and no part {part}.": "{take} hat {count} Teile und keinen Teil {part}.",
    "The parts of {take} are music without a place of their own. Name a stretch by its in and out points.": (
        "Die Teile von {take} sind Musik ohne eigenen Platz. Nennen Sie einen Abschnitt durch In- und Out-Punkt."
    ),
    "The stretch from {first} to {end} s is not inside the take, which has {start} to {stop} s.": (
        "Der Abschnitt von {first} bis {end} s liegt nicht im Take, der von {start} bis {stop} s reicht."
    ),
    "The file of the take is missing: {strip}.": "Die Datei des Takes fehlt: {strip}.",
    "{strip} no longer has the length of its take. Generate the cue again.": (
        "{strip} hat nicht mehr die Länge seines Takes. Erzeugen Sie den Cue neu."
    ),
    "No part is chosen. Name its number, or set a preview range.": (
        "Kein Teil gewählt. Nennen Sie seine Nummer, oder setzen Sie einen Vorschaubereich."
    ),
    "{model} generates at most {limit} s; the span has {seconds:.2f} s. Shorten it or choose another model.": (
        "{model} erzeugt höchstens {limit} s; der Abschnitt hat {seconds:.2f} s. Kürzen Sie ihn, oder wählen Sie ein "
        "anderes Modell."
    ),
    "{parameter} must be JSON, not {value!r}. Put text in double quotes.": (
        "{parameter} muss JSON sein, nicht {value!r}. Setzen Sie Text in doppelte Anführungszeichen."
    ),
    "Takes must be from 1 to {most}: {value}.": "Die Anzahl der Takes muss von 1 bis {most} sein: {value}.",
    "Prompt required by the model: {model}.": "Das Modell braucht einen Prompt: {model}.",
    # jobs
    "Job {job} is running.": "Auftrag {job} läuft.",
    "Discarded by the user. It may have been charged.": "Vom Benutzer verworfen. Er hat vielleicht gekostet.",
    "Job {job} is not finished ({state}).": "Auftrag {job} ist nicht fertig ({state}).",
    "Job {job} is {state}. Only unclear jobs can be resubmitted.": (
        "Auftrag {job} ist {state}. Nur unklare Aufträge können erneut gesendet werden."
    ),
    "Job {job} is already {state}.": "Auftrag {job} ist schon {state}.",
    "{error} Job {job} needs a decision.": "{error} Auftrag {job} braucht eine Entscheidung.",
    "{error} Job {job} is kept and can be resumed.": (
        "{error} Auftrag {job} bleibt erhalten und kann fortgesetzt werden."
    ),
    "{error} Job {job} has failed after {attempts} runs without a result. Its cost still counts.": (
        "{error} Auftrag {job} ist nach {attempts} Läufen ohne Ergebnis fehlgeschlagen. Seine Kosten zählen weiter."
    ),
    "No such job: {job}.": "Auftrag nicht gefunden: {job}.",
    "Another process is running job {job}.": "Ein anderer Prozess führt Auftrag {job} aus.",
    "Nothing was sent and nothing is charged.": "Nichts wurde gesendet, und nichts wird berechnet.",
    "The output was already made and is charged: {cost}.": "Die Ausgabe war schon erzeugt und wird berechnet: {cost}.",
    "{provider} confirmed the cancellation. The time until then may be charged (estimate: {estimate}).": (
        "{provider} hat den Abbruch bestätigt. Die Zeit bis dahin wird vielleicht berechnet (Schätzung: {estimate})."
    ),
    "{provider} did not confirm the cancellation. The request may continue and be charged (estimate: {estimate}).": (
        "{provider} hat den Abbruch nicht bestätigt. Die Anfrage läuft vielleicht weiter und wird berechnet "
        "(Schätzung: {estimate})."
    ),
    "Internal error: {exception}: {reason}.": "Interner Fehler: {exception}: {reason}.",
    (
        "Unknown whether {provider} received the request: it was interrupted while it was sent. It is not resent "
        "automatically because it may have been charged."
    ): (
        "Unbekannt, ob {provider} die Anfrage bekommen hat: Das Senden wurde unterbrochen. Sie wird nicht von selbst "
        "erneut gesendet, weil sie vielleicht schon berechnet wurde."
    ),
    "Cannot read the source: {path} ({reason}).": "Die Quelle kann nicht gelesen werden: {path} ({reason}).",
    "{provider} has not finished request {request} after {minutes} minutes. It may still finish.": (
        "{provider} hat die Anfrage {request} nach {minutes} Minuten nicht beendet. Sie wird vielleicht noch fertig."
    ),
    "The stored output of job {job} was deleted. Generate it again.": (
        "Die gespeicherte Ausgabe von Auftrag {job} wurde gelöscht. Erzeugen Sie sie neu."
    ),
    "The take no longer exists: {path}. Restore it or generate again.": (
        "Der Take existiert nicht mehr: {path}. Stellen Sie ihn wieder her, oder erzeugen Sie ihn neu."
    ),
    "{error} {provider} accepted request {request}, but the ledger could not record it.": (
        "{error} {provider} hat die Anfrage {request} angenommen, aber die Auftragsliste konnte sie nicht speichern."
    ),
    "Not an amount for {name}: {value!r}. Write a number such as 2.50.": (
        "Kein Betrag für {name}: {value!r}. Schreiben Sie eine Zahl wie 2.50."
    ),
    "Unknown price: {model}. The cost cap cannot be enforced.": (
        "Preis unbekannt: {model}. Die Kostengrenze kann nicht eingehalten werden."
    ),
    "Estimated cost {total} exceeds the cap of {cap}. Use fewer takes, a shorter span, or a higher cap.": (
        "Die geschätzten Kosten {total} überschreiten die Grenze von {cap}. Verwenden Sie weniger Takes, einen "
        "kürzeren Abschnitt oder eine höhere Grenze."
    ),
    "Unknown price: {model}. The budget cap of {scope} cannot be enforced; nothing was sent.": (
        "Preis unbekannt: {model}. Die Kostengrenze von {scope} kann nicht eingehalten werden; nichts wurde gesendet."
    ),
    "Budget cap of {scope} exceeded: {amount} {currency} more than {spent} would pass {cap}. Nothing was sent.": (
        "Kostengrenze von {scope} überschritten: {amount} {currency} zusätzlich zu {spent} wären mehr als {cap}. "
        "Nichts wurde gesendet."
    ),
    "The provider has charged {billed} {currency} for what was estimated at {estimated}: more than {factor} times as much. "
    "Nothing more was sent.": (
        "Der Anbieter hat {billed} {currency} für das berechnet, was auf {estimated} geschätzt war: mehr als das {factor}-fache. "
        "Nichts weiter wurde gesendet."
    ),
    "The job ledger is locked by another program: {path}.": (
        "Die Auftragsliste ist von einem anderen Programm gesperrt: {path}."
    ),
    "The job ledger cannot be written: {path}. Check the folder's permissions, or set TRACKLAY_HOME to another folder.": (
        "Die Auftragsliste kann nicht geschrieben werden: {path}. Prüfen Sie die Rechte des Ordners, oder setzen Sie "
        "TRACKLAY_HOME auf einen anderen Ordner."
    ),
    "No space left for the job ledger: {path}. Free some space.": (
        "Kein Speicherplatz mehr für die Auftragsliste: {path}. Schaffen Sie Platz."
    ),
    "Disk error in the job ledger {path}: {reason}.": "Laufwerksfehler in der Auftragsliste {path}: {reason}.",
    "Internal error: the job ledger refused a change ({reason}).": (
        "Interner Fehler: Die Auftragsliste hat eine Änderung abgelehnt ({reason})."
    ),
    "The job ledger is damaged: {path} ({reason}). Repair it, or move it away to start a new one; it records paid requests.": (
        "Die Auftragsliste ist beschädigt: {path} ({reason}). Reparieren Sie sie, oder verschieben Sie sie, um eine neue zu "
        "beginnen; sie enthält bezahlte Anfragen."
    ),
    "The plan of a job in the ledger is damaged ({reason}). Repair the ledger.": (
        "Der Plan eines Auftrags in der Auftragsliste ist beschädigt ({reason}). Reparieren Sie die Liste."
    ),
    "There is no job ledger: {path}.": "Es gibt keine Auftragsliste: {path}.",
    "A process of Tracklay is running. Close Blender and other commands first.": (
        "Ein Prozess von Tracklay läuft. Schließen Sie zuerst Blender und andere Befehle."
    ),
    "No job can be read from the ledger {path}. Restore it from a backup, or move it away to start a new one.": (
        "Aus der Auftragsliste {path} kann kein Auftrag gelesen werden. Stellen Sie sie aus einer Sicherung wieder her, oder "
        "verschieben Sie sie, um eine neue zu beginnen."
    ),
    "The job ledger is an empty file: {path}. Restore it from a backup, or move it away to start a new one.": (
        "Die Auftragsliste ist eine leere Datei: {path}. Stellen Sie sie aus einer Sicherung wieder her, oder "
        "verschieben Sie sie, um eine neue zu beginnen."
    ),
    "Not a job ledger of Tracklay: {path}. Move it away, or set TRACKLAY_HOME to another folder.": (
        "Keine Auftragsliste von Tracklay: {path}. Verschieben Sie die Datei, oder setzen Sie TRACKLAY_HOME auf einen "
        "anderen Ordner."
    ),
    (
        "The job ledger was written by a newer version of Tracklay: {path} (version {version}, supported: "
        "{supported}). Update Tracklay, or set TRACKLAY_HOME to another folder."
    ): (
        "Die Auftragsliste stammt von einer neueren Version von Tracklay: {path} (Version {version}, unterstützt: "
        "{supported}). Aktualisieren Sie Tracklay, oder setzen Sie TRACKLAY_HOME auf einen anderen Ordner."
    ),
    # providers
    "Unknown provider: {provider}. Correct the model's file.": (
        "Unbekannter Anbieter: {provider}. Korrigieren Sie die Datei des Modells."
    ),
    "{provider} needs an API key: {variable} is not set.": (
        "{provider} braucht einen API-Schlüssel: {variable} ist nicht gesetzt."
    ),
    "{variable} has characters that no API key has. Copy the key again from {provider}.": (
        "{variable} hat Zeichen, die in keinem API-Schlüssel vorkommen. Kopieren Sie den Schlüssel neu von {provider}."
    ),
    "{provider} refuses the API key in {variable}{message}. Check the key and its permissions.": (
        "{provider} lehnt den API-Schlüssel in {variable} ab{message}. Prüfen Sie den Schlüssel und seine Rechte."
    ),
    "The {provider} account has no credit left{message}. Add credit and wait a few minutes.": (
        "Das Konto bei {provider} hat kein Guthaben mehr{message}. Laden Sie es auf, und warten Sie einige Minuten."
    ),
    "{provider} has no such model or job{message}. Check the model's endpoint.": (
        "{provider} kennt dieses Modell oder diesen Auftrag nicht{message}. Prüfen Sie den Endpunkt des Modells."
    ),
    "{provider} refuses a file of this size{message}. Choose a shorter span.": (
        "{provider} lehnt eine Datei dieser Größe ab{message}. Wählen Sie einen kürzeren Abschnitt."
    ),
    "{provider} is throttling requests{message}. Try again later.": (
        "{provider} drosselt Anfragen{message}. Versuchen Sie es später erneut."
    ),
    "{provider} responded with status {status}{message}. Try again later.": (
        "{provider} hat mit Status {status} geantwortet{message}. Versuchen Sie es später erneut."
    ),
    "{provider} refuses the content{message}. Change the prompt or the span.": (
        "{provider} lehnt den Inhalt ab{message}. Ändern Sie den Prompt oder den Abschnitt."
    ),
    "{provider} refuses the input {field}{message}.": "{provider} lehnt die Eingabe {field} ab{message}.",
    "{provider} refuses the input{message}.": "{provider} lehnt die Eingabe ab{message}.",
    "The model at {provider} failed{message}.{note} Try again with other parameters, or use another model.": (
        "Das Modell bei {provider} ist fehlgeschlagen{message}.{note} Versuchen Sie andere Parameter oder ein anderes "
        "Modell."
    ),
    "The model at {provider} returned no sound: {output}. Try again, or use another model.": (
        "Das Modell bei {provider} hat keinen Klang geliefert: {output}. Versuchen Sie es erneut, oder verwenden Sie "
        "ein anderes Modell."
    ),
    "The model returned an invalid data URI.": "Das Modell hat eine ungültige Daten-URI geliefert.",
    "The job was cancelled at {provider}.": "Der Auftrag wurde bei {provider} abgebrochen.",
    "{provider} has deleted the result of {request}. Generate it again.": (
        "{provider} hat das Ergebnis von {request} gelöscht. Erzeugen Sie es neu."
    ),
    "The response of {provider} has no {what}.": "In der Antwort von {provider} fehlt: {what}.",
    "{provider} reported an unknown status: {status}. Check {dashboard}.": (
        "{provider} hat einen unbekannten Status gemeldet: {status}. Sehen Sie unter {dashboard} nach."
    ),
    "{provider} reported {request} as done, and then as unfinished. Try again later.": (
        "{provider} hat {request} als fertig und dann als unfertig gemeldet. Versuchen Sie es später erneut."
    ),
    "The download from {provider} is too slow. Check the network.": (
        "Der Download von {provider} ist zu langsam. Prüfen Sie das Netzwerk."
    ),
    "{provider} redirects its file in circles.": "{provider} leitet seine Datei im Kreis weiter.",
    "{provider} sent another part of the file than requested.": (
        "{provider} hat einen anderen Teil der Datei gesendet als angefordert."
    ),
    "{provider} sent an empty file.": "{provider} hat eine leere Datei gesendet.",
    "{provider} sent {received} of a file's {total} bytes.": (
        "{provider} hat {received} von {total} Bytes einer Datei gesendet."
    ),
    "{provider} sent a file of more than {limit} MiB. It was not kept.": (
        "{provider} hat eine Datei von mehr als {limit} MiB gesendet. Sie wurde nicht behalten."
    ),
    "{provider} refuses the link to its file (status {status}{message}): it has expired, or the file was deleted.": (
        "{provider} lehnt den Link zu seiner Datei ab (Status {status}{message}): Er ist abgelaufen, oder die Datei wurde gelöscht."
    ),
    "{error} A later run asks for the link again.": "{error} Ein späterer Lauf fragt erneut nach dem Link.",
    "The storage of {provider} refused the upload. Try again later.": (
        "Der Speicher von {provider} hat den Upload abgelehnt. Versuchen Sie es später erneut."
    ),
    "Not a web address: {variable}. Write https://host.": "Keine Webadresse: {variable}. Schreiben Sie https://host.",
    "{variable} must start with https://. Plain http:// is accepted for this machine only.": (
        "{variable} muss mit https:// beginnen. Einfaches http:// ist nur für diesen Rechner erlaubt."
    ),
    "{provider} returned an invalid web address.": "{provider} hat eine ungültige Webadresse geliefert.",
    "{provider} returned an address on a host that is not its own: {host}. It was not followed.": (
        "{provider} hat eine Adresse auf einem fremden Host geliefert: {host}. Sie wurde nicht aufgerufen."
    ),
    "{provider} redirects to another address: {host}. It was not followed, to protect the API key.": (
        "{provider} leitet an eine andere Adresse weiter: {host}. Sie wurde nicht aufgerufen, um den API-Schlüssel zu "
        "schützen."
    ),
    "{provider} sent a response of more than {limit} MiB.": (
        "{provider} hat eine Antwort von mehr als {limit} MiB gesendet."
    ),
    (
        "Unknown whether {provider} received the request. {reason} It is not resent automatically because it may have "
        "been charged: check {dashboard} first."
    ): (
        "Unbekannt, ob {provider} die Anfrage bekommen hat. {reason} Sie wird nicht von selbst erneut gesendet, weil "
        "sie vielleicht schon berechnet wurde: Sehen Sie zuerst unter {dashboard} nach."
    ),
    "{provider} sent an empty response with status {status}.": (
        "{provider} hat eine leere Antwort mit Status {status} gesendet."
    ),
    "{provider} sent a response that is not JSON, with status {status}{message}.": (
        "{provider} hat eine Antwort gesendet, die kein JSON ist, mit Status {status}{message}."
    ),
    "{provider} did not respond in time. Check the network.": (
        "{provider} hat nicht rechtzeitig geantwortet. Prüfen Sie das Netzwerk."
    ),
    "The connection to {provider} failed: {error}. Check the network.": (
        "Die Verbindung zu {provider} ist fehlgeschlagen: {error}. Prüfen Sie das Netzwerk."
    ),
    "Beatoven made no such stem: {stem}.": "Beatoven hat diesen Stem nicht erzeugt: {stem}.",
    "ElevenLabs sent an answer without a sound.": "ElevenLabs hat eine Antwort ohne Klang gesendet.",
    "The picture to send was deleted before it was sent. Generate it again.": (
        "Das Bild wurde gelöscht, bevor es gesendet war. Erzeugen Sie erneut."
    ),
    "composition_plan must be an object with chunks or sections, not {value}.": (
        "composition_plan muss ein Objekt mit chunks oder sections sein, nicht {value}."
    ),
    "{variable} must be VENDOR=PLAN, several with commas between them, not {value!r}.": (
        "{variable} muss ANBIETER=TARIF sein, mehrere mit Kommas dazwischen, nicht {value!r}."
    ),
    "{variable}: no plans are known of {vendor!r}{suggestion}. Known: {known}.": (
        "{variable}: Von {vendor!r} sind keine Tarife bekannt{suggestion}. Bekannt: {known}."
    ),
    "{variable}: {vendor} has no plan {plan!r}{suggestion}. Known: {known}.": (
        "{variable}: {vendor} hat keinen Tarif {plan!r}{suggestion}. Bekannt: {known}."
    ),
    "A certificate is set, but c2pa-python is not installed. Install tracklay[c2pa], or unset TRACKLAY_C2PA_CERTIFICATE.": (
        "Ein Zertifikat ist gesetzt, aber c2pa-python ist nicht installiert. Installieren Sie tracklay[c2pa], "
        "oder entfernen Sie TRACKLAY_C2PA_CERTIFICATE."
    ),
    "Cannot read the workflow {path}: {reason}.": ("Der Workflow {path} ist nicht lesbar: {reason}."),
    "Cannot read {file} of TRACKLAY_C2PA_CERTIFICATE and TRACKLAY_C2PA_KEY: {reason}.": (
        "{file} aus TRACKLAY_C2PA_CERTIFICATE und TRACKLAY_C2PA_KEY ist nicht lesbar: {reason}."
    ),
    "Certificate and key cannot sign as {algorithm}: {reason}. Set TRACKLAY_C2PA_ALGORITHM as the key has it.": (
        "Zertifikat und Schlüssel können nicht als {algorithm} signieren: {reason}. "
        "Setzen Sie TRACKLAY_C2PA_ALGORITHM passend zum Schlüssel."
    ),
    "ComfyUI lacks a node of this workflow: {message}. Install its node pack on the server.": (
        "ComfyUI fehlt ein Knoten dieses Workflows: {message}. Installieren Sie sein Knotenpaket auf dem Server."
    ),
    "ComfyUI refused the workflow: {message}. Correct it in ComfyUI and export it again.": (
        "ComfyUI hat den Workflow abgelehnt: {message}. Korrigieren Sie ihn in ComfyUI, und exportieren Sie ihn erneut."
    ),
    "Could not sign {name}: {reason}.": ("{name} konnte nicht signiert werden: {reason}."),
    "No ComfyUI server at {urls}. Start it, or set TRACKLAY_COMFYUI_URL.": (
        "Kein ComfyUI-Server unter {urls}. Starten Sie ihn, oder setzen Sie TRACKLAY_COMFYUI_URL."
    ),
    "Not a day: {value!r}. Write it as 2026-11-30, or a month as 2026-11.": (
        "Kein Tag: {value!r}. Schreiben Sie ihn als 2026-11-30, oder einen Monat als 2026-11."
    ),
    "Not a web address in {variable}. Write http://host:8188, several with commas between them.": (
        "Keine Webadresse in {variable}. Schreiben Sie http://host:8188, mehrere mit Kommas dazwischen."
    ),
    "TRACKLAY_C2PA_CERTIFICATE is set without TRACKLAY_C2PA_KEY. Set both.": (
        "TRACKLAY_C2PA_CERTIFICATE ist ohne TRACKLAY_C2PA_KEY gesetzt. Setzen Sie beide."
    ),
    "The workflow failed in ComfyUI at {node}: {message}. Look at the server's log.": (
        "Der Workflow ist in ComfyUI bei {node} fehlgeschlagen: {message}. Sehen Sie im Protokoll des Servers nach."
    ),
    "The workflow of {model} has no node {node}. Add the model again from the workflow as it is now.": (
        "Der Workflow von {model} hat keinen Knoten {node}. Fügen Sie das Modell mit dem jetzigen Workflow erneut hinzu."
    ),
    "This job runs on {url}, which TRACKLAY_COMFYUI_URL does not name. Add it, or discard the job.": (
        "Dieser Auftrag läuft auf {url}, und TRACKLAY_COMFYUI_URL nennt diesen Server nicht. "
        "Ergänzen Sie ihn, oder verwerfen Sie den Auftrag."
    ),
    "{model}: {field} must be the name of a workflow file beside the model's file, not {value!r}.": (
        "{model}: {field} muss der Name einer Workflow-Datei neben der Datei des Modells sein, nicht {value!r}."
    ),
    "{name} must be 1 or more, not {value}.": ("{name} muss 1 oder mehr sein, nicht {value}."),
    "{path} is no workflow in ComfyUI's API format. Export it with File > Export (API).": (
        "{path} ist kein Workflow im API-Format von ComfyUI. Exportieren Sie ihn mit File > Export (API)."
    ),
    "{path} is no workflow: it is not JSON.": ("{path} ist kein Workflow: Die Datei ist kein JSON."),
    "{path} is no workflow: it is too large.": ("{path} ist kein Workflow: Die Datei ist zu groß."),
    "{path} is saved for ComfyUI's editor. Export it with File > Export (API), and use that file.": (
        "{path} ist für den Editor von ComfyUI gespeichert. Exportieren Sie mit File > Export (API), und verwenden Sie jene Datei."
    ),
    "{variable} is no header. Write it as Name: value.": (
        "{variable} ist kein Header. Schreiben Sie ihn als Name: Wert."
    ),
    "{variable} must start with https:// if {header} is set. Plain http:// would show the login to the network.": (
        "{variable} muss mit https:// beginnen, wenn {header} gesetzt ist. Mit http:// wäre die Anmeldung im Netz lesbar."
    ),
    "No Cog server at {url}. Start the container or set TRACKLAY_COG_URL.": (
        "Kein Cog-Server unter {url}. Starten Sie den Container, oder setzen Sie TRACKLAY_COG_URL."
    ),
    "Your Cog container is not ready, {status}{logs}. Check its log and restart it.": (
        "Ihr Cog-Container ist nicht bereit, {status}{logs}. Prüfen Sie sein Protokoll, und starten Sie ihn neu."
    ),
    "The model in your Cog container failed: {message}. Try other parameters, or check its log.": (
        "Das Modell in Ihrem Cog-Container ist fehlgeschlagen: {message}. Versuchen Sie andere Parameter, oder prüfen "
        "Sie sein Protokoll."
    ),
    "The connection to your Cog container broke during the run, which ends the run. Nothing was charged.": (
        "Die Verbindung zu Ihrem Cog-Container ist beim Lauf abgerissen, und damit endet der Lauf. Nichts wurde "
        "berechnet."
    ),
    "Your Cog container is already running {request}. Wait until it is done.": (
        "Ihr Cog-Container führt schon {request} aus. Warten Sie, bis er fertig ist."
    ),
    "Your Cog container had no free place in all attempts{message}. Try again later.": (
        "Ihr Cog-Container hatte bei keinem Versuch einen freien Platz{message}. Versuchen Sie es später erneut."
    ),
    "The run ended with the program that started it, and its input file was deleted. Generate it again, at no cost.": (
        "Der Lauf endete mit dem Programm, das ihn gestartet hat, und seine Eingabedatei wurde gelöscht. Erzeugen Sie "
        "den Klang kostenlos neu."
    ),
    "The fal account is locked or has no credit left{message}.": (
        "Das Konto bei fal ist gesperrt oder hat kein Guthaben mehr{message}."
    ),
    "fal does not run this model{message}. Use another model, or correct the model's file.": (
        "fal führt dieses Modell nicht aus{message}. Verwenden Sie ein anderes Modell, oder korrigieren Sie die Datei "
        "des Modells."
    ),
    "fal stopped the job because it took too long{message}. Try again later.": (
        "fal hat den Auftrag angehalten, weil er zu lange dauerte{message}. Versuchen Sie es später erneut."
    ),
    "fal could not run the model{message}. Try again later.": (
        "fal konnte das Modell nicht ausführen{message}. Versuchen Sie es später erneut."
    ),
    "Replicate has no version of {model} that can be run. Use another model.": (
        "Replicate hat keine ausführbare Version von {model}. Verwenden Sie ein anderes Modell."
    ),
    "Replicate aborted the job before it started, and charges nothing. Try again later.": (
        "Replicate hat den Auftrag vor dem Start abgebrochen und berechnet nichts. Versuchen Sie es später erneut."
    ),
    "Replicate has no such version, or you may not run it{message}. Correct the model's file.": (
        "Replicate hat diese Version nicht, oder Sie dürfen sie nicht ausführen{message}. Korrigieren Sie die Datei "
        "des Modells."
    ),
    "Scenario did not finish importing the file. Try again later.": (
        "Scenario hat die Datei nicht zu Ende importiert. Versuchen Sie es später erneut."
    ),
    "Scenario has deleted the asset {asset}. Generate it again.": (
        "Scenario hat das Asset {asset} gelöscht. Erzeugen Sie es neu."
    ),
    "Scenario refused the asset {asset} twice, each time at its own address. Try again later.": (
        "Scenario hat das Asset {asset} zweimal unter seiner eigenen Adresse abgelehnt. Versuchen Sie es später erneut."
    ),
    "Scenario started a job instead of a dry run. Check {dashboard}.": (
        "Scenario hat einen Auftrag statt eines Probelaufs gestartet. Sehen Sie unter {dashboard} nach."
    ),
    "Scenario refuses the file{message}. Choose another span or file.": (
        "Scenario lehnt die Datei ab{message}. Wählen Sie einen anderen Abschnitt oder eine andere Datei."
    ),
    "The Scenario account has no creative units left{message}.": (
        "Das Konto bei Scenario hat keine Creative Units mehr{message}."
    ),
    # a .blend file without Blender's window
    "{cue} changed in the file while its sound was generated. It was not laid.": (
        "{cue} wurde in der Datei geändert, während der Klang erzeugt wurde. Er wurde nicht angelegt."
    ),
    "Nothing between the in point {in_point} and the out point {out_point}. The out point must be later.": (
        "Nichts zwischen dem In-Punkt {in_point} und dem Out-Punkt {out_point}. Der Out-Punkt muss später sein."
    ),
    "Invalid {name} point. {error}": "Ungültiger Punkt {name}. {error}",
    "Blender {version} is too old to read {path}. Tracklay needs {oldest} or later.": (
        "Blender {version} ist zu alt, um {path} zu lesen. Tracklay braucht {oldest} oder neuer."
    ),
    "Blender {version} cannot open {path}: {error}": "Blender {version} kann {path} nicht öffnen: {error}",
    "The timeline of {scene} in {path} is empty.": "Die Zeitleiste von {scene} in {path} ist leer.",
    "Cue was not generated in Blender: {cue}.": "Der Cue wurde nicht in Blender erzeugt: {cue}.",
    # music
    "The music of {music:.1f} s is too short for a span of {span:.1f} s. Generate it again.": (
        "Die Musik von {music:.1f} s ist zu kurz für eine Spanne von {span:.1f} s. Erzeugen Sie sie neu."
    ),
    "The music that {take} was fitted from is missing: {path}.": (
        "Die Musik, aus der {take} angepasst wurde, fehlt: {path}."
    ),
    "Not music that was fitted to its picture: {strip}. Regenerate it.": (
        "Keine Musik, die an ihr Bild angepasst wurde: {strip}. Erzeugen Sie sie neu."
    ),
    "Music cannot be fitted to {samples} samples.": "Musik kann nicht auf {samples} Samples angepasst werden.",
    "The hit at {seconds} s is outside the span of {span} s. Move it into the span.": (
        "Der Treffer bei {seconds} s liegt außerhalb der Spanne von {span} s. Verschieben Sie ihn in die Spanne."
    ),
    # mix
    "Unknown kind of sound: {kind}. Use one of: {kinds}.": (
        "Unbekannte Art von Klang: {kind}. Verwenden Sie eine von: {kinds}."
    ),
    "Unknown preset: {name}. Use {names}, or the path of a TOML file.": (
        "Unbekannte Voreinstellung: {name}. Verwenden Sie {names} oder den Pfad einer TOML-Datei."
    ),
    "{field} is {value:g}, less than depth ({depth:g}). Make it as large or larger.": (
        "{field} ist {value:g}, weniger als depth ({depth:g}). Machen Sie es gleich groß oder größer."
    ),
    "{field} must be a table, as [{field}].": "{field} muss eine Tabelle sein, wie [{field}].",
    "Unknown key: {field}. Known are {known}.": "Unbekannter Schlüssel: {field}. Bekannt sind {known}.",
    "{field} is missing. Add it.": "{field} fehlt. Ergänzen Sie es.",
    "{field} must be a number from {low:g} to {high:g}, not {value!r}.": (
        "{field} muss eine Zahl von {low:g} bis {high:g} sein, nicht {value!r}."
    ),
    "{field} must be text, not {value!r}.": "{field} muss Text sein, nicht {value!r}.",
    "ffmpeg wrote a sound file without samples.": "ffmpeg hat eine Klangdatei ohne Samples geschrieben.",
}
"""Templates of errors and of their hints. A translation has the same names in braces."""
