//! Guides: moving from other crates, and a cookbook.
