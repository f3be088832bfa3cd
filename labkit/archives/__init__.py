"""Reading image archives; nothing is ever unpacked."""
