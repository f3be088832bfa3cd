"""The kinds of cluster that a lab can have, a file each; what the lab asks of each; and which one it has."""
