"""Lines that people type, read as docker and kubectl read them, with the lab's own names put in. Pure."""
