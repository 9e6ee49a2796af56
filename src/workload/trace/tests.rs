//! The readers on small tables by hand, on the published files where they are, and on bad input.

use std::io::{Cursor, Write};

use super::*;
use crate::workload::{Ending, Inspection, Request, inspect};

const S: u64 = 1_000_000_000;

fn read(text: &str, options: &Options) -> Result<Trace, Diagnostics> {
    from_read(None, "t.csv", Cursor::new(text.as_bytes().to_vec()), options, &mut SourceMap::default())
}

fn faults(text: &str) -> Vec<String> {
    let mut sources = SourceMap::default();
    let bytes = Cursor::new(text.as_bytes().to_vec());
    let list = from_read(None, "t.csv", bytes, &Options::default(), &mut sources).unwrap_err().list;
    list.iter()
        .map(|d| {
            let place = d.at.map_or(String::new(), |(id, span)| {
                let (line, col) = sources.line_col(id, span.start);
                let text = &sources.get(id).text;
                format!("{line}:{col} `{}`: ", &text[span.start as usize..span.end as usize])
            });
            format!("{place}{}", d.message)
        })
        .collect()
}

/// A published file, or `None` and a line saying so.
fn data(path: &str) -> Option<std::path::PathBuf> {
    let p = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    if p.exists() {
        return Some(p);
    }
    let _ = writeln!(std::io::stderr(), "skipped: no data ({path})");
    None
}

fn published(path: &str) -> Option<(Trace, Inspection)> {
    let t = open(None, &data(path)?, &Options::default(), &mut SourceMap::default()).unwrap();
    let i = inspect(&t);
    Some((t, i))
}

fn counts(i: &Inspection) -> Vec<(u32, u64)> {
    i.by_gpus.iter().map(|g| (g.what.parse().unwrap(), g.jobs)).collect()
}

/// Equal when rounded to the decimals of the expected text.
fn rounds_to(value: f64, want: &str) {
    let decimals = want.split_once('.').map_or(0, |(_, d)| d.len());
    assert_eq!(format!("{value:.decimals$}"), want);
}

#[test]
fn openb_has_the_published_counts_waits_and_lifetimes() {
    let Some((t, i)) = published("openb/openb_pod_list_default.csv") else { return };
    assert_eq!((t.format, t.rows, t.out_of_order), (TraceFormat::Openb, 8_152, 0));
    assert_eq!(counts(&i), [(0, 1_088), (1, 6_989), (2, 16), (4, 15), (8, 44)]);
    rounds_to(i.gpus_requested, "6086.8");
    rounds_to(i.shares as f64 / 6_989.0 * 100.0, "44.0");
    let label = |l: &str| i.by_label.iter().find(|g| g.what == l).unwrap().jobs;
    assert_eq!((label("qos=LS"), label("qos=BE")), (4_647, 3_398));
    assert_eq!(t.jobs.iter().filter(|j| j.ending == Ending::Fails).count(), 1_870);
    let w = i.wait_s.unwrap();
    assert_eq!((w.n, w.p50), (7_255, 2.0));
    rounds_to(w.mean, "61.3");
    rounds_to(w.p99, "889.6");
    let l = i.lifetime_s.unwrap();
    assert_eq!(l.p50, 540.0);
    rounds_to(l.mean, "25839");
    rounds_to(i.span_days, "149.3");
    // 897 rows have no scheduled_time.
    assert!(t.notices.iter().any(|n| n.starts_with("897 pods were never scheduled")));
    // 99 % of pods are created after day 115.9.
    let late = t.jobs.iter().filter(|j| j.arrive.as_secs_f64() > 115.9 * 86_400.0).count();
    rounds_to(late as f64 / 8_152.0 * 100.0, "99");
}

