//! What is running: version, revision, compiler.
