"""What the terminal shows, as rich renderables. Nothing here prints."""
