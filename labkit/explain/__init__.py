"""As whom containers will run, and who refuses them: for images, archives and manifests."""
