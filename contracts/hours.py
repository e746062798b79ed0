"""Minutes as people read them: clock hours of 60 minutes (WAC 181-85-030)."""


def shown(minutes: int) -> str:
    """1350 are "22.5", 900 are "15", 20 are "0.33"."""
    return f"{minutes / 60:.2f}".rstrip("0").rstrip(".")
