-- The line that bench/run reads. Everything that was no 2xx counts as refused.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT taken=%d refused=%d failed=%d seconds=%.3f p50=%.2f p99=%.2f\n",
    summary.requests - errors.status, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
