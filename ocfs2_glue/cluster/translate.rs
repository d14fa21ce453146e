// SPDX-License-Identifier: GPL-2.0-only
//! From the state machine's words to the DLM's and the kernel's, and back.

use crate::{
    lockres::{Answer, Fault, Level, Mode, Refusal},
    vfs::dlm::stackglue,
};
use kernel::prelude::*;

pub(super) fn dlm_mode(mode: Mode) -> stackglue::Level {
    dlm_level(mode.level())
}

pub(super) fn dlm_level(level: Level) -> stackglue::Level {
    match level {
        Level::Nl => stackglue::Level::Nl,
        Level::Pr => stackglue::Level::Pr,
        Level::Ex => stackglue::Level::Ex,
    }
}

pub(super) fn answer_of(result: Result) -> Answer {
    result.map_err(|e| match e {
        EAGAIN => Refusal::Again,
        EDEADLK => Refusal::Deadlock,
        EBUSY => Refusal::Busy,
        e => Refusal::Other(e.to_errno()),
    })
}

pub(super) fn errno_of(fault: Fault) -> Error {
    match fault {
        Fault::Shutdown => ESTALE,
        Fault::Lost(errno) | Fault::Refused(Refusal::Other(errno)) => Error::from_errno(errno),
        Fault::Refused(Refusal::Again) => EAGAIN,
        Fault::Refused(Refusal::Deadlock) => EDEADLK,
        Fault::Refused(Refusal::Busy) => EBUSY,
        Fault::Misuse => EIO,
    }
}
