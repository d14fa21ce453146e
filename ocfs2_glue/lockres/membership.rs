// SPDX-License-Identifier: GPL-2.0-only
//! Which nodes are missing, and what that means for every lock of the volume.
//!
//! A [`Membership`] is an input of each decision that may grant a lock or start a flush. The
//! machines don't store it, so nobody has to walk over all locks when a node dies: it is enough to
//! publish the new value and to wake every waiter. [`DownNodes`] decides which value that is. There
//! is one for a mounted volume; the caller serialises its methods.
//!
//! | event | before | after |
//! | --- | --- | --- |
//! | [`node_down`](DownNodes::node_down): another node | `Complete` | `Suspect` |
//! | [`slot_map_read`](DownNodes::slot_map_read): no suspect has a slot | `Suspect` | `Complete` |
//! | `slot_map_read`: a suspect has a slot, or the map can't be read | `Suspect` | `Unrecovered` |
//! | `node_down`: this node | any | `Lost` |
//!
//! The stack reports that a node is down before the DLM grants that node's locks to others. So
//! a task that is granted a lock because its holder died finds `Suspect` or later.

/// Whether locks may be granted, as far as other nodes are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Membership {
    /// No node with a slot is missing.
    #[default]
    Complete,
    /// A node went down, and the slot map hasn't been read since: requests wait for that. What the
    /// node's locks protected may be in a journal that has to be replayed first.
    Suspect,
    /// A node that has a slot died, and its journal hasn't been replayed: requests fail. Holders
    /// keep what they have, and locks are written back and given up as ever.
    Unrecovered,
    /// This node was declared dead. Others take its locks and replay its journal, so it writes
    /// nothing more on their behalf, and requests fail.
    Lost,
}

impl Membership {
    /// A number for recordings.
    pub const fn code(self) -> u32 {
        match self {
            Membership::Complete => 0,
            Membership::Suspect => 1,
            Membership::Unrecovered => 2,
            Membership::Lost => 3,
        }
    }

    /// The inverse of `code`, of the lowest two bits.
    pub const fn from_code(code: u32) -> Self {
        match code & 3 {
            0 => Membership::Complete,
            1 => Membership::Suspect,
            2 => Membership::Unrecovered,
            _ => Membership::Lost,
        }
    }
}

const WORDS: usize = 4;
const WORD_BITS: usize = u64::BITS as usize;

/// A set of node numbers. They are below 255 (`O2NM_MAX_NODES` of
/// `srctree/fs/ocfs2/cluster/ocfs2_nodemanager.h`); larger ones share the last bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeSet([u64; WORDS]);

impl NodeSet {
    const fn place(node: u32) -> (usize, u64) {
        let last = WORDS * WORD_BITS - 1;
        let bit = if (node as usize) < last {
            node as usize
        } else {
            last
        };
        (bit / WORD_BITS, 1 << (bit % WORD_BITS))
    }

    /// Whether `node` is in it.
    pub fn contains(&self, node: u32) -> bool {
        let (word, bit) = Self::place(node);
        self.0.get(word).is_some_and(|w| w & bit != 0)
    }

    /// Adds `node`.
    pub fn insert(&mut self, node: u32) {
        let (word, bit) = Self::place(node);
        if let Some(w) = self.0.get_mut(word) {
            *w |= bit;
        }
    }

    /// Removes all that `others` has.
    pub fn remove_all(&mut self, others: &NodeSet) {
        for (word, other) in self.0.iter_mut().zip(others.0) {
            *word &= !other;
        }
    }

    /// Whether it has no node.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

/// The nodes that went down, and the [`Membership`] that follows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DownNodes {
    this_node: Option<u32>,
    /// Went down, and the slot map hasn't been read since.
    suspects: NodeSet,
    membership: Membership,
}

impl Default for DownNodes {
    fn default() -> Self {
        Self::new()
    }
}

impl DownNodes {
    /// Nothing happened yet.
    pub const fn new() -> Self {
        DownNodes {
            this_node: None,
            suspects: NodeSet([0; WORDS]),
            membership: Membership::Complete,
        }
    }

    /// What follows for lock requests.
    pub const fn membership(&self) -> Membership {
        self.membership
    }

    /// Tells it this node's number, which is known only after the stack may report nodes.
    pub fn set_this_node(&mut self, node: u32) {
        self.this_node = Some(node);
        if self.suspects.contains(node) {
            self.membership = Membership::Lost;
        }
    }

    /// The stack reports that `node` is down. Once it is `Suspect`, read the slot map.
    pub fn node_down(&mut self, node: u32) {
        self.suspects.insert(node);
        if self.this_node == Some(node) {
            self.membership = Membership::Lost;
        } else if self.membership == Membership::Complete {
            self.membership = Membership::Suspect;
        }
    }

    /// The nodes to look for in the slot map; `None` if it needn't be read. Call it before the
    /// read, so that the answer holds for a node that goes down during it as well.
    pub fn suspects(&self) -> Option<NodeSet> {
        (self.membership == Membership::Suspect).then_some(self.suspects)
    }

    /// The slot map was read after `looked_for` was taken from [`suspects`](Self::suspects).
    /// `has_slot`: one of these nodes has a slot, or nobody knows, as the map couldn't be read.
    pub fn slot_map_read(&mut self, looked_for: &NodeSet, has_slot: bool) {
        if self.membership != Membership::Suspect {
            return;
        }
        if has_slot {
            self.membership = Membership::Unrecovered;
            return;
        }
        self.suspects.remove_all(looked_for);
        if self.suspects.is_empty() {
            self.membership = Membership::Complete;
        }
    }
}