#[test]
fn every_list_of_openb_pods_reads_and_those_without_times_say_so() {
    let rows = [
        ("cpu050", 7_439, true),
        ("cpu100", 7_853, true),
        ("cpu200", 8_832, true),
        ("gpushare40", 8_152, true),
        ("gpuspec20", 8_152, true),
        ("multigpu20", 10_094, false),
    ];
    for (name, _, times) in rows {
        let Some(p) = data(&format!("openb/openb_pod_list_{name}.csv")) else { return };
        let mut sources = SourceMap::default();
        let pods = openb::pods(&p, &mut sources).unwrap();
        assert!((7_064..=10_094).contains(&pods.len()), "{name}: {}", pods.len());
        let replay = open(None, &p, &Options::default(), &mut sources);
        match replay {
            Ok(t) => assert!(times && t.jobs.len() == pods.len() && t.jobs.is_sorted_by_key(|j| j.arrive)),
            Err(d) => assert!(!times && d.list[0].message == "no column `creation_time`", "{name}: {d:?}"),
        }
    }
    let p = data("openb/openb_pod_list_gpuspec20.csv").unwrap();
    let t = open(None, &p, &Options::default(), &mut SourceMap::default()).unwrap();
    assert!(t.accepts.len() > 1 && t.accepts[0].is_empty());
    let limited = t.jobs.iter().filter(|j| j.accept != 0).count() as f64;
    let gpu = t.jobs.iter().filter(|j| j.request.gpus > 0).count() as f64;
    assert!((limited / gpu - 0.2).abs() < 0.02, "{}", limited / gpu);
}

#[test]
fn openb_nodes_have_the_published_models() {
    let Some(p) = data("openb/openb_node_list_gpu_node.csv") else { return };
    let nodes = openb::nodes(&p, &mut SourceMap::default()).unwrap();
    assert_eq!(nodes.len(), 1_213);
    let of = |m: &str| nodes.iter().filter(|n| n.model == m).map(|n| u32::from(n.gpus)).sum::<u32>();
    let models = ["G2", "T4", "G3", "P100", "V100M32", "V100M16", "A10"];
    assert_eq!(models.map(of), [4_392, 842, 312, 265, 204, 195, 2]);
    // published_results.md §4.1.
    assert_eq!(nodes.iter().map(|n| u64::from(n.cpu_milli)).sum::<u64>(), 107_018_000);
    assert_eq!(nodes.iter().map(|n| u64::from(n.mem_mib)).sum::<u64>(), 503_828_480);
}

#[test]
fn an_openb_window_starts_warm_with_what_ran() {
    let Some(p) = data("openb/openb_pod_list_default.csv") else { return };
    let from = Duration::from_secs_f64(115.9 * 86_400.0);
    let o = Options { from: Some(Moment::After(from)), ..Options::default() };
    let t = open(None, &p, &o, &mut SourceMap::default()).unwrap();
    let all = open(None, &p, &Options::default(), &mut SourceMap::default()).unwrap();
    // Counted over the whole trace instead: created before, over after.
    let (mut running, mut waiting, mut before) = (0, 0, 0);
    for (j, w) in all.jobs.iter().zip(&all.waits).filter(|(j, _)| j.arrive.0 < from.0) {
        let start = j.arrive + w.unwrap_or(Duration::ZERO);
        match ((start + j.work).0 <= from.0, start.0 <= from.0) {
            (true, _) => before += 1,
            (_, true) => running += 1,
            _ => waiting += 1,
        }
    }
    assert_eq!((t.running_at_start, t.waiting_at_start, t.before), (running, waiting, before));
    assert!(running > 0);
    assert_eq!(t.jobs.len() as u64 + t.before + t.after, 8_152);
    assert!(t.jobs[..running].iter().all(|j| j.arrive == SimTime::ZERO && j.work.0 > 0));
}

#[test]
fn philly_has_the_published_counts_and_durations() {
    let Some((t, i)) = published("philly/philly.csv") else { return };
    assert_eq!((t.format, t.rows), (TraceFormat::Philly, 82_247));
    let want = [(1, 76_627), (2, 1_818), (4, 1_870), (8, 1_643), (16, 199), (32, 67), (64, 6), (128, 3)];
    let found: Vec<(u32, u64)> = counts(&i);
    assert!(want.iter().all(|w| found.contains(w)), "{found:?}");
    let d = i.duration_s.unwrap();
    rounds_to(d.p50, "1144");
    rounds_to(d.mean, "13136");
    rounds_to(d.p90, "11265");
    rounds_to(d.p99, "254758");
    rounds_to(i.gpu_hours, "978078");
    assert_eq!(i.by_label.len(), 15);
    assert_eq!(t.origin.unwrap().to_string(), "2017-09-04T10:30:41");
    assert!(t.out_of_order > 40_000 && t.notices[0].contains("sorted"));
    assert!(t.jobs.is_sorted_by_key(|j| j.arrive));
    // 57 % in October.
    let day = |d: &str| {
        let at: DateTime = d.parse().unwrap();
        at.duration_since(t.origin.unwrap()).as_nanos() as u64
    };
    let october = t.jobs.iter().filter(|j| (day("2017-10-01")..day("2017-11-01")).contains(&j.arrive.0)).count();
    rounds_to(october as f64 / 82_247.0 * 100.0, "57");
    let big: Vec<&Job> = t.jobs.iter().filter(|j| j.total_milli() == 128_000).collect();
    assert!(big.len() == 3 && big.iter().all(|j| (j.pods, j.request.gpus) == (16, 8)));
}

