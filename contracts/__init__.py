"""What is said: events, both intakes, the programme year and the topics. No broker, no database.

An event is said once, as a model in this package; the JSON Schemas beside it are generated from
the models and compared in a test.
"""
