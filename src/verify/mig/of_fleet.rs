//! Runs cases of several GPUs.

use super::format as f;
use super::lower;
use crate::catalog::mig::ProfileId;
use crate::fleet::mig::MigGpu;
use crate::policy::mig::pack::{Packing, pack};
use crate::policy::mig::{FragTable, Placer};
use crate::verify::cases::Report;

/// The most GPUs and the most requests of a case.
const MOST: usize = 1000;

pub fn requests(case: &f::FleetCase, report: &mut Report<'_>) {
    let (n, wanted) = (case.requests.len(), case.expect.len());
    if case.gpus as usize > MOST || n > MOST {
        return report.fault(format!("more than {MOST} GPUs or requests"), "split the case");
    }
    if n != wanted {
        return report.fault(format!("{wanted} places for {n} requests"), "write one in `expect` for each request");
    }
    let Some(g) = lower::grid(&case.grid, report) else { return };
    let Some(requests) = lower::set(&g, Some(&case.requests), report) else { return };
    let Some(mix) = lower::mix(&g, case.mix.as_deref(), report) else { return };
    let table = FragTable::new(&g, &mix);
    let placer = Placer { gpus: lower::between(&case.between), starts: lower::order(&case.order), table: &table };
    let gpus = vec![MigGpu::new(g); case.gpus as usize];
    let placed =
        if case.hardest_first { pack(&gpus, &requests, &placer) } else { one_by_one(gpus, &requests, &placer) };
    for (i, (want, ours)) in case.expect.iter().zip(placed).enumerate() {
        report.part(format!("request {} {}", i + 1, case.requests[i].value));
        let place =
            |at: Option<(usize, u8)>| at.map_or("Refused".to_owned(), |(gpu, start)| format!("On({gpu}, {start})"));
        let want = match want {
            f::Where::On(gpu, start) => Some((*gpu as usize, *start)),
            f::Where::Refused => None,
        };
        report.word("", Some(&place(want)), &place(ours));
    }
    report.part("");
    report.expects_something(0);
}

fn one_by_one(mut gpus: Vec<MigGpu>, requests: &[ProfileId], placer: &Placer<'_>) -> Packing {
    let mut place = |id: &ProfileId| {
        let (at, start) = placer.choose(&gpus, *id)?;
        gpus[at].create(*id, start).ok().map(|_| (at, start))
    };
    requests.iter().map(&mut place).collect()
}
