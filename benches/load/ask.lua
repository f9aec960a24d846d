-- What wrk does beside asking: it ends with what it measured, one line that the program reads.
--
-- With LOAD_SAMPLES set, it looks at every answer besides and counts those that are no complete page of so many samples.
-- wrk hands over a copy of each body then, which takes it longer than the server took over the page: nothing is measured.

local samples = tonumber(os.getenv("LOAD_SAMPLES") or "")
local threads = {}

-- Of each thread's own state.
looked_at = 0
refused = 0

function setup(thread)
    table.insert(threads, thread)
end

local function complete(status, body)
    if status ~= 200 or body:sub(-1) ~= "\n" then
        return false
    end
    local _, found = body:gsub("\nload_requests_total{", "")
    return found == samples
end

if samples then
    function response(status, headers, body)
        looked_at = looked_at + 1
        if not complete(status, body) then
            refused = refused + 1
        end
    end
end

function done(summary, latency, requests)
    local seen, bad = 0, 0
    for _, thread in ipairs(threads) do
        seen = seen + thread:get("looked_at")
        bad = bad + thread:get("refused")
    end
    local errors = summary.errors
    io.write(string.format(
        '\nload: {"answers":%d,"micros":%d,"bytes":%.0f,"p50":%.0f,"p99":%.0f,"most":%.0f,"looked_at":%d,"refused":%d,'
            .. '"statuses":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}\n',
        summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99), latency.max,
        seen, bad, errors.status, errors.connect, errors.read, errors.write, errors.timeout
    ))
end
