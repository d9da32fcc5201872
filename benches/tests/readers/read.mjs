// Prints every interval of a log as a line of JSON, read by HdrHistogram's own tool for JavaScript.
import { readFileSync } from "node:fs";
import { HistogramLogReader } from "hdr-histogram-js";

const reader = new HistogramLogReader(readFileSync(process.argv[2], "utf8"));
for (let next = reader.nextIntervalHistogram(); next; next = reader.nextIntervalHistogram()) {
  const at = (percentile) => next.getValueAtPercentile(percentile);
  console.log(JSON.stringify({
    tag: next.tag, count: next.totalCount, values: [at(50), at(90), at(99), at(99.9), next.maxValue],
  }));
}
