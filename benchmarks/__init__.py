"""What the toolkit promises about speed and memory, measured beside its peers: `make bench`."""
