"""What educators are told, when, and whether it arrived: e-mail, calendar entries, the progress page."""
