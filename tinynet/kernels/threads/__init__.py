"""A large product on all cores: shares of it, and the threads that take them."""
