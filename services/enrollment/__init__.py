"""Enrollment: who has done what. Takes in what the portal and NEA say, and tells it as facts about educators."""
