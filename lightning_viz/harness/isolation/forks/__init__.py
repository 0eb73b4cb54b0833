"""What runs in a forked process, so that nothing of it is left in this one."""