#[test]
fn dlrm_has_the_published_instances_and_waits() {
    let Some((t, i)) = published("alibaba-gpu-v2025-dlrm/disaggregated_DLRM_trace.csv") else { return };
    assert_eq!((t.format, t.rows), (TraceFormat::Dlrm, 23_871));
    let apps = i.by_label.iter().filter(|g| g.what.starts_with("app=")).count();
    assert_eq!(apps, 156);
    assert_eq!((i.cpu_only, counts(&i)), (16_485, vec![(0, 16_485), (1, 7_386)]));
    let w = i.wait_s.unwrap();
    assert_eq!(w.p50, 0.0);
    rounds_to(w.p90, "59");
    rounds_to(w.mean, "188");
    assert_eq!(t.running_at_start, 7_280);
    assert_eq!(t.span, Duration::from_hours(31 * 24));
    assert!(t.jobs.iter().all(|j| j.arrive + j.work <= SimTime(dlrm::LENGTH.0)));
    assert_eq!(t.jobs.iter().filter(|j| j.arrive == SimTime::ZERO && j.work == dlrm::LENGTH).count(), 4_677);
}

#[test]
fn openb_rules_hold_on_rows_by_hand() {
    let text = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n\
                a,4000,1024,1,460,,LS,Running,10,100,15\n\
                b,1000,512,8,500,V100|P100,BE,Failed,20,90,20\n\
                c,1000,512,0,0,,BE,Pending,5,65,\n\
                d,1000,512,1,2000,,LS,Succeeded,30,30,30\n";
    let o = Options { qos_priority: vec![("LS".to_owned(), 10)], ..Options::default() };
    let t = read(text, &o).unwrap();
    assert_eq!((t.format, t.out_of_order), (TraceFormat::Openb, 1));
    let shape = |j: &Job| (j.arrive.0 / S, j.work.0 / S, j.request.gpus, j.request.gpu_milli, j.priority, j.ending);
    assert_eq!(
        t.jobs.iter().map(shape).collect::<Vec<_>>(),
        [
            // Never scheduled: it runs for deletion − creation.
            (5, 60, 0, 0, 0, Ending::Completes),
            (10, 85, 1, 460, 10, Ending::Completes),
            // Several GPUs are whole ones.
            (20, 70, 8, 1000, 0, Ending::Fails),
            (30, 0, 1, 1000, 10, Ending::Completes),
        ]
    );
    assert_eq!(t.waits[..2], [None, Some(Duration(5 * S))]);
    assert_eq!(t.accepts[usize::from(t.jobs[2].accept)], ["P100", "V100"]);
    let row = |r: &str| faults(&format!("{}\n{r}\n", text.lines().next().unwrap()));
    assert_eq!(row("a,1,1,1,0,,,,0,1,0"), ["2:9 `0`: `gpu_milli` is 0 for a pod of one GPU"]);
    assert_eq!(row("a,1,1,1,1,,,,9,20,5"), ["2:19 `5`: a pod was scheduled before it was created"]);
    assert_eq!(row("a,1,1,1,1,,,,9,7,9"), ["2:16 `7`: a pod ends before it starts"]);
    assert_eq!(row("a,1,1,300,1,,,,0,1,0"), ["2:7 `300`: `num_gpu` is \"300\", not at most 255"]);
}

