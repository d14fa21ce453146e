// SPDX-License-Identifier: GPL-2.0-only
//! Pinned fields of pinned structs, by shared reference.
//!
//! Not supported: exclusive references, for which `#[pin_data]` has projections.

/// Defines a method that borrows a field which is structurally pinned (`#[pin]` in `#[pin_data]`).
macro_rules! pinned_field {
    ($(#[$doc:meta])* fn $method:ident($owner:ty) -> $field_type:ty { $field:ident }) => {
        impl $owner {
            $(#[$doc])*
            // The unsafe code is this macro's, not its user's.
            #[allow(unsafe_code)]
            pub(crate) fn $method(
                self: ::core::pin::Pin<&Self>,
            ) -> ::core::pin::Pin<&$field_type> {
                // SAFETY: The owner is pinned and the field is a part of it that is never moved
                // out: `#[pin_data]` hands out no `&mut` to a field with `#[pin]`.
                unsafe { self.map_unchecked(|owner| &owner.$field) }
            }
        }
    };
}
pub(crate) use pinned_field;
