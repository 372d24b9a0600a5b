"""The stages: what each of them learns, from what, on which loss."""
