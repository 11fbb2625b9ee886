"""OpenTimelineIO timelines: reads their cues and writes takes back as audio tracks."""
