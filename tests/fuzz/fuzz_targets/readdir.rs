//! Decodes a reply to SEQUENCE and pairs of PUTFH and READDIR.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    efs_scan::scan::fuzzing::readdir(data);
});
