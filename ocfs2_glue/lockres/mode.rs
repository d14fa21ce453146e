// SPDX-License-Identifier: GPL-2.0-only
//! What can be requested, what can be granted, and the conversions.
//!
//! Facts: the DLM's compatibility of NL, PR and EX (`srctree/include/uapi/linux/dlmconstants.h`);
//! OCFS2 uses no other modes.

/// What a holder requests: to read (PR, protected read) or to write (EX, exclusive).
///
/// A bast names one of these too: no node is ever blocked for NL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Shared with other nodes that read.
    Pr,
    /// This node alone. It doesn't exclude tasks of the same node from each other.
    Ex,
}

/// A level that the DLM can grant to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The lock exists but protects nothing.
    Nl,
    /// See [`Mode::Pr`].
    Pr,
    /// See [`Mode::Ex`].
    Ex,
}

impl Mode {
    /// The lowest level that allows this mode.
    pub const fn level(self) -> Level {
        match self {
            Mode::Pr => Level::Pr,
            Mode::Ex => Level::Ex,
        }
    }

    /// The highest level that this node can keep while another node has this mode.
    pub const fn leaves(self) -> Level {
        match self {
            Mode::Pr => Level::Pr,
            Mode::Ex => Level::Nl,
        }
    }
}

impl Level {
    /// Whether this level allows holders of `mode`.
    pub const fn covers(self, mode: Mode) -> bool {
        matches!((self, mode), (Level::Ex, _) | (Level::Pr, Mode::Pr))
    }
}

/// A conversion to a higher level. There are no other pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Up {
    /// NL to PR.
    NlToPr,
    /// NL to EX.
    NlToEx,
    /// PR to EX: two nodes that both do this deadlock, so one of them must cancel.
    PrToEx,
}

impl Up {
    /// The conversion from `from` to a level that allows `want`; `None` if it does already.
    pub const fn between(from: Level, want: Mode) -> Option<Up> {
        match (from, want) {
            (Level::Nl, Mode::Pr) => Some(Up::NlToPr),
            (Level::Nl, Mode::Ex) => Some(Up::NlToEx),
            (Level::Pr, Mode::Ex) => Some(Up::PrToEx),
            _ => None,
        }
    }

    /// The level until the grant, and after a refusal or a cancel.
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

/// A conversion to a lower level.
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
    /// The conversion from `from` to `to`; `None` if it isn't higher.
    pub const fn between(from: Level, to: Level) -> Option<Down> {
        match (from, to) {
            (Level::Ex, Level::Pr) => Some(Down::ExToPr),
            (Level::Ex, Level::Nl) => Some(Down::ExToNl),
            (Level::Pr, Level::Nl) => Some(Down::PrToNl),
            _ => None,
        }
    }

    /// The level until the ast.
    pub const fn from(self) -> Level {
        match self {
            Down::ExToPr | Down::ExToNl => Level::Ex,
            Down::PrToNl => Level::Pr,
        }
    }

    /// The level after the ast.
    pub const fn to(self) -> Level {
        match self {
            Down::ExToPr => Level::Pr,
            Down::ExToNl | Down::PrToNl => Level::Nl,
        }
    }
}
