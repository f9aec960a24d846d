-- Asks so many times on each thread, for orders and for paths that there are not, in turns; no path comes twice. Then each
-- connection asks once more, for what never comes, and waits until wrk is over and drops it.
--
-- So wrk ends with exactly one request on each connection that was not answered, which was sent long before: all others
-- were answered, and read.

local quota = tonumber(os.getenv("HTTP_LOAD_QUOTA"))
local threads = {}

-- Of each thread's own state.
sent = 0
number = 0
local looked_at = false

function setup(thread)
    thread:set("number", #threads)
    table.insert(threads, thread)
end

function request()
    -- Before it begins, wrk looks at what the first thread would send, and sends nothing.
    if number == 0 and not looked_at then
        looked_at = true
        return wrk.format("GET", "/orders/looked-at")
    end
    sent = sent + 1
    if sent > quota then
        return wrk.format("GET", "/hang")
    end
    -- Random, and different: the thread and the turn are in it.
    local path = string.format("%x-%x-%d-%d", math.random(0, 0x7fffffff), os.time(), number, sent)
    if sent % 2 == 0 then
        return wrk.format("GET", "/orders/" .. path)
    end
    return wrk.format("GET", "/" .. path .. "/" .. math.random(0, 0x7fffffff))
end

function done(summary, latency, requests)
    local all = 0
    for _, thread in ipairs(threads) do
        all = all + thread:get("sent")
    end
    local errors = summary.errors
    io.write(string.format(
        '\nload: {"sent":%d,"answers":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}\n',
        all, summary.requests, errors.connect, errors.read, errors.write, errors.timeout
    ))
end
