"""Measures of predictions, with their intervals: functions of how often each row was drawn."""
