#!/usr/bin/env python3
"""Writes the price and instance tables beside this file from the public files that `README.md` describes.

    FLEETCAST_DATA=../path/to/data python3 src/catalog/make_tables.py

Reads only files whose licence lets their facts be embedded, keeps a row only where a price changes, and writes
plain CSV in a fixed order: the same input gives the same bytes. No network, standard library only.
"""

import csv
import json
import os
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).resolve().parent
PRICES = Path(os.environ["FLEETCAST_DATA"]) / "prices"

# Two figures closer than this are one price printed with another rounding.
SAME = Decimal("0.0001")

DEVICE = {
    "M60": "M60-8GB", "RadeonProV520": "V520-8GB", "T4": "T4-16GB", "T4g": "T4G-16GB", "A10": "A10-24GB",
    "A10G": "A10G-24GB", "L4": "L4-24GB", "L4(fraction)": "L4-24GB", "L40S": "L40S-48GB",
    "RTXPRO6000": "RTX-PRO-6000-96GB", "K80": "K80-12GB", "V100-16GB": "V100-SXM2-16GB",
    "V100-32GB": "V100-SXM2-32GB", "A100-40GB": "A100-SXM-40GB", "A100-80GB": "A100-SXM-80GB",
    "H100-80GB": "H100-SXM-80GB", "H200": "H200-SXM-141GB", "B200": "B200-SXM-180GB", "B300": "B300-SXM-288GB",
    "GB200": "GB200-186GB", "MI300X": "MI300X-192GB", "MI25(fraction)": "MI25-16GB", "V710": "V710-28GB",
}

# name: (device, GPUs, vCPUs, GiB). Where the price files have no figures, or count a share of a GPU as a whole one.
AWS_SPEC = {
    # website/content/en/preview/reference/instance-types.md of aws/karpenter-provider-aws
    "g7.2xlarge": ("RTX-PRO-4500-32GB", "1", "8", "32"), "g7.4xlarge": ("RTX-PRO-4500-32GB", "1", "16", "64"),
    "g7.8xlarge": ("RTX-PRO-4500-32GB", "1", "32", "128"), "g7.12xlarge": ("RTX-PRO-4500-32GB", "2", "48", "192"),
    "g7.24xlarge": ("RTX-PRO-4500-32GB", "4", "96", "384"), "g7.48xlarge": ("RTX-PRO-4500-32GB", "8", "192", "768"),
    # A plain CPU type of the field's own examples; the same file.
    "m5.4xlarge": ("", "0", "16", "64"),
}
GCP_SPEC = {
    "g4-standard-6": ("RTX-PRO-6000-96GB", "0.125", "6", "22"),
    "g4-standard-12": ("RTX-PRO-6000-96GB", "0.25", "12", "45"),
    "g4-standard-24": ("RTX-PRO-6000-96GB", "0.5", "24", "90"),
}
AZURE_SPEC = {
    "NC6_Promo": ("K80-12GB", "1", "6", "56"), "NC12_Promo": ("K80-12GB", "2", "12", "112"),
    "NC24_Promo": ("K80-12GB", "4", "24", "224"), "NC24r_Promo": ("K80-12GB", "4", "24", "224"),
    "NV6_Promo": ("M60-8GB", "1", "6", "56"), "NV12_Promo": ("M60-8GB", "2", "12", "112"),
    "NV24_Promo": ("M60-8GB", "4", "24", "224"),
    "NV6s_v2": ("M60-8GB", "1", "6", "112"), "NV12s_v2": ("M60-8GB", "2", "12", "224"),
    "NV24s_v2": ("M60-8GB", "4", "24", "448"),
    "NC6s_v3": ("V100-PCIE-16GB", "1", "6", "112"), "NC12s_v3": ("V100-PCIE-16GB", "2", "12", "224"),
    "NC24s_v3": ("V100-PCIE-16GB", "4", "24", "448"), "NC24rs_v3": ("V100-PCIE-16GB", "4", "24", "448"),
    "ND40s_v2": ("V100-SXM2-32GB", "8", "40", "672"),
    "NC24ads_A100_v4": ("A100-PCIE-80GB", "1", "24", "220"), "NC48ads_A100_v4": ("A100-PCIE-80GB", "2", "48", "440"),
    "NC96ads_A100_v4": ("A100-PCIE-80GB", "4", "96", "880"),
    "ND96asr_A100_v4": ("A100-SXM-40GB", "8", "96", "900"), "ND96ams_A100_v4": ("A100-SXM-80GB", "8", "96", "1800"),
    # These carry the 94 GB NVL card, not the 80 GB one.
    "NC40ads_H100_v5": ("H100-NVL-94GB", "1", "40", "320"), "NC80adis_H100_v5": ("H100-NVL-94GB", "2", "80", "640"),
    "NCC40ads_H100_v5": ("H100-NVL-94GB", "1", "40", "320"),
    "ND96is_H100_v5": ("H100-SXM-80GB", "8", "96", "1900"), "ND96is_flex_H100_v5": ("H100-SXM-80GB", "8", "96", "1900"),
    "ND96is_noIB_H100_v5": ("H100-SXM-80GB", "8", "96", "1900"), "ND96isf_H100_v5": ("H100-SXM-80GB", "8", "96", "1900"),
    "ND96isrf_H100_v5": ("H100-SXM-80GB", "8", "96", "1900"),
    "ND96is_MI300X_v5": ("MI300X-192GB", "8", "96", "1850"),
    "ND128isr_NDR_GB200_v6": ("GB200-186GB", "4", "128", "900"), "ND128isrf_NDR_GB200_v6": ("GB200-186GB", "4", "128", "900"),
    # Shares of a card, by the share of its vCPUs.
    "NV6ads_A10_v5": ("A10-24GB", "0.167", "6", "55"), "NV12ads_A10_v5": ("A10-24GB", "0.333", "12", "110"),
    "NV18ads_A10_v5": ("A10-24GB", "0.5", "18", "220"),
    "NV4as_v4": ("MI25-16GB", "0.125", "4", "14"), "NV8as_v4": ("MI25-16GB", "0.25", "8", "28"),
    "NV16as_v4": ("MI25-16GB", "0.5", "16", "56"), "NV32as_v4": ("MI25-16GB", "1", "32", "112"),
    "NV4ads_V710_v5": ("V710-28GB", "0.167", "4", "16"), "NV8ads_V710_v5": ("V710-28GB", "0.333", "8", "32"),
    "NV12ads_V710_v5": ("V710-28GB", "0.5", "12", "64"), "NV24ads_V710_v5": ("V710-28GB", "1", "24", "128"),
    "NV28adms_V710_v5": ("V710-28GB", "1", "28", "160"),
    "NG8ads_V620_v1": ("V620-32GB", "0.25", "8", "16"), "NG16ads_V620_v1": ("V620-32GB", "0.5", "16", "32"),
    "NG32ads_V620_v1": ("V620-32GB", "1", "32", "64"), "NG32adms_V620": ("V620-32GB", "1", "32", "176"),
}
ATTACHED = {
    "nvidia-tesla-t4": "T4-16GB", "nvidia-tesla-p4": "P4-8GB", "nvidia-tesla-v100": "V100-SXM2-16GB",
    "nvidia-tesla-p100": "P100-PCIE-16GB", "nvidia-tesla-k80": "K80-12GB",
}


