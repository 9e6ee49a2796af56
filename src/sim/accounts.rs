//! Who pays: one account for each workload and set of labels; account 0 is the fleet itself.

use rustc_hash::FxHashMap;

use crate::ledger::Ledger;
use crate::policy::queue::Order;
use crate::scenario::model::Model;
use crate::units::Label;

/// An account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// Its workload.
    pub work: u16,
    /// Its labels, `key=value`, sorted by key.
    pub labels: Vec<String>,
    /// Which set of quotas it counts against.
    pub limits: u16,
    /// Its fair-share group, from 1; 0 when fair share is not in force.
    pub group: u16,
}

/// All accounts, quotas in use, and fair-share groups.
#[derive(Clone, Debug)]
pub(super) struct Accounts {
    list: Vec<Account>,
    first: Vec<u32>,
    sets: Vec<Vec<usize>>,
    /// Milli-GPU held against each quota.
    used: Vec<u64>,
    /// Milli-GPU held and weight of each group; 0 is nobody's.
    groups: Vec<(u64, f64)>,
}

impl Accounts {
    pub fn of(model: &Model) -> Accounts {
        let mut list = vec![Account { work: u16::MAX, labels: Vec::new(), limits: 0, group: 0 }];
        let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
        let mut groups = vec![(0, 1.0)];
        let mut group_ids: FxHashMap<String, u16> = FxHashMap::default();
        let mut first = Vec::new();
        for (w, work) in model.work.iter().enumerate() {
            first.push(list.len() as u32);
            for labels in &work.labels {
                let hit: Vec<usize> = model
                    .quotas
                    .iter()
                    .enumerate()
                    .filter(|(_, q)| labels.contains(&q.label))
                    .map(|(i, _)| i)
                    .collect();
                let limits = sets.iter().position(|s| *s == hit).unwrap_or_else(|| {
                    sets.push(hit);
                    sets.len() - 1
                });
                let group = match &model.queue.order {
                    Order::FairShare { label, weights } => {
                        let value = labels.iter().find(|l| l.key.as_str() == label).map_or("", |l| l.value.as_str());
                        *group_ids.entry(value.to_owned()).or_insert_with(|| {
                            let weight = weights.iter().find(|(v, _)| v == value).map_or(1.0, |(_, w)| *w);
                            groups.push((0, weight));
                            groups.len() as u16 - 1
                        })
                    }
                    _ => 0,
                };
                list.push(Account {
                    work: w as u16,
                    labels: labels.iter().map(Label::to_string).collect(),
                    limits: limits as u16,
                    group,
                });
            }
        }
        Accounts { list, first, sets, used: vec![0; model.quotas.len()], groups }
    }

    /// Tells the books which accounts each budget covers.
    pub fn watch(&self, model: &Model, books: &mut Ledger) {
        for (b, budget) in model.budgets.iter().enumerate() {
            let Some(label) = &budget.label else { continue };
            let text = label.to_string();
            for (i, a) in self.list.iter().enumerate() {
                if a.labels.contains(&text) {
                    books.watch(b, i as u32);
                }
            }
        }
    }

    pub fn get(&self, account: u32) -> &Account {
        &self.list[account as usize]
    }

    pub fn account(&self, work: u16, labels: u16) -> u32 {
        self.first[work as usize] + u32::from(labels)
    }

    /// Whether a job of this size could ever start under a set of quotas.
    pub fn ever_allows(&self, model: &Model, limits: u16, milli: u64) -> bool {
        self.sets[limits as usize].iter().all(|q| milli <= model.quotas[*q].milli)
    }

    /// Whether it may start now.
    pub fn allows(&self, model: &Model, limits: u16, milli: u64) -> bool {
        self.sets[limits as usize].iter().all(|q| self.used[*q] + milli <= model.quotas[*q].milli)
    }

    /// A job of this account takes capacity.
    pub fn take(&mut self, account: u32, milli: u64) {
        let a = &self.list[account as usize];
        for q in &self.sets[a.limits as usize] {
            self.used[*q] += milli;
        }
        self.groups[a.group as usize].0 += milli;
    }

    /// And gives it back.
    pub fn give(&mut self, account: u32, milli: u64) {
        let a = &self.list[account as usize];
        for q in &self.sets[a.limits as usize] {
            self.used[*q] -= milli;
        }
        self.groups[a.group as usize].0 -= milli;
    }

    /// What a group holds per weight.
    pub fn share(&self, group: u16) -> f64 {
        let (held, weight) = self.groups[group as usize];
        held as f64 / weight
    }
}
