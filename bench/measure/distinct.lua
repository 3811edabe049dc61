-- wrk script: every request once. REQUESTS: a file of bodies; FIRST and LAST: which of its lines;
-- KEYED=1: each has an Idempotency-Key of its own, and none may be sent twice: again= says how often
-- it had to begin anew.
local requests, at, keyed = {}, 0, os.getenv("KEYED") == "1"
local threads = {}
function setup(thread) threads[#threads + 1] = thread end
function init()
  local first, last = tonumber(os.getenv("FIRST")), tonumber(os.getenv("LAST"))
  local number = 0
  for line in io.lines(os.getenv("REQUESTS")) do
    number = number + 1
    if number > last then break end
    if number >= first then
      local headers = { ["Host"] = "gw.local", ["Content-Type"] = "application/json" }
      if keyed then headers["Idempotency-Key"] = string.format('"%08x-5c1e-4a09-8b7d-%012x"', number, number * 7919) end
      requests[#requests + 1] = wrk.format("POST", "/v1/scan", headers, line)
    end
  end
  again = 0
end
function request()
  at = at + 1
  if at > #requests then
    at = 1
    if keyed then again = again + 1 end
  end
  return requests[at]
end
function done(summary, latency, _)
  local repeated = 0
  for _, thread in ipairs(threads) do repeated = repeated + thread:get("again") end
  io.write(string.format("RESULT requests=%d duration_us=%d non2xx=%d connect=%d read=%d write=%d timeout=%d p50=%d p99=%d p999=%d again=%d\n",
    summary.requests, summary.duration, summary.errors.status, summary.errors.connect, summary.errors.read, summary.errors.write,
    summary.errors.timeout, latency:percentile(50), latency:percentile(99), latency:percentile(99.9), repeated))
end
