"""Plain data that every layer may use; imports nothing of the other layers."""
