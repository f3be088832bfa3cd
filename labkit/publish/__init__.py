"""Publishing an app as an image: what the .NET SDK's target PublishContainer does, with it or without it."""