#[test]
fn philly_rules_hold_on_rows_by_hand() {
    let text = "timestamp,duration,num_gpus,gpu_time,cluster\n\
                2017-10-09 07:01:55,66.5,1,66.5,11cb48\n2017-10-09 07:01:00,10.0,24,240.0,6214e9\n";
    let t = read(text, &Options::default()).unwrap();
    let shape = |j: &Job| (j.arrive.0 / S, j.work.0, j.pods, j.request.gpus);
    assert_eq!(t.jobs.iter().map(shape).collect::<Vec<_>>(), [(0, 10 * S, 3, 8), (55, 66_500_000_000, 1, 1)]);
    assert_eq!(t.label_sets[usize::from(t.jobs[0].labels)][0].to_string(), "vc=6214e9");
    let four = read(text, &Options { gpus_per_node: 4, ..Options::default() }).unwrap();
    assert_eq!((four.jobs[0].pods, four.jobs[0].request.gpus), (6, 4));
    let bad = faults("timestamp,duration,num_gpus\n1/2/2017,1,1\n");
    assert_eq!(bad, ["2:1 `1/2/2017`: `timestamp` is \"1/2/2017\", not a date and time"]);
}

#[test]
fn dlrm_rules_hold_on_rows_by_hand() {
    let text = "instance_sn,role,app_name,cpu_request,gpu_request,memory_request,creation_time,scheduled_time,deletion_time\n\
                i0,HN,app_0,12,1,120.5,,,\n\
                i1,CN,app_1,0.5,0,40.0,,,1000\n\
                i2,CN,app_1,64,0,320.0,500.0,520.0,700.0\n\
                i3,HN,app_2,8,1,40.0,2678000.0,2678100.0,\n";
    let t = read(text, &Options::default()).unwrap();
    assert_eq!((t.running_at_start, t.open_ended, t.span), (2, 2, dlrm::LENGTH));
    let shape = |j: &Job| (j.arrive.0 / S, j.work.0 / S, j.request.cpu_milli, j.request.mem_mib, j.request.gpu_milli);
    assert_eq!(
        t.jobs.iter().map(shape).collect::<Vec<_>>(),
        [
            (0, 2_678_400, 12_000, 123_392, 1000),
            (0, 1_000, 500, 40_960, 0),
            (500, 180, 64_000, 327_680, 0),
            (2_678_000, 300, 8_000, 40_960, 1000),
        ]
    );
    assert_eq!(t.waits, [None, None, Some(Duration(20 * S)), Some(Duration(100 * S))]);
    let labels =
        |i: usize| t.label_sets[usize::from(t.jobs[i].labels)].iter().map(|l| l.to_string()).collect::<Vec<_>>();
    assert_eq!(labels(0), ["app=app_0", "role=HN"]);
}

#[test]
fn a_trace_that_starts_late_says_where_to_cut() {
    let text: String = "arrive,duration,gpus\n0,1,1\n".to_owned()
        + &(0..200).map(|i| format!("{},1,1\n", 864_000 + i * 864)).collect::<String>();
    let i = inspect(&read(&text, &Options::default()).unwrap());
    assert!(i.notices.iter().any(|n| n.starts_with("99 % of jobs arrive after day 10.0 of 12.0")), "{:?}", i.notices);
}

#[test]
fn our_format_reads_every_column() {
    let text = "label.team,arrive,duration,gpus,pods,gpu_milli,cpu_milli,memory_mib,devices,priority,ending,busy,stall,\
                gpu_mem_mib,patience\n\
                search,0,3600,16,2,,8000,65536,H100|A100,5,fails,0.5,0.1,40000,600\n\
                ,1.5,60,1,,250,,,,,,,,,\n\
                \"R&D, vision\",90,0.25,0,,,500,1024,,-3,cancelled,,,,\n";
    let t = read(text, &Options::default()).unwrap();
    assert_eq!(t.format, TraceFormat::Csv);
    let a = t.jobs[0];
    assert_eq!((a.arrive, a.work, a.pods), (SimTime(0), Duration(3600 * S), 2));
    assert_eq!(a.request, Request { cpu_milli: 8000, mem_mib: 65_536, gpus: 8, gpu_milli: 1000, slice: 0 });
    assert_eq!((t.accepts[1].join("|"), a.accept, a.priority), ("A100|H100".to_owned(), 1, 5));
    assert_eq!((a.ending, a.patience), (Ending::Fails, Duration(600 * S)));
    assert_eq!((a.usage.busy_ppm, a.usage.stall_ppm, a.usage.gpu_mem_mib), (500_000, 100_000, 40_000));
    let b = t.jobs[1];
    assert_eq!((b.arrive.0, b.request.gpus, b.request.gpu_milli), (S * 3 / 2, 1, 250));
    assert_eq!((b.labels, b.accept, b.ending, b.patience), (0, 0, Ending::Completes, Duration(u64::MAX)));
    assert_eq!(b.usage, crate::workload::Use::default());
    let c = t.jobs[2];
    assert_eq!((c.pods, c.request.gpus, c.priority, c.ending), (1, 0, -3, Ending::Cancelled));
    assert_eq!(t.label_sets[usize::from(c.labels)][0].value.as_str(), "R-D--vision");
    assert_eq!((t.rows, t.span), (3, Duration(90 * S)));
}

