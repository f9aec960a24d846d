//! Mistakes in the derives: each is one error, at its own place (`ui/*.stderr`).
//!
//! `TRYBUILD=overwrite cargo test --test derive_ui_test` writes the expected errors anew.

#[test]
fn a_mistake_gives_one_error_at_its_own_place() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}

/// And mistakes that show where code is generated for a type, not where it is checked. By themselves: beside a program that
/// has to run, trybuild compiles each one in a call of its own, which takes minutes for all of them.
#[test]
fn what_is_no_mistake_runs() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/built/*.rs");
}
