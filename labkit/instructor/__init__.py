"""The instructor's view of a class: who is where, from whatever source the records come."""
