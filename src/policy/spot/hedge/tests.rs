use super::replay::{Served, Service, serve};
use super::*;

fn at(price: i128, replicas: u32) -> Location {
    Location { price: Rate(price), replicas, tried: false }
}

fn hedge(extra: u32, cover: Cover) -> Hedge {
    Hedge { extra, base: 0, cover, upscale_delay: Duration::ZERO, downscale_delay: Duration::ZERO }
}

#[test]
fn an_unused_location_goes_before_a_cheaper_one_and_the_cheapest_before_the_first() {
    let placer = Placer::new(4);
    assert_eq!(placer.choose(&[at(1, 1), at(3, 0), at(2, 0), at(2, 0)]), Some(2));
    assert_eq!(placer.choose(&[at(1, 2), at(3, 1), at(2, 2), at(2, 1)]), Some(3), "the least used where all are");
    let tried = Location { tried: true, ..at(0, 0) };
    assert_eq!(placer.choose(&[tried, tried, tried, tried]), None);
}

#[test]
fn a_location_that_preempts_is_left_until_fewer_than_two_are_active() {
    let mut placer = Placer::new(3);
    placer.lost(0);
    assert!(!placer.is_active(0));
    assert_eq!(placer.choose(&[at(1, 0), at(9, 0), at(9, 0)]), Some(1));
    placer.launched(0);
    assert!(placer.is_active(0), "it has room again");
    placer.lost(0);
    placer.lost(2);
    assert!((0..3).all(|i| placer.is_active(i)), "one active is too few");
    // A single location can never be the second one.
    let mut one = Placer::new(1);
    one.lost(0);
    assert!(one.is_active(0));
}

#[test]
fn both_forms_of_the_fallback() {
    let of = |cover, ready| Autoscaler::new(hedge(2, cover), 4).decide(Duration::ZERO, 4, ready);
    let on_demand = |cover| (0..=6).map(|r| of(cover, r).on_demand).collect::<Vec<_>>();
    assert_eq!(on_demand(Cover::Spares), [4, 4, 4, 3, 2, 1, 0]);
    assert_eq!(on_demand(Cover::Needed), [4, 3, 2, 1, 0, 0, 0]);
    assert_eq!(on_demand(Cover::None), [0; 7]);
    assert!((0..=6).all(|r| of(Cover::Needed, r).spot == 6));
}

#[test]
fn a_base_on_demand_is_part_of_what_is_needed() {
    let mut a = Autoscaler::new(Hedge { base: 3, ..hedge(1, Cover::Needed) }, 5);
    assert_eq!(a.decide(Duration::ZERO, 5, 0), Replicas { spot: 3, on_demand: 5 });
    assert_eq!(a.decide(Duration::ZERO, 5, 3), Replicas { spot: 3, on_demand: 3 });
    let mut small = Autoscaler::new(Hedge { base: 3, ..hedge(0, Cover::Needed) }, 2);
    assert_eq!(small.decide(Duration::ZERO, 2, 0), Replicas { spot: 0, on_demand: 2 });
}

#[test]
fn the_target_moves_only_after_its_delay_without_a_break() {
    let s = Duration::from_secs;
    let hedge = Hedge { upscale_delay: s(300), downscale_delay: s(1200), ..hedge(0, Cover::None) };
    let mut a = Autoscaler::new(hedge, 2);
    let mut target = |t, needed| {
        a.decide(s(t), needed, 0);
        a.target()
    };
    assert_eq!((target(0, 5), target(299, 5)), (2, 2));
    assert_eq!(target(299, 2), 2, "a break");
    assert_eq!((target(300, 5), target(599, 6), target(600, 6)), (2, 2, 6), "the number may change meanwhile");
    assert_eq!((target(601, 1), target(1800, 1), target(1801, 1)), (6, 6, 1));
}

#[test]
fn a_load_needs_whole_replicas_within_bounds() {
    assert_eq!((needed(10.0, 4.0, 1, 9), needed(0.0, 4.0, 1, 9), needed(99.0, 4.0, 1, 9)), (3, 1, 9));
    assert_eq!((needed(1.0, 0.0, 2, 9), needed(f64::NAN, 1.0, 2, 9), needed(5.0, 1.0, 4, 3)), (2, 2, 4));
}

#[test]
fn all_spot_without_loss_is_ready_but_for_the_cold_start() {
    let service = |extra, cover| Service { needed: 4, hedge: hedge(extra, cover), cold_ticks: 1, tick: Duration(1) };
    let counts = vec![vec![2; 10], vec![2; 12]];
    let r = serve(&service(0, Cover::None), &counts);
    let expect = Served { ticks: 10, spot_ticks: 40, some_ready: 9, all_ready: 9, ..Served::default() };
    assert_eq!(r, expect);
    assert!((r.cost(4, 0.25) - 0.25).abs() < 1e-12);
    // On demand launched in the first tick is paid in it, and gone when spot is ready.
    let covered = serve(&service(0, Cover::Needed), &counts);
    assert_eq!((covered.on_demand_ticks, covered.all_ready), (4, 9));
    // Without any spot: on demand all the time; two locations refuse in each tick.
    let none = serve(&service(1, Cover::Needed), &[vec![0; 10], vec![0; 10]]);
    assert_eq!((none.spot_ticks, none.on_demand_ticks, none.failed, none.all_ready), (0, 40, 20, 9));
}
