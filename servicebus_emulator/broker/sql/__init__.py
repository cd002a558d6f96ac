"""The SQL of subscription rules: conditions over a message's properties, and actions on them."""
