"""The MCP server, called by the package's own client."""
