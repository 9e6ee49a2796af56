//! M/M/c with an unbounded first-come queue, written straight on the event queue: arrivals in the lane, departures
//! in the heap. Shared by the closed-form test beside it and by `benches/kernel.rs`, which times it.

use std::collections::VecDeque;

use super::{Dist, Duration, Queue, SimTime, Streams};

#[derive(Clone, Copy)]
enum Event {
    Arrival,
    Departure,
}

/// Runs `jobs` jobs at load `rho` on `servers` servers with a mean service of one second; returns the mean wait in
/// the queue in seconds and the number of events.
pub fn mm_c(jobs: u64, servers: u32, rho: f64, seed: u64) -> (f64, u64) {
    let streams = Streams::new(seed, 0);
    let mut arrival_draws = streams.stream("arrival", "mmc", 0);
    let mut service_draws = streams.stream("service", "mmc", 0);
    let gap = Dist::exponential(1.0 / (rho * f64::from(servers))).expect("a positive mean");
    let service = Dist::exponential(1.0).expect("a positive mean");

    let mut queue: Queue<Event> = Queue::new();
    let mut waiting: VecDeque<SimTime> = VecDeque::new();
    let (mut arrived, mut busy, mut events, mut waited) = (1, 0, 0, 0_u128);
    queue.lane_push(SimTime::ZERO + Duration::from_secs_f64(gap.sample(&mut arrival_draws)), 1, Event::Arrival);
    while let Some((now, event)) = queue.pop() {
        events += 1;
        let starts = match event {
            Event::Arrival => {
                if arrived < jobs {
                    arrived += 1;
                    queue.lane_push(now + Duration::from_secs_f64(gap.sample(&mut arrival_draws)), 1, Event::Arrival);
                }
                if busy < servers {
                    busy += 1;
                    true
                } else {
                    waiting.push_back(now);
                    false
                }
            }
            Event::Departure => match waiting.pop_front() {
                Some(since) => {
                    waited += u128::from(now.since(since).0);
                    true
                }
                None => {
                    busy -= 1;
                    false
                }
            },
        };
        if starts {
            queue.push(now + Duration::from_secs_f64(service.sample(&mut service_draws)), 0, Event::Departure);
        }
    }
    (waited as f64 / jobs as f64 / 1e9, events)
}
