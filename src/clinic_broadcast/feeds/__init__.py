"""What subscribers fetch: feed documents rendered and written without a torn byte."""
