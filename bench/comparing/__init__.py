"""What bench/compare compares, a module for each kind of thing; runs.py has what they share."""
