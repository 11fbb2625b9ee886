"""Stand-ins for the hosted APIs, on a real socket: they check what they are sent, and go wrong when they are told to."""
