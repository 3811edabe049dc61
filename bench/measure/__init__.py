"""What `bench/peers` is made of: the stage, our variants, the requests, the table."""
