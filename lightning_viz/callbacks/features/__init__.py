"""Parts of the network: what they answer to, and what they put out."""
