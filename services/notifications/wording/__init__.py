"""The words of messages: the language that templates are written in, the built-in ones, what is checked when somebody
puts their own in their place. Nothing here knows the database.
"""
