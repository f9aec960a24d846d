//! The text format 0.0.4: a program's page is read back as what the program has recorded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nilometer_fuzz::program::Program;
use nilometer_fuzz::{Shape, fuzz_page};
use nilometer_prometheus::Format;

fuzz_target!(|input: (Shape, Program)| fuzz_page(Format::Text, input.0, &input.1));
