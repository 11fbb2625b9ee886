"""Films with takes: `mux` writes one, `film_check` checks what was written."""
