//! Reads, uses and writes the reminders' ledger.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    efs_scan::fuzzing::ledger(data);
});
