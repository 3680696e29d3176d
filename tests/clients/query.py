"""Makes every call that `prometheus-api-client` offers: URL. It prints what it found, as one JSON line."""

import json
import sys
from datetime import datetime, timedelta

from prometheus_api_client import PrometheusConnect

prometheus = PrometheusConnect(url=sys.argv[1])
now = datetime.now()
span = {"start_time": now - timedelta(seconds=30), "end_time": now}
found = {
    "connection": prometheus.check_prometheus_connection(),
    "metrics": prometheus.all_metrics(),
    "series": prometheus.get_series(span["start_time"], now, {"match[]": "up"}),
    "label_names": prometheus.get_label_names(),
    "label_values": prometheus.get_label_values("service"),
    "current": prometheus.get_current_metric_value("up", {"service": "gateway"}),
    "range": prometheus.get_metric_range_data("up", {"service": "gateway"}, chunk_size=timedelta(seconds=10), **span),
    "query": prometheus.custom_query("sum(up)"),
    "query_range": prometheus.custom_query_range("sum(up)", step="5", **span),
    "aggregation": prometheus.get_metric_aggregation("sum(up)", ["max", "percentile_50"]),
    "pools": prometheus.get_scrape_pools(),
    "targets": prometheus.get_targets(state="active"),
    "target_metadata": prometheus.get_target_metadata({"job": "shop"}, "process_resident_memory_bytes"),
    "metadata": prometheus.get_metric_metadata("process_resident_memory_bytes"),
}
print(json.dumps(found))
