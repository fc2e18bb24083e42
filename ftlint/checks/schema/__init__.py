"""What is wrong with a key or its value by the frameworks' own schemas: one module per kind of deviation."""
