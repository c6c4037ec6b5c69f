"""Watches what is served as a stream: messages of Pub/Sub in, a folder of results for each hour out."""
