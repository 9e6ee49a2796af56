//! Spot price histories: AWS's JSON, and change points by tick.

use std::io::Cursor;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use super::input::Text;
use super::lines::Faults;
use super::{Input, PricePoint};
use crate::formats::rows::csv::Csv;
use crate::formats::rows::{Lines, Outcome};
use crate::formats::tree::shorten;
use crate::formats::{Node, Syntax, Value, parse};
use crate::units::{Diagnostic, Diagnostics, Rate, SourceMap};

/// The instant of tick 0 of the change points, in an unstated zone that is taken to be UTC.
const TICK_ZERO: &str = "2023-02-15T22:08:45Z";

pub(super) fn read(
    inputs: Vec<Input<'_>>,
    sources: &mut SourceMap,
) -> Result<(Vec<PricePoint>, Diagnostics), Diagnostics> {
    let (mut points, mut faults, mut warnings) = (Vec::new(), Diagnostics::default(), Diagnostics::default());
    for input in inputs {
        match one(input, sources, &mut warnings) {
            Ok(more) => points.extend(more),
            Err(d) => faults.extend(d),
        }
    }
    if !faults.list.is_empty() {
        return Err(faults);
    }
    Ok((merged(points, &mut warnings), warnings))
}

/// In order, equal points once; of two prices for one instant the one read last.
fn merged(mut points: Vec<PricePoint>, warnings: &mut Diagnostics) -> Vec<PricePoint> {
    // Stable: what was read last comes last among equals.
    points.sort_by(|a, b| (&a.zone, &a.instance, &a.product, a.at).cmp(&(&b.zone, &b.instance, &b.product, b.at)));
    let mut out: Vec<PricePoint> = Vec::with_capacity(points.len());
    let mut conflicts = 0_usize;
    for p in points {
        match out.last_mut() {
            Some(l) if (&l.zone, &l.instance, &l.product, l.at) == (&p.zone, &p.instance, &p.product, p.at) => {
                conflicts += usize::from(l.usd_per_hour != p.usd_per_hour);
                *l = p;
            }
            _ => out.push(p),
        }
    }
    if conflicts > 0 {
        let n = if conflicts == 1 { "1 instant has".to_owned() } else { format!("{conflicts} instants have") };
        warnings.push(Diagnostic::warning(format!("{n} two prices; the one read last stands")));
    }
    out
}

fn one(input: Input<'_>, sources: &mut SourceMap, warnings: &mut Diagnostics) -> Result<Vec<PricePoint>, Diagnostics> {
    let text = input.into_text(sources)?;
    let begins = sources.get(text.id).text.trim_start_matches('\u{feff}').trim_start().chars().next();
    if matches!(begins, Some('{' | '[')) {
        let (root, out) = parse(text.id, sources, Syntax::Json);
        return match root {
            Some(root) if !out.has_errors() => aws(&text, &root, warnings),
            _ => Err(out),
        };
    }
    let bytes = sources.get(text.id).text.as_bytes().to_vec();
    change_points(&text.name, bytes).map_err(|f| f.into_diagnostic(sources).into())
}

