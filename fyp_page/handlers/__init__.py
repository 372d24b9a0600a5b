"""What the page does when a visitor acts; what it shows of the outcome."""
