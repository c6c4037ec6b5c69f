from typing import Any

def __getattr__(name: str) -> Any: ...  # generated when it is imported
