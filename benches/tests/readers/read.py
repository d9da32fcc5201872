"""Prints every interval of a log as a line of JSON, read by HdrHistogram's own tool for Python."""
import json
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

reader = HistogramLogReader(sys.argv[1], HdrHistogram(1, 3_600_000_000_000, 3))
while (interval := reader.get_next_interval_histogram()) is not None:
    values = [interval.get_value_at_percentile(at) for at in (50, 90, 99, 99.9)]
    tag, count = interval.get_tag(), interval.get_total_count()
    print(json.dumps({"tag": tag, "count": count, "values": [*values, interval.get_max_value()]}))
