from tests.beam_jobs.storage_emulator import bucket, storage, storage_server

__all__ = ["bucket", "storage", "storage_server"]
