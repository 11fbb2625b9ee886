"""Media files by way of ffmpeg: probing, extraction of proxies, conforming of sound, muxing, and the proxy cache."""
