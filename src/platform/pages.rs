//! How large the kernel makes our pages.

/// Asks for small pages only. A waiting stream touches a little of each of its buffers: with huge pages a thousand of
/// them took 121 KiB each instead of 69 (measured by the load tests). Where the kernel won't, nothing is lost but memory.
pub fn use_small_pages() {
    #[cfg(target_os = "linux")]
    if rustix::thread::disable_transparent_huge_pages(true).is_err() {
        log::debug!("the kernel decides about huge pages");
    }
}
