//! Decisions tick by tick on traces of four hours: 2 h of work by 3 h, 300 s a launch, ticks of 600 s.

use super::table::{PRICES, policy};
use super::{Case, SUITE};
use crate::policy::spot::ticks::{Task, letter, replay};
use crate::units::Duration;

/// A trace with what three policies make of it: decisions, bill in USD, ticks to the end.
type Vector = (&'static str, &'static str, [(&'static str, &'static str, f64, u64); 3]);

const ONES: &str = "SSSSSSSSSSSSS";
const ZEROS_UP: &str = ".OOOOOOOOOOOOO";

/// The reference port's strings.
pub(super) const VECTORS: [Vector; 5] = [
    (
        "always",
        "111111111111111111111111",
        [("greedy", ONES, 2.108383, 13), ("up-no-hyst", ONES, 2.108383, 13), ("up", ONES, 2.108383, 13)],
    ),
    (
        "never",
        "000000000000000000000000",
        [("greedy", ".....OOOOOOOOOOOOO", 6.63, 18), ("up-no-hyst", ZEROS_UP, 6.63, 14), ("up", ZEROS_UP, 6.63, 14)],
    ),
    (
        "ragged",
        "110011100011110000111111",
        [
            ("greedy", "SS..SSS..OOOOOOOOO", 5.400917, 18),
            ("up-no-hyst", "SS.OSSSOOOSSSS.OO", 4.519650, 17),
            ("up", "SS.OOOOOOOSSSS..O", 5.053100, 17),
        ],
    ),
    (
        "alternating",
        "010101010101010101010101",
        [
            ("greedy", ".S.S.SOOOOOOOOOOO", 6.096550, 17),
            ("up-no-hyst", ".SOSOSOSOOOOOOOOO", 6.768733, 17),
            ("up", ".SOOOOOOOS.S.OOOOO", 6.606550, 18),
        ],
    ),
    (
        "one gap",
        "111000000000000111111111",
        [
            ("greedy", "SSS....OOOOOOOOOO", 5.586550, 17),
            ("up-no-hyst", "SSS.OOOOOOOOOO", 5.586550, 14),
            ("up", "SSS.OOOOOOOOOO", 5.586550, 14),
        ],
    ),
];

/// Ticks that differ from the reference, bills, and ends, of every vector and policy; and what on demand alone costs.
pub(super) fn cases() -> Vec<Case> {
    let task = Task {
        work: Duration::from_hours(2),
        deadline: Some(Duration::from_hours(3)),
        overhead: Duration::from_secs(300),
        tick: Duration::from_secs(600),
        prices: PRICES,
    };
    let mut out = Vec::new();
    for (name, trace, rows) in &VECTORS {
        let spot: Vec<bool> = trace.bytes().map(|b| b == b'1').collect();
        for (who, decisions, cost, ticks) in rows {
            let mut said = String::new();
            let r = replay(&task, policy(who), &spot, |want| said.push(letter(want)));
            let case = |what: &str| format!("vector/{name}/{who}/{what}");
            out.push(Case::checked(SUITE, case("decisions that differ"), 0.0, differ(&said, decisions), 0.0));
            out.push(Case::checked(SUITE, case("cost"), *cost, r.cost.to_f64(), 1e-6));
            let finish = r.finish.map_or(f64::INFINITY, Duration::as_hours_f64);
            out.push(Case::checked(SUITE, case("finish h"), *ticks as f64 / 6.0, finish, 1e-9));
        }
    }
    let alone = replay(&task, policy("od"), &[false; 24], |_| {});
    out.push(Case::checked(SUITE, "vector/never/od/cost", 6.63, alone.cost.to_f64(), 1e-6));
    out
}

/// In how many places two strings differ; what one has more counts too.
fn differ(a: &str, b: &str) -> f64 {
    let same = a.bytes().zip(b.bytes()).filter(|(x, y)| x == y).count();
    (a.len().max(b.len()) - same) as f64
}