#[test]
fn dates_give_an_origin_and_windows_by_date() {
    let text = "arrive,duration,gpus\n2026-10-01T08:00:00,60,1\n2026-10-02 09:30,60,1\n";
    let t = read(text, &Options::default()).unwrap();
    assert_eq!(t.origin.unwrap().to_string(), "2026-10-01T08:00:00");
    assert_eq!(t.jobs[1].arrive.0 / S, 25 * 3600 + 1800);
    let from = Moment::At("2026-10-02T09:00".parse().unwrap());
    let t = read(text, &Options { from: Some(from), ..Options::default() }).unwrap();
    assert_eq!((t.jobs.len(), t.jobs[0].arrive.0 / S, t.before), (1, 1800, 1));
    assert_eq!(t.origin.unwrap().to_string(), "2026-10-02T09:00:00");
    let zoned = read("arrive,duration,gpus\n2026-10-01T08:00:00+02:00,60,1\n", &Options::default()).unwrap();
    assert_eq!(zoned.origin.unwrap().to_string(), "2026-10-01T06:00:00");
    let unix = read("arrive,duration,gpus\n1790841600,60,1\n1790841660,60,1\n", &Options::default()).unwrap();
    assert_eq!((unix.origin.unwrap().to_string().as_str(), unix.jobs[1].arrive.0), ("2026-10-01T08:00:00", 60 * S));
    assert!(unix.notices[0].contains("Unix time"));
}

