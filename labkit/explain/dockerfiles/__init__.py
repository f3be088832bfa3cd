"""Dockerfiles as the builders read them: which USER each stage ends with, or why the build stops. Nothing is built."""
