//! A recorder for the facade `metrics`.
