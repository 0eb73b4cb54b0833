"""Images that a part of a network answers to most: ascent and deep dreams."""
