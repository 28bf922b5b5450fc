"""An event as it was sent becomes a row to store, or a refusal that says what to do."""
