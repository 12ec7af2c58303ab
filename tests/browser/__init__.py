"""The pages in a real browser, as people with a phone, a desk, or a screen reader meet them."""
