"""What people read: tables, progress and figures as text, for terminals of any width."""
