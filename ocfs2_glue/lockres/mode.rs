// SPDX-License-Identifier: GPL-2.0-only
//! What can be asked for, what can be granted, and the steps between.
//!
//! Facts: the DLM's compatibility of NL, PR and EX (`srctree/include/uapi/linux/dlmconstants.h`);
//! OCFS2 uses no other modes.

/// What a holder asks for: to read (PR, protected read) or to write (EX, exclusive).
///
/// It is also what another node can ask for in a bast: nobody is ever blocked for NL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Shared with other nodes that read.
    Pr,
    /// Alone in the cluster. Tasks of this node aren't kept apart by it.
    Ex,
}

/// What the DLM has granted to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing: the lock exists but protects nothing.
    Nl,
    /// See [`Mode::Pr`].
    Pr,
    /// See [`Mode::Ex`].
    Ex,
}

impl Mode {
    /// The level that is just enough for this mode.
    pub const fn level(self) -> Level {
        match self {
            Mode::Pr => Level::Pr,
            Mode::Ex => Level::Ex,
        }
    }

    /// The strongest level this node can keep while another node has this mode.
    pub const fn leaves(self) -> Level {
        match self {
            Mode::Pr => Level::Pr,
            Mode::Ex => Level::Nl,
        }
    }
}

impl Level {
    /// Is this level enough for a holder of `mode`?
    pub const fn covers(self, mode: Mode) -> bool {
        matches!((self, mode), (Level::Ex, _) | (Level::Pr, Mode::Pr))
    }
}

/// A conversion that takes more. No other pairs exist, so no other can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Up {
    /// NL to PR.
    NlToPr,
    /// NL to EX.
    NlToEx,
    /// PR to EX: the one that can deadlock with another node's, and so must be cancelled for it.
    PrToEx,
}

impl Up {
    /// The conversion that makes `from` enough for `want`; `None` if it is enough already.
    pub const fn between(from: Level, want: Mode) -> Option<Up> {
        match (from, want) {
            (Level::Nl, Mode::Pr) => Some(Up::NlToPr),
            (Level::Nl, Mode::Ex) => Some(Up::NlToEx),
            (Level::Pr, Mode::Ex) => Some(Up::PrToEx),
            _ => None,
        }
    }

    /// The level that is kept until the grant, and after a refusal or a cancel.
    pub const fn from(self) -> Level {
        match self {
            Up::NlToPr | Up::NlToEx => Level::Nl,
            Up::PrToEx => Level::Pr,
        }
    }

    /// The level after the grant.
    pub const fn to(self) -> Level {
        match self {
            Up::NlToPr => Level::Pr,
            Up::NlToEx | Up::PrToEx => Level::Ex,
        }
    }
}

/// A conversion that gives up something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Down {
    /// EX to PR: another node wants to read.
    ExToPr,
    /// EX to NL: another node wants to write.
    ExToNl,
    /// PR to NL: another node wants to write.
    PrToNl,
}

impl Down {
    /// The conversion that brings `from` down to `to`; `None` if it is there or below already.
    pub const fn between(from: Level, to: Level) -> Option<Down> {
        match (from, to) {
            (Level::Ex, Level::Pr) => Some(Down::ExToPr),
            (Level::Ex, Level::Nl) => Some(Down::ExToNl),
            (Level::Pr, Level::Nl) => Some(Down::PrToNl),
            _ => None,
        }
    }

    /// The level that the DLM still counts for this node until the ast.
    pub const fn from(self) -> Level {
        match self {
            Down::ExToPr | Down::ExToNl => Level::Ex,
            Down::PrToNl => Level::Pr,
        }
    }

    /// The level that is left.
    pub const fn to(self) -> Level {
        match self {
            Down::ExToPr => Level::Pr,
            Down::ExToNl | Down::PrToNl => Level::Nl,
        }
    }
}
