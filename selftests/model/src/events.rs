// SPDX-License-Identifier: GPL-2.0-only
//! The steps of the worker, of eviction and of the DLM, and the end of a node.

use crate::cluster::bit;
use crate::dlm::NODES;
use crate::node::{Evict, Folio, Node, Who, Worker};
use crate::steps::{level_name, name, Run};
use ocfs2_lockres_host::lockres::{Flushed, Level, Membership, Work};

impl Run<'_> {
    // --- the worker, eviction ---

    pub(crate) fn work(&mut self, n: usize, how: Flushed) {
        let now = self.c.now;
        let node = self.node(n);
        match node.worker {
            Worker::Idle => {
                node.timer = None;
                let step = node.machine.work(node.members.membership(), now);
                if let Work::Flush { from, to } = self.carry(n, Who::Worker, step) {
                    if self.c.nodes[n].heard & bit(n as u8) != 0 {
                        self.c.misuse = Some("a node that was declared dead writes");
                    }
                    self.say(n, Who::Worker, || {
                        let names = (level_name(from), level_name(to));
                        format!(
                            "is to bring {} down to {}: blocks new holders",
                            names.0, names.1
                        )
                    });
                    self.node(n).worker = Worker::Flushing(to == Level::Nl);
                }
            }
            Worker::Flushing(drop) => {
                node.worker = Worker::Idle;
                if !matches!(how, Flushed::NotYet(_)) {
                    node.folio.dirty = false;
                    node.folio.mapped = false;
                    node.folio.uptodate &= !drop;
                    self.say(n, Who::Worker, || match drop {
                        true => "locks the folio, writes it back, drops it".into(),
                        false => "locks the folio, writes it back".into(),
                    });
                }
                match self.node(n).machine.flushed(how, now) {
                    Ok(step) => self.carry(n, Who::Worker, step),
                    Err(unexpected) => self.c.misuse = Some(unexpected.event),
                }
            }
        }
    }

    pub(crate) fn evict(&mut self, n: usize) {
        let now = self.c.now;
        let policy = self.config.policy;
        let node = self.node(n);
        match node.evict {
            Evict::No => node.evict = Evict::Truncating,
            Evict::Truncating => {
                node.folio = Folio::default();
                node.evict = Evict::Closing(true);
            }
            Evict::Closing(_) => {
                node.evict = Evict::Closing(false);
                let step = node.machine.shutdown(now);
                if self.carry(n, Who::Evict, step) {
                    self.say(n, Who::Evict, || "the inode is gone".into());
                    let roles = self.config.nodes[n].as_slice();
                    let old = self.c.nodes[n].clone();
                    assert_eq!(old.worker, Worker::Idle, "gone with the worker at work");
                    *self.node(n) = Node {
                        expelled: old.expelled,
                        members: old.members,
                        reports: old.reports,
                        heard: old.heard,
                        reading: old.reading,
                        ..Node::new(roles, policy)
                    };
                }
            }
        }
    }

    // --- the DLM ---

    pub(crate) fn arrive(&mut self, n: usize) {
        let Some(mut calling) = self.c.nodes[n].calling else {
            return;
        };
        let before = self.c.dlm.locks[n].level;
        let answer = self.c.dlm.arrive(n, calling.call, self.config.flavour);
        calling.answer = Some(answer);
        self.node(n).calling = Some(calling);
        // The lock was taken away: retries are counted from here.
        if before > Level::Nl && self.c.dlm.locks[n].level == Level::Nl {
            for task in &mut self.node(n).tasks {
                task.retries = 0;
            }
        }
    }

    pub(crate) fn ret(&mut self, n: usize) {
        let now = self.c.now;
        let Some(calling) = self.node(n).calling.take() else {
            return;
        };
        let answer = calling.answer.unwrap_or(Ok(()));
        let kick = self.node(n).machine.returned(answer, now);
        self.checked(n, kick);
        if calling.by == Who::Evict {
            if let Evict::Closing(woken) = &mut self.node(n).evict {
                *woken = true;
            }
        }
    }

    pub(crate) fn ast(&mut self, n: usize) {
        let now = self.c.now;
        let Some(answer) = self.c.dlm.locks[n].ast.take() else {
            return;
        };
        let before = self.c.nodes[n].machine.level();
        let kick = self.node(n).machine.ast(answer, now);
        let after = self.c.nodes[n].machine.level();
        if after > before {
            self.node(n).late_tickets = 0;
            self.c.dlm.locks[n].lksb = self.c.dlm.lvb;
        }
        self.say(n, Who::Worker, || match answer {
            Ok(()) => format!("(ast: this node has {})", level_name(after)),
            Err(refusal) => format!("(ast: refused, {refusal:?})"),
        });
        self.checked(n, kick);
    }

    pub(crate) fn bast(&mut self, n: usize) {
        let now = self.c.now;
        let Some(blocking) = self.c.dlm.locks[n].bast.take() else {
            return;
        };
        self.say(n, Who::Worker, || {
            format!("(bast: another node waits for {})", name(blocking))
        });
        let kick = self.node(n).machine.bast(blocking, now);
        self.kick(n, kick);
    }

    pub(crate) fn unlock_ast(&mut self, n: usize) {
        let now = self.c.now;
        let Some(answer) = self.c.dlm.locks[n].unlock_ast.take() else {
            return;
        };
        if !self.c.dlm.locks[n].exists {
            self.c.dlm.locks[n].bast = None;
        }
        let kick = self.node(n).machine.unlock_ast(answer, now);
        self.say(n, Who::Worker, || "(unlock ast)".into());
        self.checked(n, kick);
    }

    // --- the end of a node ---

    pub(crate) fn die(&mut self, n: usize) {
        self.say(n, Who::Worker, || "the node dies".into());
        self.c.deaths -= 1;
        self.is_gone(n);
        *self.node(n) = Node::new(&[], self.config.policy);
        self.node(n).alive = false;
    }

    /// It was paused for too long, for example.
    pub(crate) fn declare_dead(&mut self, n: usize) {
        self.say(n, Who::Worker, || "the node is declared dead".into());
        self.c.declared_dead -= 1;
        self.is_gone(n);
        self.node(n).expelled = true;
        self.node(n).reports |= bit(n as u8);
    }

    fn is_gone(&mut self, n: usize) {
        let this = bit(n as u8);
        self.c.dying |= this;
        self.report(n, this);
    }

    fn report(&mut self, except: usize, who: u8) {
        for (m, node) in self.c.nodes.iter_mut().enumerate() {
            if m != except && node.alive {
                node.reports |= who;
            }
        }
    }

    pub(crate) fn stranger(&mut self, i: u8) {
        self.c.strangers &= !bit(i);
        self.report(usize::MAX, bit(NODES as u8 + i));
    }

    /// The DLM drops the locks of a node that was declared dead.
    pub(crate) fn recover(&mut self, n: usize) {
        self.c.dying &= !bit(n as u8);
        if self.c.dlm.locks[n].level == Level::Ex {
            self.c.in_journal |= bit(n as u8);
        }
        let lives = self.c.nodes[n].alive;
        self.c.dlm.recover(n, lives);
    }

    /// The stack reports to node `n` that `who` is down.
    pub(crate) fn hear(&mut self, n: usize, who: u8) {
        self.say(n, Who::Worker, || format!("(node {} is down)", who + 1));
        let slots = self.c.slots;
        let node = self.node(n);
        node.reports &= !bit(who);
        node.heard |= bit(who) & (slots | bit(n as u8));
        let before = node.members.membership();
        node.members.node_down(who.into());
        self.members_changed(n, before);
    }

    /// Reads the slot map, in two steps, as other nodes may go down meanwhile.
    pub(crate) fn slot_map(&mut self, n: usize) {
        let recovers = self.config.recover & bit(n as u8) != 0;
        let slots = self.c.slots;
        let node = self.node(n);
        let Some(looked_for) = node.reading.take() else {
            node.reading = node.members.suspects();
            return;
        };
        let has_slot = |who: &u8| looked_for.contains((*who).into()) && slots & bit(*who) != 0;
        let found: u8 = (0..u8::BITS as u8).filter(has_slot).map(bit).sum();
        let before = node.members.membership();
        node.members
            .slot_map_read(&looked_for, found != 0 && !recovers);
        if recovers {
            self.c.slots &= !found;
            self.c.in_journal &= !found;
        }
        self.say(n, Who::Worker, || match (found, recovers) {
            (0, _) => "reads the slot map: the node had no slot".into(),
            (_, false) => "reads the slot map: the node had a slot".into(),
            (_, true) => "recovers the node's slot".into(),
        });
        self.members_changed(n, before);
    }

    fn members_changed(&mut self, n: usize, before: Membership) {
        let node = self.node(n);
        if node.members.membership() != before {
            node.wake_all();
            node.tasks.iter_mut().for_each(|t| t.retries = 0);
        }
    }

    /// Checks that there was a reason for a request of node `n` to fail.
    pub(crate) fn has_failed(&mut self, n: usize) {
        let node = &self.c.nodes[n];
        if node.heard == 0 && !node.expelled && node.evict == Evict::No {
            self.c.misuse = Some("failed although no node with a slot is missing");
        }
    }

    /// Checks that node `n` may grant the lock to a task.
    pub(crate) fn was_granted(&mut self, n: usize) {
        let node = &self.c.nodes[n];
        let this = bit(n as u8);
        let unrecovered = node.heard & (self.c.slots | this) != 0;
        let stale = self.c.in_journal & !this != 0 && !node.expelled && self.config.reported_first;
        if unrecovered {
            self.c.misuse = Some("granted although a node died with a slot");
        } else if stale {
            self.c.misuse = Some("granted what is in a dead node's journal");
        }
    }
}
