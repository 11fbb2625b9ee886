"""ComfyUI, against a fake server and against a real server."""
