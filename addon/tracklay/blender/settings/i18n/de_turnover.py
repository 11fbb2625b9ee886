"""German texts of File > Export > Tracklay Turnover."""

from __future__ import annotations

WORDS = {
    "Writing the turnover …  Esc: Cancel": "Die Übergabe wird geschrieben …  Esc: Abbrechen",
    "Turnover written: {}": "Übergabe geschrieben: {}",
    "For": "Für",
    "Formats": "Formate",
    "Handles": "Überhang",
    "Mono": "Mono",
    "Embed": "Einbetten",
    "Absolute Paths": "Absolute Pfade",
    "Chosen Formats": "Gewählte Formate",
    "WAV Tracks": "WAV-Spuren",
    "Folder": "Ordner",
    "Folders Only": "Nur Ordner",
    "AAF": "AAF",
    "REAPER": "REAPER",
    "OpenTimelineIO": "OpenTimelineIO",
    "FCPXML": "FCPXML",
    "Final Cut Pro 7 XML": "Final Cut Pro 7 XML",
    "EDL": "EDL",
    "Pro Tools": "Pro Tools",
    "DaVinci Resolve": "DaVinci Resolve",
    "Premiere Pro": "Premiere Pro",
}
"""Names of properties and items, and reports."""

TOOLTIPS = {
    "Hand the sounds of the timeline over to a mixing room": "Die Klänge der Zeitleiste an ein Mischstudio übergeben",
    "Folder of the turnover": "Ordner der Übergabe",
    "Show folders only": "Nur Ordner zeigen",
    "Formats that a program reads best": "Formate, die ein Programm am besten liest",
    "Formats to write": "Formate, die geschrieben werden",
    "The formats below": "Die Formate darunter",
    "Sound kept around a part of a longer file": "Klang, der um einen Teil einer längeren Datei bleibt",
    "A file and a track for each channel": "Eine Datei und eine Spur für jeden Kanal",
    "Put the sound into the AAF": "Den Klang in das AAF legen",
    "Refer to the sounds by absolute paths": "Mit absoluten Pfaden auf die Klänge verweisen",
    "Name of the files; empty for the scene's": "Name der Dateien; leer für den der Szene",
    "Pro Tools, Media Composer, Nuendo, Fairlight, Ardour": "Pro Tools, Media Composer, Nuendo, Fairlight, Ardour",
    "A project with takes, fades and envelopes": "Ein Projekt mit Takes, Blenden und Hüllkurven",
    "Final Cut Pro X": "Final Cut Pro X",
    "Resolve and other editors": "Resolve und andere Schnittprogramme",
    "Premiere, Resolve and older editors": "Premiere, Resolve und ältere Schnittprogramme",
    "A list for each track, with the timecodes of the WAVs": "Eine Liste je Spur, mit den Timecodes der WAVs",
    "Each track as one file": "Jede Spur als eine Datei",
    "An AAF with a file for each channel, and EDLs": "Ein AAF mit einer Datei je Kanal, und EDLs",
    "A project": "Ein Projekt",
    "OTIO, XML and EDLs with absolute paths": "OTIO, XML und EDLs mit absoluten Pfaden",
    "XML and OTIO with absolute paths": "XML und OTIO mit absoluten Pfaden",
}
"""Tooltips of the operator, its properties and their items."""
