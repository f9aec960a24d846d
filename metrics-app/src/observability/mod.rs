//! One call that sets up everything.
