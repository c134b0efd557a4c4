"""What makes the daemon tick: a doorbell that decides nothing."""