fn aws(text: &Text, root: &Node, warnings: &mut Diagnostics) -> Result<Vec<PricePoint>, Diagnostics> {
    let mut faults = Faults::new(text.id);
    let shape = "`aws ec2 describe-spot-price-history` prints {\"SpotPriceHistory\": [ … ]}";
    let list = match root.get("SpotPriceHistory").map(|n| (&n.value, n)) {
        Some((Value::List(list), _)) => list.as_slice(),
        Some((_, n)) => {
            let message = format!("`SpotPriceHistory` is {}, not a list", n.found());
            faults.add(n.head().1, message, "expected a list of prices", shape);
            &[]
        }
        None => {
            faults.add(root.head().1, "no `SpotPriceHistory` in the file", "not a price history", shape);
            &[]
        }
    };
    if let Some(node) = root.get("NextToken").filter(|n| n.as_text().is_some_and(|t| !t.is_empty())) {
        let d = Diagnostic::warning(format!("`{}` is one page of a longer history", text.name));
        warnings.push(d.at(text.id, node.at.1, "there is a next page").help("fetch the other pages too"));
    }
    let mut out = Vec::with_capacity(list.len());
    for node in list {
        let word = |key: &str, faults: &mut Faults| match node.get(key) {
            Some(n) if n.as_text().is_some_and(|t| !t.is_empty()) => n.as_text().map(str::to_owned),
            Some(n) => {
                faults.add(n.at.1, format!("`{key}` is {}, not text", n.found()), "expected text", "");
                None
            }
            None => {
                faults.add(node.head().1, format!("no `{key}` in a price"), "this price", "");
                None
            }
        };
        let zone = word("AvailabilityZone", &mut faults);
        let instance = word("InstanceType", &mut faults);
        let product = word("ProductDescription", &mut faults);
        let at = word("Timestamp", &mut faults).and_then(|t| match t.parse::<Timestamp>() {
            Ok(at) => Some(at),
            Err(_) => {
                let span = node.get("Timestamp").map_or(node.head().1, |n| n.at.1);
                let message = format!("`{}` is not an instant", shorten(&t));
                faults.add(span, message, "expected 2020-02-20T22:06:16.000Z", "");
                None
            }
        });
        let price = node.get("SpotPrice").and_then(|n| match &n.value {
            Value::Text(t) | Value::Number(t) => rate(t).ok_or((n, t)).ok(),
            _ => None,
        });
        if price.is_none() {
            let (span, found) =
                node.get("SpotPrice").map_or((node.head().1, "missing".to_owned()), |n| (n.at.1, n.found()));
            faults.add(span, format!("`SpotPrice` is {found}"), "expected USD per hour, such as \"0.9408\"", "");
        }
        if let (Some(zone), Some(instance), Some(product), Some(at), Some(usd_per_hour)) =
            (zone, instance, product, at, price)
        {
            out.push(PricePoint { zone, instance, product, at, usd_per_hour });
        }
    }
    faults.finish(out)
}

fn rate(text: &str) -> Option<Rate> {
    Rate::from_str(text).ok().filter(|r| r.0 >= 0)
}

/// The price of p3.2xlarge in 2023 by availability zone: `availability_zone,tick,seconds_from_trace_start,
/// spot_usd_per_hour`. A row without a price says that none is known from there on, and is left out.
fn change_points(name: &str, bytes: Vec<u8>) -> Outcome<Vec<PricePoint>> {
    let zero: Timestamp = TICK_ZERO.parse().expect("a literal instant");
    let mut csv = Csv::new(Lines::from_reader(name, Cursor::new(bytes))?)?;
    let zone = csv.column("availability_zone")?;
    let seconds = csv.column("seconds_from_trace_start")?;
    let price = csv.column("spot_usd_per_hour")?;
    let mut out = Vec::new();
    let mut last: Option<(String, u64)> = None;
    while let Some(row) = csv.next_row()? {
        let (z, s, p) = (row.text(zone).trim(), row.text(seconds).trim(), row.text(price).trim());
        let since = s.parse::<u64>().ok().filter(|s| *s <= 1 << 40);
        let Some(since) = since else {
            let what = if s.starts_with('-') { "negative" } else { "not a whole number of seconds" };
            return Err(row.fault(seconds, format!("`seconds_from_trace_start` is {what}"), "expected 0 or more"));
        };
        if let Some((zone_before, before)) = &last
            && zone_before == z
            && since < *before
        {
            let fault =
                row.fault(seconds, "this time is before that of the line above".to_owned(), "times must not descend");
            return Err(fault.help("put each zone's lines in order of time"));
        }
        last = Some((z.to_owned(), since));
        if p.is_empty() {
            continue;
        }
        let Some(usd_per_hour) = rate(p) else {
            return Err(row.fault(price, format!("`{}` is not a price", shorten(p)), "expected USD per hour"));
        };
        out.push(PricePoint {
            zone: z.to_owned(),
            instance: "p3.2xlarge".to_owned(),
            product: "Linux/UNIX".to_owned(),
            at: zero + SignedDuration::from_secs(since as i64),
            usd_per_hour,
        });
    }
    Ok(out)
}