#[test]
fn an_unsorted_row_of_ours_is_refused_unless_asked_to_sort() {
    let text = "arrive,duration,gpus\n5,1,1\n3,1,2\n4,1,1\n";
    assert_eq!(
        faults(text),
        ["3:1 `3`: line 3 arrives before the line above it", "4:1 `4`: line 4 arrives before the line above it"]
    );
    let e = read(text, &Options::default()).unwrap_err();
    assert!(e.list[0].help[0].contains("sort: true"));
    let t = read(text, &Options { sort: true, ..Options::default() }).unwrap();
    assert_eq!(t.jobs.iter().map(|j| j.arrive.0 / S).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(t.out_of_order, 1);
}

#[test]
fn every_fault_names_its_line_and_field() {
    let row = |r: &str| faults(&format!("arrive,duration,gpus,gpu_milli,ending,busy,pods\n0,1,1,,,,\n{r}\n"));
    assert_eq!(row("1,-5,1,,,,"), ["3:3 `-5`: `duration` is \"-5\", not allowed to be negative"]);
    assert_eq!(row("1,abc,1,,,,"), ["3:3 `abc`: `duration` is \"abc\", not a number of seconds"]);
    assert_eq!(row("1,NaN,1,,,,"), ["3:3 `NaN`: `duration` is \"NaN\", not a number of seconds"]);
    assert_eq!(
        row("1,1e300,1,,,,"),
        ["3:3 `1e300`: `duration` is \"1e300\", not a time that fits (at most 584 years)"]
    );
    assert_eq!(row("1,1,-2,,,,"), ["3:5 `-2`: `gpus` is \"-2\", not allowed to be negative"]);
    assert_eq!(row("1,1,1.5,,,,"), ["3:5 `1.5`: `gpus` is \"1.5\", not a whole number"]);
    assert_eq!(row("1,1,99999999999,,,,"), ["3:5 `99999999999`: `gpus` is \"99999999999\", not at most 4294967295"]);
    assert_eq!(
        row("1,1,524287,,,,"),
        ["3:5 `524287`: a job of 524287 GPUs is not a gang of at most 65535 equal pods of at most 8 GPUs"]
    );
    assert_eq!(row("1,1,2,500,,,"), ["3:7 `500`: `gpu_milli` is 500 for a job of 2 GPUs"]);
    assert_eq!(row("1,1,7,,,,2"), ["3:10 `2`: 7 GPUs do not split into 2 equal pods of at most 255"]);
    assert_eq!(row("1,1,1,,dies,,"), ["3:8 `dies`: `ending` is \"dies\", not an ending"]);
    assert_eq!(row("1,1,1,,,1.5,"), ["3:9 `1.5`: `busy` is \"1.5\", not from 0 to 1"]);
    assert_eq!(row("2026-10-01,1,1,,,,"), ["3:1 `2026-10-01`: `arrive` is not written as in the first row"]);
    assert_eq!(row(",x,1,,,,").len(), 2);
    assert_eq!(row("1,1,1"), ["3:1 `1,1,1`: line 3 has 3 fields, the header has 7"]);
    assert_eq!(row("1,1,1,,,,,9"), ["3:11 `9`: line 3 has 8 fields, the header has 7"]);
}

#[test]
fn headers_that_will_not_do_are_explained() {
    assert_eq!(faults(""), ["`t.csv` is empty"]);
    assert_eq!(faults("arrive,duration,gpus\n"), ["`t.csv` has a header and no rows"]);
    assert_eq!(
        faults("arrive,durations,gpus\n0,1,1\n"),
        ["1:8 `durations`: no column `duration`", "1:8 `durations`: unknown column `durations`"]
    );
    assert_eq!(faults("arrive,duration,gpus,gpus\n0,1,1,1\n"), ["1:22 `gpus`: two columns are named `gpus`"]);
    assert_eq!(faults("arrive,duration,gpus,team\n0,1,1,a\n"), ["1:22 `team`: unknown column `team`"]);
    assert_eq!(faults("when,long\n0,1\n"), ["`t.csv` is not a trace of a known format: its columns are when, long"]);
    assert!(faults("arrive,duration,gpus,label.\n0,1,1,a\n")[0].contains("must not be empty"));
    // A byte order mark, spaces and Windows line ends are fine.
    let t = read("\u{feff}arrive, duration ,gpus\r\n0,1,1\r\n\r\n2,1,1\r\n", &Options::default()).unwrap();
    assert_eq!(t.jobs.len(), 2);
}

#[test]
fn lines_are_counted_past_blank_and_quoted_ones() {
    assert_eq!(
        faults("arrive,duration,gpus\n\n0,1,1\n\n1,x,1\n")[0],
        "5:3 `x`: `duration` is \"x\", not a number of seconds"
    );
}

#[test]
fn reading_stops_after_twenty_faults() {
    let text: String = "arrive,duration,gpus\n".to_owned() + &"0,x,1\n".repeat(100);
    let list = faults(&text);
    assert_eq!((list.len(), list[20].as_str()), (21, "reading stopped after 20 faults"));
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_line() {
    let mut bytes = b"arrive,duration,gpus,label.team\n0,1,1,a\n1,1,1,".to_vec();
    bytes.extend([0xff, 0xfe, b'\n']);
    let mut sources = SourceMap::default();
    let e = from_read(None, "t.csv", Cursor::new(bytes), &Options::default(), &mut sources).unwrap_err();
    assert!(e.list[0].message.starts_with("line 3 is not UTF-8 text"));
}

fn packed(text: &str) -> [(&'static str, Vec<u8>); 2] {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(text.as_bytes()).unwrap();
    [("gzip", gz.finish().unwrap()), ("zstd", zstd::encode_all(text.as_bytes(), 1).unwrap())]
}

#[test]
fn packed_files_are_known_by_their_first_bytes_and_cut_ones_are_refused() {
    let text: String = "arrive,duration,gpus\n".to_owned()
        + &(0..5_000).map(|i| format!("{i},{},1\n", i * 7919 % 10_007)).collect::<String>();
    let plain = read(&text, &Options::default()).unwrap();
    for (what, bytes) in packed(&text) {
        let of = |b: Vec<u8>| from_read(None, "t.csv", Cursor::new(b), &Options::default(), &mut SourceMap::default());
        assert_eq!(of(bytes.clone()).unwrap(), plain, "{what}");
        let e = of(bytes[..bytes.len() - 9].to_vec()).unwrap_err();
        assert!(e.list.last().unwrap().message.contains("file is cut short at line"), "{what}: {e:?}");
    }
}

#[test]
fn a_plain_file_that_is_cut_short_is_refused() {
    assert_eq!(faults("arrive,duration,gpus\n0,1,1\n1,10"), ["3:1 `1,10`: file is cut short at line 3"]);
}

#[test]
fn a_missing_file_says_what_to_do() {
    let mut sources = SourceMap::default();
    let e = open(Some(TraceFormat::Openb), Path::new("/nowhere/t.csv"), &Options::default(), &mut sources).unwrap_err();
    assert!(e.list[0].message.starts_with("cannot read `/nowhere/t.csv`"), "{e:?}");
    assert!(["alibaba/clusterdata", "FLEETCAST_DATA"].iter().all(|w| e.list[0].help.iter().any(|h| h.contains(w))));
}

#[test]
fn options_that_make_no_sense_are_refused_together() {
    let o = Options { stretch: 0.0, rate: f64::NAN, repeat: 0, gpus_per_node: 0, ..Options::default() };
    assert_eq!(read("arrive,duration,gpus\n0,1,1\n", &o).unwrap_err().list.len(), 4);
    let text = "arrive,duration,gpus\n0,1,1\n50,1,1\n";
    let window = |from: u64, to: u64| {
        let m = |s: u64| Some(Moment::After(Duration(s * S)));
        read(text, &Options { from: m(from), to: m(to), ..Options::default() }).map(|t| t.jobs.len())
    };
    assert_eq!(window(0, 51), Ok(2));
    assert!(window(9, 9).unwrap_err().list[0].message.contains("ends before it begins"));
    assert!(window(10, 20).unwrap_err().list[0].message.contains("holds none of its 2 jobs"));
    let at = Options { from: Some(Moment::At("2026-01-01".parse().unwrap())), ..Options::default() };
    assert!(read(text, &at).unwrap_err().list[0].message.contains("this trace has none"));
}

#[test]
fn limit_rate_and_repeat_work_together() {
    let text: String =
        "arrive,duration,gpus\n".to_owned() + &(0..10).map(|i| format!("{},5,1\n", i * 10)).collect::<String>();
    let to = Some(Moment::After(Duration(100 * S)));
    let t = read(&text, &Options { to, rate: 2.0, repeat: 3, ..Options::default() }).unwrap();
    assert_eq!((t.jobs.len(), t.span), (30, Duration(150 * S)));
    let arrive: Vec<u64> = t.jobs.iter().map(|j| j.arrive.0 / S).collect();
    assert!((0..30).all(|i| arrive[i] == i as u64 * 5), "{arrive:?}");
    let t = read(&text, &Options { limit: Some(4), ..Options::default() }).unwrap();
    assert_eq!((t.jobs.len(), t.span), (4, Duration(30 * S)));
}

proptest::proptest! {
    /// Whatever the bytes, there is a trace or there are faults, and every fault's place lies in its text.
    #[test]
    fn no_bytes_make_a_reader_panic(
        header in 0usize..5,
        body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        fields in "([0-9a-z.:,\\-\" \n]|2026-10-01T00:00:00|1e9|-1|\\|){0,120}",
    ) {
        let headers = [
            "arrive,duration,gpus,label.a,devices",
            "cpu_milli,memory_mib,num_gpu,gpu_milli,creation_time,deletion_time,scheduled_time",
            "timestamp,duration,num_gpus,cluster",
            "instance_sn,app_name,cpu_request,gpu_request,memory_request,creation_time,scheduled_time,deletion_time",
            "",
        ];
        for body in [body, fields.into_bytes()] {
            let mut bytes = headers[header].as_bytes().to_vec();
            bytes.push(b'\n');
            bytes.extend(body);
            let mut sources = SourceMap::default();
            let options = Options { sort: true, ..Options::default() };
            match from_read(None, "t.csv", Cursor::new(bytes), &options, &mut sources) {
                Ok(t) => {
                    let _ = (inspect(&t), crate::workload::fit(&t));
                }
                Err(d) => {
                    assert!(!d.list.is_empty());
                    for (id, span) in d.list.iter().filter_map(|d| d.at) {
                        assert!(span.start <= span.end && span.end as usize <= sources.get(id).text.len());
                    }
                }
            }
        }
    }
}

#[test]
fn formats_are_known_by_their_headers() {
    assert_eq!(TraceFormat::detect(&["timestamp", "duration", "num_gpus"]), Some(TraceFormat::Philly));
    assert_eq!(TraceFormat::detect(&["arrive"]), Some(TraceFormat::Csv));
    assert_eq!(TraceFormat::detect(&["x"]), None);
}