def rows(name):
    with open(PRICES / name, newline="") as f:
        return list(csv.DictReader(f))


def plain(text):
    """A decimal without trailing zeros or exponent. Sources that add floats print noise beyond the ninth place."""
    d = round(Decimal(text), 9)
    s = format(d, "f")
    return s.rstrip("0").rstrip(".") if "." in s else s


class Book:
    """Price series: observations in, changes out."""

    def __init__(self):
        self.seen = defaultdict(dict)  # (instance, region, market) -> {date: (price, source)}
        self.until = {}  # (instance, region, market) -> last date at which a source still showed the last price

    def add(self, instance, region, market, date, price, source, until=None):
        if not price:
            return
        key = (instance, region, market)
        # An earlier source for the same day keeps its figure: the sources are added finest first.
        self.seen[key].setdefault(date, (plain(price), source))
        self.until[key] = max(self.until.get(key, date), until or date)

    def table(self, instances):
        out = []
        for key in sorted(k for k in self.seen if k[0] in instances):
            series = []
            for date, (price, source) in sorted(self.seen[key].items()):
                if series and abs(Decimal(price) / Decimal(series[-1][1]) - 1) <= SAME:
                    continue
                series.append((date, price, source))
            for i, (date, price, source) in enumerate(series):
                last = i == len(series) - 1
                until = self.until[key] if last and self.until[key] != date else ""
                out.append((*key, date, price, source, until))
        return out


