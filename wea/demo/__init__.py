"""`wea demo`: the spring of 2024, played against a running system and told as it goes."""
