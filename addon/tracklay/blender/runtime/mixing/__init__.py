"""The mix of a scene as a job: read, listened to in a process of its own, written."""
