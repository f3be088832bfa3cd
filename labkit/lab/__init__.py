"""The lab as one thing: engine, images and cluster, brought up, looked at and taken away."""
