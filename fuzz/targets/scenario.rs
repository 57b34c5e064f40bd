#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    dagtwin_fuzz::scenario(bytes);
});