def write(name, head, body):
    with open(HERE / name, "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(head)
        w.writerows(body)
    print(f"{name}: {len(body)} rows, {(HERE / name).stat().st_size} bytes")


def aws(instances):
    book = Book()
    for r in rows("aws_us_east_1_on_demand_changes.csv"):
        book.add(r["instance_type"], "us-east-1", "on_demand", r["first_seen_date"], r["on_demand_usd_h"], "karpenter-aws")
    book.add("m5.4xlarge", "us-east-1", "on_demand", "2022-06-23", "0.768", "karpenter-aws", "2026-07-20")
    for r in rows("aws_gpu_prices.csv"):
        name, region = r["instance_type"], r["region"]
        device, n, cpu, mem = AWS_SPEC.get(
            name, (DEVICE.get(r["gpu_model"], ""), r["gpu_count"], r["vcpus"], r["memory_gib"])
        )
        # The column of 2025-11-30 comes from a source without a licence and is left out.
        book.add(name, region, "on_demand", "2025-04-05", r["od_usd_h_2025_04_05"], "ec2-shop")
        book.add(name, region, "on_demand", "2026-07-20", r["od_usd_h_2026_07_20"], "karpenter-aws")
        if device and n and cpu:
            instances[name] = ("aws", device, n, cpu, plain(mem), "karpenter-aws", "measured")
    d, n, cpu, mem = AWS_SPEC["m5.4xlarge"]
    instances["m5.4xlarge"] = ("aws", d, n, cpu, mem, "karpenter-aws", "measured")
    write("aws.csv", HEAD, book.table(instances))

    with open(PRICES / "spot-advisor-data.json") as f:
        advisor = json.load(f)["spot_advisor"]
    priced = {(i, r) for (i, r, _) in book.seen if i in instances}
    body = []
    for name, region in sorted(priced):
        row = advisor.get(region, {}).get("Linux", {}).get(name)
        if row:
            body.append((name, region, row["s"], row["r"]))
    write("aws_spot_savings.csv", ("instance", "region", "savings_pct", "interruption_bucket"), body)


def gcp(instances):
    book = Book()
    for r in rows("gcp_gpu_price_changes_2022_2026.csv"):
        for market, column in (("on_demand", "on_demand_usd_h"), ("spot", "spot_usd_h")):
            book.add(r["instance_type"], r["region"], market, r["first_seen_date"], r[column], "cyclenerd", "2026-07-30")
    for r in rows("gcp_gpu_prices_2026_08_03.csv"):
        if r["price_suspect"] == "1":
            continue  # the machine's price without its GPUs
        name = r["instance_type"]
        for market, column in (("on_demand", "on_demand_usd_h"), ("spot", "spot_usd_h")):
            book.add(name, r["region"], market, "2026-08-03", r[column], "karpenter-gcp")
        device, n, cpu, mem = GCP_SPEC.get(name, (DEVICE[r["gpu_model"]], r["gpu_count"], r["vcpus"], r["memory_gib"]))
        grade = "prior" if name in GCP_SPEC else "measured"
        instances[name] = ("gcp", device, n, cpu, plain(mem), "cyclenerd", grade)
    for r in rows("gcp_attachable_gpu_usd_per_gpu_hour.csv"):
        name = r["gpu"]
        spot_from = "2021-12-03" if name.endswith("k80") else "2020-07-15"
        book.add(name, "us-central1", "on_demand", "2020-07-15", r["on_demand_usd_h"], "autoscaler-gce", "2026-06-22")
        book.add(name, "us-central1", "spot", spot_from, r["preemptible_usd_h"], "autoscaler-gce", "2026-06-22")
        instances[name] = ("gcp", ATTACHED[name], "1", "0", "0", "autoscaler-gce", "measured")
    write("gcp.csv", HEAD, book.table(instances))


def azure(instances):
    book = Book()
    skipped = set()
    for r in rows("azure_gpu_on_demand_2026_06_18.csv"):
        name = r["instance_type"]
        short = name.removeprefix("Standard_")
        spec = AZURE_SPEC.get(short)
        if spec is None and r["gpu_count"] not in ("", "0") and r["vcpus"]:
            spec = (DEVICE[r["gpu_model"]], r["gpu_count"], r["vcpus"], plain(r["memory_gib"]))
        if spec is None:
            skipped.add(name)
            continue
        grade = "prior" if short in AZURE_SPEC else "measured"
        instances[name] = ("azure", *spec, "karpenter-azure", grade)
        book.add(name, r["region"], "on_demand", "2026-06-18", r["on_demand_usd_h"], "karpenter-azure")
    write("azure.csv", HEAD, book.table(instances))
    print("azure sizes left out, no figures:", len(skipped), *sorted(skipped))


HEAD = ("instance", "region", "market", "from", "usd_per_hour", "source", "seen_until")


def main():
    instances = {}
    aws(instances)
    gcp(instances)
    azure(instances)
    order = {"aws": 0, "gcp": 1, "azure": 2}
    body = sorted(((name, *spec) for name, spec in instances.items()), key=lambda r: (order[r[1]], r[0]))
    write("instances.csv", ("name", "provider", "device", "gpus", "vcpus", "memory_gib", "source", "evidence"), body)


if __name__ == "__main__":
    main()
