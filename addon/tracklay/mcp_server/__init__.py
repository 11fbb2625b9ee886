"""An MCP server: what an assistant may see and ask of Tracklay."""
