"""Pictures of jobs: their stored form, and the identity of their sources."""
