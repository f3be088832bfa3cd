"""The course as web pages, from notebooks that were executed on the lab (`make site`)."""
