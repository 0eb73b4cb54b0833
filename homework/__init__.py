"""The homework, answered: its four questions about the trained food classifier, with pictures and figures."""
