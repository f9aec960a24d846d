//! Mistakes in the derives: each is one error, at its own place (`ui/*.stderr`).
//!
//! `TRYBUILD=overwrite cargo test --test derive_ui_test` writes the expected errors anew.

#[test]
fn a_mistake_gives_one_error_at_its_own_place() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/*.rs");
}
