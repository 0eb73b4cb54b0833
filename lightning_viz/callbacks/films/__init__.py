"""All epochs of a picture as one."""
