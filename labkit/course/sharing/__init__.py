"""Sharing one's progress with the instructor, by consent: what is sent, to whom, and when it stops."""
