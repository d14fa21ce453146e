// SPDX-License-Identifier: GPL-2.0-only
//! What a file contains, whatever the page cache has of it.
//!
//! The mutex is taken with a folio locked; under it nothing but memory is waited for.

use crate::vfs::fs::folio::LockedFolio;
use kernel::{new_mutex, page::PAGE_SIZE, prelude::*, sync::Mutex};

/// Largest file, in bytes.
pub(crate) const MAX_BYTES: i64 = 256 << 20;

type Page = [u8; PAGE_SIZE];

/// The bytes of one file. Pages that were never written are zeros and take no memory.
#[pin_data]
pub(crate) struct Content {
    #[pin]
    pages: Mutex<KVVec<Option<KBox<Page>>>>,
}

impl Content {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self { pages <- new_mutex!(KVVec::new(), "aop_retry_content") })
    }

    /// Makes the folio say what the file does.
    pub(crate) fn load(&self, folio: &LockedFolio) {
        let pages = self.pages.lock();
        folio.fill_by_page(|pos| {
            let index = pos as usize / PAGE_SIZE;
            pages.get(index).and_then(Option::as_deref)
        });
    }

    /// Takes over `len` bytes from the folio, which has all of them, at `pos` of the file.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EFBIG`; a part may have been taken over.
    pub(crate) fn store(&self, folio: &LockedFolio, pos: i64, len: usize) -> Result {
        if pos < folio.pos() || pos > MAX_BYTES - len as i64 {
            return Err(EFBIG);
        }
        let mut pages = self.pages.lock();
        let (mut at, end) = (pos as usize, pos as usize + len);
        while at < end {
            let from = at % PAGE_SIZE;
            let count = (PAGE_SIZE - from).min(end - at);
            let page = page_mut(&mut pages, at / PAGE_SIZE)?;
            if let Some(bytes) = page.get_mut(from..from + count) {
                folio.copy_to(at - folio.pos() as usize, bytes);
            }
            at += count;
        }
        Ok(())
    }

    /// Forgets what lies beyond `size`, so that it reads as zeros when the file grows again.
    pub(crate) fn cut(&self, size: i64) {
        let mut pages = self.pages.lock();
        let size = size as usize;
        pages.truncate(size.div_ceil(PAGE_SIZE));
        if let Some(Some(last)) = pages.get_mut(size / PAGE_SIZE) {
            last.iter_mut().skip(size % PAGE_SIZE).for_each(|b| *b = 0);
        }
    }
}

fn page_mut(pages: &mut KVVec<Option<KBox<Page>>>, index: usize) -> Result<&mut Page> {
    while pages.len() <= index {
        pages.push(None, GFP_KERNEL)?;
    }
    let slot = pages.get_mut(index).ok_or(EFBIG)?;
    if slot.is_none() {
        *slot = Some(KBox::init(pin_init::init_zeroed(), GFP_KERNEL)?);
    }
    slot.as_deref_mut().ok_or(ENOMEM)
}
